"""Shopping: the market of every cloud refreshed at its own pace. One broken cloud empties nobody else's shelf.

One task per cloud asks for its menu, and nobody else does. What it hears is put on the market whole, for everybody: no
request's filter, deadline or end has any part in it. What it cannot hear leaves the last good menu where it is, marked.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.menu_keeping import MenuKeeping
from gpu_shopper.engine.pricing import Pricing
from gpu_shopper.engine.shop_pace import Doubt, Pace
from gpu_shopper.engine.tidying import Tidying
from gpu_shopper.engine.troubles import note_unauthorized
from gpu_shopper.market.shelving import Shelving
from gpu_shopper.market.snapshot import Listing
from gpu_shopper.ports.provider import OFFERS_READ, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import ProviderError, RateLimited

TOO_OLD = timedelta(minutes=30)
# However often a cloud says that nothing has changed: after so long it is asked for all of it again.
WHOLE_EVERY: Final = 900.0


@dataclass(slots=True, kw_only=True)
class _Shop:
    """What is known of asking one cloud. `revision` is that of what is on the market, heard whole at `whole_at`."""

    pace: Pace
    doubt: Doubt
    revision: str = ""
    whole_at: float = 0.0


class Shopping:
    """Refreshes the market. A `period` above 0 stands in for each cloud's own, in seconds."""

    def __init__(self, desk: Desk, *, period: float = 0.0) -> None:
        self._desk = desk
        self._pricing = Pricing(desk)
        self._keeping = MenuKeeping(desk)
        # One at a time: nothing is waited for but the processor, and each takes memory while it lasts.
        self._putting = asyncio.Lock()
        self._tidying = Tidying(desk.tidy, desk.clock)
        self._shops = {
            name: _Shop(
                pace=Pace(
                    period=period or cloud.quirks.shop_period.total_seconds(),
                    seed=f"{desk.owner} {name}",
                ),
                doubt=Doubt(),
            )
            for name, cloud in desk.clouds.items()
        }

    async def restore(self, provider: ProviderName) -> None:
        """Put on sale, marked, what was kept of a cloud's menu before the start."""
        await self._keeping.restore(provider, oldest=TOO_OLD)

    async def refresh(self, provider: ProviderName) -> float:
        """Ask one cloud for its menu; keep the old one, marked, if it does not answer. Return the pause after it."""
        with self._tidying.asking():
            return await self._refresh(provider)

    async def _refresh(self, provider: ProviderName) -> float:
        desk, shop = self._desk, self._shops[provider]
        heard = desk.market.hearing(provider)
        handed_over = OFFERS_READ.set(heard)
        try:
            menu = await desk.clouds[provider].list_offers(known=self._known(provider))
        except ProviderError as error:
            await note_unauthorized(desk, provider, error)
            patience = error.retry_after if isinstance(error, RateLimited) else 0.0
            return self._fail(provider, str(error), patience=patience)
        finally:
            OFFERS_READ.reset(handed_over)
        if isinstance(menu, Unchanged):
            desk.market.renew(provider, desk.clock.now())
            desk.meter.count("menus_unchanged_total", provider=provider)
            return shop.pace.heard()
        if menu.rejected:
            desk.meter.count("offers_rejected_total", provider=provider)
            desk.meter.event(
                "offers_rejected", provider=provider, rows=menu.rejected, example=menu.example
            )
        self._tidying.read(heard.read + len(menu.offers))
        doubt = shop.doubt.weigh(
            offers=len(heard) + len(menu.offers),
            rejected=menu.rejected,
            known=len(self._listing(provider).stock),
            now=desk.clock.monotonic(),
        )
        if doubt is not None:
            desk.meter.event("menu_doubted", provider=provider, because=doubt)
            return self._fail(provider, doubt)
        # Until all of it is there, nothing may be said to be unchanged.
        shop.revision = ""
        await self._put_on_sale(provider, heard, menu)
        shop.revision, shop.whole_at = menu.revision, desk.clock.monotonic()
        return shop.pace.heard()

    async def pause(self, provider: ProviderName, seconds: float) -> None:
        """Wait for so long, or until somebody waits for a newer menu and the cloud may be asked."""
        self._tidying.tidy()
        wishes = self._desk.menu_wishes
        least, left = self._shops[provider].pace.least, self._left(provider)
        if left is not None and left < seconds:
            # Nor does a long pause, or patience, keep on sale what is too old to be believed.
            if await wishes.wait(provider, most=left, least=least):
                return
            self._withdraw_if_too_old(provider)
            seconds, least = seconds - left, max(0.0, least - left)
        await wishes.wait(provider, most=seconds, least=least)

    async def _put_on_sale(
        self, provider: ProviderName, heard: Shelving, menu: OfferListing
    ) -> None:
        desk, now = self._desk, self._desk.clock.now()
        async with self._putting:
            for _ in heard.taking(menu.offers):
                await desk.clock.sleep(0)
            for _ in desk.market.putting(provider, heard, now, rejected=menu.rejected):
                await desk.clock.sleep(0)
        desk.wakeup.hint()
        await self._pricing.keep(provider, at=now)
        await self._keeping.keep(self._listing(provider))

    def _known(self, provider: ProviderName) -> str:
        shop = self._shops[provider]
        fresh = self._desk.clock.monotonic() - shop.whole_at < WHOLE_EVERY
        return shop.revision if fresh else ""

    def _fail(self, provider: ProviderName, error: str, *, patience: float = 0.0) -> float:
        self._desk.market.mark_failed(provider, error, self._desk.clock.now())
        self._withdraw_if_too_old(provider)
        return self._shops[provider].pace.failed(patience=patience)

    def _withdraw_if_too_old(self, provider: ProviderName) -> None:
        listing = self._listing(provider)
        age = listing.age(self._desk.clock.now())
        if age is not None and age > TOO_OLD and len(listing.stock):
            self._desk.market.withdraw(provider)
            self._shops[provider].revision = ""

    def _left(self, provider: ProviderName) -> float | None:
        """Return in how many seconds what a failing cloud has on sale is too old; None where nothing will be."""
        listing = self._listing(provider)
        age = listing.age(self._desk.clock.now())
        if age is None or listing.ok or not len(listing.stock):
            return None
        return max(0.0, (TOO_OLD - age).total_seconds()) + 1

    def _listing(self, provider: ProviderName) -> Listing:
        return next(one for one in self._desk.market.snapshot.providers if one.provider == provider)
