"""What past failures say about offers: how likely one is to work, and which are left alone for a while.

Pure functions of the remembered failures and the time. A failure speaks against what it is blamed on and, faintly,
against that GPU type at that cloud; it fades by half per half-life. What is our fault or our account's speaks against
no offer. An offer or machine that failed is suppressed for a time that doubles with each failure within a day, and
is then tried again: nothing is condemned for ever.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.offer import Offer

REMEMBERED = timedelta(days=1)
LONGEST_SUPPRESSION = timedelta(days=1)


class Scope(StrEnum):
    """What a failure speaks against."""

    OFFER = "offer"
    MACHINE = "machine"
    GPU = "gpu"
    PROVIDER = "provider"


class Key(NamedTuple):
    """One thing at one cloud; `name` is empty for the cloud itself."""

    scope: Scope
    provider: ProviderName
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFailure:
    """One failed attempt, as evidence about an offer, its machine and its kind."""

    provider: ProviderName
    offer_id: OfferId
    machine_id: str
    gpu_type: str
    blame: Blame
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is remembered against one thing; `confidence` is 1 for none and falls towards 0."""

    failures: int
    confidence: float
    suppressed_until: datetime | None
    last_at: datetime
    last_reason: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """How much a failure weighs at first, how soon half of it is forgotten, how long the first one suppresses."""

    weight: float
    half_life: timedelta
    suppresses: timedelta | None = None


# A broken machine stays broken until somebody repairs it; a sold-out offer comes back; a cloud's hiccup passes.
_RULES = {
    Scope.OFFER: _Rule(1.0, timedelta(hours=1), timedelta(minutes=10)),
    Scope.MACHINE: _Rule(1.0, timedelta(hours=6), timedelta(hours=1)),
    Scope.GPU: _Rule(0.2, timedelta(hours=1)),
    Scope.PROVIDER: _Rule(0.25, timedelta(minutes=15)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferHealth:
    """All that is remembered, at one moment."""

    marks: Mapping[Key, Mark] = field(default_factory=dict)

    def confidence(self, offer: Offer) -> float:
        """Return how far past failures let one hope that `offer` works: 1 where nothing speaks against it."""
        confidence = 1.0
        for key in _keys_of_offer(offer):
            mark = self.marks.get(key)
            if mark is not None:
                confidence *= mark.confidence
        return confidence

    def suppressed_until(self, offer: Offer) -> datetime | None:
        """Return until when `offer` is to be left alone; None if it may be bought now."""
        ends = [
            mark.suppressed_until
            for mark in map(self.marks.get, _keys_of_offer(offer))
            if mark is not None and mark.suppressed_until is not None
        ]
        return max(ends, default=None)


def read_health(failures: Iterable[OfferFailure], *, now: datetime) -> OfferHealth:
    """Weigh the failures of the last day, whatever their order, as they stand at `now`."""
    against: dict[Key, list[OfferFailure]] = {}
    for failure in failures:
        if failure.at > now - REMEMBERED:
            for key in _keys_of_failure(failure):
                against.setdefault(key, []).append(failure)
    return OfferHealth(marks={key: _mark(key.scope, found, now) for key, found in against.items()})


def _keys_of_failure(failure: OfferFailure) -> tuple[Key, ...]:
    provider = failure.provider
    kind = Key(Scope.GPU, provider, failure.gpu_type)
    match failure.blame:
        case Blame.OURS | Blame.ACCOUNT:
            return ()
        case Blame.CLOUD:
            return (Key(Scope.PROVIDER, provider, ""),)
        case Blame.MACHINE if failure.machine_id:
            return (Key(Scope.MACHINE, provider, failure.machine_id), kind)
        case Blame.OFFER | Blame.MACHINE:
            # Where the cloud doesn't name its machines, the offer is the closest thing to one.
            return (Key(Scope.OFFER, provider, failure.offer_id), kind)


def _keys_of_offer(offer: Offer) -> tuple[Key, ...]:
    # No failure is ever remembered of a machine without a name.
    return (
        Key(Scope.OFFER, offer.provider, offer.id),
        Key(Scope.GPU, offer.provider, offer.gpu_type),
        Key(Scope.PROVIDER, offer.provider, ""),
        Key(Scope.MACHINE, offer.provider, offer.machine_id),
    )


def _mark(scope: Scope, failures: list[OfferFailure], now: datetime) -> Mark:
    rule = _RULES[scope]
    last = max(failures, key=lambda failure: failure.at)
    darkness = sum(rule.weight * _left(now - failure.at, rule.half_life) for failure in failures)
    return Mark(
        failures=len(failures),
        confidence=0.5**darkness,
        suppressed_until=_suppressed_until(rule, failures=len(failures), last_at=last.at, now=now),
        last_at=last.at,
        last_reason=last.reason,
    )


def _left(age: timedelta, half_life: timedelta) -> float:
    # A clock that was set back makes failures of the future; they count as fresh, not as more.
    halvings = max(age, timedelta(0)) / half_life
    return float(0.5**halvings)


def _suppressed_until(
    rule: _Rule, *, failures: int, last_at: datetime, now: datetime
) -> datetime | None:
    if rule.suppresses is None:
        return None
    # The exponent is bounded because the product is, and a timedelta overflows.
    doubled = rule.suppresses * 2 ** min(failures - 1, 10)
    end = min(last_at, now) + min(doubled, LONGEST_SUPPRESSION)
    return end if end > now else None
