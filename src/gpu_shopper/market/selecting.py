"""The first rows of those that match, in an order, and how many match of each kind."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.offer_fields import CHEAPEST_FIRST, OF_NEED, Direction, Order
from gpu_shopper.market.bitmaps import Words, bit_at, bits_at, rows_in_pieces, rows_of, without
from gpu_shopper.market.masks import Masks
from gpu_shopper.market.pieces import PIECE_ROWS, Pieces, at_once

# Of more rows than this not all are looked at to find the cheapest.
_MANY: Final = 2_000

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
        self._counts = np.bitwise_count(words)
        self.total = int(self._counts.sum())
        self._orders = tuple(orders) or (CHEAPEST_FIRST,)
        self._costs = costs
        self._piece = piece

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
        for number, rows in enumerate(rows_in_pieces(self._words, max(self._piece, wanted))):
            if number:
                yield
            best = self._best(np.concatenate([best, rows]), wanted, after)
        found: list[int] = best[skip:].tolist()
        return found

    def place(self, position: int) -> Place:
        """Return where the row at `position` stands in this order."""
        if self._orders == (CHEAPEST_FIRST,):
            group = 2 if bit_at(self._index.odd, position) else 0
            price = float(self._index.number("price")[position])
            return Place(group=group, values=(price,), offer_id=self._index.id_at(position))
        groups, keys = self._keys(np.array([position]))
        values = tuple(float(key[0]) for key in keys)
        return Place(group=int(groups[0]), values=values, offer_id=self._index.id_at(position))

    def _cheapest(self, most: int, skip: int, after: Place | None) -> Sequence[int]:
        """What is odd comes behind all others."""
        found: list[int] = []
        wanted = skip + most
        for group, words in self._groups():
            if after is None or group > after.group:
                found += self._lowest(words, wanted - len(found))
            elif group == after.group:
                found += self._lowest(self._dearer(words, after), wanted - len(found))
            if len(found) >= wanted:
                break
        return found[skip:]

    def _groups(self) -> Iterator[tuple[int, Words]]:
        if not self._index.marks:
            yield 0, self._words
            return
        yield 0, self._words & self._index.usual
        yield 2, self._words & self._index.odd

    def _dearer(self, words: Words, after: Place) -> Words:
        """Return those of `words` that come behind a place in the order of prices."""
        (price,) = after.values
        at_most = self._masks.cheaper(words, price, np.less_equal)
        same = rows_of(at_most & ~self._masks.cheaper(words, price, np.less))
        before = self._index.source[same] < self._index.ids_up_to(after.offer_id)
        return words & ~without(at_most, same[~before])

    def _lowest(self, words: Words, wanted: int) -> list[int]:
        """Return the cheapest rows of a bitmap, in their order."""
        index = self._index
        if self.total > _MANY + wanted:
            # The dearest row of each word is known: so many of the words with the lowest have enough rows, and no row that
            # is cheaper than their dearest is anywhere but in words that begin below it.
            counts = self._counts if words is self._words else np.bitwise_count(words)
            counts = counts[index.cheapest_words]
            enough = np.add.accumulate(counts, dtype=np.uint32).searchsorted(wanted)
            if enough < len(counts):
                words = words * (
                    index.first_price <= index.last_price[index.cheapest_words[enough]]
                )
        rows = rows_of(words)
        prices = index.number("price")[rows]
        if wanted < len(rows):
            near = prices <= np.partition(prices, wanted - 1)[wanted - 1]
            rows, prices = rows[near], prices[near]
        found: list[int] = rows[np.lexsort((index.source[rows], prices))[:wanted]].tolist()
        return found

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
        ties = self._index.source[rows]
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
        groups[bits_at(self._index.odd, rows)] = 2
        # Within the unknown, only their ids tell them apart.
        return groups, [
            np.where(groups == 1, 0.0, np.where(np.isnan(key), 0.0, key)) for key in keys
        ]

    def _key(self, field: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._costs is not None and field in OF_NEED:
            return self._costs(field, rows)
        return self._masks.numbers_at(field, rows).astype(np.float64)

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
        ids = self._index.source[rows]
        return np.asarray(behind | (level & (ids >= self._index.ids_up_to(after.offer_id))))
