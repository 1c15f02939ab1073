"""Questions about what offers have cost, and whether now is a good time."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate

from gpu_shopper.domain.cost import hour_of
from gpu_shopper.domain.price_history import HOUR, Family, Outlook, PriceRun, outlook
from gpu_shopper.ports.books import Book, Books, PriceFilter
from gpu_shopper.ports.clock import Clock

# What a page can hold of prices that never stand still, so that no one page holds up the others.
MOST_RUNS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyView:
    """What a family has cost, and what that means for today."""

    family: Family
    runs: tuple[PriceRun, ...]
    outlook: Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Families in their order. `more` says whether there are others behind the last one."""

    families: tuple[FamilyView, ...]
    more: bool


class HistoryQueries:
    """Reads prices of the past."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    async def page(self, wanted: PriceFilter) -> HistoryPage:
        """Return the page of families that `wanted` asks for, with what they have cost.

        It ends before `MOST_RUNS` at the latest, but not before its first family.
        """
        now = self._clock.now()
        one_more = replace(wanted, limit=wanted.limit + 1)

        def read(book: Book) -> HistoryPage:
            found = book.prices.history(one_more)
            runs = accumulate(len(one.runs) for one in found)
            few = sum(count <= MOST_RUNS for count in runs)
            taken = found[: min(wanted.limit, max(1, few))]
            views = (
                FamilyView(family=one.family, runs=one.runs, outlook=outlook(one.runs, now=now))
                for one in taken
            )
            return HistoryPage(families=tuple(views), more=len(found) > len(taken))

        return await self._books.read(read)

    def since(self, *, hours: int) -> datetime:
        """Return the first of so many hours, of which this one is the last."""
        return hour_of(self._clock.now()) - (hours - 1) * HOUR
