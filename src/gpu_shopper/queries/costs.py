"""Questions about money: sums of the ledger, and of what has come up since its last entries.

What is not booked yet is cut at full hours just as it will be booked, so that a sum does not change when it is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.cost import CostEntry, accrue, hour_of, unbooked
from gpu_shopper.domain.ids import AttemptId, SessionId
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.money import Money
from gpu_shopper.ports.books import Book, Books, CostFilter
from gpu_shopper.ports.clock import Clock
from gpu_shopper.queries.sessions import visible_session


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open stretch of time [since, until)."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBill:
    """What one session costs. `settled` once it can grow no more."""

    session_id: SessionId
    total: Money
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a period cost, and for what. The parts of each breakdown add up to the total."""

    period: Period
    total: Money
    session_count: int
    hours_used: float
    by_provider: dict[str, Money]
    by_gpu_type: dict[str, Money]
    by_consumer: dict[str, Money]
    by_day: dict[str, Money]


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyListing:
    """A page of hourly records by time. `more` follow after the last one."""

    records: tuple[CostEntry, ...]
    more: bool


def day_of(at: datetime) -> Period:
    """Return the day in UTC that `at` lies in."""
    since = hour_of(at).replace(hour=0)
    return Period(since, since + timedelta(days=1))


def month_of(at: datetime) -> Period:
    """Return the month in UTC that `at` lies in."""
    since = hour_of(at).replace(day=1, hour=0)
    # The 28th plus four days is in the next month, whatever the month.
    until = (since.replace(day=28) + timedelta(days=4)).replace(day=1)
    return Period(since, until)


class CostQueries:
    """Reads the ledger."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def now(self) -> datetime:
        """Return the time by which "this month" is meant."""
        return self._clock.now()

    async def of_session(self, session_id: SessionId, *, by: Caller) -> SessionBill:
        """Return what one session costs so far, or has cost.

        Raises:
            NotFound: there is no such session, or it is another consumer's.
        """
        now = self._clock.now()

        def read(book: Book) -> SessionBill:
            session = visible_session(book, session_id, by=by)
            attempts = book.launches.of_session(session_id)
            booked = book.costs.totals([session_id]).get(session_id, 0)
            live = sum(unbooked(attempt, now=now).micros for attempt in attempts)
            owed = any(attempt.open for attempt in attempts)
            settled = session.ended and not owed
            return SessionBill(session_id=session_id, total=Money(booked + live), settled=settled)

        return await self._books.read(read)

    async def spending(self, period: Period, *, wanted: CostFilter, by: Caller) -> Spending:
        """Return what `period` cost, as far as it concerns the caller."""
        entries = await self._entries(period, wanted=wanted, by=by)
        return _summed(entries, period)

    async def hourly(
        self,
        period: Period,
        *,
        wanted: CostFilter,
        by: Caller,
        after: tuple[datetime, AttemptId] | None,
        limit: int,
    ) -> HourlyListing:
        """Return hourly records of `period`, those after the last record of the page before."""
        # Nothing before that record has to be read again.
        rest = period if after is None else replace(period, since=max(period.since, after[0]))
        entries = await self._entries(rest, wanted=wanted, by=by)
        found = [entry for entry in entries if after is None or place_of(entry) > after]
        return HourlyListing(records=tuple(found[:limit]), more=len(found) > limit)

    async def _entries(
        self, period: Period, *, wanted: CostFilter, by: Caller
    ) -> Sequence[CostEntry]:
        consumer_id = wanted.consumer_id
        if by.consumer_id is not None and consumer_id not in {None, by.consumer_id}:
            return ()
        own = replace(
            wanted,
            consumer_id=by.consumer_id or consumer_id,
            since=period.since,
            until=period.until,
        )
        now = self._clock.now()

        def read(book: Book) -> tuple[Sequence[CostEntry], Sequence[LaunchAttempt]]:
            return book.costs.entries(own), book.launches.open().attempts

        booked, attempts = await self._books.read(read)
        live = (entry for attempt in attempts for entry in _live_entries(attempt, now=now))
        return sorted([*booked, *filter(_taken_by(own), live)], key=place_of)


def place_of(entry: CostEntry) -> tuple[datetime, AttemptId]:
    """Return where an entry stands in the order of the records."""
    return entry.begins_at, entry.attempt_id


def _live_entries(attempt: LaunchAttempt, *, now: datetime) -> Sequence[CostEntry]:
    return accrue(attempt, to=attempt.billing_ended_at or now).entries


def _taken_by(wanted: CostFilter) -> Callable[[CostEntry], bool]:
    def takes(entry: CostEntry) -> bool:
        return (
            wanted.consumer_id in {None, entry.consumer_id}
            and wanted.session_id in {None, entry.session_id}
            and wanted.provider in {None, entry.provider}
            and wanted.gpu_type in {None, entry.gpu_type}
            and (wanted.since is None or entry.begins_at >= wanted.since)
            and (wanted.until is None or entry.begins_at < wanted.until)
        )

    return takes


def _summed(entries: Iterable[CostEntry], period: Period) -> Spending:
    by_provider: dict[str, int] = defaultdict(int)
    by_gpu_type: dict[str, int] = defaultdict(int)
    by_consumer: dict[str, int] = defaultdict(int)
    by_day: dict[str, int] = defaultdict(int)
    sessions: set[SessionId] = set()
    used = timedelta(0)
    total = 0
    for entry in entries:
        micros = entry.amount.micros
        by_provider[entry.provider] += micros
        by_gpu_type[entry.gpu_type] += micros
        by_consumer[entry.consumer_id] += micros
        by_day[entry.begins_at.date().isoformat()] += micros
        sessions.add(entry.session_id)
        used += entry.ends_at - entry.begins_at
        total += micros
    return Spending(
        period=period,
        total=Money(total),
        session_count=len(sessions),
        hours_used=used / timedelta(hours=1),
        by_provider=_as_money(by_provider),
        by_gpu_type=_as_money(by_gpu_type),
        by_consumer=_as_money(by_consumer),
        by_day=_as_money(by_day),
    )


def _as_money(micros: dict[str, int]) -> dict[str, Money]:
    return {name: Money(amount) for name, amount in sorted(micros.items())}
