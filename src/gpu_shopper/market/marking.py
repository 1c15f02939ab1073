"""What is odd about prices, row by row: exactly what `domain.odd_prices` finds when it looks at all offers.

Prices are held against the median of their GPU over all clouds. How they are spread is counted on each shelf, and says
between which two prices a median lies: mostly that is enough. It is looked for itself only where a price is a hundredth of
something between the two, or a hundred times as much.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.odd_prices import LEAST_SAMPLES, TIMES_OFF, Mark
from gpu_shopper.market.bitmaps import Words, packed
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import Codes
from gpu_shopper.market.shelf import Shelf
from gpu_shopper.market.spread import BINS, begin_of, bins_of

# So many shelves are looked at before others are let in.
_PIECE: Final = 16

Prices = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Spread:
    """For each GPU over all shelves: how many prices are below the end of each range, and between which two the median is."""

    below: Prices
    least: Prices
    most: Prices

    def some(self, gpus: NDArray[np.int64], first: Prices, last: Prices) -> NDArray[np.bool_]:
        """Return for which GPUs there may be a price from `first` to `last`."""
        # A range more on each side: what was reckoned was rounded.
        begin, end = bins_of(first) - 1, np.minimum(bins_of(last) + 1, BINS - 1)
        before = np.where(begin > 0, self.below[gpus, np.maximum(begin, 1) - 1], 0.0)
        return np.asarray(self.below[gpus, end] > before)


def marking(
    shelves: Sequence[Shelf], gpus: Sequence[Codes], count: int
) -> Pieces[list[Mapping[Mark, Words]]]:
    """Return the bitmaps of each shelf's marks. `gpus` says which of all `count` GPUs each shelf's own are."""
    usual = np.full(count, np.nan)
    suspicious = _suspicious(shelves, gpus, count)
    if len(suspicious):
        yield
        spread = yield from _spread(shelves, gpus, count)
        usual = yield from _finding(shelves, gpus, spread, suspicious)
    marks = []
    for number, (shelf, codes) in enumerate(zip(shelves, gpus, strict=True)):
        marks.append(_marks(shelf, usual[codes]))
        if len(suspicious) and number % _PIECE == _PIECE - 1:
            yield
    return marks


def _suspicious(shelves: Sequence[Shelf], gpus: Sequence[Codes], count: int) -> NDArray[np.int64]:
    """Return the GPUs of which one price is a hundred times another: elsewhere none is that far from what lies between."""
    lowest, highest = np.full(count, np.inf), np.zeros(count)
    for shelf, codes in zip(shelves, gpus, strict=True):
        lowest[codes] = np.minimum(lowest[codes], shelf.lowest)
        highest[codes] = np.maximum(highest[codes], shelf.highest)
    return np.flatnonzero(highest > lowest * TIMES_OFF)


def _spread(shelves: Sequence[Shelf], gpus: Sequence[Codes], count: int) -> Pieces[_Spread]:
    counts = np.zeros(count * BINS)
    for number, (shelf, codes) in enumerate(zip(shelves, gpus, strict=True)):
        keys = shelf.spread.keys
        counts[codes[keys // BINS] * BINS + keys % BINS] += shelf.spread.counts
        if number % _PIECE == _PIECE - 1:
            yield
    below = np.add.accumulate(counts.reshape(count, BINS), axis=1)
    total = below[:, -1:]
    # Of an even number, the median is between the two in the middle.
    first = (below <= (total - 1) // 2).sum(axis=1)
    last = (below <= total // 2).sum(axis=1)
    # Of few, nothing is usual.
    enough = total[:, 0] >= LEAST_SAMPLES
    return _Spread(
        below,
        least=np.where(enough, begin_of(first), np.nan),
        most=np.where(enough, begin_of(last + 1), np.nan),
    )


def _finding(
    shelves: Sequence[Shelf],
    gpus: Sequence[Codes],
    spread: _Spread,
    suspicious: NDArray[np.int64],
) -> Pieces[Prices]:
    """Return what is usual for each GPU, or anything that tells the same rows apart; NaN where nothing is far from it."""
    usual = np.full(len(spread.least), np.nan)
    some = suspicious[~np.isnan(spread.least[suspicious])]
    least, most = spread.least[some], spread.most[some]
    undecided = spread.some(some, least / TIMES_OFF, most / TIMES_OFF)
    undecided |= spread.some(some, least * TIMES_OFF, most * TIMES_OFF)
    usual[some] = least
    for gpu in some[undecided].tolist():
        usual[gpu] = yield from _median(shelves, gpus, spread, gpu)
    return usual


def _median(
    shelves: Sequence[Shelf], gpus: Sequence[Codes], spread: _Spread, gpu: int
) -> Pieces[float]:
    """Return the median of a GPU's prices: only those between which it lies are sorted."""
    least, most = spread.least[gpu], spread.most[gpu]
    near: list[Prices] = []
    for number, prices in enumerate(_priced(shelves, gpus, gpu)):
        near.append(prices[(prices >= least) & (prices < most)])
        if number % _PIECE == _PIECE - 1:
            yield
    between = np.concatenate(near)
    yield
    below, total = spread.below[gpu], int(spread.below[gpu, -1])
    before = int(below[bins_of(np.array([least]))[0] - 1]) if least > 0 else 0
    middle = [(total - 1) // 2 - before, total // 2 - before]
    return float(np.partition(between, middle)[middle].mean())


def _priced(shelves: Sequence[Shelf], gpus: Sequence[Codes], gpu: int) -> Iterator[Prices]:
    """Yield what each shelf asks for one whole GPU of a model; what has no price counts for nothing."""
    for shelf, codes in zip(shelves, gpus, strict=True):
        own = int(np.searchsorted(codes, gpu))
        if own < len(codes) and codes[own] == gpu:
            prices: NDArray[Any] = shelf.numbers["price_per_gpu"][shelf.layout.rows_of_gpu(own)]
            # NaN, where there is no row, is not above anything.
            yield prices[prices > 0]


def _marks(shelf: Shelf, usual: Prices) -> Mapping[Mark, Words]:
    """Return the marks of one shelf's rows; `usual` is the median of each of its GPUs, NaN where nothing is far from it."""
    found = dict(shelf.marks)
    far = (shelf.lowest * TIMES_OFF < usual) | (shelf.highest > usual * TIMES_OFF)
    if not far.any():
        return found
    each = shelf.numbers["price_per_gpu"]
    below, above = np.zeros((2, len(each)), dtype=bool)
    for gpu in np.flatnonzero(far).tolist():
        rows, typical = shelf.layout.rows_of_gpu(gpu), usual[gpu]
        below[rows] = (each[rows] > 0) & (each[rows] * TIMES_OFF < typical)
        above[rows] = (each[rows] > 0) & (each[rows] > typical * TIMES_OFF)
    found[Mark.FAR_BELOW] = packed(below)
    found[Mark.FAR_ABOVE] = packed(above)
    return found
