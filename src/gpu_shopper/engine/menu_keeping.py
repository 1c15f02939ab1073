"""Keeping menus: the last good one of each cloud outlives the process, and is on sale again before the cloud was asked.

It is shown with its true age and marked until the cloud is heard; too old a one is not shown at all, by the same rule by
which that of a silent cloud is taken off.
"""

from datetime import timedelta
from typing import Final

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.engine.desk import Desk
from gpu_shopper.market.keeping import keeping, offers_in
from gpu_shopper.market.pieces import Pieces, T
from gpu_shopper.market.snapshot import Listing
from gpu_shopper.ports.menu_keeper import MenuKeeper, MenuLost

# However often it is refreshed: a menu is written down no more often than this.
KEEP_EVERY_S: Final = 300.0


class MenuKeeping:
    """Writes menus down, and reads them at the start."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept_at: dict[ProviderName, float] = {}

    async def restore(self, provider: ProviderName, *, oldest: timedelta) -> None:
        """Put on sale what was kept of a cloud, marked, if it is not older than `oldest`."""
        desk = self._desk
        if desk.menus is None:
            return
        try:
            await self._restore(desk.menus, provider, oldest)
        except MenuLost as error:
            desk.meter.event("menu_not_restored", provider=provider, because=str(error))

    async def keep(self, listing: Listing) -> None:
        """Write down what a cloud sells now, unless that was done a moment ago."""
        desk, provider = self._desk, listing.provider
        now, before = desk.clock.monotonic(), self._kept_at.get(provider)
        if desk.menus is None or (before is not None and now - before < KEEP_EVERY_S):
            return
        assert listing.fetched_at is not None, provider
        menu = await self._patiently(
            keeping(provider, listing.stock, fetched_at=listing.fetched_at)
        )
        self._kept_at[provider] = now
        try:
            await desk.menus.keep(menu)
        except MenuLost as error:
            desk.meter.event("menu_not_kept", provider=provider, because=str(error))

    async def _restore(self, menus: MenuKeeper, provider: ProviderName, oldest: timedelta) -> None:
        desk, menu = self._desk, await menus.kept(provider)
        if menu is None:
            return
        age = desk.clock.now() - menu.fetched_at
        # A clock that was set back would make a menu younger than new.
        if not timedelta(0) <= age <= oldest:
            raise MenuLost(f"it was heard {age.total_seconds():.0f} s ago")
        offers = await self._patiently(offers_in(menu))
        await self._patiently(desk.market.restoring(provider, offers, menu.fetched_at))
        desk.meter.event(
            "menu_restored", provider=provider, offers=len(offers), age_s=age.total_seconds()
        )
        desk.wakeup.hint()

    async def _patiently(self, pieces: Pieces[T]) -> T:
        """Do the work and let others in after each piece."""
        while True:
            try:
                next(pieces)
            except StopIteration as done:
                result: T = done.value
                return result
            await self._desk.clock.sleep(0)
