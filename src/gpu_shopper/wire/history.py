"""Bodies about what offers have cost. Money in USD per hour for whole offers, times in UTC, each the beginning of an hour."""

from datetime import datetime

from msgspec import Struct


class PricePoint(Struct, frozen=True, kw_only=True):
    """From `at` on, for so many `hours`, a family cost this: the lowest and the median price of its `offers`."""

    at: datetime
    hours: int
    lowest: float
    median: float
    offers: int


class PriceSummary(Struct, frozen=True, kw_only=True):
    """The lowest prices of a family over the hours that are known of those asked for.

    `now` is null where it is not on sale lately. `percentile` is the share of hours, in percent, in which it was cheaper
    than now; hours of the same price count half. `says` is the verdict as a sentence.
    """

    now: float | None
    lowest: float
    median: float
    highest: float
    percentile: float | None
    hours: int
    verdict: str
    says: str


class PriceFamily(Struct, frozen=True, kw_only=True):
    """Offers that stand for one another, and what they have cost, the oldest first. Hours that are missing are not known."""

    provider: str
    gpu_type: str
    gpu_count: int
    gpu_fraction: float
    interruptible: bool
    country: str
    points: list[PricePoint]
    summary: PriceSummary


class PriceHistory(Struct, frozen=True, kw_only=True):
    """A page of families. `since` is the first hour that was asked for."""

    families: list[PriceFamily]
    count: int
    since: datetime
    next_cursor: str | None = None
