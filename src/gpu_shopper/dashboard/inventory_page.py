"""The inventory: what can be rented now, asked in the query language, and counted by what else it could be narrowed to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gpu_shopper.dashboard import narrowing
from gpu_shopper.dashboard.asking import Refused
from gpu_shopper.dashboard.forms import kept, need_fields, need_of
from gpu_shopper.dashboard.frame import Page, Visit, again, refusal
from gpu_shopper.dashboard.links import INVENTORY, Pairs, address, changed, first, without
from gpu_shopper.dashboard.markup import Content, Html, el
from gpu_shopper.dashboard.tables import Column, looks_of, offer_columns, rows_of, span, table
from gpu_shopper.domain.offer_fields import (
    CHEAPEST_FIRST,
    EFFECTIVE,
    FIELDS,
    Direction,
    Order,
    read_order,
)
from gpu_shopper.domain.query_language import Query
from gpu_shopper.wire.figures import trouble_of
from gpu_shopper.wire.offers import MarketSource, OfferBody, OfferPage

_API: Final = "/api/v1/inventory"
_FACETS: Final = (("GPU", "gpu"), ("Cloud", "provider"), ("Country", "country"))
# What a page always asks the same way.
_OURS: Final = ("facets", "fields", "format")
_SHOWN_AT_ONCE: Final = 8
_MOST_SHOWN: Final = 60
_DRAWN_AT_ONCE: Final = 25


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: the parameters, the query as it was read (None if it could not be), and the order that follows."""

    pairs: Pairs
    text: str
    query: Query | None
    order: Order

    @property
    def costed(self) -> bool:
        """Whether offers are to say what they cost in truth."""
        return bool(need_of(self.pairs))


async def inventory_page(visit: Visit) -> Page:
    """Show what can be rented now."""
    asked = _asked(visit.pairs)
    wanted: Pairs = [*asked.pairs, ("facets", ",".join(name for _, name in _FACETS))]
    if asked.order.field == EFFECTIVE and not first(asked.pairs, "sort"):
        wanted = _sorted_by(asked, wanted)
    try:
        page = await visit.ask.get(_API, OfferPage, wanted)
    except Refused as refused:
        problem = refused.problem
        if problem.status in {401, 403}:
            raise
        return Page(
            title="Inventory",
            content=[_form(asked.pairs), refusal(problem, query=asked.text)],
            status=problem.status,
            headers=again(problem, refused.retry_after),
        )
    columns = offer_columns(now=visit.now, need=need_of(asked.pairs), costed=asked.costed)
    offers = await _offers(visit, asked, page, columns)
    content: Sequence[Content] = (
        _form(asked.pairs),
        _narrowing(asked, page.facets or {}),
        _summary(page),
        offers if page.offers else el("p", "No offer matches now."),
        _pages(asked.pairs, page.next_cursor),
    )
    return Page(title="Inventory", content=content)


def _asked(given: Pairs) -> _Asked:
    pairs = without(given, _OURS)
    text = first(pairs, "q")
    query = narrowing.read(text)
    if query is not None and query.orders:
        # The form sends along what a link has set; what somebody has written says more.
        pairs = without(pairs, ["sort"])
    return _Asked(pairs, text, query, _order(pairs, query))


def _order(pairs: Pairs, query: Query | None) -> Order:
    """Return the order of the list: as it was asked, else the cheapest first, in truth where that is known."""
    if sort := first(pairs, "sort"):
        try:
            return read_order(sort.partition(",")[0])
        except ValueError:
            return CHEAPEST_FIRST
    if query is not None and query.orders:
        return query.orders[0]
    return FIELDS[EFFECTIVE].best_first if need_of(pairs) else CHEAPEST_FIRST


def _sorted_by(asked: _Asked, pairs: Pairs) -> Pairs:
    if asked.query is not None and asked.query.orders:
        return pairs
    return changed(pairs, sort=narrowing.word_of(asked.order))


def _form(pairs: Pairs) -> Html:
    field = el(
        "input", type="search", name="q", value=first(pairs, "q"), autocomplete="off", autocapitalize="off",
        spellcheck="false", placeholder="H100 vram>=80 price<3 country in (DE, FR) !spot sort price/gpu",
    )  # fmt: skip
    query = el(
        "div", el("label", "Query", field), el("button", "Search"), class_="query", role="search"
    )
    need = el(
        "div",
        need_fields(pairs),
        el("p", "Say what you need, and each offer says what it costs in truth.", class_="soft"),
        class_="fields",
    )
    hidden = kept(pairs, but=("q", "cursor", "offset", "hours", "disk_gb", "traffic_gb"))
    return el("form", query, need, hidden, action=INVENTORY)


def _narrowing(asked: _Asked, facets: Mapping[str, Mapping[str, int]]) -> Content:
    query = asked.query
    if query is None:
        return None
    sections = (
        el(
            "section",
            el("h2", title),
            _chips(list(_choices(asked, query, name, facets.get(name, {})))),
        )
        for title, name in _FACETS
    )
    return el("nav", sections, class_="narrow", aria_label="Narrow it down")


def _chips(chips: Sequence[Html]) -> Iterator[Html]:
    at_once, rest = chips[:_SHOWN_AT_ONCE], chips[_SHOWN_AT_ONCE:]
    yield el("ul", at_once, class_="chips")
    if rest:
        yield el("details", el("summary", f"{len(rest)} more"), el("ul", rest, class_="chips"))


def _choices(asked: _Asked, query: Query, name: str, counts: Mapping[str, int]) -> Iterator[Html]:
    """Yield each value that the query could be narrowed to; what is picked comes first, to be taken back by a click."""
    picked = narrowing.chosen(query, name)
    values = sorted(counts.items(), key=lambda each: each[0].lower() not in picked)
    for value, count in values[:_MOST_SHOWN]:
        text = narrowing.toggled(query, name, value)
        shown = (value or "not told", " ", el("small", count))
        if text is None:
            yield el("li", el("span", shown, class_="plain"))
            continue
        # No text at all is a query too, so it stands in the address by being left out.
        target = address(INVENTORY, changed(asked.pairs, q=text, cursor="", offset=""))
        current = "true" if value.lower() in picked else None
        yield el("li", el("a", shown, href=target, aria_current=current))


def _summary(page: OfferPage) -> Html:
    found = "1 offer matches" if page.total == 1 else f"{page.total:,} offers match"
    clouds = el("ul", (el("li", _source(source)) for source in page.providers), aria_label="Clouds")
    return el("div", el("strong", found, role="status"), clouds, class_="summary")


def _source(source: MarketSource) -> Content:
    if trouble := trouble_of(source):
        return el("span", trouble, class_="bad")
    asked = "" if source.age_s is None else f", asked {span(source.age_s)} ago"
    left_out = f", {source.rejected:,} rows not understood" if source.rejected else ""
    return [
        el("span", f"{source.name} ok", class_="good"),
        f": {source.offers:,} offers{asked}{left_out}",
    ]


async def _offers(
    visit: Visit, asked: _Asked, page: OfferPage, columns: Sequence[Column[OfferBody]]
) -> Html:
    """Draw the offers, and let others in between: a long page takes many milliseconds."""
    rows: list[Html] = []
    for start in range(0, len(page.offers), _DRAWN_AT_ONCE):
        await visit.give_way()
        rows += rows_of(page.offers[start : start + _DRAWN_AT_ONCE], columns, looks_of)
    return table(rows, columns, head=lambda column: _head(asked, column), looks="offers")


def _head(asked: _Asked, column: Column[OfferBody]) -> Html:
    if not column.sort or asked.query is None:
        return el("th", column.title, scope="col", role="columnheader", class_=column.looks or None)
    here = asked.order.field == column.sort
    order = narrowing.turned(asked.order) if here else FIELDS[column.sort].best_first
    pairs = changed(
        asked.pairs,
        q=narrowing.without_order(asked.text, asked.query),
        sort=narrowing.word_of(order),
        cursor="",
        offset="",
    )
    lowest = asked.order.direction is Direction.LOWEST
    return el(
        "th", el("a", column.title, href=address(INVENTORY, pairs)), scope="col", role="columnheader",
        class_=f"{column.looks} sortable".strip(),
        aria_sort=("ascending" if lowest else "descending") if here else None,
    )  # fmt: skip


def _pages(pairs: Pairs, cursor: str | None) -> Content:
    links = list(_steps(pairs, cursor))
    return el("nav", links, class_="pages", aria_label="Pages") if links else None


def _steps(pairs: Pairs, cursor: str | None) -> Iterable[Html]:
    if first(pairs, "cursor"):
        yield el("a", "First page", href=address(INVENTORY, changed(pairs, cursor="")))
    if cursor:
        yield el(
            "a",
            "Next page",
            href=address(INVENTORY, changed(pairs, cursor=cursor, offset="")),
            rel="next",
        )
