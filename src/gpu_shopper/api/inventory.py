"""The menu: what can be rented now, and what is remembered against it."""

from typing import Annotated, cast

from msgspec import Meta, Raw, Struct

from gpu_shopper.api.cursors import count, no_cursor, number, read_cursor, write_cursor
from gpu_shopper.api.routes import Ask, NoQuery, Reply, Route
from gpu_shopper.api.session_orders import gpu_names
from gpu_shopper.domain import errors
from gpu_shopper.domain.conditions import condition_of
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Requirements
from gpu_shopper.domain.offer_fields import Order, read_order
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.rows import body_of
from gpu_shopper.market.selecting import Place
from gpu_shopper.market.snapshot import OfferQuery
from gpu_shopper.queries.offers import RememberedMark, SourceView
from gpu_shopper.wire.offers import (
    HealthOfOffer,
    MarketSource,
    OfferBody,
    OfferHealthList,
    OfferPage,
)
from gpu_shopper.wire.sessions import Dollars, ShortText, Version

_KIND = "inventory"
_MOST_GB = 1_000_000
_COUNTRY_LETTERS = 2
_FURTHEST = 10_000_000

Names = Annotated[list[ShortText], Meta(max_length=64)]
Share = Annotated[float, Meta(ge=0, le=1)]
Gigabytes = Annotated[int, Meta(ge=0, le=_MOST_GB)]
Cursor = Annotated[str, Meta(min_length=1, max_length=512)]


class InventoryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which offers to list, in which order, and which part of them. Lists may be repeated: any of them will do."""

    provider: Names = []
    gpu_type: Names = []
    gpu_count: Annotated[int, Meta(ge=1, le=1024)] | None = None
    min_gpu_count: Annotated[int, Meta(ge=1, le=1024)] | None = None
    min_vram: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    max_price: Dollars | None = None
    location: Names = []
    region: Names = []
    country: Names = []
    min_reliability: Share | None = None
    min_availability_confidence: Share | None = None
    min_cuda: Version | None = None
    min_disk: Gigabytes | None = None
    min_ram: Gigabytes | None = None
    min_vcpus: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    min_inet_down: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    interruptible: bool | None = None
    partial: bool | None = None
    sort: Annotated[str, Meta(min_length=1, max_length=200)] = "price"
    facets: Names = []
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    offset: Annotated[int, Meta(ge=0, le=_FURTHEST)] = 0
    cursor: Cursor | None = None


async def list_offers(ask: Ask[InventoryQuery, None]) -> Reply:
    """List what can be rented now."""
    query = _offer_query(ask.query)
    menu = ask.rooms.queries.offers.page(query)
    page = menu.page
    return Reply(
        OfferPage(
            # Rows were encoded when their cloud was heard: they are copied as they are.
            offers=cast("list[OfferBody]", list(map(Raw, page.rows))),
            count=len(page.rows),
            total=page.total,
            providers=[_source(source) for source in menu.sources],
            next_cursor=_cursor_at(page.last) if page.last else None,
            facets={name: dict(counts) for name, counts in page.facets.items()} or None,
        )
    )


async def get_offer(ask: Ask[NoQuery, None]) -> Reply:
    """Show one offer."""
    offer_id = OfferId(ask.path["offer_id"].removeprefix("/"))
    return Reply(body_of(ask.rooms.queries.offers.one(offer_id)))


async def list_offer_health(ask: Ask[NoQuery, None]) -> Reply:
    """Tell what past failures say of offers, machines, GPU types and clouds, the least trusted first."""
    entries = [_health_body(mark) for mark in await ask.rooms.queries.offers.health()]
    return Reply(OfferHealthList(entries=entries, count=len(entries)))


def _offer_query(given: InventoryQuery) -> OfferQuery:
    if given.cursor is not None and given.offset:
        raise errors.Invalid("give either cursor or offset", path="offset")
    orders = _orders(given.sort)
    return OfferQuery(
        condition=condition_of(_requirements(given)),
        orders=orders,
        limit=given.limit,
        offset=given.offset,
        after=None if given.cursor is None else _place(given.cursor, orders),
        facets=_facets(given.facets),
    )


def _orders(text: str) -> tuple[Order, ...]:
    try:
        return tuple(read_order(word) for word in text.split(","))
    except ValueError as error:
        raise errors.Invalid(str(error), path="sort") from None


def _facets(names: list[str]) -> tuple[str, ...]:
    wanted = dict.fromkeys(name for text in names for name in text.split(","))
    for name in wanted:
        if name not in FACETS:
            message = f"{name!r} is nothing to count by; known are: {', '.join(FACETS)}"
            raise errors.Invalid(message, path="facets")
    return tuple(wanted)


def _cursor_at(place: Place) -> str:
    values = map(repr, place.values)
    return write_cursor(_KIND, str(place.group), " ".join(values), place.offer_id)


def _place(cursor: str, orders: tuple[Order, ...]) -> Place:
    group, values, offer_id = read_cursor(cursor, kind=_KIND, parts=3)
    numbers = tuple(map(number, values.split()))
    if len(numbers) != len(orders):
        raise no_cursor()
    return Place(group=count(group), values=numbers, offer_id=offer_id)


def _requirements(given: InventoryQuery) -> Requirements:
    # A location is a country by its two letters, or else a region.
    places = {name.lower() for name in given.location}
    countries = {name for name in places if len(name) == _COUNTRY_LETTERS}
    return Requirements(
        gpu_types=gpu_names(given.gpu_type, path="gpu_type"),
        gpu_count=given.gpu_count,
        min_gpu_count=given.min_gpu_count,
        min_vram_gb=given.min_vram,
        min_cuda=given.min_cuda,
        max_price=None if given.max_price is None else rate(given.max_price),
        providers=frozenset(given.provider),
        regions=frozenset(places - countries).union(name.lower() for name in given.region),
        countries=frozenset(countries).union(name.lower() for name in given.country),
        min_reliability=given.min_reliability,
        min_availability_confidence=given.min_availability_confidence,
        min_disk_gb=given.min_disk,
        min_ram_gb=given.min_ram,
        min_vcpus=given.min_vcpus,
        min_inet_down_mbps=given.min_inet_down,
        interruptible=given.interruptible,
        partial=given.partial,
    )


def _source(source: SourceView) -> MarketSource:
    return MarketSource(
        name=source.name,
        ok=source.ok,
        age_s=source.age_s,
        error=source.error,
        offers=source.offers,
        rejected=source.rejected,
    )


def _health_body(remembered: RememberedMark) -> HealthOfOffer:
    key, mark = remembered.key, remembered.mark
    return HealthOfOffer(
        scope=key.scope,
        key=key.name,
        provider=key.provider,
        failures=mark.failures,
        confidence=round(mark.confidence, 6),
        suppressed_until=mark.suppressed_until,
        last_reason=mark.last_reason,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/inventory",
        answer=list_offers,
        query=InventoryQuery,
        reply=OfferPage,
        tag=_KIND,
        refuses=(errors.UnknownGpu, errors.MarketNotReady),
    ),
    Route(
        method="GET",
        path="/api/v1/inventory/{offer_id:path}",
        answer=get_offer,
        reply=OfferBody,
        tag=_KIND,
        refuses=(errors.NotFound,),
    ),
    Route(
        method="GET",
        path="/api/v1/offer-health",
        answer=list_offer_health,
        reply=OfferHealthList,
        tag=_KIND,
    ),
)
