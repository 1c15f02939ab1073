"""Where each row of one cloud stands: the rows of one GPU together, by price, from a multiple of 64 on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.bitmaps import WORD, Words, packed
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import Codes

Positions = NDArray[np.int32]
Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where each row stands. `source` is a row's number, -1 where there is none; `position_of` is the way back.

    `prices` are infinite where there is no row; `first_price` and `last_price` are those of each word's rows. A word
    belongs to one GPU, and to each GPU belongs a word at least, the first of which is `first_word`.
    """

    gpus: tuple[str, ...]
    first_word: NDArray[np.int64]
    gpu_of_word: Codes
    source: Positions
    position_of: Positions
    valid: Words
    prices: NDArray[np.float64]
    first_price: NDArray[np.float64]
    last_price: NDArray[np.float64]

    @property
    def words(self) -> int:
        """How many words there are."""
        return len(self.gpu_of_word)

    def words_of_gpu(self, gpu: int) -> slice:
        """Return the words of a GPU's rows."""
        last = self.first_word[gpu + 1] if gpu + 1 < len(self.gpus) else self.words
        return slice(int(self.first_word[gpu]), int(last))

    def rows_of_gpu(self, gpu: int) -> slice:
        """Return the positions of a GPU's rows."""
        words = self.words_of_gpu(gpu)
        return slice(words.start * WORD, words.stop * WORD)

    def placed(self, column: NDArray[Any], nothing: Any) -> NDArray[Any]:
        """Return a column of rows by their positions, with `nothing` where there is no row."""
        # -1 leads to the last value.
        return np.append(column, column.dtype.type(nothing))[self.source]


def laying_out(gpus: tuple[str, ...], codes: Codes, prices: NDArray[np.float64]) -> Pieces[Layout]:
    """Lay out rows, in the order of their ids, by their GPUs (each of which has a row) and prices."""
    counts = np.bincount(codes, minlength=len(gpus))
    words = (counts + WORD - 1) // WORD
    first_word = np.cumsum(words) - words
    # Stable, so that a GPU's rows stand in the order of their prices, and of their ids where those are equal.
    order = np.argsort(prices, kind="stable")
    yield
    order = order[np.argsort(_small(codes[order]), kind="stable")]
    yield
    begins = np.cumsum(counts) - counts
    of_row = codes[order]
    positions = np.arange(len(order)) - begins[of_row] + first_word[of_row] * WORD
    source = np.full(int(words.sum()) * WORD, -1, dtype=np.int32)
    source[positions] = order
    position_of = np.empty(len(order), dtype=np.int32)
    position_of[order] = positions
    yield
    by_position = np.append(prices, np.inf)[source]
    ends = np.cumsum(words) * WORD
    last_price = by_position[WORD - 1 :: WORD].copy()
    # The last word of a GPU may not be full.
    last_price[ends // WORD - 1] = prices[order[begins + counts - 1]]
    return Layout(
        gpus=gpus,
        first_word=first_word,
        gpu_of_word=np.repeat(np.arange(len(counts), dtype=np.int32), words),
        source=source,
        position_of=position_of,
        valid=packed(source >= 0),
        prices=by_position,
        first_price=by_position[::WORD].copy(),
        last_price=last_price,
    )


def _small(codes: Codes) -> NDArray[Any]:
    """Return the codes in 16 bits, where they fit: such are sorted without being compared."""
    return codes.astype(np.uint16) if not len(codes) or codes.max() < 1 << 16 else codes
