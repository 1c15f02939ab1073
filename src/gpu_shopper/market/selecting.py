"""The first rows of those that match, in an order, and how many match of each kind."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.offer_fields import CHEAPEST_FIRST, OF_NEED, Direction, Order
from gpu_shopper.market.bitmaps import Words, bits_at, count, in_pieces, rows_of
from gpu_shopper.market.masks import Masks
from gpu_shopper.market.pieces import PIECE_ROWS, Pieces, at_once
from gpu_shopper.market.rows import id_of

_FEW: Final = 64

# Returns a field of some rows.
Column = Callable[[str, NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in an order, by which the next page begins even when the row itself has gone.

    `group` is 0 for what has all the values that are sorted by, 1 where one is unknown, 2 for what is odd; `values` are
    such that the lowest comes first.
    """

    group: int
    values: tuple[float, ...]
    offer_id: str


class Selection:
    """The rows of one bitmap, in an order; `costs` has the fields that follow from a need, where one is told."""

    def __init__(
        self,
        masks: Masks,
        words: Words,
        orders: Sequence[Order],
        costs: Column | None = None,
        *,
        piece: int = PIECE_ROWS,
    ) -> None:
        self._index = masks.index
        self._masks = masks
        self._words = words
        self.total = count(words)
        self._orders = tuple(orders) or (CHEAPEST_FIRST,)
        self._costs = costs
        self._piece = piece
        self._columns: dict[str, NDArray[Any]] = {}

    def first(self, most: int, *, skip: int = 0, after: Place | None = None) -> Sequence[int]:
        """Return the positions of the first rows behind `after` and `skip` others."""
        return at_once(self.finding(most, skip=skip, after=after))

    def finding(
        self, most: int, *, skip: int = 0, after: Place | None = None
    ) -> Pieces[Sequence[int]]:
        """Return the same, in pieces where many rows have to be looked at."""
        if not most or not self.total:
            return ()
        if self._orders == (CHEAPEST_FIRST,):
            return self._cheapest(most, skip, after)
        wanted = skip + most
        best = np.empty(0, dtype=np.int64)
        # What is wanted is sorted with each piece: small ones would not pay.
        for number, rows in enumerate(in_pieces(rows_of(self._words), max(self._piece, wanted))):
            if number:
                yield
            best = self._best(np.concatenate([best, rows]), wanted, after)
        return _listed(best[skip:])

    def place(self, position: int) -> Place:
        """Return where the row at `position` stands in this order."""
        rows = np.array([position])
        groups, keys = self._keys(rows)
        _, row = self._index.row(position)
        values = tuple(float(key[0]) for key in keys)
        return Place(group=int(groups[0]), values=values, offer_id=id_of(row))

    def _cheapest(self, most: int, skip: int, after: Place | None) -> Sequence[int]:
        order = self._index.price_order
        begin = 0 if after is None else bisect_right(order, _sort_key(after), key=self._price_key)
        wanted = skip + most
        # So many rows of all must be looked at until enough of them are among those that match.
        likely = int(1.2 * wanted * len(order) / self.total) + _FEW
        if likely > len(order) // 4:
            return self._by_rank(begin, wanted)[skip:]
        found: list[int] = []
        while len(found) < wanted and begin < len(order):
            piece = order[begin : begin + likely]
            found += piece[bits_at(self._words, piece)].tolist()
            begin += likely
        return found[skip:wanted]

    def _by_rank(self, begin: int, wanted: int) -> list[int]:
        """Where few match: all of them, by the place that each has among all."""
        ranks = self._index.price_rank[rows_of(self._words)]
        if begin:
            ranks = ranks[ranks >= begin]
        if wanted < len(ranks):
            ranks = np.partition(ranks, wanted - 1)[:wanted]
        ranks.sort()
        return _listed(self._index.price_order[ranks])

    def _price_key(self, position: int) -> tuple[int, tuple[float, ...], str]:
        return _sort_key(self.place(int(position)))

    def _best(self, rows: NDArray[np.int64], wanted: int, after: Place | None) -> NDArray[np.int64]:
        """Return the first of these rows behind `after`, in order."""
        groups, keys = self._keys(rows)
        if after is not None:
            behind = self._behind(after, rows, groups, keys)
            rows, groups, keys = rows[behind], groups[behind], [key[behind] for key in keys]
        if wanted < len(rows):
            # What is not known or odd comes behind all that is infinite.
            leading = np.where(groups > 0, np.inf, keys[0])
            enough = np.partition(leading, wanted - 1)[wanted - 1]
            near = leading <= enough
            rows, groups, keys = rows[near], groups[near], [key[near] for key in keys]
        ties = self._index.layout.source[rows]
        columns: list[NDArray[Any]] = [ties, *reversed(keys), groups]
        return rows[np.lexsort(columns)[:wanted]]

    def _keys(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int8], list[NDArray[np.float64]]]:
        """Return each row's group and its values, turned so that the lowest comes first."""
        keys = []
        groups = np.zeros(len(rows), dtype=np.int8)
        for order in self._orders:
            key = self._key(order.field, rows)
            groups[np.isnan(key)] = 1
            keys.append(key if order.direction is Direction.LOWEST else -key)
        groups[bits_at(self._index.flags["odd"], rows)] = 2
        # Within the unknown, only their ids tell them apart.
        return groups, [
            np.where(groups == 1, 0.0, np.where(np.isnan(key), 0.0, key)) for key in keys
        ]

    def _key(self, field: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._costs is not None and field in OF_NEED:
            return self._costs(field, rows)
        # What follows from other columns is made once, not for each piece.
        if field not in self._columns:
            self._columns[field] = self._masks.numbers(field)
        return self._columns[field][rows].astype(np.float64)

    def _behind(
        self,
        after: Place,
        rows: NDArray[np.int64],
        groups: NDArray[np.int8],
        keys: Sequence[NDArray[np.float64]],
    ) -> NDArray[np.bool_]:
        behind = groups > after.group
        level = groups == after.group
        for key, value in zip(keys, after.values, strict=True):
            behind |= level & (key > value)
            level &= key == value
        ids = self._index.layout.source[rows]
        return np.asarray(behind | (level & (ids >= self._index.ids_up_to(after.offer_id))))


def _listed(positions: NDArray[Any]) -> list[int]:
    return [int(position) for position in positions]


def _sort_key(place: Place) -> tuple[int, tuple[float, ...], str]:
    return place.group, place.values, place.offer_id
