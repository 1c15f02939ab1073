"""The odds of every row at once, exactly as `domain.odds` has them for one offer, and which rows have gone.

What is remembered is little, and the rows are many: each thing that is remembered is looked up where its rows stand, so
that the work grows with what is remembered. Each cloud's rows have odds of their own, which are reckoned anew when the
cloud was heard or something else is known of it. Made in pieces and swapped like the market itself, never in a request's
time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.odds import STEPS
from gpu_shopper.domain.offer_health import Key, Mark, OfferHealth, Scope
from gpu_shopper.market.bitmaps import WORD, Words, packed
from gpu_shopper.market.index import Index
from gpu_shopper.market.layout import Layout, Numbers
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.shelf import Shelf

Factors = NDArray[np.float64]
Rows = NDArray[np.int32]
Marks = Mapping[Key, Mark]

_FOUND_AT_A_TIME: Final = 16
# The first of them that an offer has names its place: see `domain.offer_health.place_of`.
_PLACES: Final = ("region", "city", "location")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one cloud."""

    freshness: float
    marks: Mapping[Scope, Marks]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The odds of one shelf's positions, in steps, and what they follow from."""

    shelf: Shelf
    known: _Known
    steps: NDArray[np.uint16]


class Outlook:
    """How likely each row is to work, in steps of a ten-thousandth."""

    def __init__(self, index: Index, parts: Sequence[_Part]) -> None:
        self._index = index
        self.parts = {part.shelf.provider: part for part in parts}
        self._steps = index.joined(lambda number: parts[number].steps, np.uint16)

    def at(self, positions: NDArray[np.int64] | slice) -> Numbers:
        """Return the confidence of the rows at `positions`."""
        return np.asarray(self._steps[positions] / STEPS)

    def of_shelf(self, number: int) -> Numbers:
        """Return the confidence at every position of a shelf, NaN where there is no row."""
        shelf = self._index.shelves[number]
        steps = self.parts[shelf.provider].steps
        return np.where(shelf.layout.source >= 0, steps / STEPS, np.nan)


def reckoning(index: Index, health: OfferHealth, older: Outlook | None = None) -> Pieces[Outlook]:
    """Reckon the odds of all rows in pieces; of `older` ones, those are kept of which nothing else is known."""
    marks, parts = _by_cloud(health.marks), []
    for shelf in index.shelves:
        name = shelf.provider
        known = _Known(health.freshness.get(name, 1.0), {s: marks[s, name] for s in Scope})
        part = None if older is None else older.parts.get(name)
        if part is None or part.shelf is not shelf or part.known != known:
            part = _Part(shelf, known, (yield from _steps(shelf, known)))
        parts.append(part)
    return Outlook(index, parts)


def _steps(shelf: Shelf, known: _Known) -> Pieces[NDArray[np.uint16]]:
    """The factors are multiplied in the order of the plain function's parts."""
    listed, reliability = shelf.numbers["confidence"], shelf.numbers["reliability"]
    # What the cloud says itself: how sure it is of an offer, times how reliable it is; 0 for no row.
    odds = np.where(shelf.layout.source >= 0, _share(listed) * _share(reliability), 0.0)
    odds *= known.freshness
    if any(known.marks.values()):
        yield
        yield from _dim(odds, shelf, known.marks)
    return np.floor(odds * STEPS + 0.5).astype(np.uint16)


def _dim(odds: Factors, shelf: Shelf, marks: Mapping[Scope, Marks]) -> Pieces[None]:
    for number, (key, mark) in enumerate(marks[Scope.OFFER].items()):
        if (position := shelf.find(key.name)) is not None:
            odds[position] *= mark.confidence
        if number % _FOUND_AT_A_TIME == 0:
            yield
    for on_machine, mark in _on_machines(shelf, marks[Scope.MACHINE]):
        odds[on_machine] *= mark.confidence
    if places := marks[Scope.LOCATION]:
        odds *= _of_places(shelf, places)
    _dim_gpus(odds, shelf.layout, marks[Scope.GPU])
    for mark in marks[Scope.PROVIDER].values():
        odds *= mark.confidence
    yield


def _dim_gpus(odds: Factors, layout: Layout, marks: Marks) -> None:
    for key, mark in marks.items():
        if key.name in layout.gpus:
            odds[layout.rows_of_gpu(layout.gpus.index(key.name))] *= mark.confidence


def gone(index: Index, taken: Iterable[OfferId], failed: Marks) -> Words | None:
    """Return the rows that are not to be had any more: `taken` by id, `failed` by what they stand on; None for none."""
    names: list[str] = [*taken, *(key.name for key in failed if key.scope is Scope.OFFER)]
    lost = [position for name in names if (position := index.find(name)) is not None]
    machines = _by_cloud(failed)
    for number, shelf in enumerate(index.shelves):
        first = index.words_before[number] * WORD
        for rows, _ in _on_machines(shelf, machines[Scope.MACHINE, shelf.provider]):
            lost += (rows + first).tolist()
    if not lost:
        return None
    bits = np.zeros(index.size, dtype=bool)
    bits[lost] = True
    return packed(bits)


def _share(values: Numbers) -> Factors:
    return np.clip(values.astype(np.float64), 0.0, 1.0)


def _by_cloud(marks: Marks) -> Mapping[tuple[Scope, ProviderName], dict[Key, Mark]]:
    of_cloud: defaultdict[tuple[Scope, ProviderName], dict[Key, Mark]] = defaultdict(dict)
    for key, mark in marks.items():
        of_cloud[key.scope, key.provider][key] = mark
    return of_cloud


def _on_machines(shelf: Shelf, marks: Marks) -> list[tuple[Rows, Mark]]:
    """Return the places of the rows on each machine: one look at a cloud's rows for all of its machines."""
    if not marks:
        return []
    own = {hash(key.name): mark for key, mark in marks.items()}
    some = np.flatnonzero(np.isin(shelf.machines, np.array([*own], dtype=np.int64)))
    machines, rows = shelf.machines[some], shelf.layout.position_of[some]
    return [(rows[machines == hashed], mark) for hashed, mark in own.items()]


def _of_places(shelf: Shelf, marks: Marks) -> Factors:
    """Return the factor of each row's place, by the first of its names that it has."""
    factor = np.ones(shelf.layout.words * WORD, dtype=np.float64)
    nameless = shelf.layout.source >= 0
    of_name = {key.name: mark.confidence for key, mark in marks.items()}
    for field in _PLACES:
        text = shelf.texts[field]
        # No row has the code -1, which leads to the last.
        table = np.array([*(of_name.get(value, 1.0) for value in text.values), 1.0])
        named = np.array([*map(bool, text.values), False])[text.codes] & nameless
        factor[named] = table[text.codes[named]]
        nameless &= ~named
    return factor
