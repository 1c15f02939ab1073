"""From offers to columns, some at a time: what is alike in many is looked at once, and no offer need be kept."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

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
    heads_of,
    ids_in,
    piece_of,
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
_RECORD: Final = np.dtype(
    [
        *((name, np.float64) for name in _OF_HEAD),
        *((name, np.int64) for name in ("machine", "print", "said", "end")),
        *((kind.__name__, np.int32) for kind in PIECES),
    ]
)
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
        self._heads = bytearray()
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
            new[kind.__name__] = [
                known.setdefault(values, len(known)) for values in map(read, offers)
            ]
        _, reliability, down, up, _ = given
        shown = (column.tolist() for column in self._shown_prices(new))
        heads = map(
            Head, ids, repeat(self._provider), provider_ids, machines, *shown, reliability, down, up
        )
        lines = heads_of(list(heads))
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
        codes = [self.column(kind.__name__) for kind in PIECES]
        yield
        pieces: list[list[bytes]] = []
        for kind, known in zip(PIECES, self._numbers, strict=True):
            pieces.append([])
            for number, values in enumerate(known):
                pieces[-1].append(piece_of(kind, values))
                if number % PIECE == PIECE - 1:
                    yield
        numbers = {}
        for name in STATED:
            numbers[name] = _known(name, self._stated(name, codes))
            yield
        texts = {}
        for name in ("gpu", *TEXTS):
            values, own = coded(self._distinct(name))
            texts[name] = Text(values, own[codes[_number_of(name)]])
            yield
        return Columns(
            prices=self.column("price"),
            numbers=numbers,
            flags={
                name: np.array(self._distinct(name), dtype=bool)[codes[_number_of(name)]]
                for name in FLAGS
            },
            texts=texts,
            machines=self.column("machine"),
            prints=self.column("print"),
            heads=Heads(self._heads, np.concatenate([np.zeros(1, np.int64), self.column("end")])),
            pieces=pieces,
            codes=codes,
        )

    def letting_go(self) -> Pieces[None]:
        """Hold nothing any more, in pieces."""
        self._rows = {}
        yield
        for known in self._numbers:
            known.clear()
            yield
        self._heads, self._records, self._count = bytearray(), [], 0

    def _stated(self, name: str, codes: Sequence[Codes]) -> Numbers:
        """Return a column of numbers, NaN for a version that is none."""
        if name in _OF_HEAD:
            return self.column(name)
        given = self._distinct(name)
        if name == "cuda":
            number_of = {value: _nan_if_none(version_number(value)) for value in set(given)}
            given = [number_of[value] for value in given]
        of_rows: Numbers = np.array(given, dtype=np.float64)[codes[_number_of(name)]]
        return of_rows

    def _distinct(self, name: str) -> list[Any]:
        """Return the values of a column, one for each distinct piece that has it."""
        kind, field = _OF_PIECES[name]
        place = kind.__struct_fields__.index(field)
        return [values[place] for values in self._numbers[PIECES.index(kind)]]

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
