"""Which rows fulfil what is asked of the cost of somebody's need, and the columns by which they are sorted.

A column over a big market takes longer than others may wait: it is made in pieces, and only for rows that can matter.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.conditions import (
    All,
    Comparator,
    Compare,
    Condition,
    fields_of,
    parts_of,
)
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer_fields import EFFECTIVE, OF_NEED, Order
from gpu_shopper.domain.true_price import Costing
from gpu_shopper.market.bitmaps import Words, count, packed, rows_in_pieces
from gpu_shopper.market.effective import Effective
from gpu_shopper.market.masks import Masks
from gpu_shopper.market.pieces import PIECE_ROWS, Pieces

# Where more than one in so many rows are asked about, the whole column is made, and kept for the next page.
_MANY: Final = 4

_COMPARE: Final = {
    Comparator.EQUAL: np.equal,
    Comparator.LESS: np.less,
    Comparator.AT_MOST: np.less_equal,
    Comparator.MORE: np.greater,
    Comparator.AT_LEAST: np.greater_equal,
}


class Costs:
    """What the rows of one market cost for one need."""

    def __init__(
        self, masks: Masks, effective: Effective, costing: Costing, *, piece: int = PIECE_ROWS
    ) -> None:
        self._masks = masks
        self._effective = effective
        self._costing = costing
        self._piece = piece

    def column(self, field: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a field `OF_NEED` of these rows, as it is kept; NaN where such a row cannot be had so."""
        totals = self._effective.totals(self._costing, rows)
        if field == "expected_cost":
            return totals + self._masks.wasted(rows)
        return self._effective.hourly(self._costing, rows, totals, gpus=field != EFFECTIVE)

    def within(self, words: Words, cap: HourlyRate) -> Pieces[Words]:
        """Return those of `words` whose price is at most `cap`, as caps are held against prices."""
        started = Costs(
            self._masks, self._effective, replace(self._costing, started=True), piece=self._piece
        )
        bits = np.zeros(self._masks.index.size, dtype=bool)
        for number, rows in enumerate(rows_in_pieces(words, self._piece)):
            if number:
                yield
            bits[rows] = started.column(EFFECTIVE, rows) <= cap.micros
        return packed(bits)

    def sorting(self, words: Words, orders: Collection[Order]) -> Pieces[None]:
        """Make ready to sort the rows of `words`."""
        if any(order.field in OF_NEED for order in orders):
            yield from self._readying(words)

    def finding(self, condition: Condition, facets: Collection[str]) -> Pieces[Masks]:
        """Return bitmaps that know which rows fulfil what `condition` asks of costs."""
        asked = {
            part
            for part in parts_of(condition)
            if isinstance(part, Compare) and part.field in OF_NEED
        }
        if not asked:
            return self._masks
        among = self._among(condition, facets)
        yield from self._readying(among)
        found = {part: np.zeros(self._masks.index.size, dtype=bool) for part in asked}
        for number, rows in enumerate(rows_in_pieces(among, self._piece)):
            if number:
                yield
            for part, bits in found.items():
                bits[rows] = _COMPARE[part.comparator](self.column(part.field, rows), part.value)
        return self._masks.knowing({part: packed(bits) for part, bits in found.items()})

    def _among(self, condition: Condition, facets: Collection[str]) -> Words:
        """Return the rows beside which none can match: others need not be looked at."""
        parts = condition.conditions if isinstance(condition, All) else (condition,)
        later = OF_NEED.union(facets)
        return self._masks.of(All(tuple(part for part in parts if not fields_of(part) & later)))

    def _readying(self, words: Words) -> Pieces[None]:
        if count(words) * _MANY >= len(self._masks.index):
            yield from self._effective.keeping(self._costing)
