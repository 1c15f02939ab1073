"""What may be asked of the menu, and what that means to the market."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Final
from zlib import crc32

from msgspec import Meta, Struct

from gpu_shopper.api.cursors import count, no_cursor, number, read_cursor, write_cursor
from gpu_shopper.api.exporting import Format
from gpu_shopper.api.session_orders import gpu_names
from gpu_shopper.domain import errors
from gpu_shopper.domain.conditions import (
    All,
    Comparator,
    Compare,
    Condition,
    Flag,
    Not,
    OneOf,
    joined,
)
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer_fields import (
    CHEAPEST_FIRST,
    FIELDS,
    OF_NEED,
    Order,
    read_order,
    version_number,
)
from gpu_shopper.domain.query_language import LONGEST, Query, parse
from gpu_shopper.domain.true_price import MOST_DISK_GB, MOST_HOURS, MOST_TRAFFIC_GB, Costing, Need
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.selecting import Place
from gpu_shopper.market.snapshot import OfferQuery
from gpu_shopper.wire.sessions import Dollars, ShortText, Version

KIND = "inventory"
_MOST_GB = 1_000_000
_COUNTRY_LETTERS = 2
_NOTHING_MORE: Final = Query()
_FURTHEST = 10_000_000
_USUALLY = 50
_MOST_ON_A_PAGE = 1_000
_MOST_IN_A_FILE = 10_000

Names = Annotated[list[ShortText], Meta(max_length=64)]
Share = Annotated[float, Meta(ge=0, le=1)]
Gigabytes = Annotated[int, Meta(ge=0, le=_MOST_GB)]
Hours = Annotated[float, Meta(ge=0.01, le=MOST_HOURS)]
DiskGb = Annotated[int, Meta(ge=0, le=MOST_DISK_GB)]
TrafficGb = Annotated[int, Meta(ge=0, le=MOST_TRAFFIC_GB)]
Cursor = Annotated[str, Meta(min_length=1, max_length=512)]


class NeedQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an offer is for. With any of `hours` (of use; 1 if not said), `disk_gb` and `traffic_gb`, it says what it costs in truth."""

    hours: Hours | None = None
    disk_gb: DiskGb | None = None
    traffic_gb: TrafficGb | None = None


class InventoryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which offers to list, in which order, and which part of them. Lists may be repeated: any of them will do.

    `q` is a text of the query language; it and the other filters must both be fulfilled. With any of `hours` (of use; 1 if
    not said), `disk_gb` and `traffic_gb`, each offer says what it costs in truth for them, and `sort` and `q` know `effective_price`.
    """

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
    hours: Hours | None = None
    disk_gb: DiskGb | None = None
    traffic_gb: TrafficGb | None = None
    q: Annotated[str, Meta(max_length=LONGEST)] = ""
    sort: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    facets: Names = []
    fields: Names = []
    format: Format = Format.JSON
    limit: Annotated[int, Meta(ge=1, le=_MOST_IN_A_FILE)] | None = None
    offset: Annotated[int, Meta(ge=0, le=_FURTHEST)] = 0
    cursor: Cursor | None = None


def question_of(
    given: InventoryQuery, *, providers: Collection[str], costing: Costing | None
) -> OfferQuery:
    """Return what is asked of the market, where these clouds are known; `costing` is for what it needs.

    Raises:
        Invalid: something is asked for twice, or cannot be asked for.
    """
    if given.cursor is not None and given.offset:
        raise errors.Invalid("give either cursor or offset", path="offset")
    asked = _NOTHING_MORE
    if given.q:
        asked = parse(given.q, providers=providers, need_told=costing is not None)
    if given.sort is not None and asked.orders:
        raise errors.Invalid("q has an order already", path="sort", hint="give it once")
    if given.limit is not None and asked.limit is not None:
        raise errors.Invalid("q has a limit already", path="limit", hint="give it once")
    orders = _orders(given.sort, costing) if given.sort else asked.orders or (CHEAPEST_FIRST,)
    return OfferQuery(
        condition=joined(_condition(given), asked.condition) if given.q else _condition(given),
        orders=orders,
        limit=_limit(given.limit or asked.limit or _USUALLY, given.format),
        offset=given.offset,
        after=None if given.cursor is None else _place(given.cursor, orders, costing),
        facets=_facets(given.facets),
        costing=costing,
    )


def _limit(limit: int, form: Format) -> int:
    if form is Format.JSON and limit > _MOST_ON_A_PAGE:
        message = f"a page has at most {_MOST_ON_A_PAGE} offers"
        hint = f"follow next_cursor, or ask for format=ndjson or csv, which have up to {_MOST_IN_A_FILE}"
        raise errors.Invalid(message, path="limit", hint=hint)
    return limit


def need_of(given: InventoryQuery | NeedQuery) -> Need | None:
    """Return for what need prices are asked; None where none is told."""
    told = (given.hours, given.disk_gb, given.traffic_gb)
    if told == (None, None, None):
        return None
    return Need(
        hours=given.hours or 1.0, disk_gb=given.disk_gb or 0, traffic_gb=given.traffic_gb or 0
    )


def _orders(text: str, costing: Costing | None) -> tuple[Order, ...]:
    try:
        orders = tuple(map(read_order, text.split(",")))
    except ValueError as error:
        raise errors.Invalid(str(error), path="sort") from None
    for order in orders:
        if costing is None and FIELDS[order.field].only_of_need:
            message = f"{order.field} is the price of what you need, and that was not said"
            raise errors.Invalid(message, path="sort", hint="give hours, disk_gb or traffic_gb")
    return orders


def _facets(names: list[str]) -> tuple[str, ...]:
    wanted = dict.fromkeys(name for text in names for name in text.split(","))
    for name in wanted:
        if name not in FACETS:
            message = f"{name!r} is nothing to count by; known are: {', '.join(FACETS)}"
            raise errors.Invalid(message, path="facets")
    return tuple(wanted)


def cursor_at(place: Place, query: OfferQuery) -> str:
    """Return the cursor of the page behind a row of what `query` asks for."""
    values = map(repr, place.values)
    order = _order_text(query.orders, query.costing)
    return write_cursor(KIND, str(place.group), " ".join(values), order, place.offer_id)


def _order_text(orders: tuple[Order, ...], costing: Costing | None) -> str:
    """Return in few letters what a place is a place in: other orders, or other needs, have other ones."""
    names = ",".join(f"{order.direction[0]}{order.field}" for order in orders)
    if costing is not None and any(order.field in OF_NEED for order in orders):
        names = f"{names} {costing.need}"
    return f"{crc32(names.encode()):x}"


def _place(cursor: str, orders: tuple[Order, ...], costing: Costing | None) -> Place:
    group, values, order, offer_id = read_cursor(cursor, kind=KIND, parts=4)
    if order != _order_text(orders, costing):
        message = "this cursor is of another order, or of another need"
        hint = "keep sort, q, hours, disk_gb and traffic_gb the same for all pages"
        raise errors.Invalid(message, path="cursor", hint=hint)
    numbers = tuple(map(number, values.split()))
    if len(numbers) != len(orders):
        raise no_cursor()
    return Place(group=count(group), values=numbers, offer_id=offer_id)


def _condition(given: InventoryQuery) -> Condition:
    """Return what the filters ask of an offer: what `condition_of` makes of them, without the way round by requirements."""
    parts: list[Condition] = [*_names(given)]
    # At least nothing is asked of nobody: not even of those who do not tell.
    parts += [
        Compare(field, Comparator.AT_LEAST, value)
        for field, value in zip(_LEAST, _least(given), strict=True)
        if value
    ]
    if given.min_cuda is not None and (cuda := version_number(given.min_cuda)):
        parts.append(Compare("cuda", Comparator.AT_LEAST, cuda))
    if given.gpu_count is not None:
        parts.append(Compare("count", Comparator.EQUAL, given.gpu_count))
    if given.max_price is not None:
        parts.append(Compare("price", Comparator.AT_MOST, rate(given.max_price).micros))
    for name, wanted in (("interruptible", given.interruptible), ("partial", given.partial)):
        if wanted is not None:
            parts.append(Flag(name) if wanted else Not(Flag(name)))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


_LEAST: Final = ("count", "vram", "reliability", "confidence", "disk", "ram", "vcpus", "down")
_least: Final = attrgetter(
    "min_gpu_count",
    "min_vram",
    "min_reliability",
    "min_availability_confidence",
    "min_disk",
    "min_ram",
    "min_vcpus",
    "min_inet_down",
)


def _names(given: InventoryQuery) -> Iterator[OneOf]:
    if given.gpu_type:
        yield _one_of_gpus(tuple(given.gpu_type))
    if given.provider:
        yield OneOf("provider", frozenset(map(str.lower, given.provider)))
    if given.location or given.region or given.country:
        yield from _places(given)


# The same GPUs are asked for again and again.
@lru_cache(maxsize=1024)
def _one_of_gpus(names: tuple[str, ...]) -> OneOf:
    return OneOf("gpu", frozenset(map(str.lower, gpu_names(names, path="gpu_type"))))


def _places(given: InventoryQuery) -> Iterator[OneOf]:
    # A location is a country by its two letters, or else a region.
    places = set(map(str.lower, given.location))
    countries = {name for name in places if len(name) == _COUNTRY_LETTERS}
    named = {
        "region": (places - countries).union(map(str.lower, given.region)),
        "country": countries.union(map(str.lower, given.country)),
    }
    return (OneOf(field, frozenset(names)) for field, names in named.items() if names)
