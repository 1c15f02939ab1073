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
        masks = {name: self._of(asked) for name, asked in own.items() if asked}
        every = reduce(np.bitwise_and, masks.values(), base)
        but = {}
        for name in FACETS:
            rest = [mask for other, mask in masks.items() if other != name]
            but[name] = reduce(np.bitwise_and, rest, base) if name in masks else every
        return every, but

    def _of(self, asked: Sequence[Condition]) -> Words:
        return self._masks.of(asked[0] if len(asked) == 1 else All(tuple(asked)))

    def counts(self, name: str, words: Words) -> Counts:
        """Return how many rows of the bitmap there are of each value of a facet, those with most first."""
        numbers, values = self._numbers(name, words), self._values(name)
        (codes,) = numbers.nonzero()
        # Values stand in their order: those with as many keep it.
        codes = codes[np.argsort(-numbers[codes], kind="stable")]
        named = [values[code] for code in codes.tolist()]
        return dict(zip(named, numbers[codes].tolist(), strict=True))

    def _values(self, name: str) -> Sequence[str]:
        index = self._index
        if name == "provider":
            return index.providers
        return index.gpus if name == "gpu" else index.text(name).values

    def _numbers(self, name: str, words: Words) -> NDArray[np.int64]:
        index = self._index
        if name in ("gpu", "provider"):
            runs = index.runs
            sums = np.add.reduceat(np.bitwise_count(words), runs.firsts, dtype=np.uint32)
            codes = runs.gpus if name == "gpu" else runs.clouds
            return np.bincount(codes, weights=sums).astype(np.int64)
        text = index.text(name)
        if count(words) * _DENSE > len(index):
            planes = (self._masks.plane(name, value) for value in text.values)
            return np.array([count(plane & words) for plane in planes], dtype=np.int64)
        return np.bincount(text.codes[rows_of(words)], minlength=len(text.values))
