"""What offers of one family have cost: by the hour, kept as runs of hours that were alike, and what follows for today.

A family is what somebody who looks for a GPU takes for the same: cloud, GPU, how many (or which part of one), whether it
can be taken away, and country. Not the region: markets name thousands, and what a GPU costs follows the country.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer

HOUR = timedelta(hours=1)
KEPT = timedelta(days=30)
# A verdict needs so many hours; a price that was last seen longer ago than this is none of today.
_ENOUGH = 24
_LATELY = 2 * HOUR
_QUARTER = Fraction(1, 4)
_Kind = tuple[str, ProviderName, int, float, bool, str]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Family:
    """Offers that stand for one another, in the order in which they are listed."""

    gpu_type: str
    provider: ProviderName
    gpu_count: int
    gpu_fraction: float
    interruptible: bool
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HourPrice:
    """What a family cost when its cloud was asked: the lowest and the median price of whole offers, and how many there were."""

    lowest: HourlyRate
    median: HourlyRate
    offers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRun:
    """The hours from `since` to `until`, both included, in all of which a family cost the same."""

    since: datetime
    until: datetime
    price: HourPrice

    @property
    def hours(self) -> int:
        """How many hours it lasted."""
        return (self.until - self.since) // HOUR + 1


class Verdict(StrEnum):
    """Whether now is a good time to rent from a family."""

    GOOD = "good"
    USUAL = "usual"
    DEAR = "dear"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The lowest prices of a family over some time. `now` is None where it is not on sale lately.

    `percentile` is the share of hours, in percent, in which it was cheaper than now; hours of the same price count half.
    """

    now: HourlyRate | None
    lowest: HourlyRate
    median: HourlyRate
    highest: HourlyRate
    percentile: float | None
    hours: int
    verdict: Verdict


class Tally:
    """Gathers one listing, piece by piece, into what each family costs.

    What is not on sale, or among those that are `odd` about their price, says nothing about what a GPU costs.
    """

    def __init__(self, *, odd: frozenset[OfferId] = frozenset()) -> None:
        self._odd = odd
        # By what makes a family: to make one of each offer would take far longer.
        self._prices: dict[_Kind, list[int]] = {}

    def add(self, offers: Iterable[Offer]) -> None:
        """Take some offers in."""
        for offer in offers:
            if not offer.available or offer.id in self._odd:
                continue
            key = (
                offer.gpu_type,
                offer.provider,
                offer.gpu_count,
                offer.gpu_fraction,
                offer.interruptible,
                offer.country,
            )
            self._prices.setdefault(key, []).append(offer.price.micros)

    def prices(self) -> dict[Family, HourPrice]:
        """Return what each family costs."""
        return {
            _family_of(kind): _hour_price(sorted(prices)) for kind, prices in self._prices.items()
        }


def continued(newest: PriceRun | None, price: HourPrice, *, hour: datetime) -> PriceRun | None:
    """Return what to write down of a price at `hour`: the newest run, one hour longer, or one that begins; None if known."""
    if newest is None or newest.until < hour - HOUR:
        return PriceRun(since=hour, until=hour, price=price)
    if newest.until >= hour:
        return None
    if newest.price == price:
        return replace(newest, until=hour)
    return PriceRun(since=hour, until=hour, price=price)


def outlook(runs: Sequence[PriceRun], *, now: datetime) -> Outlook:
    """Return what `runs`, of which there is at least one, in the order of time, mean for today."""
    hours = sum(run.hours for run in runs)
    by_price = sorted((run.price.lowest, run.hours) for run in runs)
    newest = runs[-1]
    today = newest.price.lowest if now - newest.until <= _LATELY else None
    median = _middle(by_price, hours)
    share = None if today is None else _share_cheaper(by_price, today, hours)
    return Outlook(
        now=today,
        lowest=by_price[0][0],
        median=median,
        highest=by_price[-1][0],
        percentile=None if share is None else round(float(100 * share), 1),
        hours=hours,
        verdict=_verdict(by_price, today, median, hours),
    )


def in_words(seen: Outlook) -> str:
    """Return what an outlook means, as a sentence for people."""
    if seen.now is None:
        return "not on sale lately"
    if seen.verdict is Verdict.UNKNOWN:
        known = "1 hour is" if seen.hours == 1 else f"{seen.hours} hours are"
        return f"{seen.now} now; {known} known, and a verdict takes {_ENOUGH}"
    means = {
        Verdict.GOOD: "a good time to rent",
        Verdict.USUAL: "nothing unusual",
        Verdict.DEAR: "if it can wait, wait",
    }
    median = f"the median of {seen.hours} hours, {seen.median}"
    return f"{seen.now} now, {_beside(seen.now, seen.median)} {median}: {means[seen.verdict]}"


def cut(runs: Iterable[PriceRun], *, since: datetime) -> list[PriceRun]:
    """Return what of `runs` lies at `since` or behind it."""
    return [replace(run, since=max(run.since, since)) for run in runs if run.until >= since]


def _beside(price: HourlyRate, median: HourlyRate) -> str:
    if price == median or not median.micros:
        return "beside"
    percent = abs(100 * (price.micros - median.micros) / median.micros)
    return f"{percent:.0f} % {'below' if price < median else 'above'}"


def _verdict(
    by_price: Sequence[tuple[HourlyRate, int]],
    today: HourlyRate | None,
    median: HourlyRate,
    hours: int,
) -> Verdict:
    if today is None or hours < _ENOUGH:
        return Verdict.UNKNOWN
    cheaper = sum(count for price, count in by_price if price < today)
    dearer = sum(count for price, count in by_price if price > today)
    if today < median and Fraction(cheaper, hours) <= _QUARTER:
        return Verdict.GOOD
    if today > median and Fraction(dearer, hours) <= _QUARTER:
        return Verdict.DEAR
    return Verdict.USUAL


def _share_cheaper(
    by_price: Sequence[tuple[HourlyRate, int]], today: HourlyRate, hours: int
) -> Fraction:
    cheaper = sum(count for price, count in by_price if price < today)
    same = sum(count for price, count in by_price if price == today)
    return Fraction(2 * cheaper + same, 2 * hours)


def _middle(by_price: Sequence[tuple[HourlyRate, int]], hours: int) -> HourlyRate:
    """Return the median over all hours: of two in the middle, their mean, rounded half up."""
    low, high = _nth(by_price, (hours - 1) // 2), _nth(by_price, hours // 2)
    return HourlyRate((low.micros + high.micros + 1) // 2)


def _nth(by_price: Sequence[tuple[HourlyRate, int]], place: int) -> HourlyRate:
    for price, count in by_price:
        if place < count:
            return price
        place -= count
    raise AssertionError(place)


def _hour_price(ordered: Sequence[int]) -> HourPrice:
    count = len(ordered)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2] + 1) // 2
    return HourPrice(lowest=HourlyRate(ordered[0]), median=HourlyRate(middle), offers=count)


def _family_of(kind: _Kind) -> Family:
    gpu_type, provider, gpu_count, gpu_fraction, interruptible, country = kind
    return Family(
        gpu_type=gpu_type,
        provider=provider,
        gpu_count=gpu_count,
        gpu_fraction=gpu_fraction,
        interruptible=interruptible,
        country=country,
    )
