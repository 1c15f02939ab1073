"""A listing as it is read: rows that the cloud told before, word for word, are taken over; the others are gathered."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.offer import Offer
from gpu_shopper.market.columns import Hashes, columns_of, merged
from gpu_shopper.market.gathering import PIECE, Gathering
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import RowStore
from gpu_shopper.market.shelf import Shelf
from gpu_shopper.market.stock import Stock
from gpu_shopper.market.stocking import shelving, shelving_alone

# So few offers are put on their shelf when somebody first asks about them: mostly nobody does before the next listing.
FEW: Final = 250
# So many rows that were taken over are put between new ones before others are let in: about a millisecond's work.
_MERGED: Final = 1_000
_NEVER: Final = -1

_Add = Callable[[Sequence[Offer], Hashes, Hashes], None]


class Shelving:
    """What was read so far of a cloud's listing, of which `before` has the last one. An offer itself is not kept.

    A print stands for all that an offer follows from. It is a hash of 64 bits: that two of twenty thousand are the same by
    chance happens once in a hundred billion listings.
    """

    def __init__(self, provider: ProviderName, before: Shelf | None = None) -> None:
        self._provider = provider
        self._before = before
        self._new = Gathering(provider)
        # What little there is may wait until somebody asks about it.
        self._few: list[Offer] = []
        self._few_said: list[tuple[Hashes, NDArray[np.int64]]] = []
        # How many rows were asked about.
        self._said = 0
        # When each row of before was said again, if it was.
        self._said_again = np.full(0 if before is None else len(before), _NEVER, dtype=np.int64)
        prints = np.empty(0, dtype=np.int64) if before is None else before.prints
        self._rows = np.argsort(prints)
        self._prints = prints[self._rows]

    def __len__(self) -> int:
        return int((self._said_again != _NEVER).sum()) + self.read

    @property
    def read(self) -> int:
        """How many offers were read, and not taken over."""
        return len(self._few) + len(self._new)

    def ask(self, prints: Sequence[int]) -> "Asked":
        """Take over those of some rows that are as they were, and say which have to be read."""
        own = np.array(prints, dtype=np.int64)
        said = np.arange(self._said, self._said + len(own))
        self._said += len(own)
        unknown: Sequence[int] = range(len(own))
        if len(self._prints):
            at = np.minimum(self._prints.searchsorted(own), len(self._prints) - 1)
            known = (self._prints[at] == own) & (own != 0)
            self._said_again[self._rows[at[known]]] = said[known]
            unknown = np.flatnonzero(~known).tolist()
        return Asked(self._add, unknown, own, said)

    def taking(self, offers: Sequence[Offer]) -> Pieces[None]:
        """Take in, behind all others, offers that were not handed over row by row; in pieces."""
        for start in range(0, len(offers), PIECE):
            some = offers[start : start + PIECE]
            self._add(some, np.zeros(len(some), np.int64), np.full(len(some), self._said))
            yield

    def _add(self, offers: Sequence[Offer], prints: Hashes, said: NDArray[np.int64]) -> None:
        assert all(offer.provider == self._provider for offer in offers), self._provider
        if not len(self._new) and len(self._few) + len(offers) <= FEW:
            self._few += offers
            self._few_said.append((prints, said))
            return
        self._gather_few()
        self._new.add(offers, prints, said)

    def _gather_few(self) -> None:
        if self._few:
            prints, said = zip(*self._few_said, strict=True)
            self._new.add(self._few, np.concatenate(prints), np.concatenate(said))
            self._few, self._few_said = [], []

    def stock(self, known: Stock) -> Pieces[Stock]:
        """Return all that was listed, in pieces; `known`, where that is the same still. Then nothing of it is held any more."""
        if not len(self._new) and (self._said_again == _NEVER).all():
            return Stock(self._provider, self._few)
        self._gather_few()
        shelf = yield from self._shelf()
        self._before = None
        yield
        yield from self._new.letting_go()
        return known if known.made is shelf else Stock(self._provider, shelf=shelf)

    def _shelf(self) -> Pieces[Shelf]:
        """Return that of before, where nothing is new and nothing missing."""
        before, again = self._before, self._said_again != _NEVER
        if before is None or not again.any():
            return (yield from shelving_alone(self._provider, self._new))
        if not len(self._new):
            if again.all():
                return before
            old = yield from columns_of(before)
            kept = yield from merged([old], np.flatnonzero(again))
            return (yield from shelving(self._provider, kept))
        return (yield from self._both(before, again))

    def _both(self, before: Shelf, again: NDArray[np.bool_]) -> Pieces[Shelf]:
        """Put together what was taken over and what is new."""
        ids = yield from self._new.ids()
        new, old = (yield from self._new.columns()), (yield from columns_of(before))
        yield
        rows = self._new.rows(ids)
        said = self._new.column("said")[rows]
        yield
        order: list[NDArray[np.int64]] = []
        kept = np.flatnonzero(again)
        for one, other in _stretches(before.rows, kept, ids):
            some = kept[one]
            numbers = np.concatenate([some, rows[other] + len(again)])
            times = np.concatenate([self._said_again[some], said[other]])
            names = [*map(before.rows.id_at, some.tolist()), *ids[other]]
            order.append(numbers[_in_order(names, times)])
            yield
        both = yield from merged([old, new], np.concatenate(order))
        return (yield from shelving(self._provider, both))


class Asked:
    """Some rows that were asked about: `unknown` are the numbers of those that have to be read."""

    def __init__(self, add: _Add, unknown: Sequence[int], prints: Hashes, said: Hashes) -> None:
        self.unknown = unknown
        self._add = add
        self._prints = prints
        self._said = said

    def take(self, offers: Sequence[Offer], rows: Sequence[int]) -> None:
        """Take in the offers of those, each with the number of its row."""
        if not offers:
            return
        of = np.array(rows, dtype=np.int64)
        # A print stands for one offer: what comes of a row with several is read each time.
        alone = np.bincount(of)[of] == 1
        self._add(offers, np.where(alone, self._prints[of], 0), self._said[of])


def _stretches(
    rows: RowStore, kept: NDArray[np.int64], ids: Sequence[str]
) -> Iterator[tuple[slice, slice]]:
    """Yield parts of both, of which each has names that stand before all of the next part's; none of them is long."""

    def name(number: int) -> str:
        return rows.id_at(int(kept[number]))

    first, begin = 0, 0
    while first < len(kept) or begin < len(ids):
        edges = []
        if first + _MERGED < len(kept):
            edges.append(name(first + _MERGED))
        if begin + _MERGED < len(ids):
            edges.append(ids[begin + _MERGED])
        last, end = len(kept), len(ids)
        if edges:
            last = bisect_left(range(len(kept)), min(edges), first, key=name)
            end = bisect_left(ids, min(edges), begin)
        yield slice(first, last), slice(begin, end)
        first, begin = last, end


def _in_order(names: Sequence[str], said: NDArray[np.int64]) -> list[int]:
    """Return the numbers of names in their order; of two that are the same, that of the one that was said last."""
    order = sorted(range(len(names)), key=names.__getitem__)
    if len(set(names)) == len(names):
        return order
    last: dict[str, int] = {}
    for number in order:
        other = last.get(names[number])
        if other is None or said[number] > said[other]:
            last[names[number]] = number
    return list(last.values())
