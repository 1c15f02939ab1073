"""The odds of every row at once, exactly as `domain.odds` has them for one offer, and which rows have gone.

What is remembered is little, and the rows are many: each thing that is remembered is looked up where its rows stand, so
that the work grows with what is remembered. Made in pieces and swapped like the market itself, never in a request's time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.odds import STEPS
from gpu_shopper.domain.offer_health import Key, Mark, OfferHealth, Scope
from gpu_shopper.market.bitmaps import WORD, Words, packed
from gpu_shopper.market.index import Index
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.shelf import Numbers

Factors = NDArray[np.float64]
Rows = NDArray[np.int32]
Marks = Mapping[Key, Mark]

_PIECE: Final = 1 << 17
_FOUND_AT_A_TIME: Final = 16
# The first of them that an offer has names its place: see `domain.offer_health.place_of`.
_PLACES: Final = ("region", "city", "location")


class Outlook:
    """How likely each row is to work, in steps of a ten-thousandth."""

    def __init__(self, index: Index, steps: NDArray[np.uint16]) -> None:
        self._index = index
        self._steps = steps

    def at(self, positions: NDArray[np.int64] | slice) -> Numbers:
        """Return the confidence of the rows at `positions`."""
        return np.asarray(self._steps[positions] / STEPS)

    @property
    def column(self) -> Numbers:
        """The confidence of every position, NaN where there is no row."""
        return np.where(self._index.layout.source >= 0, self._steps / STEPS, np.nan)


def reckoning(index: Index, health: OfferHealth) -> Pieces[Outlook]:
    """Reckon the odds of all rows in pieces. The factors are multiplied in the order of the plain function's parts."""
    odds = yield from _said_by_clouds(index)
    marks = _by_cloud(health.marks)
    for name, rows in _clouds(index):
        _dim(odds, rows, health.freshness.get(name, 1.0))
        yield
        yield from _dim_cloud(odds, index, rows, {s: marks[s, name] for s in Scope})
    steps = np.empty(len(odds), dtype=np.uint16)
    for piece in _slices(len(odds)):
        steps[piece] = np.floor(odds[piece] * STEPS + 0.5)
        yield
    return Outlook(index, steps)


def _dim_cloud(
    odds: Factors, index: Index, rows: Rows, marks: Mapping[Scope, Marks]
) -> Pieces[None]:
    for number, (key, mark) in enumerate(marks[Scope.OFFER].items()):
        if (position := index.find(key.name)) is not None:
            odds[position] *= mark.confidence
        if number % _FOUND_AT_A_TIME == 0:
            yield
    for on_machine, mark in _on_machines(index, marks[Scope.MACHINE]):
        odds[on_machine] *= mark.confidence
    yield
    if places := marks[Scope.LOCATION]:
        odds[rows] *= _of_places(index, rows, places)
        yield
    for key, mark in marks[Scope.GPU].items():
        _dim_gpu(odds, index, key, mark.confidence)
        yield
    for mark in marks[Scope.PROVIDER].values():
        _dim(odds, rows, mark.confidence)
        yield


def gone(index: Index, taken: Iterable[OfferId], failed: Marks) -> Words | None:
    """Return the rows that are not to be had any more: `taken` by id, `failed` by what they stand on; None for none."""
    names: list[str] = [*taken, *(key.name for key in failed if key.scope is Scope.OFFER)]
    lost = [position for name in names if (position := index.find(name)) is not None]
    machines = {key: mark for key, mark in failed.items() if key.scope is Scope.MACHINE}
    for rows, _ in _on_machines(index, machines):
        lost += rows.tolist()
    if not lost:
        return None
    bits = np.zeros(index.layout.size, dtype=bool)
    bits[lost] = True
    return packed(bits)


def _said_by_clouds(index: Index) -> Pieces[Factors]:
    """Return what the clouds say themselves: how sure they are of an offer, times how reliable it is; 0 for no row."""
    odds = np.zeros(index.layout.size, dtype=np.float64)
    listed, reliability = index.numbers["confidence"], index.numbers["reliability"]
    for piece in _slices(len(odds)):
        said = _share(listed[piece]) * _share(reliability[piece])
        odds[piece] = np.where(index.layout.source[piece] >= 0, said, 0.0)
        yield
    return odds


def _share(values: Numbers) -> Factors:
    return np.clip(values.astype(np.float64), 0.0, 1.0)


def _slices(size: int) -> list[slice]:
    return [slice(start, start + _PIECE) for start in range(0, size, _PIECE)]


def _by_cloud(marks: Marks) -> Mapping[tuple[Scope, ProviderName], dict[Key, Mark]]:
    of_cloud: defaultdict[tuple[Scope, ProviderName], dict[Key, Mark]] = defaultdict(dict)
    for key, mark in marks.items():
        of_cloud[key.scope, key.provider][key] = mark
    return of_cloud


def _clouds(index: Index) -> list[tuple[ProviderName, Rows]]:
    """Return each cloud and the positions of its rows, in the order of its shelf."""
    return [(shelf.provider, index.rows_of_shelf(n)) for n, shelf in enumerate(index.shelves)]


def _dim(odds: Factors, rows: Rows, factor: float) -> None:
    if factor != 1:
        odds[rows] *= factor


def _on_machines(index: Index, marks: Marks) -> list[tuple[Rows, Mark]]:
    """Return the positions of the rows on each machine: one look at a cloud's rows for all of its machines."""
    found = []
    for number, shelf in enumerate(index.shelves):
        own = {
            hash(key.name): mark for key, mark in marks.items() if key.provider == shelf.provider
        }
        if not own:
            continue
        rows = index.rows_of_shelf(number)
        some = np.flatnonzero(np.isin(shelf.machines, np.array([*own], dtype=np.int64)))
        machines = shelf.machines[some]
        found += [(rows[some[machines == hashed]], mark) for hashed, mark in own.items()]
    return found


def _of_places(index: Index, rows: Rows, marks: Marks) -> Factors:
    """Return the factor of each row's place, by the first of its names that it has."""
    factor = np.ones(len(rows), dtype=np.float64)
    nameless = np.ones(len(rows), dtype=bool)
    of_name = {key.name: mark.confidence for key, mark in marks.items()}
    for field in _PLACES:
        text = index.texts[field]
        codes = text.codes[rows]
        # Where nothing at all is on sale there are no values either.
        table = np.array([of_name.get(value, 1.0) for value in text.values], dtype=np.float64)
        named = np.array([bool(value) for value in text.values], dtype=bool)[codes] & nameless
        factor[named] = table[codes[named]]
        nameless &= ~named
    return factor


def _dim_gpu(odds: Factors, index: Index, key: Key, factor: float) -> None:
    layout, clouds = index.layout, index.texts["provider"]
    if key.name not in layout.gpus or key.provider not in clouds.values:
        return
    number = layout.gpus.index(key.name)
    first = int(layout.first_word[number]) * WORD
    last_word = layout.first_word[number + 1 : number + 2].tolist() or [layout.size // WORD]
    rows = slice(first, int(last_word[0]) * WORD)
    own = clouds.codes[rows] == clouds.values.index(key.provider)
    odds[rows][own] *= factor
