"""How likely an offer is to become a working session: one number, and the parts that it is the product of.

The cloud's own word (how sure it is that the offer is there, how reliable the machine), how long ago it was given, and
what became of earlier launches. Each part is between 0 and 1, and 1 says nothing against the offer. The same number ranks
offers, is shown as `availability_confidence`, and is explained by `GET /api/v1/offer-health`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import floor, prod
from typing import Final

from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_health import OfferHealth, Scope, keys_of

# Odds are kept and shown in ten-thousandths: what is finer is not known, and a filter must mean what is shown.
STEPS: Final = 10_000
# A listing that is so many of its cloud's periods overdue is believed half as much.
HALVED_BY_PERIODS: Final = 5
# A start that fails is noticed after some minutes, all of them billed, and somebody waits meanwhile.
WASTED_HOURS: Final = 0.2
WAITING_MICROS: Final = 50_000
LEAST_ODDS: Final = 0.02


class Part(StrEnum):
    """What the odds are made of."""

    LISTED = "listed"
    RELIABILITY = "reliability"
    FRESHNESS = "freshness"
    OFFER = "offer"
    MACHINE = "machine"
    LOCATION = "location"
    GPU = "gpu"
    PROVIDER = "provider"


PART_OF_SCOPE: Final[Mapping[Scope, Part]] = {scope: Part(scope.value) for scope in Scope}


@dataclass(frozen=True, slots=True)
class Odds:
    """The parts of one offer's odds, in the order in which they are multiplied."""

    parts: Mapping[Part, float]

    @property
    def confidence(self) -> float:
        """How likely the offer is to work, 0 to 1."""
        return floor(prod(self.parts.values()) * STEPS + 0.5) / STEPS


def odds(offer: Offer, health: OfferHealth) -> Odds:
    """Return what is to be expected of `offer`, with every part of it."""
    parts = {
        Part.LISTED: share(offer.availability_confidence),
        Part.RELIABILITY: share(offer.reliability),
        Part.FRESHNESS: health.freshness.get(offer.provider, 1.0),
    }
    for key in keys_of(offer):
        mark = health.marks.get(key)
        parts[PART_OF_SCOPE[key.scope]] = 1.0 if mark is None else mark.confidence
    return Odds(parts)


def share(value: float) -> float:
    """Return `value` within 0 and 1: nothing is more than certain."""
    return max(0.0, min(1.0, value))


def freshness(age: timedelta | None, *, period: timedelta) -> float:
    """Return how far a listing of that age is to be believed, where a new one is due every `period`.

    One that is not overdue, by a period at least, is believed in full; of one that is, half is lost per five periods.
    """
    if age is None or age <= 2 * period:
        return 1.0
    return float(0.5 ** ((age - 2 * period) / (period * HALVED_BY_PERIODS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What some hours of work are expected to cost, in micro-dollars, and why.

    The work itself costs `bill`. With odds p of working there are (1 - p) / p starts that fail before one works, and each
    is paid for too, at the list price.
    """

    hours: float
    price: float
    bill: float
    failed_starts: float

    @property
    def per_failed_start(self) -> float:
        """What a start that fails costs: some of the price, and somebody's time."""
        return self.price * WASTED_HOURS + WAITING_MICROS

    @property
    def total(self) -> float:
        """What all of it is expected to cost."""
        return self.bill + self.per_failed_start * self.failed_starts


def expectation(
    price: float, *, hours: float, confidence: float, bill: float | None = None
) -> Expectation:
    """Return what `hours` of work are expected to cost at `price` micro-dollars per hour and those odds.

    Where the hours cost more than their list price, `bill` says how much.
    """
    p = max(LEAST_ODDS, min(1.0, confidence))
    work = price * hours if bill is None else bill
    return Expectation(hours=hours, price=price, bill=work, failed_starts=(1 - p) / p)


def expected_micros(
    price: float, *, hours: float, confidence: float, bill: float | None = None
) -> float:
    """Return the total of the same."""
    return expectation(price, hours=hours, confidence=confidence, bill=bill).total
