"""Bitmaps of rows: 64 to a word, the lowest bit first."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.pieces import PIECE_ROWS

Words = NDArray[np.uint64]

WORD: Final = 64
ALL_ONES: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_ONE: Final = np.uint64(1)
# A position's word is what is left of it without so many bits, and its bit in that word these bits.
WORD_SHIFT: Final = 6
_IN_WORD: Final = WORD - 1


def packed(bits: NDArray[np.bool_]) -> Words:
    """Return a bitmap of `bits`, a multiple of 64 of them."""
    return np.packbits(bits, axis=-1, bitorder="little").view(np.uint64)


def count(words: Words) -> int:
    """Return how many rows a bitmap has."""
    return int(np.bitwise_count(words).sum())


def rows_of(words: Words) -> NDArray[np.int64]:
    """Return the positions of a bitmap's rows, in their order."""
    # Flags are looked through several times as fast as numbers.
    (some,) = (words != 0).nonzero()
    bits = np.unpackbits(words[some].view(np.uint8), bitorder="little")
    (found,) = bits.view(bool).nonzero()
    rows: NDArray[np.int64] = (some << WORD_SHIFT)[found >> WORD_SHIFT] + (found & _IN_WORD)
    return rows


def rows_in_pieces(words: Words, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the same, about so many rows at a time: nobody waits until all of them were found."""
    so_far = np.add.accumulate(np.bitwise_count(words), dtype=np.int64)
    ends = so_far.searchsorted(np.arange(size, so_far[-1], size)) + 1 if len(words) else ()
    for start, end in pairwise((0, *map(int, ends), len(words))):
        if start < end:
            yield rows_of(words[start:end]) + (start << WORD_SHIFT)


def in_pieces(rows: NDArray[np.int64], size: int = PIECE_ROWS) -> Iterator[NDArray[np.int64]]:
    """Yield the rows, so many at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def bits_at(words: Words, positions: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which of the rows at `positions` a bitmap has."""
    bits = words[positions >> WORD_SHIFT] >> (positions & _IN_WORD).astype(np.uint64)
    return np.asarray(bits & _ONE, dtype=bool)


def bit_at(words: Words, position: int) -> bool:
    """Return whether a bitmap has the row at `position`."""
    return bool(int(words[position // WORD]) >> (position % WORD) & 1)


def without(words: Words, positions: NDArray[Any]) -> Words:
    """Return the bitmap without the rows at `positions`."""
    left = words.copy()
    bits = _ONE << (positions % WORD).astype(np.uint64)
    np.bitwise_and.at(left, positions // WORD, ~bits)
    return left
