"""A clock on virtual time: the real port's stand-in, which can also be wrong.

Promises: `now()` is aware UTC; each process may have a clock of its own that drifts (wall and
monotonic alike, as a bad crystal does) and whose wall time can be set; `monotonic()` never goes
back. A dead process gets ProcessDied instead of the time.
"""

import asyncio
from datetime import datetime, timedelta

from gpu_shopper.testing.loop import VirtualLoop
from gpu_shopper.testing.process import check_alive


class VirtualClock:
    """Tells the loop's time as one machine would see it."""

    def __init__(self, loop: VirtualLoop, *, drift_ppm: float = 0.0, offset: float = 0.0) -> None:
        self._loop = loop
        self._rate = 1.0 + drift_ppm / 1e6
        self._offset = offset
        # Local and true time at which the present rate began, so that a new rate makes no jump.
        self._local_mark = 0.0
        self._true_mark = loop.time()

    def now(self) -> datetime:
        """Return the wall time that this machine believes in, in UTC."""
        check_alive()
        local = self._local_mark + (self._loop.time() - self._true_mark) * self._rate
        return self._loop.start + timedelta(seconds=local + self._offset)

    def monotonic(self) -> float:
        """Return seconds since the start, as this machine counts them."""
        check_alive()
        return self._local_mark + (self._loop.time() - self._true_mark) * self._rate

    async def sleep(self, seconds: float) -> None:
        """Wait for so many of this machine's seconds; a wall clock that is set changes nothing."""
        check_alive()
        await asyncio.sleep(max(0.0, seconds) / self._rate)
        check_alive()

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until `now()` has reached a moment; a clock set forward meanwhile is noticed late."""
        while (remaining := (moment - self.now()).total_seconds()) > 0:
            await self.sleep(remaining)

    @property
    def set_by(self) -> float:
        """By how many seconds, all in all, it was set."""
        return self._offset

    @property
    def wrong_by(self) -> float:
        """How far the wall time is ahead of the true time, in seconds; asked by the world, never by a machine."""
        true = self._loop.time()
        local = self._local_mark + (true - self._true_mark) * self._rate
        return self._offset + local - true

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back by a negative number."""
        self._offset += seconds

    def drift(self, ppm: float) -> None:
        """Run fast from now on by so many parts in a million, or slow by a negative number."""
        self._local_mark += (self._loop.time() - self._true_mark) * self._rate
        self._true_mark = self._loop.time()
        self._rate = 1.0 + ppm / 1e6
