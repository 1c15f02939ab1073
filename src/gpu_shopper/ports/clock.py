"""The port to time. Nothing else in the house may ask what time it is, or sleep."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for the book, monotonic time for durations, and sleep."""

    def now(self) -> datetime:
        """Return the wall time: aware, UTC. It may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; zero gives way to others once."""
        ...
