"""All clouds' shelves, one behind another: what a question needs of all of them is joined, the rest stays where it is.

A row has a position: its place on its shelf (see `market.layout`), behind those of the shelves before. A bit in a bitmap
of 64-bit words is a row, and a word belongs to one cloud and one GPU. Some positions are empty: `valid` tells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.odd_prices import Mark
from gpu_shopper.market.bitmaps import WORD, WORD_SHIFT, Words, bit_at
from gpu_shopper.market.layout import Numbers, Positions
from gpu_shopper.market.marking import marking
from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.row_store import Codes
from gpu_shopper.market.shelf import Shelf, Text

# What nearly every question needs of so many rows is joined before the first one comes.
_MANY: Final = 2_000
# So many values are joined before others are let in.
_FILLED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Runs:
    """Where each run of words begins; the numbers of its GPU and its cloud."""

    firsts: NDArray[np.int64]
    gpus: NDArray[np.intp]
    clouds: NDArray[np.intp]


class Index:
    """The shelves in one row. Never changes; what is derived from it is kept beside it.

    `marks` has a bitmap for each mark that a row bears, `odd` is all of them, and `usual` the others.
    """

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        # An id begins with the cloud's name and a colon: the rows of all shelves stand in the order of their ids.
        self.shelves = tuple(sorted(shelves, key=lambda shelf: f"{shelf.provider}:"))
        self.providers = tuple(shelf.provider for shelf in self.shelves)
        layouts = [shelf.layout for shelf in self.shelves]
        # Where each shelf's rows begin among all rows, and its words among all words.
        self.rows_before = (0, *accumulate(map(len, self.shelves)))
        self.words_before = (0, *accumulate(layout.words for layout in layouts))
        self.gpus = tuple(sorted({gpu for layout in layouts for gpu in layout.gpus}))
        code_of = {gpu: code for code, gpu in enumerate(self.gpus)}
        # For each shelf, which GPU its own numbers mean.
        self.gpu_codes_of = [
            np.array([code_of[gpu] for gpu in layout.gpus], dtype=np.int32) for layout in layouts
        ]
        # As wide as what arrays are indexed by: others are widened each time.
        self.gpu_of_word: NDArray[np.intp] = self.joined(
            lambda n: self.gpu_codes_of[n][layouts[n].gpu_of_word], np.intp
        ).astype(np.intp)
        self.valid: Words = self.joined(lambda n: layouts[n].valid, np.uint64)
        self.first_price = self.joined(lambda n: layouts[n].first_price)
        self.last_price = self.joined(lambda n: layouts[n].last_price)
        self.marks: dict[str, Words] = {}
        self.odd, self.usual = np.zeros_like(self.valid), self.valid
        self._joined: dict[str, NDArray[Any]] = {}

    def marking(self) -> Pieces[None]:
        """Find what is odd, in pieces."""
        marks = yield from marking(self.shelves, self.gpu_codes_of, len(self.gpus))
        seen = {mark for of_shelf in marks for mark in of_shelf}
        for mark in (mark for mark in Mark if mark in seen):
            self.marks[mark.value] = self.joined(partial(self._marked, marks, mark))
        self.odd = reduce(np.bitwise_or, self.marks.values(), self.odd)
        self.usual = self.valid & ~self.odd

    def _marked(self, marks: Sequence[Mapping[Mark, Words]], mark: Mark, number: int) -> Words:
        words = marks[number].get(mark)
        return np.zeros_like(self.shelves[number].layout.valid) if words is None else words

    def joining(self) -> Pieces[None]:
        """Join what nearly every question needs, in pieces."""
        self._joined["price"] = yield from self._filled(lambda n: self.shelves[n].number("price"))
        # A property that is kept may be put in its place before anybody asks for it.
        self.__dict__["source"] = yield from self._filled(self._source_of, np.int32)
        _ = self.cheapest_words, self.runs
        yield
        yield from self._texting("country")

    def _filled(self, column: Callable[[int], NDArray[Any]], kind: Any = np.float64) -> Pieces[Any]:
        """Do the same as `joined` in pieces: to fill much memory that is new takes milliseconds."""
        found, filled = np.empty(self.size, kind), 0
        for number, (begin, end) in enumerate(pairwise(self.words_before)):
            found[begin * WORD : end * WORD] = column(number)
            filled += (end - begin) * WORD
            if filled >= _FILLED:
                filled = 0
                yield
        return found

    def joined(self, column: Callable[[int], NDArray[Any]], kind: Any = np.float64) -> NDArray[Any]:
        """Return the columns of all shelves as one; `column` returns that of the shelf of a number."""
        parts = [column(number) for number in range(len(self.shelves))]
        return np.concatenate(parts) if parts else np.empty(0, kind)

    def __len__(self) -> int:
        return self.rows_before[-1]

    @property
    def size(self) -> int:
        """How many positions there are: a multiple of 64."""
        return len(self.valid) * WORD

    def number(self, name: str) -> Numbers:
        """Return a column of numbers by position; NaN, or for prices infinite, where there is no row."""
        found = self._joined.get(name)
        if found is None:
            # Two threads may ask at once; the worst is that a column is joined twice.
            found = self._joined[name] = self.joined(lambda n: self.shelves[n].number(name))
        return found

    def text(self, name: str) -> Text:
        """Return a column of texts with one numbering of its values."""
        return self._texts.get(name) or at_once(self._texting(name))

    def _texting(self, name: str) -> Pieces[Text]:
        values, codes_of = self._merged([shelf.texts[name] for shelf in self.shelves])
        codes = yield from self._filled(codes_of, np.int32)
        found = self._texts[name] = Text(values=values, codes=codes)
        return found

    @cached_property
    def _texts(self) -> dict[str, Text]:
        return {}

    def names(self, name: str) -> Mapping[str, Sequence[str]]:
        """Return the values of a text that each word in small letters means; what is not told has no name."""
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = {}
            for value in sorted({v for shelf in self.shelves for v in shelf.texts[name].values}):
                if value:
                    found.setdefault(value.lower(), []).append(value)
        return found

    @cached_property
    def _names(self) -> dict[str, dict[str, list[str]]]:
        return {}

    @staticmethod
    def _merged(texts: Sequence[Text]) -> tuple[tuple[str, ...], Callable[[int], Codes]]:
        """Return the values of some columns, and how to have the codes of the column of a number."""
        values = tuple(sorted({value for text in texts for value in text.values}))
        code_of = {value: code for code, value in enumerate(values)}
        # -1 leads to the last, which is -1 again.
        codes = [np.array([*map(code_of.__getitem__, text.values), -1], np.int32) for text in texts]
        return values, lambda number: codes[number][texts[number].codes]

    @cached_property
    def source(self) -> Positions:
        """The number of the row at each position among all rows: the order of their ids; -1 for none."""
        return self.joined(self._source_of, np.int32)

    def _source_of(self, number: int) -> Positions:
        source, before = self.shelves[number].layout.source, np.int32(self.rows_before[number])
        return np.where(source >= 0, source + before, np.int32(-1)) if before else source

    @cached_property
    def cloud_of_word(self) -> NDArray[np.intp]:
        """The number of each word's shelf."""
        return np.repeat(np.arange(len(self.shelves), dtype=np.intp), np.diff(self.words_before))

    @cached_property
    def cheapest_words(self) -> NDArray[np.int64]:
        """All words, in the order of the dearest row of each."""
        return np.argsort(self.last_price, kind="stable")

    @cached_property
    def runs(self) -> "Runs":
        """The runs of words that belong to one GPU of one cloud."""
        shelves = zip(self.words_before, self.shelves, strict=False)
        each = [before + shelf.layout.first_word for before, shelf in shelves]
        firsts = np.concatenate([*each, []]).astype(np.int64)
        return Runs(firsts, self.gpu_of_word[firsts], self.cloud_of_word[firsts])

    def clouds_of(self, positions: NDArray[Any]) -> NDArray[Any]:
        """Return the numbers of the shelves on which the rows at `positions` stand."""
        return np.asarray(self.cloud_of_word[positions >> WORD_SHIFT])

    def row(self, position: int) -> tuple[int, bytes]:
        """Return the number of the shelf that the row at `position` stands on, and the row."""
        cloud = int(self.cloud_of_word[position // WORD])
        number = int(self.source[position]) - self.rows_before[cloud]
        return cloud, self.shelves[cloud].rows[number]

    def marks_at(self, position: int) -> tuple[str, ...]:
        """Return what is odd about the row at `position`."""
        if not bit_at(self.odd, position):
            return ()
        return tuple(name for name, words in self.marks.items() if bit_at(words, position))

    def id_at(self, position: int) -> str:
        """Return the id of the offer at `position`."""
        cloud = int(self.cloud_of_word[position // WORD])
        return self.shelves[cloud].rows.id_at(int(self.source[position]) - self.rows_before[cloud])

    def ids_up_to(self, offer_id: str) -> int:
        """Return how many rows have an id that is not behind `offer_id`: they come first in each shelf and in all."""
        found = 0
        for shelf in self.shelves:
            here = shelf.rows.ids_up_to(offer_id)
            found += here
            if here < len(shelf):
                break
        return found

    def find(self, offer_id: str) -> int | None:
        """Return the position at which the offer of that id stands; None if there is none."""
        for shelf, before in zip(self.shelves, self.words_before, strict=False):
            if (
                offer_id.startswith(f"{shelf.provider}:")
                and (at := shelf.find(offer_id)) is not None
            ):
                return before * WORD + at
        return None

    def rows_of_shelf(self, number: int) -> NDArray[np.int64]:
        """Return the positions of a shelf's rows, in the shelf's order."""
        first = self.words_before[number] * WORD
        return self.shelves[number].layout.position_of.astype(np.int64) + first

    @cached_property
    def gpu_codes(self) -> Mapping[str, Sequence[int]]:
        """The numbers of the GPUs that a name in small letters means: one, unless a cloud writes an unknown one in two ways."""
        codes: dict[str, list[int]] = {}
        for code, gpu in enumerate(self.gpus):
            codes.setdefault(gpu.lower(), []).append(code)
        return codes


def indexing(shelves: Sequence[Shelf]) -> Pieces[Index]:
    """Put `shelves` in one row, in pieces."""
    index = Index(shelves)
    yield
    yield from index.marking()
    if len(index) > _MANY:
        yield from index.joining()
    return index


def indexed(shelves: Sequence[Shelf]) -> Index:
    """Put `shelves` in one row at once."""
    return at_once(indexing(shelves))
