"""All clouds' offers in one layout that is quick to narrow: by GPU, and by price within a GPU.

A row has a position; each GPU's rows stand together, begin at a multiple of 64 and are filled up to one, so that a bit
in a bitmap of 64-bit words is a row and a word belongs to one GPU. Some positions are empty: `valid` tells.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.odd_prices import Mark
from gpu_shopper.market.bitmaps import Words, bit_at, bits_at, packed
from gpu_shopper.market.layout import Layout, Positions, laying_out
from gpu_shopper.market.marking import marking
from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.rows import id_of
from gpu_shopper.market.shelf import FLAGS, NUMBERS, TEXTS, Numbers, Shelf, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The values of all rows, by position. `marks` has a bitmap for each mark that a row bears."""

    numbers: Mapping[str, Numbers]
    flags: Mapping[str, Words]
    texts: Mapping[str, Text]
    marks: Mapping[str, Words]


class Index:
    """The columns of all shelves in one layout. Never changes; what is derived from it is kept beside it.

    `price_order` are all positions with a row, the cheapest first and what is odd last; `price_rank` is the place of each
    position in it.
    """

    def __init__(self, shelves: Sequence[Shelf], layout: Layout, columns: Columns) -> None:
        self.shelves = tuple(shelves)
        self.layout = layout
        self.valid = packed(layout.source >= 0)
        self.numbers = columns.numbers
        self.flags = columns.flags
        self.texts = columns.texts
        self.marks = columns.marks
        last = bits_at(self.flags["odd"], layout.by_price)
        self.price_order = np.concatenate((layout.by_price[~last], layout.by_price[last]))
        self.price_rank = np.full(layout.size, np.iinfo(np.int32).max, dtype=np.int32)
        self.price_rank[self.price_order] = np.arange(len(self.price_order), dtype=np.int32)
        self._starts = (0, *accumulate(len(shelf) for shelf in shelves))

    def __len__(self) -> int:
        return self._starts[-1]

    def row(self, position: int) -> tuple[int, bytes]:
        """Return the number of the shelf that the row at `position` stands on, and the row."""
        source = int(self.layout.source[position])
        shelf = int(self.texts["provider"].codes[position])
        return shelf, self.shelves[shelf].rows[source - self._starts[shelf]]

    def rows(self, positions: NDArray[Any]) -> Iterator[tuple[int, bytes]]:
        """Yield the same for each of some positions."""
        sources = self.layout.source[positions].tolist()
        shelves = self.texts["provider"].codes[positions].tolist()
        for source, shelf in zip(sources, shelves, strict=True):
            yield shelf, self.shelves[shelf].rows[source - self._starts[shelf]]

    def marks_at(self, position: int) -> tuple[str, ...]:
        """Return what is odd about the row at `position`."""
        if not bit_at(self.flags["odd"], position):
            return ()
        return tuple(name for name, words in self.marks.items() if bit_at(words, position))

    def ids_up_to(self, offer_id: str) -> int:
        """Return how many rows have an id that is not behind `offer_id`: they come first in each shelf and in all."""
        return bisect_right(range(len(self)), offer_id, key=self._id_of_source)

    def _id_of_source(self, source: int) -> str:
        shelf = bisect_right(self._starts, source) - 1
        return id_of(self.shelves[shelf].rows[source - self._starts[shelf]])

    def find(self, offer_id: str) -> int | None:
        """Return the position at which the offer of that id stands; None if there is none."""
        # Rows stand in the order of their ids on their shelves: nothing has to be kept to find one.
        last = self.ids_up_to(offer_id) - 1
        found = last >= 0 and self._id_of_source(last) == offer_id
        return int(self._position_of[last]) if found else None

    @cached_property
    def gpu_codes(self) -> Mapping[str, Sequence[int]]:
        """The numbers of the GPUs that a name in small letters means: one, unless a cloud writes an unknown one in two ways."""
        codes: dict[str, list[int]] = {}
        for code, gpu in enumerate(self.layout.gpus):
            codes.setdefault(gpu.lower(), []).append(code)
        return codes

    @cached_property
    def _position_of(self) -> Positions:
        source = self.layout.source
        position_of = np.empty(len(self), dtype=np.int32)
        taken = np.flatnonzero(source >= 0)
        position_of[source[taken]] = taken
        return position_of

    def rows_of_shelf(self, number: int) -> Positions:
        """Return the positions of a shelf's rows, in the shelf's order."""
        return self._position_of[self._starts[number] : self._starts[number + 1]]


def indexing(shelves: Sequence[Shelf]) -> Pieces[Index]:
    """Lay out all `shelves`, in order of their clouds' names, in pieces."""
    # An id begins with the cloud's name and a colon, so that the rows now stand in the order of their ids.
    shelves = sorted(shelves, key=lambda shelf: f"{shelf.provider}:")
    merged = {}
    for name in TEXTS:
        merged[name] = _merged(name, shelves)
        yield
    layout = yield from laying_out(merged["gpu"], _joined("price", shelves))
    source = layout.source
    numbers: dict[str, Numbers] = {}
    for name in NUMBERS:
        numbers[name] = _padded(_joined(name, shelves), np.nan)[source]
        yield
    flags = {}
    for name in (*FLAGS, Mark.SPOT_ABOVE):
        column = np.concatenate([shelf.flags[name] for shelf in shelves] or [np.empty(0, bool)])
        flags[name] = packed(_padded(column, False)[source])
    yield
    marks = yield from marking(layout, numbers, flags.pop(Mark.SPOT_ABOVE))
    flags["odd"] = reduce(np.bitwise_or, marks.values(), np.zeros_like(flags["available"]))
    texts = {}
    for name, text in merged.items():
        texts[name] = Text(values=text.values, codes=_padded(text.codes, -1)[source])
        yield
    sizes = [len(shelf) for shelf in shelves]
    shelf_of = _padded(np.repeat(np.arange(len(shelves), dtype=np.int32), sizes), -1)
    names = tuple(shelf.provider for shelf in shelves)
    texts["provider"] = Text(values=names, codes=shelf_of[source])
    yield
    columns = Columns(numbers=numbers, flags=flags, texts=texts, marks=marks)
    return Index(shelves, layout, columns)


def indexed(shelves: Sequence[Shelf]) -> Index:
    """Lay out all `shelves` at once."""
    return at_once(indexing(shelves))


def _padded(column: NDArray[Any], nothing: Any) -> NDArray[Any]:
    """Return the column with one more value, which -1 leads to."""
    return np.append(column, column.dtype.type(nothing))


def _joined(name: str, shelves: Sequence[Shelf]) -> Numbers:
    return np.concatenate([shelf.numbers[name] for shelf in shelves] or [np.empty(0)])


def _merged(name: str, shelves: Sequence[Shelf]) -> Text:
    """Return the column of all shelves with one numbering of its values."""
    values = tuple(sorted({value for shelf in shelves for value in shelf.texts[name].values}))
    code_of = {value: code for code, value in enumerate(values)}
    parts = []
    for shelf in shelves:
        text = shelf.texts[name]
        mapping = np.array([code_of[value] for value in text.values], dtype=np.int32)
        parts.append(mapping[text.codes] if len(shelf) else text.codes)
    return Text(values=values, codes=np.concatenate(parts or [np.empty(0, np.int32)]))
