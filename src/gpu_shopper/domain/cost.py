"""Cost: append-only entries over closed intervals, recomputable from the book to the micro-dollar.

Entries are cut at full hours, so that they are the hourly records as well. An interval is closed only up to a moment at
which the instance was certainly there, or to its proved end: no entry is ever edited or taken back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gpu_shopper.domain.ids import AttemptId, ConsumerId, ProviderName, SessionId
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.money import ZERO, HourlyRate, Money, charge_between

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEntry:
    """What one attempt cost in [begins_at, ends_at): the row that is never edited."""

    attempt_id: AttemptId
    session_id: SessionId
    consumer_id: ConsumerId
    provider: ProviderName
    gpu_type: str
    begins_at: datetime
    ends_at: datetime
    rate: HourlyRate
    amount: Money


@dataclass(frozen=True, slots=True)
class Accrual:
    """The entries that are due, and the attempt with them accounted for."""

    attempt: LaunchAttempt
    entries: tuple[CostEntry, ...]


def hour_of(at: datetime) -> datetime:
    """Return the full hour that `at` lies in."""
    return at.replace(minute=0, second=0, microsecond=0)


def accrue(attempt: LaunchAttempt, *, to: datetime) -> Accrual:
    """Close the bill of `attempt` up to `to`, cut at full hours. Nothing was bought: nothing is due."""
    begin, origin = attempt.accrued_to, attempt.rate_since
    if begin is None or origin is None or to <= begin:
        return Accrual(attempt, ())
    entries = []
    while begin < to:
        end = min(to, hour_of(begin) + _HOUR)
        entries.append(_entry(attempt, origin=origin, begin=begin, end=end))
        begin = end
    return Accrual(replace(attempt, accrued_to=to), tuple(entries))


def accrue_full_hours(attempt: LaunchAttempt) -> Accrual:
    """Close the hours that are over and in which the instance was certainly there."""
    alive_to = attempt.last_alive_at
    return Accrual(attempt, ()) if alive_to is None else accrue(attempt, to=hour_of(alive_to))


def reprice(attempt: LaunchAttempt, rate: HourlyRate, *, at: datetime) -> Accrual:
    """Close the bill at the old rate and go on at the new one. A first read-back replaces the offer's price whole."""
    if rate == attempt.rate:
        return Accrual(attempt, ())
    if attempt.read_back_at is None:
        return Accrual(replace(attempt, rate=rate), ())
    closed = accrue(attempt, to=at)
    since = closed.attempt.accrued_to
    return Accrual(replace(closed.attempt, rate=rate, rate_since=since), closed.entries)


def close_bill(attempt: LaunchAttempt) -> Accrual:
    """Write the last entry, up to the end of billing. Something that was seen after it is never charged twice."""
    end = attempt.billing_ended_at
    return Accrual(attempt, ()) if end is None else accrue(attempt, to=end)


def unbooked(attempt: LaunchAttempt, *, now: datetime) -> Money:
    """Return what has come up since the last entry: for display and budgets, never for the ledger."""
    begin, origin = attempt.accrued_to, attempt.rate_since
    end = attempt.billing_ended_at or (now if attempt.open else None)
    if begin is None or origin is None or end is None or end <= begin:
        return ZERO
    return charge_between(attempt.rate, origin=origin, begin=begin, end=end)


def total(entries: Iterable[CostEntry]) -> Money:
    """Return the sum of `entries`."""
    return Money(sum(entry.amount.micros for entry in entries))


def _entry(
    attempt: LaunchAttempt, *, origin: datetime, begin: datetime, end: datetime
) -> CostEntry:
    return CostEntry(
        attempt_id=attempt.id,
        session_id=attempt.session_id,
        consumer_id=attempt.consumer_id,
        provider=attempt.provider,
        gpu_type=attempt.offer.gpu_type,
        begins_at=begin,
        ends_at=end,
        rate=attempt.rate,
        amount=charge_between(attempt.rate, origin=origin, begin=begin, end=end),
    )
