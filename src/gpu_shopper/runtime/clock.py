"""The real clock: the only place of the house that asks the machine what time it is."""

import asyncio
import time
from datetime import UTC, datetime


class RealClock:
    """Time as the machine tells it."""

    def now(self) -> datetime:
        """Return the wall time: aware, UTC. It may jump."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; zero gives way to others once."""
        await asyncio.sleep(max(0.0, seconds))
