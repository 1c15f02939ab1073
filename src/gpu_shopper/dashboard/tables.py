"""Tables of offers: the same columns wherever offers are listed. On a narrow screen each offer is a card."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from gpu_shopper.dashboard.links import Pairs, page_of
from gpu_shopper.dashboard.markup import NOTHING, Content, Html, el
from gpu_shopper.wire.figures import money, notes_on
from gpu_shopper.wire.offers import OfferBody

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: its title, what stands in it for an item, the field that it is sorted by, and how it looks."""

    title: str
    read: Callable[[T], Content]
    sort: str = ""
    looks: str = ""


Head = Callable[[Column[T]], Html]


def plain_head(column: Column[T]) -> Html:
    """Return the head of a column that cannot be sorted."""
    return el("th", column.title, scope="col", role="columnheader", class_=column.looks or None)


def rows_of(
    items: Iterable[T],
    columns: Sequence[Column[T]],
    row_looks: Callable[[T], str] = lambda _item: "",
) -> list[Html]:
    """Return the rows of a table."""
    return [
        el(
            "tr", [_cell(column, item) for column in columns], role="row",
            class_=row_looks(item) or None,
        )
        for item in items
    ]  # fmt: skip


def table(
    rows: Sequence[Html],
    columns: Sequence[Column[T]],
    *,
    head: Head[T] = plain_head,
    caption: Content = None,
    looks: str = "",
) -> Html:
    """Return a table. Roles are said, because a browser forgets them where cards are made of rows."""
    parts = (
        el("caption", caption) if caption else NOTHING,
        el("thead", el("tr", map(head, columns), role="row"), role="rowgroup"),
        el("tbody", rows, role="rowgroup"),
    )
    return el("div", el("table", parts, role="table", class_=looks or None), class_="wrap")


def _cell(column: Column[T], item: T) -> Html:
    content = column.read(item)
    return el("td", content, role="cell", class_=column.looks or None, data_label=column.title)


def offer_columns(*, now: datetime, need: Pairs, costed: bool) -> list[Column[OfferBody]]:
    """Return the columns of offers; `need` goes with the links to their pages, `costed` shows what it costs in truth."""
    shown: list[Column[OfferBody]] = [
        Column("GPU", lambda offer: _name(offer, need), looks="name"),
        Column("GPUs", lambda offer: offer.gpu_count, "count", "right"),
        Column("VRAM GB", lambda offer: offer.vram_gb, "vram", "right"),
        Column("USD/h", lambda offer: money(offer.price_per_hour), "price", "right price"),
        Column("Per GPU", lambda offer: money(offer.price_per_gpu_hour), "price_per_gpu", "right"),
    ]  # fmt: skip
    if costed:
        shown += [
            Column("True USD/h", _true_price, "effective_price", "right price"),
            Column("Total USD", _total, "", "right"),
        ]
    return [
        *shown,
        Column("Cloud", lambda offer: offer.provider),
        Column("Place", place),
        Column("Reliable", lambda offer: f"{offer.reliability:.3f}", "reliability", "right"),
        Column("Odds", lambda offer: f"{offer.availability_confidence:.3f}", "confidence", "right"),
        Column("Note", notes),
        Column("Age", lambda offer: age(now, offer.fetched_at), looks="right"),
    ]


def looks_of(offer: OfferBody) -> str:
    """Return how the row of an offer looks: what is odd or gone stands out."""
    if not offer.available:
        return "gone"
    return "odd" if offer.marks else ""


def place(offer: OfferBody) -> str:
    """Return where an offer stands."""
    where = offer.location or offer.city or offer.region
    # Many write the country's code, or nothing else, themselves.
    told = offer.country in where.replace(",", " ").split()
    return where if told else ", ".join(filter(None, (where, offer.country)))


def notes(offer: OfferBody) -> Content:
    """Return what a buyer must know; what is odd stands out."""
    said = [
        el("span", note.replace("_", " "), class_="mark" if note in offer.marks else None)
        for note in notes_on(offer)
    ]
    if not offer.available:
        said.append(el("span", "not on sale now"))
    return [[el("span", ", ") if number else None, one] for number, one in enumerate(said)]


def age(now: datetime, since: datetime) -> str:
    """Return how long ago something was, in the unit that people would take."""
    return span((now - since).total_seconds())


def span(seconds: float) -> str:
    """Return a length of time, rounded down."""
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _name(offer: OfferBody, need: Pairs) -> Html:
    return el("a", offer.gpu_type, href=page_of(offer.id, need))


def _true_price(offer: OfferBody) -> Content:
    cost = offer.effective_price_per_hour
    return el("span", "not so", class_="soft") if cost is None else money(cost)


def _total(offer: OfferBody) -> Content:
    return None if offer.effective_price is None else money(offer.effective_price.total, digits=2)
