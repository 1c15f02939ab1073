"""From a condition to the bitmap of the rows that fulfil it: word by word, with what was asked lately kept.

The answer is exactly that of `domain.conditions.holds`, row by row; a test compares the two.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import reduce
from math import ceil, floor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.conditions import (
    All,
    AnyOf,
    Comparator,
    Compare,
    Condition,
    Contains,
    Flag,
    Not,
    OneOf,
    Part,
    fulfils,
)
from gpu_shopper.domain.gpu import MODELS, GpuModel
from gpu_shopper.domain.odds import LEAST_ODDS, WAITING_MICROS, WASTED_HOURS
from gpu_shopper.domain.offer_fields import FIELDS, Field, Kind, Value
from gpu_shopper.market.bitmaps import ALL_ONES, WORD, Words, packed
from gpu_shopper.market.index import Index
from gpu_shopper.market.layout import HIGHEST
from gpu_shopper.market.outlook import Outlook
from gpu_shopper.market.shelf import Numbers

# Bitmaps of parts of questions are kept up to so many bytes: questions are alike, thresholds are few.
_KEPT_BYTES: Final = 16 << 20
_MOST_BITMAPS: Final = 24
# What changes with the odds while nothing is listed anew.
_OF_ODDS: Final = frozenset({"confidence", "expected_cost"})

_Kept = OrderedDict[Part | tuple[str, int], Words]


class Masks:
    """Bitmaps over one index, under one outlook."""

    def __init__(self, index: Index, outlook: Outlook) -> None:
        self.index = index
        self.outlook = outlook
        self._kept: _Kept = OrderedDict()
        self._kept_of_odds: _Kept = OrderedDict()
        self._given: Mapping[Part, Words] = {}
        self._most = max(64, _KEPT_BYTES // max(1, index.valid.nbytes))

    def under(self, outlook: Outlook) -> "Masks":
        """Return the same under another outlook; what does not depend on it stays kept."""
        other = Masks(self.index, outlook)
        other._kept = self._kept
        return other

    def knowing(self, given: Mapping[Part, Words]) -> "Masks":
        """Return the same for one question, some parts of which have been answered."""
        other = Masks(self.index, self.outlook)
        other._kept = self._kept
        other._kept_of_odds = self._kept_of_odds
        other._given = given
        return other

    def of(self, condition: Condition) -> Words:
        """Return the bitmap of the rows for which `condition` holds. Not to be written to."""
        match condition:
            case All(conditions):
                return reduce(np.bitwise_and, map(self.of, conditions), self.index.valid)
            case AnyOf(conditions):
                nothing = np.zeros_like(self.index.valid)
                return reduce(np.bitwise_or, map(self.of, conditions), nothing)
            case Not(negated):
                return self.index.valid & ~self.of(negated)
            case _:
                return self._part(condition)

    def _part(self, part: Part) -> Words:
        if self._given and part in self._given:
            return self._given[part]
        among = self._kept_of_odds if part.field in _OF_ODDS else self._kept
        kept = among.get(part)
        return self._keep(among, part, self._made(part)) if kept is None else kept

    def _keep(self, among: "_Kept", key: Part | tuple[str, int], words: Words) -> Words:
        # Two threads may ask at once; the worst is that a bitmap is made twice.
        among[key] = words
        while len(among) > self._most:
            among.popitem(last=False)
        return words

    def _made(self, part: Part) -> Words:
        field = FIELDS[part.field]
        if field.of_model is not None or field.kind is Kind.GPU:
            return self._of_gpus(self._gpus(field, part))
        match part:
            case Flag(name):
                return self._flag(name)
            case Compare("price", comparator, value):
                return self._up_to_price(comparator, value)
            case Compare(name, comparator, value):
                return compared(self.numbers(name), comparator, value)
            case OneOf(name, values):
                return self._coded(name, lambda text: text.lower() in values)
            case Contains(name, wanted):
                return self._coded(name, lambda text: wanted in text.lower())

    def numbers(self, name: str) -> Numbers:
        """Return a column of numbers, NaN where the number is not known; made anew if it follows from others."""
        index = self.index
        if name == "confidence":
            return self.outlook.column
        if name in index.numbers:
            return index.numbers[name]
        if FIELDS[name].of_model is not None:
            of_gpu = [_as_number(_of_model(FIELDS[name], gpu)) for gpu in index.layout.gpus]
            return np.repeat(np.array(of_gpu, dtype=np.float64)[index.layout.gpu_of_word], WORD)
        if name == "expected_cost":
            return self.numbers("price") + self.wasted(slice(None))
        return _DERIVED[name](self.numbers)

    def wasted(self, rows: NDArray[np.int64] | slice) -> Numbers:
        """Return what the starts that fail before one works are expected to cost on these rows, in micro-dollars."""
        price, odds = (
            self.index.numbers["price"][rows],
            np.maximum(self.outlook.at(rows), LEAST_ODDS),
        )
        return np.asarray((price * WASTED_HOURS + WAITING_MICROS) * ((1 - odds) / odds))

    def _flag(self, name: str) -> Words:
        if name == "partial":
            return compared(self.index.numbers["fraction"], Comparator.LESS, 1)
        return self.index.flags[name]

    def _coded(self, name: str, wanted: Callable[[str], bool]) -> Words:
        text = self.index.texts[name]
        codes = [code for code, value in enumerate(text.values) if value and wanted(value)]
        if len(codes) > _MOST_BITMAPS:
            among = np.zeros(len(text.values) + 1, dtype=bool)
            among[codes] = True
            # The code of an empty position is -1: the last place, which no value has.
            return packed(among[text.codes])
        nothing = np.zeros_like(self.index.valid)
        return reduce(np.bitwise_or, (self.plane(name, code) for code in codes), nothing)

    def plane(self, name: str, code: int) -> Words:
        """Return the bitmap of the rows with one value of a text."""
        key = (name, code)
        kept = self._kept.get(key)
        return (
            self._keep(self._kept, key, packed(self.index.texts[name].codes == code))
            if kept is None
            else kept
        )

    def _gpus(self, field: Field, part: Part) -> NDArray[np.bool_]:
        if field.kind is Kind.GPU and isinstance(part, OneOf):
            # Asked nearly every time, and there are hundreds of models.
            named = np.zeros(len(self.index.layout.gpus), dtype=bool)
            named[[code for name in part.values for code in self.index.gpu_codes.get(name, ())]] = (
                True
            )
            return named
        return np.array(
            [fulfils(_of_model(field, gpu), part) for gpu in self.index.layout.gpus], dtype=bool
        )

    def _of_gpus(self, chosen: NDArray[np.bool_]) -> Words:
        layout, valid = self.index.layout, self.index.valid
        if not chosen.any():
            return np.zeros_like(valid)
        return np.where(chosen[layout.gpu_of_word], valid, np.uint64(0))

    def _up_to_price(self, comparator: Comparator, value: float) -> Words:
        valid = self.index.valid
        match comparator:
            case Comparator.AT_MOST:
                return self._cheaper_than(floor(_bounded(value)) + 1)
            case Comparator.LESS:
                return self._cheaper_than(ceil(_bounded(value)))
            case Comparator.MORE:
                return valid & ~self._cheaper_than(floor(_bounded(value)) + 1)
            case Comparator.AT_LEAST:
                return valid & ~self._cheaper_than(ceil(_bounded(value)))
            case Comparator.EQUAL:
                return compared(self.index.numbers["price"], comparator, value)

    def _cheaper_than(self, micros: int) -> Words:
        """Return the rows below a price: of each GPU the first ones, up to a place that the ladder tells."""
        layout = self.index.layout
        steps = np.arange(len(layout.gpus), dtype=np.int64) * HIGHEST
        ends = np.searchsorted(layout.ladder, steps + min(max(micros, 0), HIGHEST - 1), side="left")
        end_word, end_bit = ends // WORD, ends % WORD
        count = len(self.index.valid)
        # Whole words between the first and the last one of each GPU, then the part of the last one.
        edges = np.bincount(layout.first_word, minlength=count + 1)
        edges -= np.bincount(end_word, minlength=count + 1)
        words = np.where(np.cumsum(edges[:count]) > 0, ALL_ONES, np.uint64(0))
        cut = end_bit > 0
        words[end_word[cut]] = (np.uint64(1) << end_bit[cut].astype(np.uint64)) - np.uint64(1)
        return words


def compared(column: Numbers, comparator: Comparator, value: float) -> Words:
    """Return where a column compares so with `value`; NaN never does."""
    match comparator:
        case Comparator.EQUAL:
            return packed(column == np.float64(value))
        case Comparator.AT_LEAST:
            return packed(column >= _least(column, value))
        case Comparator.LESS:
            return packed(column < _least(column, value))
        case Comparator.AT_MOST:
            return packed(column <= _greatest(column, value))
        case Comparator.MORE:
            return packed(column > _greatest(column, value))


def _least(column: Numbers, value: float) -> Any:
    """Return the least number of the column's width that is not below `value`: compared with it, the answer is exact."""
    with np.errstate(over="ignore"):
        near = column.dtype.type(value)
    return near if float(near) >= value else np.nextafter(near, column.dtype.type(np.inf))


def _greatest(column: Numbers, value: float) -> Any:
    with np.errstate(over="ignore"):
        near = column.dtype.type(value)
    return near if float(near) <= value else np.nextafter(near, column.dtype.type(-np.inf))


def _bounded(value: float) -> float:
    return min(max(value, -1.0), float(HIGHEST))


def _of_model(field: Field, gpu: str) -> Value:
    if field.kind is Kind.GPU:
        return gpu
    model: GpuModel | None = MODELS.get(gpu)
    return None if model is None or field.of_model is None else field.of_model(model)


def _as_number(value: Value) -> float:
    return np.nan if value is None else float(value)


_Column = Callable[[str], Numbers]


def _untold(column: _Column) -> Numbers:
    return np.full_like(column("price"), np.nan)


def _per_gpu(column: _Column) -> Numbers:
    return column("price") / (column("count").astype(np.float64) * column("fraction"))


def _per_tflops(column: _Column) -> Numbers:
    tflops = column("tflops")
    return _per_gpu(column) / np.where(tflops == 0, np.nan, tflops)


def _per_vram(column: _Column) -> Numbers:
    return column("price") / (column("vram").astype(np.float64) * column("count"))


def _total_vram(column: _Column) -> Numbers:
    return column("vram").astype(np.float64) * column("count")


# The same arithmetic, in the same order, as the fields' own: the last digit agrees.
_DERIVED: Final[Mapping[str, Callable[[_Column], Numbers]]] = {
    "effective_price": _untold,
    "effective_price_per_gpu": _untold,
    "price_per_gpu": _per_gpu,
    "price_per_tflops": _per_tflops,
    "price_per_vram": _per_vram,
    "total_vram": _total_vram,
}
