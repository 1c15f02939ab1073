"""Money in whole micro-dollars, hourly rates, and the one rule by which time becomes money.

Amounts are integers: nothing is ever lost or made by adding. The price of a stretch of time is the difference
of two cumulative charges, so that any way of cutting an interval into entries gives the same total.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

MICROS = 1_000_000
_HOUR_US = 3_600 * MICROS
_US = timedelta(microseconds=1)
_PLAIN = 1 << 40


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount of US dollars in whole micro-dollars."""

    micros: int

    def __add__(self, other: "Money") -> "Money":
        return Money(self.micros + other.micros)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.micros - other.micros)

    def __str__(self) -> str:
        return f"{Decimal(self.micros) / MICROS:.2f} USD"

    @property
    def dollars(self) -> float:
        """The amount as JSON shows it: USD with at most six decimals."""
        return self.micros / MICROS


@dataclass(frozen=True, slots=True, order=True)
class HourlyRate:
    """A price per hour, for the whole offer, in whole micro-dollars."""

    micros: int

    def __str__(self) -> str:
        return f"{Decimal(self.micros) / MICROS:.4f} USD/h"

    @property
    def dollars(self) -> float:
        """The rate as JSON shows it: USD per hour with at most six decimals."""
        return self.micros / MICROS


ZERO = Money(0)


# Markets say the same prices again and again. By type: a float stands for its shortest decimal, a Decimal for itself.
@lru_cache(maxsize=16_384, typed=True)
def micros_from_dollars(dollars: float | str | Decimal) -> int:
    """Return whole micro-dollars, rounding half up; floats are read by their shortest decimal form.

    Raises:
        ValueError: the amount is not a finite number.
    """
    reason = f"not an amount of money: {dollars!r}"
    try:
        amount = Decimal(str(dollars)) if isinstance(dollars, float) else Decimal(dollars)
    except InvalidOperation as error:
        raise ValueError(reason) from error
    if not amount.is_finite():
        raise ValueError(reason)
    return int((amount * MICROS).to_integral_value(rounding=ROUND_HALF_UP))


def money(dollars: float | str | Decimal) -> Money:
    """Read an amount of USD."""
    return Money(micros_from_dollars(dollars))


def rate(dollars_per_hour: float | str | Decimal) -> HourlyRate:
    """Read a price in USD per hour."""
    if isinstance(dollars_per_hour, float):
        # Of a number below 2**40 a float's error is far less than a tenth: where a half is not near, both ways agree.
        scaled = dollars_per_hour * MICROS
        if 0 <= scaled < _PLAIN and abs(scaled - (nearest := round(scaled))) < 0.4:
            return HourlyRate(nearest)
    return HourlyRate(micros_from_dollars(dollars_per_hour))


def charge(price: HourlyRate, duration: timedelta) -> Money:
    """Return the price of `duration`, rounded half up to a micro-dollar.

    Integers only: microseconds times micro-dollars fit, and no float ever touches a bill.
    """
    assert duration >= timedelta(0), duration
    product = price.micros * (duration // _US)
    return Money((product + _HOUR_US // 2) // _HOUR_US)


def charge_between(price: HourlyRate, *, origin: datetime, begin: datetime, end: datetime) -> Money:
    """Return what [begin, end) adds to a bill that runs since `origin`.

    Telescoping: the charges of adjacent intervals sum to the charge of their union exactly.
    """
    assert origin <= begin <= end, (origin, begin, end)
    return charge(price, end - origin) - charge(price, begin - origin)
