"""Hints inside one process: "there is something to do".

Works on whatever loop runs, a simulated one too: the only time it knows is the running loop's.
"""

import asyncio
import contextlib


class LocalWakeup:
    """Wakes the one who waits; remembers one hint for whoever waits next."""

    def __init__(self) -> None:
        self._is_hinted = self._is_late = False
        self._waiter: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def hint(self) -> None:
        """Say that something became due; from the loop's own thread, any number of times."""
        self._is_hinted = True
        self._wake()

    def hint_from_thread(self) -> None:
        """Say the same from any thread."""
        if self._loop is None:
            # Nobody has waited yet, so there is no one whom this could wake on the wrong thread.
            self._is_hinted = True
            return
        # A loop that is closed has nobody left to wake.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.hint)

    async def wait(self, timeout: float) -> None:
        """Return at the next hint (or at once, if one came since the last wait), at the latest after `timeout`."""
        loop = self._loop = asyncio.get_running_loop()
        self._is_late = False
        assert self._waiter is None or self._waiter.done(), "one waits at a time"
        # A timer and a future of its own, as an event inside `asyncio.timeout` is dearer, and an idle house does little else.
        timer = loop.call_later(timeout, self._time_is_up)
        try:
            if not self._is_hinted:
                self._waiter = loop.create_future()
                await self._waiter
        finally:
            if not self._is_late:
                timer.cancel()
        # A hint that comes just as the time is up stands for the next wait.
        self._is_hinted = self._is_hinted and self._is_late

    def _time_is_up(self) -> None:
        self._is_late = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
