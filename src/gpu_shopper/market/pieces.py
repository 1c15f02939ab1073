"""Work that is done in pieces, so that whoever does it on a loop can let others in between."""

from collections.abc import Generator
from typing import Final, TypeVar

from gpu_shopper.ports.clock import Clock

T = TypeVar("T")

# So many rows of a column are worked on before others are let in; they also stay in the processor's cache.
PIECE_ROWS: Final = 16_384

# It gives way after each piece, and returns what came of all of them.
Pieces = Generator[None, None, T]


async def in_turns(pieces: Pieces[T], clock: Clock) -> T:
    """Do the work, let others in between, and return what came of it."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            result: T = done.value
            return result
        await clock.sleep(0)


def at_once(pieces: Pieces[T]) -> T:
    """Do all of the work and return what came of it."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            result: T = done.value
            return result
