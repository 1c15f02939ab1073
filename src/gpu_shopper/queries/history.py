"""Questions about what offers have cost, and whether now is a good time."""

from dataclasses import dataclass, replace
from datetime import datetime

from gpu_shopper.domain.cost import hour_of
from gpu_shopper.domain.price_history import HOUR, Family, Outlook, PriceRun, outlook
from gpu_shopper.ports.books import Books, PriceFilter
from gpu_shopper.ports.clock import Clock


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
        """Return the page of families that `wanted` asks for, with what they have cost."""
        now = self._clock.now()
        one_more = replace(wanted, limit=wanted.limit + 1)
        found = await self._books.read(lambda book: book.prices.history(one_more))
        views = (
            FamilyView(family=one.family, runs=one.runs, outlook=outlook(one.runs, now=now))
            for one in found[: wanted.limit]
        )
        return HistoryPage(families=tuple(views), more=len(found) > wanted.limit)

    def since(self, *, hours: int) -> datetime:
        """Return the first of so many hours, of which this one is the last."""
        return hour_of(self._clock.now()) - (hours - 1) * HOUR
