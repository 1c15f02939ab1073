"""What a fleet's clouds say that their instances have cost, beside what the book says, to the micro-dollar."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MICROS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The bill of one instance: what its cloud's own ledger says is `due`, what is `booked`, in micro-dollars."""

    cloud: str
    label: str
    due: int
    booked: int
    micros_per_hour: int

    @property
    def off_s(self) -> float:
        """For how many seconds of its price too much is booked."""
        return (self.booked - self.due) * 3600 / self.micros_per_hour

    def apart_beyond(self, step_s: float) -> float:
        """By how much the two differ, in micro-dollars, one step of so many seconds aside."""
        return max(0.0, abs(self.booked - self.due) - self.micros_per_hour * step_s / 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The bills of one cloud, or of all: sums in dollars. What is too much here makes up for nothing that is too little there."""

    name: str
    bills: int
    due: float
    booked: float
    apart: float
    middle_off_s: float
    most_off_s: float

    @property
    def error(self) -> float:
        """The sum of all differences, each without its sign, as a share of what is due."""
        return self.apart / self.due if self.due else 0.0


def bills_of(
    ledgers: Mapping[str, Iterable[Mapping[str, Any]]], booked: Mapping[str, int]
) -> Iterator[Bill]:
    """Yield the bill of each instance that costs anything; `booked` is by label."""
    for cloud, entries in ledgers.items():
        for entry in entries:
            if entry["price_per_hour_micros"]:
                yield Bill(
                    cloud=cloud,
                    label=entry["name"],
                    due=entry["billed_micros"],
                    booked=booked.get(entry["name"], 0),
                    micros_per_hour=entry["price_per_hour_micros"],
                )


def account(name: str, bills: Iterable[Bill]) -> Account:
    """Add up some bills."""
    all_of = list(bills)
    off = sorted((bill.off_s for bill in all_of), key=abs)
    return Account(
        name=name,
        bills=len(all_of),
        due=sum(bill.due for bill in all_of) / _MICROS,
        booked=sum(bill.booked for bill in all_of) / _MICROS,
        apart=sum(abs(bill.booked - bill.due) for bill in all_of) / _MICROS,
        middle_off_s=off[len(off) // 2] if off else 0.0,
        most_off_s=off[-1] if off else 0.0,
    )
