"""What is odd about prices, row by row: exactly what `domain.odd_prices` finds when it looks at all offers.

A price is far off only where a GPU's highest is a hundred times its lowest: there alone the median is looked for, for a
median lies between the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.odd_prices import LEAST_SAMPLES, TIMES_OFF, Mark
from gpu_shopper.market.bitmaps import WORD, Words, packed
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import Codes
from gpu_shopper.market.shelf import Shelf

# The medians of so many GPUs are found before others are let in.
_PIECE = 2


def marking(
    shelves: Sequence[Shelf], gpus: Sequence[Codes], count: int
) -> Pieces[list[Mapping[Mark, Words]]]:
    """Return the bitmaps of each shelf's marks. `gpus` says which of all `count` GPUs each shelf's own are."""
    suspicious = _suspicious(shelves, gpus, count)
    usual = np.full(count, np.nan)
    for number, gpu in enumerate(suspicious.tolist()):
        prices = np.concatenate(list(_priced(shelves, gpus, gpu)))
        if len(prices) >= LEAST_SAMPLES:
            usual[gpu] = np.median(prices)
        if number % _PIECE == 0:
            yield
    marks = []
    for shelf, codes in zip(shelves, gpus, strict=True):
        marks.append(_marks(shelf, usual[codes]))
        if len(suspicious):
            yield
    return marks


def _suspicious(shelves: Sequence[Shelf], gpus: Sequence[Codes], count: int) -> NDArray[np.int64]:
    """Return the GPUs of which one price may be far from the median."""
    lowest, highest = np.full(count, np.inf), np.zeros(count)
    for shelf, codes in zip(shelves, gpus, strict=True):
        lowest[codes] = np.minimum(lowest[codes], shelf.lowest)
        highest[codes] = np.maximum(highest[codes], shelf.highest)
    return np.flatnonzero(highest > lowest * TIMES_OFF)


def _priced(
    shelves: Sequence[Shelf], gpus: Sequence[Codes], gpu: int
) -> Iterator[NDArray[np.float64]]:
    """Yield what each shelf asks for one whole GPU of a model; what has no price counts for nothing."""
    for shelf, codes in zip(shelves, gpus, strict=True):
        own = int(np.searchsorted(codes, gpu))
        if own < len(codes) and codes[own] == gpu:
            prices: NDArray[Any] = shelf.numbers["price_per_gpu"][shelf.layout.rows_of_gpu(own)]
            # NaN, where there is no row, is not above anything.
            yield prices[prices > 0]


def _marks(shelf: Shelf, usual: NDArray[np.float64]) -> Mapping[Mark, Words]:
    """Return the marks of one shelf's rows; `usual` is the median of each of its GPUs, NaN where nothing is far from it."""
    found = dict(shelf.marks)
    below, above = shelf.lowest * TIMES_OFF < usual, shelf.highest > usual * TIMES_OFF
    if below.any() or above.any():
        typical = np.repeat(usual[shelf.layout.gpu_of_word], WORD)
        each = shelf.numbers["price_per_gpu"]
        found[Mark.FAR_BELOW] = packed((each > 0) & (each * TIMES_OFF < typical))
        found[Mark.FAR_ABOVE] = packed((each > 0) & (each > typical * TIMES_OFF))
    return found
