"""Questions about the odds: what is remembered of launches, and what it makes of one offer, each number with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gpu_shopper.domain.errors import NotFound
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.odds import (
    PART_OF_SCOPE,
    Expectation,
    Part,
    expectation,
    odds,
)
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_health import RULES, Key, Mark, OfferHealth, keys_of
from gpu_shopper.domain.true_price import BillingTerms, Costing, Need
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import Books
from gpu_shopper.ports.clock import Clock
from gpu_shopper.transactions.health import offer_health


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedMark:
    """What is remembered against one thing, and in words what comes next."""

    key: Key
    mark: Mark
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """One factor of an offer's odds, and where it comes from."""

    part: Part
    factor: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """All that makes one offer's odds, and what it is expected to cost."""

    offer: Offer
    available: bool
    parts: tuple[PartView, ...]
    confidence: float
    expected: Expectation
    suppressed_until: datetime | None
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthView:
    """What is remembered, the least trusted first; how far each cloud's list is believed; the offer asked for."""

    marks: tuple[RememberedMark, ...]
    freshness: Mapping[ProviderName, float]
    offer: Reckoning | None = None


class OddsQueries:
    """Explains the odds."""

    def __init__(
        self,
        books: Books,
        market: Market,
        clock: Clock,
        *,
        billing: Mapping[ProviderName, BillingTerms],
    ) -> None:
        self._billing = billing
        self._books = books
        self._market = market
        self._clock = clock

    async def all(self) -> HealthView:
        """Return all that is remembered."""
        health = await self._health()
        return HealthView(marks=_remembered(health.marks), freshness=health.freshness)

    async def of(self, offer_id: OfferId, *, hours: float) -> HealthView:
        """Return what is remembered of all that an offer stands on, and its reckoning for so many hours.

        Raises:
            NotFound: no cloud lists it now.
        """
        snapshot = self._market.snapshot
        offer = snapshot.get(offer_id)
        if offer is None:
            message = f"there is no offer {offer_id[:128]!r} now"
            raise NotFound(message, hint="offers come and go: list them with GET /api/v1/inventory")
        health = await self._health()
        found = {key: health.marks[key] for key in keys_of(offer) if key in health.marks}
        reckoned = odds(offer, health)
        available = offer.available and not snapshot.has_gone(offer_id)
        until = health.suppressed_until(offer)
        age = self._clock.now() - offer.fetched_at
        bill = Costing(Need(hours=hours), tuple(self._billing.items())).price(offer)
        return HealthView(
            marks=_remembered(found),
            freshness={
                name: fresh for name, fresh in health.freshness.items() if name == offer.provider
            },
            offer=Reckoning(
                offer=offer,
                available=available,
                parts=tuple(
                    PartView(part=part, factor=factor, because=_because(part, offer, found, age))
                    for part, factor in reckoned.parts.items()
                ),
                confidence=reckoned.confidence,
                expected=expectation(
                    offer.price.micros,
                    hours=hours,
                    confidence=reckoned.confidence,
                    # Whoever cannot have it for so long is told what the hours would cost by the list.
                    bill=None if bill is None else float(bill.total.micros),
                ),
                suppressed_until=until,
                next=_next_of_offer(available=available, until=until, provider=offer.provider),
            ),
        )

    async def _health(self) -> OfferHealth:
        now = self._clock.now()
        health = await self._books.read(lambda book: offer_health(book, now=now))
        return replace(health, freshness=self._market.snapshot.health.freshness)


def _remembered(marks: Mapping[Key, Mark]) -> tuple[RememberedMark, ...]:
    found = [
        RememberedMark(key=key, mark=mark, next=_next_of(key, mark)) for key, mark in marks.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.mark.confidence, one.mark.last_at, one.key)))


def _next_of(key: Key, mark: Mark) -> str:
    forgotten = f"all is forgotten {_at(mark.forgotten_at)}"
    if mark.suppressed_until is not None:
        until = _at(mark.suppressed_until)
        return f"left alone until {until}, then tried again; {forgotten}"
    half_life = _for(RULES[key.scope].half_life)
    return f"tried at these odds; half is forgotten every {half_life}, {forgotten}"


def _next_of_offer(*, available: bool, until: datetime | None, provider: str) -> str:
    if not available:
        return f"not on sale now; looked at again when {provider} lists its offers anew"
    if until is not None:
        return f"left alone until {_at(until)}, then tried again; by its id it can be bought now"
    return "can be bought now"


def _because(part: Part, offer: Offer, marks: Mapping[Key, Mark], age: timedelta) -> str:
    match part:
        case Part.LISTED:
            return f"how sure {offer.provider} is that it is there"
        case Part.RELIABILITY:
            return f"how reliable {offer.provider} says it is"
        case Part.FRESHNESS:
            return f"{offer.provider} listed it {_for(age)} ago"
    for key in keys_of(offer):
        if PART_OF_SCOPE[key.scope] is part and key in marks:
            return _history(key, marks[key])
    return "nothing failed here in the last day"


def _history(key: Key, mark: Mark) -> str:
    worked = f", {mark.successes} that worked since" if mark.successes else ""
    what = key.name or key.provider
    return f"{mark.failures} failed in the last day on {what}{worked}; last: {mark.last_reason}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _for(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes % 60 else f"{minutes // 60} h"
