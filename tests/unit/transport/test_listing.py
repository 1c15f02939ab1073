"""A listing calls itself complete only where nothing hints at a missing part."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus, Listing
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider import OFFERS_READ, OfferListing
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.testing.builders import an_offer
from gpu_shopper.transport.listing import MOST_PAGES, Menu, Page, list_whole

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Row(msgspec.Struct):
    id: str


def make(row: Row) -> Instance | None:
    if row.id == "senseless":
        message = "no such thing"
        raise ValueError(message)
    if row.id == "not an instance":
        return None
    return Instance(
        id=InstanceId(row.id), provider=ProviderName("x"), label="", status=InstanceStatus.RUNNING
    )


def page(*ids: object, then: str | None = None, total: int | None = None) -> Page:
    rows = [msgspec.Raw(msgspec.json.encode({"id": each})) for each in ids]
    return Page(rows=rows, next_cursor=then, total=total)


def listed(pages: Sequence[Page | Exception]) -> Listing:
    left = list(pages)

    async def fetch(cursor: str | None) -> Page:
        del cursor
        given = left.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    return asyncio.run(list_whole(fetch, kind=Row, make=make, began_at=BEGAN))


def test_all_pages_make_one_listing() -> None:
    listing = listed([page("a", "b", then="2", total=3), page("c", total=3)])

    assert [one.id for one in listing.instances] == ["a", "b", "c"]
    assert (listing.complete, listing.trouble, listing.began_at) == (True, "", BEGAN)


def test_what_is_passed_over_on_purpose_counts_as_seen() -> None:
    assert listed([page("a", "not an instance", total=2)]).complete


@pytest.mark.parametrize(
    "pages",
    [
        [page("a", then="2"), Unavailable("later")],
        [page("a", 7)],
        [page("a", "senseless")],
        [page("a", total=2)],
        [page("a", "a", total=2)],
        [page("a", then="2", total=3), page("b", total=3)],
    ],
    ids=[
        "a later page fails",
        "a bad row",
        "a row without sense",
        "too few",
        "one twice",
        "too few on pages",
    ],
)
def test_a_hint_at_a_missing_part_leaves_it_incomplete(pages: list[Page | Exception]) -> None:
    listing = listed(pages)

    assert not listing.complete
    assert listing.trouble
    assert listing.instances[0].id == "a"


def test_a_first_page_that_fails_is_no_listing() -> None:
    with pytest.raises(Unavailable):
        listed([Unavailable("at once")])


def test_a_cursor_that_leads_round_in_circles_comes_to_an_end() -> None:
    listing = listed([page("a", then="again")] * MOST_PAGES)

    assert not listing.complete


class Sink:
    """Knows the rows that it was told of."""

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.taken: list[str] = []
        self.unknown: Sequence[int] = ()

    def ask(self, prints: Sequence[int]) -> "Sink":
        self.unknown = [number for number, one in enumerate(prints) if one not in self.known]
        self.known.update(prints)
        return self

    def take(self, offers: Sequence[Offer], rows: Sequence[int]) -> None:
        self.taken += [
            f"{offer.provider_id} of {row}" for offer, row in zip(offers, rows, strict=True)
        ]


def some_offers(row: Row) -> tuple[Offer, ...]:
    if row.id == "senseless":
        message = "no such thing"
        raise ValueError(message)
    return tuple(an_offer(name) for name in row.id.split("+"))


def read_menu(*rows: bytes, alike: str = "", sink: Sink | None = None) -> OfferListing:
    async def reading() -> OfferListing:
        OFFERS_READ.set(sink)
        menu = Menu(RealClock())
        await menu.take([msgspec.Raw(row) for row in rows], Row, some_offers, alike=alike)
        return menu.listing()

    return asyncio.run(reading())


A, TWO, BAD, SENSELESS = b'{"id":"a"}', b'{"id":"b+c"}', b'{"id":1}', b'{"id":"senseless"}'


def test_a_menu_hands_over_what_it_reads_and_reads_no_row_again() -> None:
    sink = Sink()

    first = read_menu(A, BAD, TWO, alike="x", sink=sink)
    again = read_menu(TWO, A, b'{"id":"d"}', SENSELESS, alike="x", sink=sink)

    assert ((), 1, (), 1) == (first.offers, first.rejected, again.offers, again.rejected)
    assert ["a of 0", "b of 2", "c of 2", "d of 2"] == sink.taken


def test_the_same_row_under_another_name_is_another() -> None:
    sink = Sink()

    read_menu(A, alike="x", sink=sink)
    read_menu(A, alike="y", sink=sink)

    assert ["a of 0", "a of 0"] == sink.taken


@pytest.mark.parametrize("alike", ["", "x"])
def test_a_menu_holds_its_offers_where_there_is_more_to_them_or_nobody_takes_them(
    alike: str,
) -> None:
    sink = None if alike else Sink()

    listing = read_menu(A, BAD, TWO, SENSELESS, alike=alike, sink=sink)

    assert ["a", "b", "c"] == [offer.provider_id for offer in listing.offers]
    assert 2 == listing.rejected
    assert sink is None or not sink.taken
