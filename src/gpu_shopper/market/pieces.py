"""Work that is done in pieces, so that whoever does it on a loop can let others in between."""

from collections.abc import Generator
from typing import Final, TypeVar

T = TypeVar("T")

# So many rows of a column are worked on before others are let in; they also stay in the processor's cache.
PIECE_ROWS: Final = 16_384

# It gives way after each piece, and returns what came of all of them.
Pieces = Generator[None, None, T]


def at_once(pieces: Pieces[T]) -> T:
    """Do all of the work and return what came of it."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            result: T = done.value
            return result
