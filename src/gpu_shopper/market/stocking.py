"""From a cloud's offers, or from its rows in columns, to its shelf, in small pieces."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.odd_prices import Mark
from gpu_shopper.domain.offer import Offer
from gpu_shopper.market.bitmaps import WORD, packed
from gpu_shopper.market.columns import STATED, Columns, Heads, merged
from gpu_shopper.market.gathering import PIECE, Gathering
from gpu_shopper.market.layout import Layout, Numbers, laying_out
from gpu_shopper.market.packing import side_by_side
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import RowStore
from gpu_shopper.market.rows import PIECES, GpuPiece
from gpu_shopper.market.shelf import FLAGS, TEXTS, Shelf, Text
from gpu_shopper.market.spread import Spread, spread_of


def stocking(provider: ProviderName, offers: Sequence[Offer]) -> Pieces[Shelf]:
    """Make a shelf of `offers` in pieces; what is listed twice is one offer, as it was listed last."""
    gathering = Gathering(provider)
    for start in range(0, len(offers), PIECE):
        some = offers[start : start + PIECE]
        nothing = np.zeros(len(some), dtype=np.int64)
        gathering.add(some, nothing, nothing)
        yield
    return (yield from shelving_alone(provider, gathering))


def shelving_alone(provider: ProviderName, gathering: Gathering) -> Pieces[Shelf]:
    """Make a shelf of what was gathered, in pieces."""
    if not len(gathering):
        return (yield from shelving(provider, _nothing()))
    ids = yield from gathering.ids()
    columns = yield from gathering.columns()
    return (yield from shelving(provider, (yield from merged([columns], gathering.rows(ids)))))


def shelving(provider: ProviderName, columns: Columns) -> Pieces[Shelf]:
    """Make a shelf of rows in columns, which stand in the order of their ids."""
    prices, numbers, flags = columns.prices, dict(columns.numbers), columns.flags
    numbers["price_per_gpu"] = per_gpu = prices / (numbers["count"] * numbers["fraction"])
    yield
    above = yield from _spot_above(columns)
    odd = {Mark.NO_PRICE: prices <= 0, Mark.SPOT_ABOVE: above}
    gpu = columns.texts["gpu"]
    layout = yield from laying_out(gpu.values, gpu.codes, prices)
    lowest, highest = _extremes(layout, per_gpu)
    yield
    arrays: dict[str, NDArray[Any]] = {"lowest": lowest, "highest": highest}
    for name, column in numbers.items():
        narrow = column if name == "price_per_gpu" else narrowed(column)
        arrays[f"number {name}"] = layout.placed(narrow, np.nan)
        yield
    block, begins = columns.heads
    rows = RowStore(block, begins, columns.pieces, columns.codes)
    yield
    for name in TEXTS:
        arrays[f"text {name}"] = layout.placed(columns.texts[name].codes, -1)
        yield
    arrays |= {f"flag {name}": packed(layout.placed(flag, False)) for name, flag in flags.items()}
    arrays |= {
        f"mark {mark}": packed(layout.placed(flag, False))
        for mark, flag in odd.items()
        if flag.any()
    }
    arrays["keys"], arrays["counts"] = spread_of(gpu.codes, per_gpu)
    arrays["machines"] = columns.machines
    arrays["prints"] = columns.prints if columns.prints.any() else columns.prints[:0]
    arrays |= {name: getattr(layout, name) for name in _OF_LAYOUT}
    yield
    kept = yield from side_by_side(arrays)
    return Shelf(
        provider=provider,
        rows=rows,
        layout=Layout(gpus=gpu.values, **{name: kept[name] for name in _OF_LAYOUT}),
        numbers={name: kept[f"number {name}"] for name in numbers},
        flags={name: kept[f"flag {name}"] for name in flags},
        marks={mark: kept[f"mark {mark}"] for mark in odd if f"mark {mark}" in kept},
        texts={name: Text(columns.texts[name].values, kept[f"text {name}"]) for name in TEXTS},
        machines=kept["machines"],
        prints=kept["prints"],
        lowest=kept["lowest"],
        highest=kept["highest"],
        spread=Spread(kept["keys"], kept["counts"]),
    )


def _extremes(
    layout: Layout, per_gpu: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the most that is asked for one whole GPU of each model; what has no price counts for nothing."""
    if not len(layout.gpus):
        return np.empty(0), np.empty(0)
    firsts = layout.first_word * WORD
    priced = np.where(per_gpu > 0, per_gpu, np.inf)
    lowest = np.minimum.reduceat(layout.placed(priced, np.inf), firsts)
    return lowest, np.maximum.reduceat(layout.placed(np.maximum(per_gpu, 0), 0), firsts)


def _spot_above(columns: Columns) -> Pieces[NDArray[np.bool_]]:
    """Return which offers are dearer than the same thing of the same cloud on demand."""
    above = spot = columns.flags["interruptible"]
    if not spot.any():
        return spot
    # Only where a machine is sold in either way is there anything to compare.
    (some,) = np.isin(columns.machines, columns.machines[spot]).nonzero()
    parts: list[NDArray[Any]] = [
        columns.machines[some],
        columns.codes[_OF_GPU][some],
        columns.texts["region"].codes[some],
        columns.numbers["vcpus"][some],
        columns.numbers["ram"][some],
    ]
    thing = np.zeros(len(some), dtype=np.int64)
    yield
    for part in parts:
        # Numbered anew each time, so that it always fits; what is not told is alike.
        values, codes = np.unique(part, return_inverse=True)
        yield
        thing = np.unique(thing * len(values) + codes, return_inverse=True)[1]
        yield
    prices, spot = columns.prices[some], spot[some]
    firm = ~spot & (prices > 0)
    least = np.full(len(prices), np.inf)
    np.minimum.at(least, thing[firm], prices[firm])
    above = np.zeros(len(above), dtype=bool)
    above[some] = spot & (prices > least[thing])
    return above


def narrowed(values: NDArray[np.float64]) -> Numbers:
    """Return the same numbers in half the space where that loses nothing, and there are many."""
    if len(values) < WORD:
        return values
    with np.errstate(over="ignore"):
        half = values.astype(np.float32)
    return half if np.array_equal(half, values, equal_nan=True) else values


def _nothing() -> Columns:
    empty = np.empty(0)
    no_text = Text((), empty.astype(np.int32))
    return Columns(
        prices=empty,
        numbers=dict.fromkeys(STATED, empty),
        flags=dict.fromkeys(FLAGS, empty.astype(bool)),
        texts=dict.fromkeys(("gpu", *TEXTS), no_text),
        machines=empty.astype(np.int64),
        prints=empty.astype(np.int64),
        heads=Heads(b"", np.zeros(1, dtype=np.int64)),
        pieces=[[] for _ in PIECES],
        codes=[no_text.codes for _ in PIECES],
    )


_OF_LAYOUT: Final = tuple(field.name for field in fields(Layout) if field.name != "gpus")
_OF_GPU: Final = PIECES.index(GpuPiece)
