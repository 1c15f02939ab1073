"""Who waits for a newer menu of a cloud: noted here, fulfilled by the one task that asks that cloud.

Nobody asks a cloud for its menu in a request's own time: a thousand who wait are one question more, and none of them
holds it up or ends it by going away.
"""

import asyncio
from collections.abc import Iterable

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.ports.clock import Clock


class ShoppingList:
    """Wishes for newer menus."""

    def __init__(self) -> None:
        self._wanted: dict[ProviderName, asyncio.Event] = {}

    def want(self, providers: Iterable[ProviderName]) -> None:
        """Note that somebody waits for newer menus of these clouds."""
        for name in providers:
            self._event(name).set()

    async def wait(
        self, provider: ProviderName, *, most: float, least: float, clock: Clock
    ) -> bool:
        """Return after `most` seconds, or as soon as somebody waits, but never before `least`; tell whether one did."""
        if least > 0:
            await clock.sleep(min(least, most))
        if most <= least:
            return False
        event = self._event(provider)
        try:
            async with asyncio.timeout(most - least):
                await event.wait()
        except TimeoutError:
            pass
        waited = event.is_set()
        event.clear()
        return waited

    def _event(self, provider: ProviderName) -> asyncio.Event:
        return self._wanted.setdefault(provider, asyncio.Event())
