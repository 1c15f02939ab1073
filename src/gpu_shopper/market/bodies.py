"""Rows as they go out: as they were encoded, with what changes while their clouds say nothing new."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from gpu_shopper.market.bitmaps import bits_at
from gpu_shopper.market.index import Index
from gpu_shopper.market.outlook import Outlook
from gpu_shopper.market.rows import ending

# So many rows that were on a page of no more than so many are kept: the cheapest of a GPU are on many a page.
_MOST_KEPT: Final = 2_048
_USUAL_PAGE: Final = 100


class Bodies:
    """The rows of one market, of which the clouds' parts were `fetched` at these times, as JSON, in the index's order."""

    def __init__(self, index: Index, outlook: Outlook, fetched: Sequence[bytes]) -> None:
        self._index = index
        self._outlook = outlook
        self._fetched = fetched
        self._of_cloud = [shelf.rows.with_ending for shelf in index.shelves]
        self._before = np.array(index.rows_before)
        # What closes a row, by its cloud and its confidence: both are few.
        self._endings: dict[tuple[int, float], bytes] = {}
        self._kept: dict[int, bytes] = {}

    def at(self, positions: Sequence[int]) -> tuple[bytes, ...]:
        """Return the rows at `positions`."""
        if len(positions) > _USUAL_PAGE:
            return self._put_together(positions)
        kept = self._kept
        missing = [at for at in positions if at not in kept]
        if not missing:
            return tuple(map(kept.__getitem__, positions))
        new = dict(zip(missing, self._put_together(missing), strict=True))
        # What is kept stays: what is on many a page is seen early, and a market is soon followed by another.
        if len(kept) < _MOST_KEPT:
            kept.update(new)
        return tuple([kept.get(at) or new[at] for at in positions])

    def _put_together(self, positions: Sequence[int]) -> tuple[bytes, ...]:
        index, endings, at = self._index, self._endings, np.asarray(positions)
        clouds = index.clouds_of(at)
        numbers = index.source[at] - self._before[clouds]
        whose = list(zip(clouds.tolist(), self._outlook.at(at).tolist(), strict=True))
        for one in set(whose).difference(endings):
            endings[one] = self._ending(one, ())
        ends = [endings[one] for one in whose]
        if index.marks:
            for place in bits_at(index.odd, at).nonzero()[0].tolist():
                ends[place] = self._ending(whose[place], index.marks_at(positions[place]))
        rows = zip(whose, numbers.tolist(), ends, strict=True)
        return tuple([self._of_cloud[cloud](number, end) for (cloud, _), number, end in rows])

    def _ending(self, whose: tuple[int, float], marks: tuple[str, ...]) -> bytes:
        cloud, confidence = whose
        return ending(marks=marks, confidence=confidence, fetched_at=self._fetched[cloud])
