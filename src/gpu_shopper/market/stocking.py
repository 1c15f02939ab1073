"""From a cloud's offers to its shelf, in small pieces: what is alike in many offers is looked at once."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import MICROS
from gpu_shopper.domain.odd_prices import Mark
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import FIELDS, version_number
from gpu_shopper.market.bitmaps import WORD, packed
from gpu_shopper.market.layout import Layout, Numbers, laid_out
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import Codes, RowStore
from gpu_shopper.market.rows import (
    PIECES,
    READERS,
    GpuPiece,
    Head,
    PlacePiece,
    TermsPiece,
    heads_of,
    piece_of,
)
from gpu_shopper.market.shelf import FLAGS, NUMBERS, TEXTS, Shelf, Text
from gpu_shopper.market.spread import spread_of

# So many rows are made before others are let in: about a millisecond's work.
PIECE: Final = 500

_ZERO_IS_UNKNOWN: Final = frozenset({"vram", "vcpus", "ram", "disk", "down", "up"})
_OF_HEAD: Final[Mapping[str, str]] = {
    "id": "id",
    "provider_id": "provider_id",
    "machine": "machine_id",
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
# What clouds state, and does not follow from that.
_STATED: Final = tuple(name for name in NUMBERS if name != "price_per_gpu")
_read = attrgetter(*_OF_HEAD.values())

T = TypeVar("T", str, tuple[Any, ...])


class _Kind(NamedTuple):
    """The distinct pieces of one kind, by their values, and the number of each row's own."""

    of: type[Struct]
    numbers: dict[tuple[Any, ...], int]
    codes: Codes

    def column(self, name: str) -> list[Any]:
        """Return one value of each distinct piece."""
        place = self.of.__struct_fields__.index(name)
        return [values[place] for values in self.numbers]


class _Gathered(NamedTuple):
    """What rows have for themselves, and the pieces that they share."""

    head: Mapping[str, list[Any]]
    kinds: Mapping[type[Struct], _Kind]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN for a version that is none."""
        if name in self.head:
            return np.array(self.head[name], dtype=np.float64)
        given = self.distinct(name)
        if name == "cuda":
            number_of = {value: _nan_if_none(version_number(value)) for value in set(given)}
            given = [number_of[value] for value in given]
        return self.of_rows(name, np.array(given, dtype=np.float64))

    def of_rows(self, name: str, values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
        """Return a column of rows, of values that go with a column's distinct pieces."""
        return np.asarray(values)[self.kinds[_OF_PIECES[name][0]].codes]

    def distinct(self, name: str) -> list[Any]:
        """Return the values of a column, one for each distinct piece that has it."""
        kind, field = _OF_PIECES[name]
        return self.kinds[kind].column(field)


def stocking(provider: ProviderName, offers: Iterable[Offer]) -> Pieces[Shelf]:
    """Make a shelf of `offers` in pieces."""
    ordered = sorted(offers, key=attrgetter("id"))
    yield
    gathered = yield from _gathering(ordered)
    prices = gathered.numbers("price")
    numbers = {}
    for name in _STATED:
        numbers[name] = _known(name, gathered.numbers(name))
        yield
    numbers["price_per_gpu"] = prices / (numbers["count"] * numbers["fraction"])
    yield
    flags = {
        name: gathered.of_rows(name, np.array(gathered.distinct(name), dtype=bool))
        for name in FLAGS
    }
    machines = hashes(gathered.head["machine"])
    yield
    above = yield from _spot_above(gathered, flags["interruptible"], prices, machines)
    odd = {Mark.NO_PRICE: prices <= 0, Mark.SPOT_ABOVE: above}
    yield
    texts = {name: _text(name, gathered) for name in ("gpu", *TEXTS)}
    gpu = texts.pop("gpu")
    layout = laid_out(gpu.values, gpu.codes, prices)
    yield
    rows = yield from _encoding(provider, gathered, numbers["price_per_gpu"])
    yield
    lowest, highest = _spread(layout, numbers["price_per_gpu"])
    placed = {
        name: layout.placed(column if name == "price_per_gpu" else narrowed(column), np.nan)
        for name, column in numbers.items()
    }
    yield
    return Shelf(
        provider=provider,
        rows=rows,
        layout=layout,
        numbers=placed,
        flags={name: packed(layout.placed(flag, False)) for name, flag in flags.items()},
        marks={
            mark: packed(layout.placed(flag, False)) for mark, flag in odd.items() if flag.any()
        },
        texts={
            name: Text(values=text.values, codes=layout.placed(text.codes, -1))
            for name, text in texts.items()
        },
        machines=machines,
        lowest=lowest,
        highest=highest,
        spread=spread_of(gpu.codes, numbers["price_per_gpu"]),
    )


def _spread(
    layout: Layout, per_gpu: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the most that is asked for one whole GPU of each model; what has no price counts for nothing."""
    if not len(layout.gpus):
        return np.empty(0), np.empty(0)
    firsts = layout.first_word * WORD
    priced = np.where(per_gpu > 0, per_gpu, np.inf)
    lowest = np.minimum.reduceat(layout.placed(priced, np.inf), firsts)
    return lowest, np.maximum.reduceat(layout.placed(np.maximum(per_gpu, 0), 0), firsts)


def _gathering(offers: Sequence[Offer]) -> Pieces[_Gathered]:
    head: dict[str, list[Any]] = {name: [] for name in _OF_HEAD}
    numbers: list[dict[tuple[Any, ...], int]] = [{} for _ in PIECES]
    codes: list[list[int]] = [[] for _ in PIECES]
    for start in range(0, len(offers), PIECE):
        piece = offers[start : start + PIECE]
        for column, part in zip(head.values(), zip(*map(_read, piece), strict=True), strict=True):
            column.extend(part)
        for read, known, code in zip(READERS, numbers, codes, strict=True):
            code += [known.setdefault(values, len(known)) for values in map(read, piece)]
        yield
    kinds = {
        kind: _Kind(kind, known, np.array(code, dtype=np.int32))
        for kind, known, code in zip(PIECES, numbers, codes, strict=True)
    }
    return _Gathered(head, kinds)


def _encoding(
    provider: ProviderName, gathered: _Gathered, per_gpu: NDArray[np.float64]
) -> Pieces[RowStore]:
    head = gathered.head
    columns = [
        head["id"],
        head["provider_id"],
        head["machine"],
        *(column.tolist() for column in _shown_prices(gathered, per_gpu)),
        head["reliability"],
        head["down"],
        head["up"],
    ]
    yield
    heads: list[bytes] = []
    ends = [np.zeros(1, dtype=np.int64)]
    for start in range(0, len(per_gpu), PIECE):
        ids, *rest = (column[start : start + PIECE] for column in columns)
        lines = heads_of(list(map(Head, ids, repeat(provider), *rest)))
        heads.append(lines)
        # JSON has no line's end inside.
        (at,) = (np.frombuffer(lines, dtype=np.uint8) == ord("\n")).nonzero()
        ends.append(at + 1 + ends[-1][-1])
        yield
    pieces: list[list[bytes]] = []
    for kind in gathered.kinds.values():
        pieces.append([])
        for number, values in enumerate(kind.numbers):
            pieces[-1].append(piece_of(kind.of, values))
            if number % PIECE == PIECE - 1:
                yield
    return RowStore(
        b"".join(heads),
        np.concatenate(ends),
        pieces,
        [kind.codes for kind in gathered.kinds.values()],
    )


def _shown_prices(gathered: _Gathered, per_gpu: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the four prices of each row in dollars: the same arithmetic as in `rows.row_of`, column by column."""
    models = [MODELS.get(gpu) for gpu in gathered.distinct("gpu")]
    tflops = [np.nan if model is None else model.tflops or np.nan for model in models]
    prices, counts = gathered.numbers("price"), gathered.numbers("count")
    vram = gathered.numbers("vram")
    return [
        prices / MICROS,
        np.rint(per_gpu) / MICROS,
        np.rint(per_gpu / gathered.of_rows("gpu", tflops)) / MICROS,
        np.rint(prices / (np.where(vram == 0, np.nan, vram) * counts)) / MICROS,
    ]


def _spot_above(
    gathered: _Gathered,
    spot: NDArray[np.bool_],
    prices: NDArray[np.float64],
    machines: NDArray[np.int64],
) -> Pieces[NDArray[np.bool_]]:
    """Return which offers are dearer than the same thing of the same cloud on demand."""
    if not spot.any():
        return spot
    sizes = list(zip(gathered.distinct("vcpus"), gathered.distinct("ram"), strict=True))
    parts: list[NDArray[Any]] = [
        np.unique(machines, return_inverse=True)[1],
        gathered.kinds[GpuPiece].codes,
        gathered.of_rows("region", _coded(gathered.distinct("region"))[1]),
        gathered.of_rows("vcpus", _coded(sizes)[1]),
    ]
    thing = np.zeros(len(prices), dtype=np.int64)
    yield
    for part in parts:
        # Numbered anew each time, so that it always fits.
        thing = np.unique(thing * (int(part.max()) + 1) + part, return_inverse=True)[1]
        yield
    firm = ~spot & (prices > 0)
    least = np.full(len(prices), np.inf)
    np.minimum.at(least, thing[firm], prices[firm])
    return np.asarray(spot & (prices > least[thing]))


def hashes(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return a hash of each text: half as long as a pointer to it and its object would be, a tenth of the text."""
    return np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))


def narrowed(values: NDArray[np.float64]) -> Numbers:
    """Return the same numbers in half the space where that loses nothing, and there are many."""
    if len(values) < WORD:
        return values
    with np.errstate(over="ignore"):
        half = values.astype(np.float32)
    return half if np.array_equal(half, values, equal_nan=True) else values


def _known(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a column of numbers in which what is not known is NaN, and what has no end is infinite."""
    if name in _ZERO_IS_UNKNOWN:
        return np.where(values == 0, np.nan, values)
    if name == "max_hours":
        return np.where(values == 0, np.inf, values)
    # Micro-dollars are whole numbers, and so are kept; what is kept in dollars is asked for in micro-dollars.
    return values * FIELDS[name].scale if name in ("storage_price", "traffic_price") else values


def _text(name: str, gathered: _Gathered) -> Text:
    values, codes = _coded(gathered.distinct(name))
    return Text(values=values, codes=gathered.of_rows(name, codes))


def _coded(given: Sequence[T]) -> tuple[tuple[T, ...], Codes]:
    """Return the distinct values, in order, and for each of those given the number of its own."""
    values = tuple(sorted(set(given)))
    code_of = {value: code for code, value in enumerate(values)}
    return values, np.fromiter(map(code_of.__getitem__, given), dtype=np.int32, count=len(given))


def _nan_if_none(value: float | None) -> float:
    return np.nan if value is None else value
