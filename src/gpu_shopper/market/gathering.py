"""From offers to columns, some at a time: what is alike in many is looked at once, and no offer need be kept."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, repeat, starmap
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import MICROS
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import FIELDS, version_number
from gpu_shopper.market.columns import STATED, Columns, Hashes, Heads, Numbers, Rows, coded
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import Codes
from gpu_shopper.market.rows import (
    PIECES,
    READERS,
    GpuPiece,
    Head,
    PlacePiece,
    TermsPiece,
    ids_in,
    line_of,
    lines_of,
    piece_in,
    piece_of,
    terms_in,
)
from gpu_shopper.market.shelf import FLAGS, TEXTS, Text
from gpu_shopper.market.sorting import sorting

# So many rows are made before others are let in: about a millisecond's work.
PIECE: Final = 500

_ZERO_IS_UNKNOWN: Final = frozenset({"vram", "vcpus", "ram", "disk", "down", "up"})
# What a row has for itself, but for its texts.
_OF_HEAD: Final[Mapping[str, str]] = {
    "price": "price.micros",
    "reliability": "reliability",
    "down": "inet_down_mbps",
    "up": "inet_up_mbps",
    "confidence": "availability_confidence",
}
# Which piece has a column, and under what name.
_OF_PIECES: Final[Mapping[str, tuple[type[Struct], str]]] = {
    "count": (GpuPiece, "gpu_count"),
    "fraction": (GpuPiece, "gpu_fraction"),
    "vram": (GpuPiece, "vram_gb"),
    "max_hours": (TermsPiece, "max_duration_hours"),
    "cuda": (TermsPiece, "cuda_version"),
    "vcpus": (TermsPiece, "vcpus"),
    "ram": (TermsPiece, "ram_gb"),
    "disk": (TermsPiece, "disk_gb"),
    "storage_price": (TermsPiece, "storage_price_per_gb_month"),
    "traffic_price": (TermsPiece, "traffic_price_per_gb"),
    "available": (TermsPiece, "available"),
    "interruptible": (TermsPiece, "interruptible"),
    "gpu": (GpuPiece, "gpu_type"),
    "location": (PlacePiece, "location"),
    "city": (PlacePiece, "city"),
    "country": (PlacePiece, "country"),
    "region": (PlacePiece, "region"),
}
# So many different terms are told apart as they come. A cloud that has more has nearly as many as rows.
_FEW_TERMS: Final = 1_000
# What a row has instead of a number whose terms are told apart when all rows are there.
_LATER: Final = -1
_RECORD: Final = np.dtype(
    [
        *((name, np.float64) for name in _OF_HEAD),
        *((name, np.int64) for name in ("machine", "print", "said", "end")),
        *((kind.__name__, np.int32) for kind in PIECES),
    ]
)
# So many bytes of terms, some hundred rows of them, are looked at before others are let in.
_TERMS: Final = 64 * 1024
# So many records take more than what the heap is kept free of.
_BLOCK: Final = 4_096
_read = attrgetter("id", "provider_id", "machine_id", *_OF_HEAD.values())


class Gathering:
    """Rows of one cloud so far. What is listed twice is one offer, as it was listed last."""

    def __init__(self, provider: ProviderName) -> None:
        self._provider = provider
        # The number of each id's newest row, once all are there.
        self._rows: dict[str, int] = {}
        self._count = 0
        # While menus are read there is one of these for each cloud. What they keep in large blocks goes back to the system
        # by itself, thousands of small objects leave holes behind.
        self._heads, self._terms = bytearray(), bytearray()
        self._numbers: list[dict[tuple[Any, ...], int]] = [{} for _ in PIECES]
        self._records: list[NDArray[Any]] = []
        # Of each distinct piece about GPUs: by what a price is divided for that of one, and that of a GB; TFLOPS of one.
        self._shares: list[tuple[float, float, float]] = []

    def __len__(self) -> int:
        return self._count

    def add(self, offers: Sequence[Offer], prints: Hashes, said: Hashes) -> None:
        """Take in some offers, about a hundred, each with its print (see `market.columns`) and when it was said."""
        if not offers:
            return
        ids, provider_ids, machines, *given = zip(*map(_read, offers), strict=True)
        new = np.empty(len(ids), dtype=_RECORD)
        for name, values in zip(_OF_HEAD, given, strict=True):
            new[name] = values
        new["machine"], new["print"], new["said"] = hashes(machines), prints, said
        for kind, read, known in zip(PIECES, READERS, self._numbers, strict=True):
            if kind is TermsPiece and len(known) >= _FEW_TERMS:
                new[kind.__name__] = _LATER
                self._terms += lines_of(list(starmap(kind, map(read, offers))))
                continue
            new[kind.__name__] = [
                known.setdefault(values, len(known)) for values in map(read, offers)
            ]
        _, reliability, down, up, _ = given
        shown = (column.tolist() for column in self._shown_prices(new))
        heads = map(
            Head, ids, repeat(self._provider), provider_ids, machines, *shown, reliability, down, up
        )
        lines = lines_of(list(heads))
        # JSON has no line's end inside.
        (at,) = (np.frombuffer(lines, dtype=np.uint8) == ord("\n")).nonzero()
        new["end"] = at + 1 + len(self._heads)
        self._heads += lines
        self._note(new)

    def _note(self, new: NDArray[Any]) -> None:
        """Put records behind the others, in blocks that are large enough to stand apart from the heap."""
        while len(new):
            filled = self._count % _BLOCK
            if not filled:
                self._records.append(np.empty(_BLOCK, dtype=_RECORD))
            some, new = new[: _BLOCK - filled], new[_BLOCK - filled :]
            self._records[-1][filled : filled + len(some)] = some
            self._count += len(some)

    def column(self, name: str) -> NDArray[Any]:
        """Return what was noted of each row, in the order in which they came."""
        return np.concatenate([block[name] for block in self._records])[: self._count]

    def ids(self) -> Pieces[list[str]]:
        """Return the ids of all that was taken in, in order."""
        # They stand in the heads: to hold them until now as well would take half as much again.
        begins = [0, *self.column("end").tolist()]
        for start in range(0, self._count, PIECE):
            ids = ids_in(self._heads, begins[start : start + PIECE + 1])
            self._rows.update(zip(ids, range(start, start + len(ids)), strict=True))
            yield
        return (yield from sorting(self._rows))

    def rows(self, ids: Iterable[str]) -> Rows:
        """Return the numbers of the newest rows of these ids."""
        return np.fromiter(map(self._rows.__getitem__, ids), dtype=np.int64)

    def columns(self) -> Pieces[Columns]:
        """Return all rows in columns, in the order in which they came; what was listed twice is there twice."""
        kinds = yield from self._distinct()
        numbers = {}
        for name in STATED:
            numbers[name] = _known(name, self._stated(name, kinds))
            yield
        texts = {}
        for name in ("gpu", *TEXTS):
            kind = kinds[_number_of(name)]
            values, own = coded(kind.values(name))
            texts[name] = Text(values, own[kind.codes])
            yield
        return Columns(
            prices=self.column("price"),
            numbers=numbers,
            flags={name: _spread_out(name, kinds, bool) for name in FLAGS},
            texts=texts,
            machines=self.column("machine"),
            prints=self.column("print"),
            heads=Heads(self._heads, np.concatenate([np.zeros(1, np.int64), self.column("end")])),
            pieces=[kind.pieces for kind in kinds],
            codes=[kind.codes for kind in kinds],
        )

    def letting_go(self) -> Pieces[None]:
        """Hold nothing any more, in pieces."""
        self._rows = {}
        yield
        for known in self._numbers:
            known.clear()
            yield
        self._heads, self._terms, self._records, self._count = bytearray(), bytearray(), [], 0

    def _distinct(self) -> Pieces[list["_Distinct"]]:
        """Return the pieces of each kind."""
        kinds = []
        for kind, known in zip(PIECES, self._numbers, strict=True):
            pieces = []
            for number, values in enumerate(known):
                pieces.append(piece_of(kind, values))
                if number % PIECE == PIECE - 1:
                    yield
            kinds.append(_Distinct(pieces, [*starmap(kind, known)], self.column(kind.__name__)))
        if self._terms:
            yield from self._telling_apart(kinds[_OF_TERMS])
        return kinds

    def _telling_apart(self, terms: "_Distinct") -> Pieces[None]:
        """Add the terms that were not told apart yet, and their numbers."""
        number_of = {line_of(piece): number for number, piece in enumerate(terms.pieces)}
        (later,) = (terms.codes == _LATER).nonzero()
        begin, row = 0, 0
        while begin < len(self._terms):
            end = self._terms.index(b"\n", min(begin + _TERMS, len(self._terms) - 1)) + 1
            lines = bytes(self._terms[begin:end]).split(b"\n")[:-1]
            numbers = [number_of.setdefault(line, len(number_of)) for line in lines]
            terms.codes[later[row : row + len(lines)]] = numbers
            some = len(number_of) - len(terms.pieces)
            new = [*islice(reversed(number_of), some)][::-1]
            terms.pieces.extend(map(piece_in, new))
            terms.read.extend(terms_in(new))
            begin, row = end, row + len(lines)
            yield

    def _stated(self, name: str, kinds: Sequence["_Distinct"]) -> Numbers:
        """Return a column of numbers, NaN for a version that is none."""
        return self.column(name) if name in _OF_HEAD else _spread_out(name, kinds, np.float64)

    def _shown_prices(self, records: NDArray[Any]) -> list[Numbers]:
        """Return the four prices of some rows in dollars: the same arithmetic as in `rows.row_of`, column by column."""
        new = list(self._numbers[_OF_GPU])[len(self._shares) :]
        self._shares += map(_shares, new)
        one, gigabyte, tflops = np.array(self._shares).T[:, records[GpuPiece.__name__]]
        prices = records["price"]
        per_gpu = prices / one
        return [
            prices / MICROS,
            np.rint(per_gpu) / MICROS,
            np.rint(per_gpu / tflops) / MICROS,
            np.rint(prices / gigabyte) / MICROS,
        ]


class _Distinct(NamedTuple):
    """The pieces of one kind, each once: as they are written and as they are read; and the number of each row's own."""

    pieces: list[bytes]
    read: list[Struct]
    codes: Codes

    def values(self, name: str) -> list[Any]:
        """Return the values of a column, one for each piece."""
        field = attrgetter(_OF_PIECES[name][1])
        given = [*map(field, self.read)]
        if name != "cuda":
            return given
        number_of = {value: _nan_if_none(version_number(value)) for value in set(given)}
        return [*map(number_of.__getitem__, given)]


def _spread_out(name: str, kinds: Sequence[_Distinct], dtype: type) -> NDArray[Any]:
    """Return the column of all rows."""
    kind = kinds[_number_of(name)]
    of_rows: NDArray[Any] = np.array(kind.values(name), dtype=dtype)[kind.codes]
    return of_rows


def _shares(values: tuple[Any, ...]) -> tuple[float, float, float]:
    gpu, count, fraction, vram = values
    model = MODELS.get(gpu)
    tflops = np.nan if model is None else model.tflops or np.nan
    return count * fraction, (vram or np.nan) * count, tflops


def _number_of(name: str) -> int:
    return PIECES.index(_OF_PIECES[name][0])


def hashes(texts: Sequence[str]) -> Hashes:
    """Return a hash of each text: half as long as a pointer to it and its object would be, a tenth of the text."""
    return np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))


def _known(name: str, values: Numbers) -> Numbers:
    """Return a column of numbers in which what is not known is NaN, and what has no end is infinite."""
    if name in _ZERO_IS_UNKNOWN:
        return np.where(values == 0, np.nan, values)
    if name == "max_hours":
        return np.where(values == 0, np.inf, values)
    # Micro-dollars are whole numbers, and so are kept; what is kept in dollars is asked for in micro-dollars.
    return values * FIELDS[name].scale if name in ("storage_price", "traffic_price") else values


def _nan_if_none(value: float | None) -> float:
    return np.nan if value is None else value


_OF_GPU: Final = PIECES.index(GpuPiece)
_OF_TERMS: Final = PIECES.index(TermsPiece)
