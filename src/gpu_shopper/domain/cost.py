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
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.true_price import BillingTerms

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
    """Close the bill of `attempt` up to `to`, cut at full hours. Nothing was bought: nothing is due.

    What came back after an end is billed anew by its cloud: nothing is due for the time between, or for a part of it.
    """
    begin, origin = attempt.accrued_to, attempt.rate_since
    if begin is None or origin is None or to <= begin:
        return Accrual(attempt, ())
    anew = attempt.billed_from
    if anew is not None and begin < anew and attempt.rate != HourlyRate(0):
        free_to = min(anew, to)
        between = accrue(replace(attempt, rate=HourlyRate(0)), to=free_to)
        back = accrue(replace(between.attempt, rate=attempt.rate, rate_since=free_to), to=to)
        return Accrual(back.attempt, between.entries + back.entries)
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


def begin_as_told(attempt: LaunchAttempt, told: datetime | None) -> LaunchAttempt:
    """Return the attempt after its cloud's word of when it began to bill: the first one replaces what we reckoned whole.

    Not where an hour is booked already, nor where it was read to be gone before that moment: then it has come back.
    """
    begun = attempt.accrued_to != attempt.rate_since or attempt.read_back_at is not None
    if told is None or attempt.billed_from is not None or begun:
        return attempt
    gone_at = attempt.absence.first_gone_at
    if gone_at is not None and gone_at < told:
        return attempt
    return replace(attempt, billed_from=told, rate_since=told, accrued_to=told)


def end_of_bill(
    attempt: LaunchAttempt, quirks: Quirks, *, lease: timedelta | None
) -> datetime | None:
    """Return when the bill of an instance that is gone ended, as near as it can be known; None if nothing was ever billed.

    Gone before we destroyed it: when it was last certainly there, or, where nobody was there to answer its node for a whole
    `lease` (None where nodes cannot end themselves), when that ran out and the node ended it; not after its first absence.
    Destroyed: when the cloud took the order, where that ends billing and nothing was seen of it after, else at the first
    absence. The minimum is billed in any case, and whatever increment has begun, as the cloud's terms have it.
    """
    if attempt.accrued_to is None:
        return None
    first_gone_at = attempt.absence.first_gone_at
    assert first_gone_at is not None, attempt.id
    if attempt.missing_since is not None:
        end = min(_vanished_at(attempt, attempt.missing_since, lease=lease), first_gone_at)
    elif quirks.destroy_ends_billing and attempt.destroy_accepted_at is not None:
        end = min(attempt.destroy_accepted_at, first_gone_at)
    else:
        end = first_gone_at
    return max(_billed_whole(attempt, quirks.billing, end), attempt.accrued_to)


def _billed_whole(attempt: LaunchAttempt, terms: BillingTerms, end: datetime) -> datetime:
    began = attempt.billed_from or attempt.rate_since
    if began is None or (end <= began and attempt.billed_from is None):
        return end
    # By a clock of ours that is slow, what was told to have begun may have ended before that; it was there all the same.
    return began + terms.billed_whole(max(end - began, timedelta.resolution))


def close_earlier_life(
    attempt: LaunchAttempt, quirks: Quirks, *, anew: datetime, lease: timedelta | None
) -> Accrual:
    """Close the bill of an instance that had ended before it came back, which its cloud bills from `anew` on.

    Nobody need have proved that end; `attempt` is as it was before it was seen again.
    """
    if attempt.absence.first_gone_at is None:
        end = attempt.last_alive_at
    else:
        end = end_of_bill(attempt, quirks, lease=lease)
    return Accrual(attempt, ()) if end is None else accrue(attempt, to=min(end, anew))


def _vanished_at(
    attempt: LaunchAttempt, missing_since: datetime, *, lease: timedelta | None
) -> datetime:
    last, heard = attempt.last_alive_at or missing_since, attempt.heard
    if lease is None or heard is None or missing_since - heard.at < lease:
        return last
    # Nobody answered it for so long: whatever else may have happened, by then its node had ended it.
    return max(last, heard.at + lease)


def close_bill(attempt: LaunchAttempt) -> Accrual:
    """Write the last entry, up to the end of billing. Something that was seen after it is never charged twice."""
    end = attempt.billing_ended_at
    return Accrual(attempt, ()) if end is None else accrue(attempt, to=end)


def unbooked(attempt: LaunchAttempt, *, now: datetime) -> Money:
    """Return what has come up since the last entry: for display and budgets, never for the ledger."""
    end = attempt.billing_ended_at or (now if attempt.open else None)
    return ZERO if end is None else total(accrue(attempt, to=end).entries)


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
