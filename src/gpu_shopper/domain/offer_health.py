"""What past launches say about offers: how likely one is to work, and which are left alone for a while.

Pure functions of the remembered outcomes and the time. A failure speaks against what it is blamed on and, faintly,
against that kind of GPU and that place at that cloud; it fades by half per half-life, and by half again with each launch
that worked there since. What is our fault or our account's speaks against nothing. An offer or machine that failed is
left alone for a time that doubles with each failure in a row within a day, and is then tried again: nothing is condemned
for ever.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import fsum
from typing import Final, NamedTuple

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.offer import Offer

REMEMBERED: Final = timedelta(days=1)
LONGEST_SUPPRESSION: Final = timedelta(days=1)


class Scope(StrEnum):
    """What a launch speaks for or against."""

    OFFER = "offer"
    MACHINE = "machine"
    LOCATION = "location"
    GPU = "gpu"
    PROVIDER = "provider"


class Key(NamedTuple):
    """One thing at one cloud; `name` is empty for the cloud itself."""

    scope: Scope
    provider: ProviderName
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one launch ended, as evidence about all that it was made on. `blame` is None for one that came to run."""

    provider: ProviderName
    offer_id: OfferId
    machine_id: str
    location: str
    gpu_type: str
    blame: Blame | None
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How evidence counts in one scope.

    One fresh failure leaves a confidence of benefit / (benefit + 1): `benefit` is how many launches that worked a thing
    is given the benefit of. Half of a failure is forgotten per `half_life`. `suppresses` is for how long the first of
    several failures in a row has a thing left alone.
    """

    benefit: float
    half_life: timedelta
    suppresses: timedelta | None = None


# A broken machine stays broken until somebody repairs it; a sold-out offer comes back; a cloud's hiccup passes. A place
# whose list is stale fails again and again, but one kind of GPU that is sold out there says little about the others.
RULES: Final[Mapping[Scope, Rule]] = {
    Scope.OFFER: Rule(benefit=1, half_life=timedelta(hours=1), suppresses=timedelta(minutes=10)),
    Scope.MACHINE: Rule(benefit=1, half_life=timedelta(hours=6), suppresses=timedelta(hours=1)),
    Scope.LOCATION: Rule(benefit=3, half_life=timedelta(hours=2)),
    Scope.GPU: Rule(benefit=6, half_life=timedelta(hours=1)),
    Scope.PROVIDER: Rule(benefit=5, half_life=timedelta(minutes=15)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is remembered against one thing.

    `failures` are those of the last day, `successes` the launches that worked since the first of them. `weight` is what
    the failures still weigh: 1 for one fresh failure that nothing has spoken for since. `confidence` is 1 for no weight
    and falls towards 0.
    """

    failures: int
    successes: int
    weight: float
    confidence: float
    suppressed_until: datetime | None
    last_at: datetime
    last_reason: str

    @property
    def forgotten_at(self) -> datetime:
        """When nothing of it will be left, if nothing fails again."""
        return self.last_at + REMEMBERED


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferHealth:
    """All that is known of the odds, at one moment: what is remembered, and how fresh each cloud's listing is.

    A cloud without a word in `freshness` has just been heard.
    """

    marks: Mapping[Key, Mark] = field(default_factory=dict)
    freshness: Mapping[ProviderName, float] = field(default_factory=dict)

    def confidence(self, offer: Offer) -> float:
        """Return how far past launches let one hope that `offer` works: 1 where nothing speaks against it."""
        confidence = 1.0
        for key in keys_of(offer):
            mark = self.marks.get(key)
            if mark is not None:
                confidence *= mark.confidence
        return confidence

    def suppressed_until(self, offer: Offer) -> datetime | None:
        """Return until when `offer` is to be left alone; None if it may be bought now."""
        ends = [
            mark.suppressed_until
            for mark in map(self.marks.get, keys_of(offer))
            if mark is not None and mark.suppressed_until is not None
        ]
        return max(ends, default=None)


def place_of(offer: Offer) -> str:
    """Return the place that `offer` is in as its cloud names it, empty if it does not: the same for all its offers there."""
    return offer.region or offer.city or offer.location


def keys_of(offer: Offer) -> tuple[Key, ...]:
    """Return all that speaks for or against `offer`, in the order of `Scope`; nothing is remembered of an empty name."""
    provider = offer.provider
    return (
        Key(Scope.OFFER, provider, offer.id),
        Key(Scope.MACHINE, provider, offer.machine_id),
        Key(Scope.LOCATION, provider, place_of(offer)),
        Key(Scope.GPU, provider, offer.gpu_type),
        Key(Scope.PROVIDER, provider, ""),
    )


def read_health(outcomes: Iterable[Outcome], *, now: datetime) -> OfferHealth:
    """Weigh the outcomes of the last day, whatever their order, as they stand at `now`."""
    against: dict[Key, list[Outcome]] = {}
    worked: dict[Key, list[datetime]] = {}
    for outcome in outcomes:
        if outcome.at <= now - REMEMBERED:
            continue
        if outcome.blame is None:
            for key in _all_keys(outcome):
                worked.setdefault(key, []).append(outcome.at)
        else:
            for key in _blamed(outcome, outcome.blame):
                against.setdefault(key, []).append(outcome)
    return OfferHealth(
        marks={
            key: _mark(RULES[key.scope], failures, sorted(worked.get(key, ())), now)
            for key, failures in against.items()
        }
    )


def _all_keys(outcome: Outcome) -> tuple[Key, ...]:
    provider = outcome.provider
    return (
        Key(Scope.OFFER, provider, outcome.offer_id),
        Key(Scope.MACHINE, provider, outcome.machine_id),
        *_kind_and_place(outcome),
        Key(Scope.PROVIDER, provider, ""),
    )


def _blamed(outcome: Outcome, blame: Blame) -> tuple[Key, ...]:
    provider = outcome.provider
    match blame:
        case Blame.OURS | Blame.ACCOUNT:
            return ()
        case Blame.CLOUD:
            return (Key(Scope.PROVIDER, provider, ""),)
        case Blame.MACHINE if outcome.machine_id:
            return (Key(Scope.MACHINE, provider, outcome.machine_id), *_kind_and_place(outcome))
        case Blame.OFFER | Blame.MACHINE:
            # Where the cloud doesn't name its machines, the offer is the closest thing to one.
            return (Key(Scope.OFFER, provider, outcome.offer_id), *_kind_and_place(outcome))


def _kind_and_place(outcome: Outcome) -> tuple[Key, ...]:
    kind = Key(Scope.GPU, outcome.provider, outcome.gpu_type)
    place = Key(Scope.LOCATION, outcome.provider, outcome.location)
    # Offers whose cloud names no place have none in common.
    return (place, kind) if outcome.location else (kind,)


def _mark(rule: Rule, failures: list[Outcome], worked: list[datetime], now: datetime) -> Mark:
    last = max(failures, key=lambda failure: (failure.at, failure.reason))
    # What worked at the very moment of a failure did not come after it.
    since = [len(worked) - bisect_right(worked, failure.at) for failure in failures]
    weight = fsum(
        _left(now - failure.at, rule.half_life) * 0.5**healed
        for failure, healed in zip(failures, since, strict=True)
    )
    return Mark(
        failures=len(failures),
        successes=max(since),
        weight=weight,
        confidence=rule.benefit / (rule.benefit + weight),
        suppressed_until=_suppressed_until(rule, in_a_row=since.count(0), last_at=last.at, now=now),
        last_at=last.at,
        last_reason=last.reason,
    )


def _left(age: timedelta, half_life: timedelta) -> float:
    # A clock that was set back makes failures of the future; they count as fresh, not as more.
    halvings = max(age, timedelta(0)) / half_life
    return float(0.5**halvings)


def _suppressed_until(
    rule: Rule, *, in_a_row: int, last_at: datetime, now: datetime
) -> datetime | None:
    if rule.suppresses is None or not in_a_row:
        return None
    # The exponent is bounded because the product is, and a timedelta overflows.
    doubled = rule.suppresses * 2 ** min(in_a_row - 1, 10)
    end = min(last_at, now) + min(doubled, LONGEST_SUPPRESSION)
    return end if end > now else None
