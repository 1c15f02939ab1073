"""The rows of one cloud, in the order of their ids, in the least space: heads in one block of bytes, pieces once each."""

from bisect import bisect_right
from collections.abc import Sequence
from struct import Struct
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.rows import Block, id_in

Codes = NDArray[np.int32]

# A row's line in the table, and the beginning of the next one.
_entry = Struct("=6i").unpack_from
# So many pieces are cut out before others are let in.
_PIECE: Final = 4_000
_ENTRY: Final = 20
_begin = Struct("=i").unpack_from


class RowStore(Sequence[bytes]):
    """Rows, each an open JSON object (see `rows.row_of`), put together of a head and three pieces when it is read."""

    def __init__(
        self,
        heads: Block,
        begins: NDArray[np.int64],
        pieces: Sequence[Sequence[bytes]],
        codes: Sequence[Codes],
    ) -> None:
        """Take heads as lines of JSON objects, where each begins and the last ends, and the number of each row's pieces."""
        self._heads = heads
        self._count = len(begins) - 1
        self._gpus, self._places = tuple(pieces[0]), tuple(pieces[1])
        # Of terms there are thousands: each by itself would hold on to the memory around it.
        self._terms = b"".join(pieces[2])
        ends = np.zeros(len(pieces[2]) + 1, dtype=np.int32)
        lengths = np.fromiter(map(len, pieces[2]), dtype=np.int32, count=len(pieces[2]))
        np.cumsum(lengths, out=ends[1:])
        # What is needed of a row stands together: where its head begins, which pieces it has, where its terms begin and end.
        # The next one's head begins where its own ends.
        table = np.zeros((self._count + 1, 5), dtype=np.int32)
        table[:, 0] = begins
        table[:-1, 1], table[:-1, 2] = codes[0], codes[1]
        table[:-1, 3], table[:-1, 4] = ends[codes[2]], ends[1:][codes[2]]
        self._table = table.tobytes()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, which: int) -> bytes: ...

    @overload
    def __getitem__(self, which: slice) -> list[bytes]: ...

    def __getitem__(self, which: int | slice) -> bytes | list[bytes]:
        if isinstance(which, slice):
            return [self[number] for number in range(*which.indices(self._count))]
        # By the end that it is past, whoever looks at one row after another sees that there are no more.
        return self.with_ending(range(self._count)[which], b"")

    def with_ending(self, number: int, ending: bytes) -> bytes:
        """Return a row with something behind it."""
        begin, gpu, place, first, last, end = _entry(self._table, number * _ENTRY)
        return b"".join(
            (
                # Without the brace that closes the head, and the line's end.
                self._heads[begin : end - 2],
                self._gpus[gpu],
                self._places[place],
                self._terms[first:last],
                ending,
            )
        )

    def parts(
        self,
    ) -> Pieces[tuple[Block, NDArray[np.int64], Sequence[Sequence[bytes]], Sequence[Codes]]]:
        """Return what the rows were put in with, in pieces."""
        table = np.frombuffer(self._table, dtype=np.int32).reshape(-1, 5)
        begins, rows, of_terms = np.unique(table[:-1, 3], return_index=True, return_inverse=True)
        yield
        terms: list[bytes] = []
        for begin, end in zip(begins.tolist(), table[rows, 4].tolist(), strict=True):
            terms.append(self._terms[begin:end])
            if len(terms) % _PIECE == 0:
                yield
        codes = (table[:-1, 1], table[:-1, 2], of_terms.astype(np.int32))
        return self._heads, table[:, 0].astype(np.int64), (self._gpus, self._places, terms), codes

    @property
    def nbytes(self) -> int:
        """How much space the rows take, but for what every object has."""
        pieces = sum(map(len, (*self._gpus, *self._places)))
        return len(self._heads) + len(self._table) + len(self._terms) + pieces

    def id_at(self, number: int) -> str:
        """Return the id of a row."""
        (begin,) = _begin(self._table, number * _ENTRY)
        return id_in(self._heads, begin)

    def ids_up_to(self, offer_id: str) -> int:
        """Return how many rows have an id that is not behind `offer_id`."""
        return bisect_right(range(self._count), offer_id, key=self.id_at)
