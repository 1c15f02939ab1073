"""All clouds' offers in one layout that is quick to narrow: by GPU, and by price within a GPU.

A row has a position; each GPU's rows stand together, begin at a multiple of 64 and are filled up to one, so that a bit
in a bitmap of 64-bit words is a row and a word belongs to one GPU. Some positions are empty: `valid` tells.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.rows import id_of
from gpu_shopper.market.shelf import FLAGS, NUMBERS, TEXTS, Codes, Numbers, Shelf, Text

Words = NDArray[np.uint64]
Positions = NDArray[np.int32]

WORD: Final = 64
ALL_ONES: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
# A price of so many micro-dollars an hour, 2 million dollars, is the highest that is told apart.
HIGHEST: Final = 1 << 41
# A price and a row's number fit into one whole number, which sorts several times faster than one by the other.
_ROW_BITS: Final = 63 - 41


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where each row stands. `source` is its number among all shelves' rows one after another, -1 where there is none."""

    gpus: tuple[str, ...]
    first_word: NDArray[np.int64]
    gpu_of_word: Codes
    source: Positions
    ladder: NDArray[np.int64]
    price_order: Positions
    price_rank: Positions

    @property
    def size(self) -> int:
        """How many positions there are: a multiple of 64."""
        return len(self.source)


class Index:
    """The columns of all shelves in one layout. Never changes; what is derived from it is kept beside it."""

    def __init__(
        self,
        shelves: Sequence[Shelf],
        layout: Layout,
        *,
        valid: Words,
        numbers: Mapping[str, Numbers],
        flags: Mapping[str, Words],
        texts: Mapping[str, Text],
    ) -> None:
        self.shelves = tuple(shelves)
        self.layout = layout
        self.valid = valid
        self.numbers = numbers
        self.flags = flags
        self.texts = texts
        self._starts = (0, *accumulate(len(shelf) for shelf in shelves))

    def __len__(self) -> int:
        return self._starts[-1]

    def row(self, position: int) -> tuple[int, bytes]:
        """Return the number of the shelf that the row at `position` stands on, and the row."""
        source = int(self.layout.source[position])
        shelf = int(self.texts["provider"].codes[position])
        return shelf, self.shelves[shelf].rows[source - self._starts[shelf]]

    def ids_up_to(self, offer_id: str) -> int:
        """Return how many rows have an id that is not behind `offer_id`: they come first in each shelf and in all."""
        return bisect_right(range(len(self)), offer_id, key=self._id_of_source)

    def _id_of_source(self, source: int) -> str:
        shelf = bisect_right(self._starts, source) - 1
        return id_of(self.shelves[shelf].rows[source - self._starts[shelf]])

    def find(self, offer_id: str) -> Sequence[int]:
        """Return the positions at which an offer of that id may stand: nearly always one, or none."""
        hashed = hash(offer_id)
        low = int(np.searchsorted(self._sorted_ids[0], hashed, side="left"))
        high = int(np.searchsorted(self._sorted_ids[0], hashed, side="right"))
        return [int(position) for position in self._sorted_ids[1][low:high]]

    @cached_property
    def _sorted_ids(self) -> tuple[NDArray[np.int64], Positions]:
        ids = np.concatenate([shelf.ids for shelf in self.shelves] or [np.empty(0, np.int64)])
        order = np.argsort(ids, kind="stable")
        return ids[order], self._position_of[order]

    @cached_property
    def _position_of(self) -> Positions:
        source = self.layout.source
        position_of = np.empty(len(self), dtype=np.int32)
        taken = np.flatnonzero(source >= 0)
        position_of[source[taken]] = taken
        return position_of

    @cached_property
    def machines(self) -> NDArray[np.int64]:
        """The hash of each position's machine."""
        given = np.concatenate(
            [shelf.machines for shelf in self.shelves] or [np.empty(0, np.int64)]
        )
        return np.append(given, 0)[self.layout.source]


def indexing(shelves: Sequence[Shelf]) -> Pieces[Index]:
    """Lay out all `shelves`, in order of their clouds' names, in pieces."""
    # An id begins with the cloud's name and a colon, so that the rows now stand in the order of their ids.
    shelves = sorted(shelves, key=lambda shelf: f"{shelf.provider}:")
    merged = {}
    for name in TEXTS:
        merged[name] = _merged(name, shelves)
        yield
    odd = np.concatenate([shelf.flags["odd"] for shelf in shelves] or [np.empty(0, bool)])
    prices = _joined("price", shelves)
    layout = yield from _laying_out(merged["gpu"], prices, odd)
    source = layout.source
    numbers: dict[str, Numbers] = {}
    for name in NUMBERS:
        numbers[name] = _padded(_joined(name, shelves), np.nan)[source]
        yield
    valid = packed(source >= 0)
    flags = {}
    for name in FLAGS:
        column = np.concatenate([shelf.flags[name] for shelf in shelves] or [np.empty(0, bool)])
        flags[name] = packed(_padded(column, False)[source])
    yield
    texts = {}
    for name, text in merged.items():
        texts[name] = Text(values=text.values, codes=_padded(text.codes, -1)[source])
        yield
    sizes = [len(shelf) for shelf in shelves]
    shelf_of = _padded(np.repeat(np.arange(len(shelves), dtype=np.int32), sizes), -1)
    names = tuple(shelf.provider for shelf in shelves)
    texts["provider"] = Text(values=names, codes=shelf_of[source])
    yield
    return Index(shelves, layout, valid=valid, numbers=numbers, flags=flags, texts=texts)


def indexed(shelves: Sequence[Shelf]) -> Index:
    """Lay out all `shelves` at once."""
    return at_once(indexing(shelves))


def packed(bits: NDArray[np.bool_]) -> Words:
    """Return a bitmap of `bits`, a multiple of 64 of them."""
    return np.packbits(bits, bitorder="little").view(np.uint64)


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


def _laying_out(gpu: Text, prices: Numbers, odd: NDArray[np.bool_]) -> Pieces[Layout]:
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
    last = odd[by_price]
    price_order = position_of[np.concatenate((by_price[~last], by_price[last]))]
    price_rank = np.full(size, np.iinfo(np.int32).max, dtype=np.int32)
    price_rank[price_order] = np.arange(len(by_gpu), dtype=np.int32)
    return Layout(
        gpus=gpu.values,
        first_word=first_word,
        gpu_of_word=gpu_of_word,
        source=source,
        ladder=ladder,
        price_order=price_order,
        price_rank=price_rank,
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
