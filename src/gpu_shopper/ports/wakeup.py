"""The port of hints: "there is something to do". A lost hint costs a period, never a session."""

from typing import Protocol


class Wakeup(Protocol):
    """Wakes the engine early."""

    def hint(self) -> None:
        """Say that something became due; may be called from anywhere in the loop, any number of times."""
        ...

    async def wait(self, timeout: float) -> None:
        """Return at the next hint (or at once, if one came since the last wait), at the latest after `timeout`."""
        ...
