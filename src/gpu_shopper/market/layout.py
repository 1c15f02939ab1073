"""Where each row stands: the rows of one GPU together, by price, from a multiple of 64 on."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.bitmaps import WORD
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.shelf import Codes, Numbers, Text

Positions = NDArray[np.int32]

# A price of so many micro-dollars an hour, 2 million dollars, is the highest that is told apart.
HIGHEST: Final = 1 << 41
# A price and a row's number fit into one whole number, which sorts several times faster than one by the other.
_ROW_BITS: Final = 63 - 41


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where each row stands. `source` is its number among all shelves' rows one after another, -1 where there is none.

    `ladder` grows from position to position, and from GPU to GPU; `by_price` are the positions that hold a row, in the
    order of their prices, whatever their GPU.
    """

    gpus: tuple[str, ...]
    first_word: NDArray[np.int64]
    gpu_of_word: Codes
    source: Positions
    ladder: NDArray[np.int64]
    by_price: Positions

    @property
    def size(self) -> int:
        """How many positions there are: a multiple of 64."""
        return len(self.source)


def laying_out(gpu: Text, prices: Numbers) -> Pieces[Layout]:
    """Lay out rows, in the order of their ids, by their GPUs and prices, in pieces."""
    counts = np.bincount(gpu.codes, minlength=len(gpu.values)).astype(np.int64)
    words = (counts + WORD - 1) // WORD
    first_word = np.concatenate(([0], np.cumsum(words)))[:-1]
    steps = np.minimum(prices.astype(np.int64), HIGHEST - 2).clip(0)
    by_price = _by_price(steps)
    yield
    # Stable, so that a GPU's rows stay in the order of their prices, and of their ids where those are equal.
    by_gpu = by_price[np.argsort(_small(gpu.codes[by_price]), kind="stable")]
    yield
    begins = np.cumsum(counts) - counts
    codes = gpu.codes[by_gpu]
    positions = np.arange(len(by_gpu)) - begins[codes] + first_word[codes] * WORD
    size = int(words.sum()) * WORD
    source = np.full(size, -1, dtype=np.int32)
    source[positions] = by_gpu
    yield
    gpu_of_word = np.repeat(np.arange(len(counts), dtype=np.int32), words)
    # Empty positions stand on the highest step of their GPU's part of the ladder.
    ladder = np.repeat(gpu_of_word * np.int64(HIGHEST) + (HIGHEST - 1), WORD)
    ladder[positions] = codes * np.int64(HIGHEST) + steps[by_gpu]
    yield
    position_of = np.empty(len(by_gpu), dtype=np.int32)
    position_of[by_gpu] = positions
    yield
    return Layout(
        gpus=gpu.values,
        first_word=first_word,
        gpu_of_word=gpu_of_word,
        source=source,
        ladder=ladder,
        by_price=position_of[by_price],
    )


def _by_price(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows in the order of their prices; the rows stand in the order of their ids, which breaks ties."""
    if len(steps) >= 1 << _ROW_BITS:
        return np.argsort(steps, kind="stable")
    numbered = np.sort((steps << _ROW_BITS) | np.arange(len(steps)))
    return numbered & ((1 << _ROW_BITS) - 1)


def _small(codes: Codes) -> NDArray[Any]:
    """Return the codes in 16 bits, where they fit: such are sorted without being compared."""
    return codes.astype(np.uint16) if not len(codes) or codes.max() < 1 << 16 else codes
