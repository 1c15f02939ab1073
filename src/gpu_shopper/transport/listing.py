"""Reading a list to its end: what an account holds, page by page, and whether that was all of it.

Absence counts as proof only from a listing that nothing hints at being incomplete. A later page that fails, a row that
cannot be read, and a total that is not the number of rows all leave the listing incomplete, with the reason.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

import msgspec

from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.provider import OFFERS_READ, OfferListing, OfferSink
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.transport.decoding import decode_each, decode_rows

T = TypeVar("T")

# A cursor that leads round in circles must end somewhere.
MOST_PAGES = 1000
# So many rows are read before others are let in: about a millisecond's work.
PIECE = 100
# Whether rows are known is asked of so many at once; those that are not are read a few at a time.
ASKED = 250
FEW = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: rows as they came, where the next page begins (None: this was the last), and the cloud's own count of all."""

    rows: Sequence[msgspec.Raw]
    next_cursor: str | None = None
    total: int | None = None


async def list_whole(
    fetch: Callable[[str | None], Awaitable[Page]],
    *,
    kind: type[T],
    make: Callable[[T], Instance | None],
    began_at: datetime,
) -> Listing:
    """Return what all pages hold; `make` may pass over a row by None, and raise ValueError for one that makes no sense.

    Raises:
        Unavailable, RateLimited, Unauthorized: the first page could not be had.
    """
    found: dict[str, Instance] = {}
    passed, trouble, cursor, total = 0, "", None, None
    for number in range(MOST_PAGES):
        try:
            page = await fetch(cursor)
        except Unavailable as error:
            if number == 0:
                raise
            trouble = f"page {number + 1}: {error}"
            break
        skipped, unread = _read(page, kind, make, found)
        passed, trouble = passed + skipped, trouble or unread
        cursor, total = page.next_cursor, page.total
        if cursor is None:
            break
    else:
        trouble = f"no end after {MOST_PAGES} pages"
    if not trouble and total is not None and total != len(found) + passed:
        trouble = f"{len(found) + passed} instances on the pages, {total} by the cloud's own count"
    return Listing(
        instances=tuple(found.values()), began_at=began_at, complete=not trouble, trouble=trouble
    )


def _read(
    page: Page, kind: type[T], make: Callable[[T], Instance | None], found: dict[str, Instance]
) -> tuple[int, str]:
    """Add a page's instances; return how many rows were passed over, and what is wrong with it."""
    rows = decode_rows(page.rows, kind)
    passed = 0
    trouble = f"{rows.rejected} rows cannot be read: {rows.example}" if rows.rejected else ""
    for row in rows.good:
        try:
            instance = make(row)
        except ValueError as error:
            trouble = f"a row makes no sense: {error}"
            continue
        if instance is None:
            passed += 1
        else:
            found[instance.id] = instance
    return passed, trouble


class _Piece(NamedTuple, Generic[T]):
    """Some rows of a menu, what they are read as, and a hash of what else their offers follow from."""

    rows: Sequence[msgspec.Raw]
    kind: type[T]
    alike: int


class Menu:
    """What was read of a menu so far; a row that cannot be read costs that row."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offers: dict[str, Offer] = {}
        self._rejected = 0
        self._example = ""
        self._sink = OFFERS_READ.get()

    async def take(
        self,
        rows: Sequence[msgspec.Raw],
        kind: type[T],
        make: Callable[[T], Sequence[Offer]],
        *,
        alike: str = "",
    ) -> None:
        """Add rows, in pieces that hold nobody up; `make` raises ValueError for a row that makes no sense.

        `alike` names all that an offer follows from but its row and the time: rows that were said before under the same
        name are not read again. It is empty where there is more to it, as with prices that stand somewhere else.
        """
        size = PIECE if self._sink is None or not alike else ASKED
        for start in range(0, len(rows), size):
            # To read a long page as a whole takes as long as a piece of it.
            if start or len(rows) > size:
                await self._clock.sleep(0)
            piece = rows[start : start + size]
            if self._sink is None or not alike:
                self._add(piece, kind, make)
            else:
                await self._hand_over(self._sink, _Piece(piece, kind, hash(alike)), make)

    def reject(self, example: str) -> None:
        """Count a row that could not be read, and say why."""
        self._rejected += 1
        self._example = self._example or example

    def listing(self, *, revision: str = "") -> OfferListing:
        """Return all of it."""
        return OfferListing(
            offers=tuple(self._offers.values()),
            rejected=self._rejected,
            example=self._example,
            revision=revision,
        )

    async def _hand_over(
        self,
        sink: OfferSink,
        piece: "_Piece[T]",
        make: Callable[[T], Sequence[Offer]],
    ) -> None:
        rows, kind, alike = piece
        asked = sink.ask([hash(bytes(row)) ^ alike for row in rows])
        numbers = asked.unknown
        offers: list[Offer] = []
        of: list[int] = []
        for start in range(0, len(numbers), FEW):
            if start:
                await self._clock.sleep(0)
            some = numbers[start : start + FEW]
            for place, made in self._read([rows[number] for number in some], kind, make):
                offers += made
                of += [some[place]] * len(made)
        asked.take(offers, of)

    def _add(
        self, rows: Sequence[msgspec.Raw], kind: type[T], make: Callable[[T], Sequence[Offer]]
    ) -> None:
        for _, made in self._read(rows, kind, make):
            self._offers.update((offer.id, offer) for offer in made)

    def _read(
        self, rows: Sequence[msgspec.Raw], kind: type[T], make: Callable[[T], Sequence[Offer]]
    ) -> Iterator[tuple[int, Sequence[Offer]]]:
        """Yield what each row that can be read offers, with its place; the others are counted."""
        for place, (row, reason) in enumerate(decode_each(rows, kind)):
            if row is None:
                self.reject(reason)
                continue
            try:
                made = make(row)
            except ValueError as error:
                self.reject(str(error))
            else:
                yield place, made
