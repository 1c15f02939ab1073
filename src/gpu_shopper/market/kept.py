"""What was made lately, kept in bounded space; what nobody asks for any more is forgotten."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.bitmaps import Words
from gpu_shopper.market.index import Index
from gpu_shopper.market.shelf import Shelf

# Bitmaps are kept in so much space, or so many of them: questions are alike, thresholds are few.
_LEAST_BYTES: Final = 8 << 20
_BITMAPS: Final = 256

K = TypeVar("K", bound=Hashable)


class Kept(Generic[K]):
    """Arrays by what they were made of. When the new ones fill half of the room, those before them go.

    Two threads may ask at once; the worst is that something is made twice.
    """

    def __init__(self, most_bytes: int) -> None:
        self._half = most_bytes // 2
        self._bytes = 0
        self._new: dict[K, NDArray[Any]] = {}
        self._old: dict[K, NDArray[Any]] = {}

    def get(self, key: K) -> NDArray[Any] | None:
        """Return what is kept of `key`, None if nothing is."""
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: K, array: NDArray[Any]) -> None:
        """Keep an array."""
        self._new[key] = array
        self._bytes += array.nbytes
        if self._bytes > self._half:
            self._old, self._new, self._bytes = self._new, {}, 0

    def all(self) -> Mapping[K, NDArray[Any]]:
        """Return all that is kept."""
        return {**self._old, **self._new}


class KeptBitmaps:
    """Bitmaps of one index. Of those of an `older` one, what stands on shelves that both have is used again."""

    def __init__(self, index: Index, older: "KeptBitmaps | None" = None) -> None:
        self.index = index
        self._kept: Kept[Hashable] = Kept(max(_LEAST_BYTES, _BITMAPS * index.valid.nbytes))
        self._before: Mapping[Hashable, Words] = {}
        # For each shelf, which words it had before; None where it is another one.
        self._words_before: list[slice | None] = [None] * len(index.shelves)
        if older is not None:
            self._before = older.all()
            self._words_before = [older.words_of(shelf) for shelf in index.shelves]

    def of(self, key: Hashable, make: Callable[[int], Words]) -> Words:
        """Return the bitmap of that key; `make` makes the part of the shelf of a number."""
        found = self._kept.get(key)
        if found is None:
            old, words = self._before.get(key), self._words_before
            found = self.index.joined(
                lambda n: make(n) if old is None or words[n] is None else old[words[n]], np.uint64
            )
            self._kept.put(key, found)
        return found

    def all(self) -> Mapping[Hashable, Words]:
        """Return all that are kept."""
        return self._kept.all()

    def words_of(self, shelf: Shelf) -> slice | None:
        """Return the words of the rows on a shelf, None if it does not stand here."""
        for number, own in enumerate(self.index.shelves):
            if own is shelf:
                return slice(*self.index.words_before[number : number + 2])
        return None
