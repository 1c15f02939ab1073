"""Work that is done in pieces, so that whoever does it on a loop can let others in between."""

from collections import deque
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

# Each piece of work ends with a None, the last one with what came of all of them.
Pieces = Iterator[T | None]


def at_once(pieces: Pieces[T]) -> T:
    """Do all of the work and return what came of it."""
    last = deque(pieces, maxlen=1).pop()
    assert last is not None
    return last
