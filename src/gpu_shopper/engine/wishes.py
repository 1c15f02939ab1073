"""Who waits for newer news of a cloud, its menu or a listing of its account: noted here, fulfilled by the one task that asks.

Nobody asks a cloud for either in a request's own time: a thousand who wait are one question more, and none of them holds
it up or ends it by going away.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from gpu_shopper.domain.ids import ProviderName


@dataclass(frozen=True, slots=True)
class _Wish:
    waited: asyncio.Event = field(default_factory=asyncio.Event)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)


class Wishes:
    """Wishes for newer news of clouds."""

    def __init__(self) -> None:
        self._wishes: dict[ProviderName, _Wish] = {}

    def want(self, providers: Iterable[ProviderName], *, at_once: bool = False) -> None:
        """Note that somebody waits for newer news of these clouds; `at_once`: that they are not to be spared for it."""
        for name in providers:
            wish = self._of(name)
            wish.waited.set()
            if at_once:
                wish.urgent.set()

    async def wait(self, provider: ProviderName, *, most: float, least: float) -> bool:
        """Return after `most` seconds, or as soon as somebody waits; tell whether one did.

        Before `least` seconds only what is wanted at once ends it, and what else is wanted stays so.
        """
        wish = self._of(provider)
        urgent = await _comes(wish.urgent, within=min(least, most))
        if most <= least and not urgent:
            return False
        waited = urgent or await _comes(wish.waited, within=most - least)
        wish.urgent.clear()
        wish.waited.clear()
        return waited

    def _of(self, provider: ProviderName) -> _Wish:
        return self._wishes.setdefault(provider, _Wish())


async def _comes(event: asyncio.Event, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
