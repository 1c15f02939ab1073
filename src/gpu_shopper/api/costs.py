"""What it costs: one session, a period, hour by hour."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from gpu_shopper.api.cursors import moment, read_cursor, write_cursor
from gpu_shopper.api.routes import Ask, Reply, Route
from gpu_shopper.domain import errors
from gpu_shopper.domain.cost import CostEntry, hour_of
from gpu_shopper.domain.errors import Invalid
from gpu_shopper.domain.ids import AttemptId, ConsumerId, ProviderName, SessionId
from gpu_shopper.domain.money import Money
from gpu_shopper.ports.books import CostFilter
from gpu_shopper.queries.costs import Period, Spending, day_of, month_of, place_of
from gpu_shopper.wire.costs import CostSummary, HourlyPage, HourlyRecord, SessionCost
from gpu_shopper.wire.sessions import ShortText

_KIND = "costs"
_CURRENCY = "USD"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DAY = timedelta(days=1)
_YEARS = range(2000, 2200)

Moment = Annotated[
    str,
    Meta(
        max_length=40,
        description="a day (2026-01-31) or a moment (2026-01-31T12:00:00Z); UTC",
    ),
]


class PeriodName(StrEnum):
    """The periods that have a name."""

    DAILY = "daily"
    MONTHLY = "monthly"


class SummaryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose costs of this month to sum."""

    consumer_id: ShortText | None = None


class CostQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which costs to sum: one session's, or those of a period (this month, where nothing is said)."""

    session_id: ShortText | None = None
    consumer_id: ShortText | None = None
    period: PeriodName | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None


class HourlyQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which hourly records to list: those of a period (this month, where nothing is said)."""

    session_id: ShortText | None = None
    consumer_id: ShortText | None = None
    provider: ShortText | None = None
    gpu_type: ShortText | None = None
    period: PeriodName | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None
    limit: Annotated[int, Meta(ge=1, le=5000)] = 500
    cursor: Annotated[str, Meta(min_length=1, max_length=512)] | None = None


async def get_costs(ask: Ask[CostQuery, None]) -> Reply:
    """Sum the costs of one session, or of a period."""
    query = ask.query
    if query.session_id is not None:
        return await _session_cost(ask, query.session_id)
    period = _period(query, now=ask.rooms.queries.costs.now())
    wanted = CostFilter(consumer_id=_consumer(query.consumer_id))
    spending = await ask.rooms.queries.costs.spending(period, wanted=wanted, by=ask.caller)
    return Reply(_summary(spending))


async def get_cost_summary(ask: Ask[SummaryQuery, None]) -> Reply:
    """Sum the costs of this month."""
    wanted = CostFilter(consumer_id=_consumer(ask.query.consumer_id))
    costs = ask.rooms.queries.costs
    spending = await costs.spending(month_of(costs.now()), wanted=wanted, by=ask.caller)
    return Reply(_summary(spending))


async def list_hourly_costs(ask: Ask[HourlyQuery, None]) -> Reply:
    """List hourly records by time; the newest may still grow."""
    query, costs = ask.query, ask.rooms.queries.costs
    wanted = CostFilter(
        consumer_id=_consumer(query.consumer_id),
        session_id=None if query.session_id is None else SessionId(query.session_id),
        provider=None if query.provider is None else ProviderName(query.provider),
        gpu_type=query.gpu_type,
    )
    page = await costs.hourly(
        _period(query, now=costs.now()),
        wanted=wanted,
        by=ask.caller,
        after=_place(query.cursor),
        limit=query.limit,
    )
    return Reply(
        HourlyPage(
            records=[_record(entry) for entry in page.records],
            count=len(page.records),
            next_cursor=_cursor(page.records[-1]) if page.more else None,
        )
    )


async def _session_cost(ask: Ask[CostQuery, None], session_id: str) -> Reply:
    query = ask.query
    if any((query.consumer_id, query.period, query.start_date, query.end_date)):
        raise Invalid("session_id goes without other parameters", path="session_id")
    bill = await ask.rooms.queries.costs.of_session(SessionId(session_id), by=ask.caller)
    return Reply(
        SessionCost(
            session_id=bill.session_id,
            total_cost=bill.total.dollars,
            currency=_CURRENCY,
            settled=bill.settled,
        )
    )


def _period(query: CostQuery | HourlyQuery, *, now: datetime) -> Period:
    """Return the period that is meant: dates say it exactly, a name says the one around a date or now."""
    if query.end_date is None:
        about = now if query.start_date is None else _moment(query.start_date, path="start_date")
        if query.period is None and query.start_date is not None:
            return _checked(Period(about, max(now, about)))
        return day_of(about) if query.period is PeriodName.DAILY else month_of(about)
    if query.period is not None:
        raise Invalid("give either period or end_date", path="end_date")
    until = _moment(query.end_date, path="end_date")
    if _DATE.fullmatch(query.end_date):
        # A day that is named as the last one is meant to be in it.
        until += _DAY
    if query.start_date is None:
        return _checked(Period(month_of(until - timedelta(microseconds=1)).since, until))
    return _checked(Period(_moment(query.start_date, path="start_date"), until))


def _checked(period: Period) -> Period:
    if period.since > period.until:
        raise Invalid("must not be before start_date", path="end_date")
    return period


def _moment(text: str, *, path: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.year not in _YEARS:
        message = "is not a date or a moment, such as 2026-01-31 or 2026-01-31T12:00:00Z"
        raise Invalid(message, path=path)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _consumer(text: str | None) -> ConsumerId | None:
    return None if text is None else ConsumerId(text)


def _place(cursor: str | None) -> tuple[datetime, AttemptId] | None:
    if cursor is None:
        return None
    at, attempt_id = read_cursor(cursor, kind=_KIND, parts=2)
    return moment(at), AttemptId(attempt_id)


def _cursor(last: CostEntry) -> str:
    at, attempt_id = place_of(last)
    return write_cursor(_KIND, at.isoformat(), attempt_id)


def _record(entry: CostEntry) -> HourlyRecord:
    return HourlyRecord(
        hour=hour_of(entry.begins_at),
        begins_at=entry.begins_at,
        ends_at=entry.ends_at,
        session_id=entry.session_id,
        consumer_id=entry.consumer_id,
        provider=entry.provider,
        gpu_type=entry.gpu_type,
        price_per_hour=entry.rate.dollars,
        cost=entry.amount.dollars,
    )


def _summary(spending: Spending) -> CostSummary:
    return CostSummary(
        total_cost=spending.total.dollars,
        session_count=spending.session_count,
        hours_used=round(spending.hours_used, 6),
        by_provider=_dollars(spending.by_provider),
        by_gpu_type=_dollars(spending.by_gpu_type),
        by_consumer=_dollars(spending.by_consumer),
        by_day=_dollars(spending.by_day),
        period_start=spending.period.since,
        period_end=spending.period.until,
        currency=_CURRENCY,
    )


def _dollars(amounts: dict[str, Money]) -> dict[str, float]:
    return {name: amount.dollars for name, amount in amounts.items()}


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/costs",
        answer=get_costs,
        query=CostQuery,
        reply=CostSummary,
        other_reply=SessionCost,
        tag=_KIND,
        refuses=(errors.NotFound,),
    ),
    Route(
        method="GET",
        path="/api/v1/costs/summary",
        answer=get_cost_summary,
        query=SummaryQuery,
        reply=CostSummary,
        tag=_KIND,
    ),
    Route(
        method="GET",
        path="/api/v1/costs/hourly",
        answer=list_hourly_costs,
        query=HourlyQuery,
        reply=HourlyPage,
        tag=_KIND,
    ),
)
