"""The menu: what can be rented now."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from zlib import crc32

from msgspec import Meta, Struct, json

from gpu_shopper.api.exporting import Format, csv_of, ndjson_of, projected, wanted_fields
from gpu_shopper.api.menu_query import (
    KIND,
    DiskGb,
    Hours,
    InventoryQuery,
    NeedQuery,
    cursor_at,
    need_of,
    question_of,
)
from gpu_shopper.api.recent import WrittenPage
from gpu_shopper.api.routes import Ask, Reply, Route
from gpu_shopper.commands.choosing import CAP_PERCENT_OF_OFFER
from gpu_shopper.domain import errors
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import RetryScope
from gpu_shopper.domain.offer_fields import CHEAPEST_FIRST, LIKELY_CHEAPEST_FIRST
from gpu_shopper.domain.query_errors import QueryError
from gpu_shopper.domain.ranking import comparable_to
from gpu_shopper.domain.true_price import Need
from gpu_shopper.market.rows import body_for, body_of
from gpu_shopper.market.snapshot import OfferQuery
from gpu_shopper.queries.offers import MenuPage, SourceView
from gpu_shopper.wire.offers import (
    MarketSource,
    OfferBody,
    OfferPage,
)
from gpu_shopper.wire.sessions import Dollars

_OPENED: Final = b'{"offers":['
# A page of so many is kept where it is asked for again; longer ones are for those who read everything once.
_MOST_ROWS_KEPT: Final = 100


class AlternativesQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which offers may stand in for one: of the same GPU, of at least its memory, or any of as much memory in all.

    With `hours` (1 if not said) or `disk_gb`, `max_price` is held against what those cost in truth, as the cap of a session is,
    each offer says what it costs for them, and what would be bought first comes first; else all go by the list price.
    """

    scope: RetryScope = RetryScope.SAME_GPU
    max_price: Dollars | None = None
    hours: Hours | None = None
    disk_gb: DiskGb | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 20


async def list_offers(ask: Ask[InventoryQuery, None]) -> Reply:
    """List what can be rented now."""
    given, offers = ask.query, ask.rooms.queries.offers
    edition = offers.edition
    known = None if ask.held else ask.rooms.recent.find(edition, ask.text)
    if known is not None:
        return Reply(_body(known, offers.sources()), headers={"ETag": _tag(edition, ask.text)})
    fields = wanted_fields(given.fields)
    need = need_of(given)
    costing = None if need is None else offers.costing(need)
    clouds = ask.rooms.queries.providers.names
    question = question_of(given, providers=clouds, costing=costing)
    if ask.held and edition and _holds(ask.held, _tag(edition, ask.text)):
        return Reply(b"", status=304, headers={"ETag": _tag(edition, ask.text)})
    menu = await offers.page(question)
    headers = {"ETag": _tag(menu.edition, ask.text)}
    if given.format is Format.JSON:
        written = _written(menu, question, fields)
        if len(written.rows) <= _MOST_ROWS_KEPT:
            ask.rooms.recent.note(menu.edition, ask.text, written)
        return Reply(_body(written, menu.sources), headers=headers)
    write = csv_of if given.format is Format.CSV else ndjson_of
    last = menu.page.last
    headers["X-Total-Count"] = str(menu.page.total)
    if last is not None:
        headers["X-Next-Cursor"] = cursor_at(last, question)
    body = await write(menu.page.rows, fields, clock=ask.rooms.clock)
    return Reply(body, headers=headers, media_type=given.format.media_type)


def _tag(edition: str, text: bytes) -> str:
    """Return the name of what a question is answered: a weak one, because the ages of the clouds' parts grow on."""
    return f'W/"{edition}.{crc32(text):08x}"'


def _holds(held: str, tag: str) -> bool:
    """Return whether a header If-None-Match names `tag`; a weak name and a strong one are the same here."""
    names = [name.strip().removeprefix("W/") for name in held.split(",")]
    return names == ["*"] or tag.removeprefix("W/") in names


def _written(menu: MenuPage, asked: OfferQuery, fields: tuple[str, ...]) -> WrittenPage:
    page = menu.page
    return WrittenPage(
        rows=projected(page.rows, fields),
        total=page.total,
        next_cursor=cursor_at(page.last, asked) if page.last else None,
        facets=page.facets,
    )


def _body(page: WrittenPage, sources: Sequence[SourceView]) -> bytes:
    """Return a page as JSON. Rows were encoded when their cloud was heard: they are copied as they are, and only once."""
    frame = json.encode(
        OfferPage(
            offers=[],
            count=len(page.rows),
            total=page.total,
            providers=[_source(source) for source in sources],
            next_cursor=page.next_cursor,
            facets={name: dict(counts) for name, counts in page.facets.items()} or None,
        )
    )
    if not page.rows:
        return frame
    assert frame.startswith(_OPENED), frame
    rows = list(page.rows)
    rows[0] = _OPENED + rows[0]
    rows[-1] += frame[len(_OPENED) :]
    return b",".join(rows)


async def get_offer(ask: Ask[NeedQuery, None]) -> Reply:
    """Show one offer."""
    offers = ask.rooms.queries.offers
    offer = offers.one(_offer_id(ask.path))
    need = need_of(ask.query)
    return Reply(body_of(offer) if need is None else body_for(offers.costing(need), offer))


def _offer_id(path: Mapping[str, str]) -> OfferId:
    # An id may hold slashes; the router gives it with one before it.
    return OfferId(path["offer_id"].removeprefix("/"))


async def list_alternatives(ask: Ask[AlternativesQuery, None]) -> Reply:
    """List what may stand in for an offer: what a retry would go through, at most a tenth dearer unless asked."""
    offers = ask.rooms.queries.offers
    offer = offers.one(_offer_id(ask.path))
    asked = ask.query
    told = (asked.hours, asked.disk_gb) != (None, None)
    need = Need(hours=asked.hours or 1.0, disk_gb=asked.disk_gb or 0)
    costing = offers.costing(need) if told else None
    price = offer.price if costing is None else costing.capped(offer).per_hour
    usual = HourlyRate(price.micros * CAP_PERCENT_OF_OFFER // 100)
    cap = usual if asked.max_price is None else rate(asked.max_price)
    query = OfferQuery(
        condition=comparable_to(offer, asked.scope, cap=cap),
        orders=(CHEAPEST_FIRST if costing is None else LIKELY_CHEAPEST_FIRST,),
        limit=asked.limit,
        without=(offer.id,),
        costing=costing,
        cap=None if costing is None else cap,
    )
    menu = await offers.page(query)
    return Reply(_body(_written(menu, query, ()), menu.sources))


def _source(source: SourceView) -> MarketSource:
    return MarketSource(
        name=source.name,
        ok=source.ok,
        age_s=source.age_s,
        error=source.error,
        offers=source.offers,
        rejected=source.rejected,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/inventory",
        answer=list_offers,
        query=InventoryQuery,
        reply=OfferPage,
        has_editions=True,
        tag=KIND,
        refuses=(QueryError, errors.UnknownGpu, errors.MarketNotReady),
    ),
    Route(
        method="GET",
        path="/api/v1/inventory/{offer_id:path}/alternatives",
        answer=list_alternatives,
        query=AlternativesQuery,
        reply=OfferPage,
        tag=KIND,
        refuses=(errors.NotFound, errors.MarketNotReady),
    ),
    Route(
        method="GET",
        path="/api/v1/inventory/{offer_id:path}",
        answer=get_offer,
        query=NeedQuery,
        reply=OfferBody,
        tag=KIND,
        refuses=(errors.NotFound,),
    ),
)
