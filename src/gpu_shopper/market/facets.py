"""How many of the rows that match there are of each GPU, cloud and country.

Each count leaves out what was asked of that very thing, so that a reader sees what another choice would give.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.conditions import All, Condition, fields_of
from gpu_shopper.market.bitmaps import Words, count, rows_of
from gpu_shopper.market.masks import Masks

Counts = Mapping[str, int]

FACETS: Final = ("gpu", "provider", "country")
# Where more than one in so many rows match, counting bits is quicker than looking at rows.
_DENSE: Final = 8


class Facets:
    """Counts over one index."""

    def __init__(self, masks: Masks) -> None:
        self._index = masks.index
        self._masks = masks

    def split(self, condition: Condition) -> tuple[Words, Mapping[str, Words]]:
        """Return the rows that match all of `condition`, and for each facet those that match all but its own part."""
        parts = condition.conditions if isinstance(condition, All) else (condition,)
        own: dict[str, list[Condition]] = {name: [] for name in FACETS}
        others: list[Condition] = []
        for part in parts:
            fields = fields_of(part)
            name = next(iter(fields)) if len(fields) == 1 else ""
            own.get(name, others).append(part)
        base = self._masks.of(All(tuple(others)))
        masks = {name: self._masks.of(All(tuple(own[name]))) for name in FACETS if own[name]}
        every = reduce(np.bitwise_and, masks.values(), base)
        but = {}
        for name in FACETS:
            rest = [mask for other, mask in masks.items() if other != name]
            but[name] = reduce(np.bitwise_and, rest, base) if name in masks else every
        return every, but

    def counts(self, name: str, words: Words) -> Counts:
        """Return how many rows of the bitmap there are of each value of a facet, those with most first."""
        numbers = self._of_gpus(words) if name == "gpu" else self._of_codes(name, words)
        values = self._values(name)
        found = [(int(numbers[code]), values[code]) for code in np.flatnonzero(numbers).tolist()]
        return {value: number for number, value in sorted(found, key=lambda one: (-one[0], one[1]))}

    def _values(self, name: str) -> Sequence[str]:
        return self._index.texts[name].values

    def _of_gpus(self, words: Words) -> NDArray[np.int64]:
        firsts = self._index.layout.first_word
        if not len(firsts):
            return np.empty(0, np.int64)
        return np.asarray(np.add.reduceat(np.bitwise_count(words), firsts, dtype=np.int64))

    def _of_codes(self, name: str, words: Words) -> NDArray[np.int64]:
        text = self._index.texts[name]
        if count(words) * _DENSE > len(self._index):
            planes = (self._masks.plane(name, code) for code in range(len(text.values)))
            return np.array([count(plane & words) for plane in planes], dtype=np.int64)
        return np.bincount(text.codes[rows_of(words)], minlength=len(text.values))
