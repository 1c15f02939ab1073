"""What offers have cost, family by family."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gpu_shopper.api.cursors import no_cursor, read_cursor, write_cursor
from gpu_shopper.api.menu_query import KIND, Cursor, Names
from gpu_shopper.api.routes import Ask, Reply, Route
from gpu_shopper.api.session_orders import gpu_names
from gpu_shopper.domain import errors
from gpu_shopper.domain.price_history import KEPT, Family, PriceRun, in_words
from gpu_shopper.ports.books import PriceFilter
from gpu_shopper.queries.history import FamilyView
from gpu_shopper.wire.history import PriceFamily, PriceHistory, PricePoint, PriceSummary

_KIND = "prices"
_MOST_HOURS = KEPT.days * 24


class HistoryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which families' prices to tell, over how many hours up to now. Lists may be repeated: any of them will do."""

    gpu_type: Names = []
    provider: Names = []
    gpu_count: Annotated[int, Meta(ge=1, le=1024)] | None = None
    interruptible: bool | None = None
    country: Names = []
    hours: Annotated[int, Meta(ge=1, le=_MOST_HOURS)] = 168
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Cursor | None = None


async def list_price_history(ask: Ask[HistoryQuery, None]) -> Reply:
    """Tell what offers have cost, hour by hour, and whether now is a good time."""
    given, history = ask.query, ask.rooms.queries.history
    wanted = PriceFilter(
        since=history.since(hours=given.hours),
        gpu_types=gpu_names(given.gpu_type, path="gpu_type"),
        providers=frozenset(given.provider),
        countries=frozenset(map(str.upper, given.country)),
        gpu_count=given.gpu_count,
        interruptible=given.interruptible,
        after=None if given.cursor is None else _family(given.cursor),
        limit=given.limit,
    )
    page = await history.page(wanted)
    return Reply(
        PriceHistory(
            families=[_body(view) for view in page.families],
            count=len(page.families),
            since=wanted.since,
            next_cursor=_cursor_at(page.families[-1].family) if page.more else None,
        )
    )


def _cursor_at(family: Family) -> str:
    # A name may hold anything, even what divides the parts of a cursor.
    return write_cursor(_KIND, msgspec.json.encode(family).decode())


def _family(cursor: str) -> Family:
    (text,) = read_cursor(cursor, kind=_KIND, parts=1)
    try:
        return msgspec.json.decode(text, type=Family)
    except msgspec.DecodeError:
        raise no_cursor() from None


def _body(view: FamilyView) -> PriceFamily:
    family, seen = view.family, view.outlook
    return PriceFamily(
        provider=family.provider,
        gpu_type=family.gpu_type,
        gpu_count=family.gpu_count,
        gpu_fraction=family.gpu_fraction,
        interruptible=family.interruptible,
        country=family.country,
        points=[_point(run) for run in view.runs],
        summary=PriceSummary(
            now=None if seen.now is None else seen.now.dollars,
            lowest=seen.lowest.dollars,
            median=seen.median.dollars,
            highest=seen.highest.dollars,
            percentile=seen.percentile,
            hours=seen.hours,
            verdict=seen.verdict,
            says=in_words(seen),
        ),
    )


def _point(run: PriceRun) -> PricePoint:
    return PricePoint(
        at=run.since,
        hours=run.hours,
        lowest=run.price.lowest.dollars,
        median=run.price.median.dollars,
        offers=run.price.offers,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/inventory/history",
        answer=list_price_history,
        query=HistoryQuery,
        reply=PriceHistory,
        tag=KIND,
        refuses=(errors.UnknownGpu,),
    ),
)
