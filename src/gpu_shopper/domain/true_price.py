"""What an offer would really cost for what somebody needs: the list price, and all that clouds add to it.

Whole micro-dollars; the parts add up to the total exactly. The market prices a million offers at once by the same
arithmetic (`market.effective`); a test compares the two, row by row.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from gpu_shopper.domain.money import MICROS, HourlyRate, Money, charge
from gpu_shopper.domain.offer import Offer

# Clouds sell disk by the month and bill it by the hour, at 730 hours to a month.
MONTH_HOURS = 730
MOST_HOURS = 8_760.0
MOST_DISK_GB = 100_000
MOST_TRAFFIC_GB = 1_000_000
# No amount is more than a trillion dollars: what a cloud may say is bounded here, so that sums fit into 64 bits.
MOST_MICROS = 1 << 60
_SECOND = timedelta(seconds=1)
HOUR_SECONDS = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingTerms:
    """How a cloud bills. The defaults: by the second, from the moment on at which it can be used, in dollars.

    `minimum` is billed however short the use; beyond it, every `increment` that was begun. `billed_boot` is how long it
    usually takes until an instance can be used, where that is billed. Of its disk, `included_disk_gb` are in the price.
    It bills in `currency`, one unit of which is worth `usd_per_unit`, in steps of `smallest_charge` units, rounded up;
    paying in it costs `exchange_fee`, a share of the bill. Offers state their prices in dollars already.

    What stands still is no part of a price here, but people must know it: `stopped_share` of the price is billed while an
    instance is stopped, and a volume that outlives its instance costs `volume_price` dollars per GB and month; None where
    there is no such thing.
    """

    minimum: timedelta = timedelta(0)
    increment: timedelta = _SECOND
    billed_boot: timedelta = timedelta(0)
    included_disk_gb: int = 0
    currency: str = "USD"
    usd_per_unit: float = 1.0
    exchange_fee: float = 0.0
    smallest_charge: float = 0.0
    stopped_share: float = 1.0
    volume_price: float | None = None

    def billed_seconds(self, need: "Need", *, started: bool = False) -> int:
        """Return the time on the bill of an instance that is used as long as `need` says.

        `started` leaves out the start itself, but neither the minimum nor an increment that it has a part in.
        """
        billed = self.billed_whole(timedelta(seconds=need.seconds) + self.billed_boot)
        return ceil((billed - self.billed_boot if started else billed) / _SECOND)

    def billed_whole(self, stood: timedelta) -> timedelta:
        """Return the time that is billed of an instance that stood for so long: the minimum, or all begun increments."""
        return -(-max(stood, self.minimum) // self.increment) * self.increment

    @property
    def step_micros(self) -> int:
        """The step in which it bills, in micro-dollars."""
        return max(1, round(self.smallest_charge * self.usd_per_unit * MICROS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a rental is for: hours of use, the disk's size, and traffic in and out together."""

    hours: float = 1.0
    disk_gb: int = 0
    traffic_gb: int = 0

    def __post_init__(self) -> None:
        assert 0 < self.hours <= MOST_HOURS, self.hours
        assert 0 <= self.disk_gb <= MOST_DISK_GB, self.disk_gb
        assert 0 <= self.traffic_gb <= MOST_TRAFFIC_GB, self.traffic_gb

    @property
    def seconds(self) -> int:
        """The hours in whole seconds: no cloud bills less than one of them for sure."""
        return max(1, ceil(round(self.hours * HOUR_SECONDS, 6)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePrice:
    """What it costs, part by part. `per_hour` and `per_gpu_hour` spread the total over the hours of use.

    `use` is the list price times the hours; `unused` what is billed beyond them (start, minimum, begun increments);
    `exchange` what paying in another currency adds, `rounding` what rounding the bill up does.
    """

    use: Money
    unused: Money
    disk: Money
    traffic: Money
    exchange: Money
    rounding: Money
    total: Money
    per_hour: HourlyRate
    per_gpu_hour: HourlyRate


@dataclass(frozen=True, slots=True)
class Costing:
    """What is needed, and how each cloud bills; one that is not named bills by the defaults.

    Where it has `started`, what the start costs is left out: so caps are held against prices.
    """

    need: Need
    terms: tuple[tuple[str, BillingTerms], ...] = ()
    started: bool = False

    def price(self, offer: Offer) -> TruePrice | None:
        """Return what `offer` costs; None where it cannot be had so."""
        if not serves(offer, self.need):
            return None
        return true_price(offer, self._terms_of(offer), self.need, started=self.started)

    def capped(self, offer: Offer) -> TruePrice:
        """Return what a cap is held against, whether or not `offer` can be had so: see `capped_price`."""
        return capped_price(offer, self._terms_of(offer), self.need)

    def _terms_of(self, offer: Offer) -> BillingTerms:
        return dict(self.terms).get(offer.provider, BillingTerms())


def serves(offer: Offer, need: Need) -> bool:
    """Return whether the offer can be had for so long and with so much disk, as far as its cloud tells."""
    long_enough = (
        not offer.max_duration_hours or need.seconds <= offer.max_duration_hours * HOUR_SECONDS
    )
    return long_enough and (not offer.disk_gb or need.disk_gb <= offer.disk_gb)


def true_price(
    offer: Offer, terms: BillingTerms, need: Need, *, started: bool = False
) -> TruePrice:
    """Return what `offer` costs for `need`, at a cloud with these `terms`; without its start where it has `started`."""
    billed_s = terms.billed_seconds(need, started=started)
    use = charge(offer.price, need.seconds * _SECOND).micros
    unused = charge(offer.price, billed_s * _SECOND).micros - use
    extra_gb = max(0, need.disk_gb - terms.included_disk_gb)
    disk = rounded(offer.storage_price_per_gb_month * MICROS * disk_months(extra_gb, billed_s))
    traffic = rounded(offer.traffic_price_per_gb * MICROS * need.traffic_gb)
    before = use + unused + disk + traffic
    exchange = rounded(before * terms.exchange_fee)
    rounding = -(before + exchange) % terms.step_micros
    total = before + exchange + rounding
    hourly = float(total) * HOUR_SECONDS
    return TruePrice(
        use=Money(use),
        unused=Money(unused),
        disk=Money(disk),
        traffic=Money(traffic),
        exchange=Money(exchange),
        rounding=Money(rounding),
        total=Money(total),
        per_hour=HourlyRate(rounded(hourly / need.seconds)),
        per_gpu_hour=HourlyRate(
            rounded(hourly / (need.seconds * (offer.gpu_count * offer.gpu_fraction)))
        ),
    )


def capped_price(offer: Offer, terms: BillingTerms, need: Need) -> TruePrice:
    """Return what a cap is held against, by its `per_hour`: all that is sure to be billed for `need`.

    That is the true price but for the start: how long it takes nobody knows beforehand, and it is billed at the list price,
    which is never above this one. So what is bought within a cap costs at most the cap times the hours, and the start.
    """
    return true_price(offer, terms, need, started=True)


def disk_months(gigabytes: int, billed_s: int) -> float:
    """Return gigabytes times months."""
    return gigabytes * billed_s / (MONTH_HOURS * HOUR_SECONDS)


def rounded(micros: float) -> int:
    """Return an amount in whole micro-dollars."""
    return round(min(micros, MOST_MICROS))
