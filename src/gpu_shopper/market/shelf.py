"""One cloud's offers, as last heard, in columns and rows: made once when the cloud is heard, in small pieces.

Rows stand in the order of their ids. A number that a cloud does not tell is NaN, a text that it does not tell is empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.odd_prices import Mark, Thing, add_on_demand, is_spot_above
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import FIELDS, version_number
from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.rows import row_of

Numbers = NDArray[np.floating[Any]]
Codes = NDArray[np.int32]

# So many rows are made before others are let in: less than two milliseconds' work.
PIECE: Final = 200
# So many values of one column are taken at a time.
_STRETCH: Final = 4_000

_ZERO_IS_UNKNOWN: Final = frozenset({"vram", "vcpus", "ram", "disk", "down", "up"})
_NUMBERS: Final[Mapping[str, str]] = {
    "price": "price.micros",
    "count": "gpu_count",
    "fraction": "gpu_fraction",
    "vram": "vram_gb",
    "vcpus": "vcpus",
    "ram": "ram_gb",
    "disk": "disk_gb",
    "down": "inet_down_mbps",
    "up": "inet_up_mbps",
    "reliability": "reliability",
    "confidence": "availability_confidence",
    "max_hours": "max_duration_hours",
    "storage_price": "storage_price_per_gb_month",
    "traffic_price": "traffic_price_per_gb",
}
_FLAGS: Final[Mapping[str, str]] = {
    "interruptible": "interruptible",
    "available": "available",
}
_TEXTS: Final[Mapping[str, str]] = {
    "gpu": "gpu_type",
    "country": "country",
    "region": "region",
    "city": "city",
    "location": "location",
    "cuda": "cuda_version",
}
_read = attrgetter(*_NUMBERS.values(), *_FLAGS.values(), *_TEXTS.values(), "machine_id")
_COLUMNS: Final = (*_NUMBERS, *_FLAGS, *_TEXTS, "machine")
NUMBERS: Final = (*_NUMBERS, "cuda")
FLAGS: Final = tuple(_FLAGS)
TEXTS: Final = ("gpu", "country", "region", "city", "location")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A column of texts: the distinct ones, in order, and for each row the number of its own."""

    values: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One cloud's offers. `rows` are open JSON objects (see `rows.row_of`); `machines` are hashes."""

    provider: ProviderName
    rows: Sequence[bytes]
    numbers: Mapping[str, Numbers]
    flags: Mapping[str, NDArray[np.bool_]]
    texts: Mapping[str, Text]
    machines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def stocking(provider: ProviderName, offers: Iterable[Offer]) -> Pieces[Shelf]:
    """Make a shelf of `offers` in pieces."""
    ordered = sorted(offers, key=attrgetter("id"))
    yield
    rows: list[bytes] = []
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for start in range(0, len(ordered), PIECE):
        piece = ordered[start : start + PIECE]
        rows += map(row_of, piece)
        parts = zip(*map(_read, piece), strict=True)
        for column, part in zip(columns.values(), parts, strict=True):
            column.extend(part)
        yield
    numbers: dict[str, Numbers] = {}
    for name in _NUMBERS:
        numbers[name] = _numbers(name, columns.pop(name))
        yield
    flags = {name: np.array(columns.pop(name), dtype=bool) for name in _FLAGS}
    flags[Mark.SPOT_ABOVE] = yield from _spot_above(ordered)
    texts = {}
    for name in TEXTS:
        texts[name] = yield from _text(columns.pop(name))
    cuda = yield from _text(columns.pop("cuda"))
    versions = np.array([_nan_if_none(version_number(value)) for value in cuda.values])
    numbers["cuda"] = narrowed(versions[cuda.codes] if ordered else np.empty(0))
    yield
    machines = hashes(columns.pop("machine"))
    yield
    return Shelf(
        provider=provider,
        rows=rows,
        numbers=numbers,
        flags=flags,
        texts=texts,
        machines=machines,
    )


def _spot_above(offers: Sequence[Offer]) -> Pieces[NDArray[np.bool_]]:
    """Return which offers are dearer than the same thing of the same cloud on demand."""
    above = np.zeros(len(offers), dtype=bool)
    spots = [number for number, offer in enumerate(offers) if offer.interruptible]
    yield
    if not spots:
        return above
    firm: dict[Thing, int] = {}
    for start in range(0, len(offers), PIECE):
        add_on_demand(firm, offers[start : start + PIECE])
        yield
    for number in spots:
        above[number] = is_spot_above(offers[number], firm)
    return above


class Stock:
    """One cloud's offers: as they came, until somebody asks about them; then as a shelf, and as a shelf alone."""

    def __init__(self, provider: ProviderName, offers: Iterable[Offer] = ()) -> None:
        self._provider = provider
        # What is listed twice is one offer, as it was listed last.
        self._offers = tuple({offer.id: offer for offer in offers}.values())
        assert all(offer.provider == provider for offer in self._offers), provider
        self._count = len(self._offers)
        self._shelf: Shelf | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def shelf(self) -> Shelf:
        """The offers on their shelf."""
        return self._shelf or at_once(self.stocking())

    def stocking(self) -> Pieces[Shelf]:
        """Put the offers on their shelf in pieces."""
        if self._shelf is None:
            shelf = yield from stocking(self._provider, self._offers)
            # An offer takes as much space as its row and its columns together.
            self._shelf, self._offers = shelf, ()
        return self._shelf


def hashes(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return a hash of each text: half as long as a pointer to it and its object would be, a tenth of the text."""
    return np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))


def narrowed(values: NDArray[np.float64]) -> Numbers:
    """Return the same numbers in half the space where that loses nothing."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float32)
    return half if np.array_equal(half, values, equal_nan=True) else values


def _numbers(name: str, given: Sequence[float]) -> Numbers:
    values = np.array(given, dtype=np.float64)
    if name in _ZERO_IS_UNKNOWN:
        values[values == 0] = np.nan
    elif name == "max_hours":
        values[values == 0] = np.inf
    # Micro-dollars are whole numbers, and so are kept; what is kept in dollars is asked for in micro-dollars.
    if name in ("storage_price", "traffic_price"):
        values *= FIELDS[name].scale
    # A price needs all its digits now or after the next refresh: one width for good.
    return values if name == "price" else narrowed(values)


def _text(given: Sequence[str]) -> Pieces[Text]:
    parts = [given[start : start + _STRETCH] for start in range(0, len(given), _STRETCH)]
    distinct: set[str] = set()
    for part in parts:
        distinct.update(part)
        yield
    values = tuple(sorted(distinct))
    code_of = {value: code for code, value in enumerate(values)}
    codes = [np.empty(0, dtype=np.int32)]
    for part in parts:
        codes.append(np.fromiter(map(code_of.__getitem__, part), dtype=np.int32, count=len(part)))
        yield
    return Text(values=values, codes=np.concatenate(codes))


def _nan_if_none(value: float | None) -> float:
    return np.nan if value is None else value
