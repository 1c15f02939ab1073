"""Shopping: the market of every cloud refreshed at its own pace. One broken cloud empties nobody else's shelf."""

from datetime import timedelta

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.pricing import Pricing
from gpu_shopper.engine.troubles import note_unauthorized
from gpu_shopper.ports.provider_errors import ProviderError

TOO_OLD = timedelta(minutes=30)


class Shopping:
    """Refreshes the market."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pricing = Pricing(desk)

    async def refresh(self, provider: ProviderName) -> None:
        """Ask one cloud for its menu; keep the old one, marked, if it does not answer."""
        desk = self._desk
        try:
            menu = await desk.clouds[provider].list_offers()
        except ProviderError as error:
            await note_unauthorized(desk, provider, error)
            self._note_failure(provider, str(error))
            return
        now = desk.clock.now()
        for _ in desk.market.replacing(provider, menu.offers, now, rejected=menu.rejected):
            await desk.clock.sleep(0)
        if menu.rejected:
            desk.meter.count("offers_rejected_total", provider=provider)
            desk.meter.event(
                "offers_rejected", provider=provider, rows=menu.rejected, example=menu.example
            )
        desk.wakeup.hint()
        await self._pricing.keep(provider, menu.offers, at=now)

    def _note_failure(self, provider: ProviderName, error: str) -> None:
        desk, now = self._desk, self._desk.clock.now()
        desk.market.mark_failed(provider, error, now)
        listing = next(one for one in desk.market.snapshot.providers if one.provider == provider)
        age = listing.age(now)
        if age is not None and age > TOO_OLD and len(listing.stock):
            desk.market.withdraw(provider)
