"""The rows of one cloud, in the order of their ids, in the least space: heads in one block of bytes, pieces once each."""

from bisect import bisect_right
from collections.abc import Sequence
from struct import Struct
from typing import overload

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.rows import Block, id_in

Codes = NDArray[np.int32]

# A row's line in the table, and the beginning of the next one.
_entry = Struct("=5i").unpack_from
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
        self._gpus, self._places, self._terms = map(tuple, pieces)
        # What is needed of a row stands together: where its head begins and which pieces it has. The next begins where it ends.
        table = np.zeros((self._count + 1, 4), dtype=np.int32)
        table[:, 0] = begins
        for column, of_kind in enumerate(codes, start=1):
            table[:-1, column] = of_kind
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
        begin, gpu, place, terms, end = _entry(self._table, number * 16)
        return b"".join(
            (
                # Without the brace that closes the head, and the line's end.
                self._heads[begin : end - 2],
                self._gpus[gpu],
                self._places[place],
                self._terms[terms],
                ending,
            )
        )

    def parts(
        self,
    ) -> tuple[Block, NDArray[np.int64], Sequence[Sequence[bytes]], Sequence[Codes]]:
        """Return what the rows were put in with."""
        table = np.frombuffer(self._table, dtype=np.int32).reshape(-1, 4)
        codes = [table[:-1, column] for column in (1, 2, 3)]
        pieces = (self._gpus, self._places, self._terms)
        return self._heads, table[:, 0].astype(np.int64), pieces, codes

    @property
    def nbytes(self) -> int:
        """How much space the rows take, but for what every object has."""
        pieces = sum(map(len, (*self._gpus, *self._places, *self._terms)))
        return len(self._heads) + len(self._table) + pieces

    def id_at(self, number: int) -> str:
        """Return the id of a row."""
        (begin,) = _begin(self._table, number * 16)
        return id_in(self._heads, begin)

    def ids_up_to(self, offer_id: str) -> int:
        """Return how many rows have an id that is not behind `offer_id`."""
        return bisect_right(range(self._count), offer_id, key=self.id_at)
