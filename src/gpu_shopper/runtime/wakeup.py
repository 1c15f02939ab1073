"""Hints inside one process: "there is something to do".

Works on whatever loop runs, a simulated one too: the only time it knows is the running loop's.
"""

import asyncio
import contextlib


class LocalWakeup:
    """Wakes whoever waits; remembers one hint for whoever waits next."""

    def __init__(self) -> None:
        self._hinted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def hint(self) -> None:
        """Say that something became due; from the loop's own thread, any number of times."""
        self._hinted.set()

    def hint_from_thread(self) -> None:
        """Say the same from any thread."""
        if self._loop is None:
            # Nobody has waited yet, so there is no one whom this could wake on the wrong thread.
            self._hinted.set()
            return
        # A loop that is closed has nobody left to wake.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._hinted.set)

    async def wait(self, timeout: float) -> None:
        """Return at the next hint (or at once, if one came since the last wait), at the latest after `timeout`."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                await self._hinted.wait()
        except TimeoutError:
            return
        self._hinted.clear()
