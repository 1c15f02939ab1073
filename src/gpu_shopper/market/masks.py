"""From a condition to the bitmap of the rows that fulfil it: word by word, with what was asked lately kept.

The answer is exactly that of `domain.conditions.holds`, row by row; a test compares the two.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial, reduce
from itertools import chain
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
from gpu_shopper.domain.odds import LEAST_ODDS, WAITING_MICROS, WASTED_HOURS
from gpu_shopper.domain.offer_fields import FIELDS, Field, Kind, Value, told_by_model
from gpu_shopper.market.bitmaps import WORD, Words, packed
from gpu_shopper.market.index import Index
from gpu_shopper.market.kept import Kept, KeptBitmaps
from gpu_shopper.market.layout import Numbers
from gpu_shopper.market.outlook import Outlook
from gpu_shopper.market.shelf import TEXTS

# What changes with the odds while nothing is listed anew.
_OF_ODDS: Final = frozenset({"confidence", "expected_cost"})
# Where so small a share of the words belongs to the GPUs that are asked for, no others are looked at.
_FEW_WORDS: Final = 4

Among = NDArray[np.int64]
_NOTHING: Final = np.uint64(0)
# What follows from a GPU's name alone.
_OF_GPU: Final = frozenset(
    field.name for field in FIELDS.values() if field.of_model is not None or field.kind is Kind.GPU
)
# Which GPUs fulfil a part is kept of some hundred parts.
_GPUS_BYTES: Final = 1 << 16
_WORDS_BYTES: Final = 1 << 20


class Masks:
    """Bitmaps over one index, under one outlook. What `older` ones keep of shelves that stand here too is used again."""

    def __init__(self, index: Index, outlook: Outlook, older: "Masks | None" = None) -> None:
        self.index = index
        self.outlook = outlook
        self.bitmaps: KeptBitmaps = _bitmaps(index, None if older is None else older.bitmaps)
        self._of_odds = KeptBitmaps(index)
        self._gpus_kept: Kept[Part] = Kept(_GPUS_BYTES)
        # Of which words the rows of some GPUs are: people ask about the same ones.
        self._words_kept: Kept[tuple[Part, ...]] = Kept(_WORDS_BYTES)
        self.given: Mapping[Part, Words] = {}

    def knowing(self, given: Mapping[Part, Words]) -> "Masks":
        """Return the same for one question, some parts of which have been answered."""
        other = copy(self)
        other.given = given
        return other

    def of(self, condition: Condition) -> Words:
        """Return the bitmap of the rows for which `condition` holds. Not to be written to."""
        match condition:
            case All(conditions):
                return self._all(conditions)
            case AnyOf(conditions):
                nothing = np.zeros_like(self.index.valid)
                return reduce(np.bitwise_or, map(self.of, conditions), nothing)
            case Not(negated):
                return self.index.valid & ~self.of(negated)
            case Flag("odd"):
                return self.index.odd
            case Compare("price", comparator, value):
                return self._priced(self.index.valid, None, comparator, value)
            case _ if condition.field in _OF_GPU:
                return self.of_gpus(self._gpus(condition))
            case _:
                return self._part(condition)

    def of_gpus(self, chosen: NDArray[np.bool_]) -> Words:
        """Return the rows of some GPUs."""
        return np.where(chosen[self.index.gpu_of_word], self.index.valid, _NOTHING)

    def _all(self, conditions: Sequence[Condition]) -> Words:
        """What follows from the GPU says which words to look at; prices come last, for they cost most."""
        gpus: list[Part] = []
        prices: list[Compare] = []
        others: list[Condition] = []
        for one in conditions:
            if isinstance(one, All | AnyOf | Not):
                others.append(one)
            elif one.field in _OF_GPU:
                gpus.append(one)
            elif isinstance(one, Compare) and one.field == "price":
                prices.append(one)
            else:
                others.append(one)
        words, among = self._of_chosen(gpus)
        for other in others:
            words &= self._within(other, among)
        for price in prices:
            words = self._priced(words, among, price.comparator, price.value)
        if among is None:
            return words
        found = np.zeros_like(self.index.valid)
        found[among] = words
        return found

    def _of_chosen(self, asked: Sequence[Part]) -> tuple[Words, Among | None]:
        """Return the rows of all GPUs that are asked for, and among which words they are; None for all words."""
        valid = self.index.valid
        if not asked:
            return valid.copy(), None
        key = tuple(asked)
        among = self._words_kept.get(key)
        if among is None:
            chosen = reduce(np.bitwise_and, map(self._gpus, asked))[self.index.gpu_of_word]
            (among,) = chosen.nonzero()
            self._words_kept.put(key, among)
        if len(among) * _FEW_WORDS < len(valid):
            return valid[among], among
        words = np.zeros_like(valid)
        words[among] = valid[among]
        return words, None

    def _within(self, condition: Condition, among: Among | None) -> Words:
        if among is None:
            return self.of(condition)
        if isinstance(condition, OneOf) and condition.field in TEXTS:
            return self._any_of(condition, among)
        return np.asarray(self.of(condition)[among])

    def _part(self, part: Part) -> Words:
        if self.given and part in self.given:
            return self.given[part]
        if isinstance(part, OneOf | Contains) and part.field == "provider":
            chosen = [fulfils(provider, part) for provider in self.index.providers]
            clouds = np.array(chosen, dtype=bool)[self.index.cloud_of_word]
            return np.where(clouds, self.index.valid, _NOTHING)
        if isinstance(part, OneOf):
            return self._any_of(part, None)
        kept = self._of_odds if part.field in _OF_ODDS else self.bitmaps
        return kept.of(part, partial(self._of_shelf, part))

    def _any_of(self, part: OneOf, among: Among | None) -> Words:
        """Return the rows of which a text is one of some values; only `among` some words."""
        found = np.zeros(len(self.index.valid) if among is None else len(among), dtype=np.uint64)
        names = self.index.names(part.field)
        for value in chain.from_iterable(names.get(wanted, ()) for wanted in part.values):
            plane = self.plane(part.field, value)
            np.bitwise_or(found, plane if among is None else plane[among], out=found)
        return found

    def plane(self, name: str, value: str) -> Words:
        """Return the bitmap of the rows with one value of a text."""
        return self.bitmaps.of((name, value), partial(self._plane_of_shelf, name, value))

    def _plane_of_shelf(self, name: str, value: str, number: int) -> Words:
        shelf = self.index.shelves[number]
        text = shelf.texts[name]
        if value not in text.values:
            return np.zeros_like(shelf.layout.valid)
        return packed(text.codes == text.values.index(value))

    def _of_shelf(self, part: Part, number: int) -> Words:
        """Return the rows of one shelf that fulfil a part of a question."""
        shelf = self.index.shelves[number]
        match part:
            case Flag("partial"):
                return compared(shelf.number("fraction"), Comparator.LESS, 1)
            case Flag(name):
                return shelf.flags[name]
            case Compare(name, comparator, value):
                return compared(self._of_shelf_number(number, name), comparator, value)
            case OneOf(name) | Contains(name):
                text = shelf.texts[name]
                wanted = [bool(value) and fulfils(value, part) for value in text.values]
                # The code of an empty position is -1: the last place, which no value has.
                return packed(np.array([*wanted, False])[text.codes])

    def _of_shelf_number(self, number: int, name: str) -> Numbers:
        shelf = self.index.shelves[number]
        if name == "confidence":
            return self.outlook.of_shelf(number)
        if name in shelf.numbers:
            return shelf.numbers[name]
        if FIELDS[name].of_model is not None:
            return np.repeat(
                _of_models(FIELDS[name], shelf.layout.gpus)[shelf.layout.gpu_of_word], WORD
            )
        if name == "price":
            return shelf.layout.prices
        return _DERIVED[name](partial(self._of_shelf_number, number))

    def numbers_at(self, name: str, rows: NDArray[np.int64]) -> Numbers:
        """Return a column of numbers at some rows, NaN where the number is not known."""
        if name == "confidence":
            return self.outlook.at(rows)
        if FIELDS[name].of_model is not None:
            of_gpu = _of_models(FIELDS[name], self.index.gpus)
            return np.asarray(of_gpu[self.index.gpu_of_word[rows // WORD]])
        if name in _DERIVED:
            return _DERIVED[name](lambda other: self.numbers_at(other, rows))
        return np.asarray(self.index.number(name)[rows])

    def wasted(self, rows: NDArray[np.int64]) -> Numbers:
        """Return what the starts that fail before one works are expected to cost on these rows, in micro-dollars."""
        return _wasted(lambda name: self.numbers_at(name, rows))

    def _gpus(self, part: Part) -> NDArray[np.bool_]:
        """Return which GPUs fulfil a part of a question that follows from the GPU."""
        if isinstance(part, OneOf) and FIELDS[part.field].kind is Kind.GPU:
            # Asked nearly every time, and there are hundreds of models.
            named = np.zeros(len(self.index.gpus), dtype=bool)
            for name in part.values:
                named[self.index.gpu_codes.get(name, [])] = True
            return named
        kept = self._gpus_kept.get(part)
        if kept is None:
            told = (_told(FIELDS[part.field], gpu) for gpu in self.index.gpus)
            kept = np.array([fulfils(value, part) for value in told], dtype=bool)
            self._gpus_kept.put(part, kept)
        return kept

    def _priced(
        self, words: Words, among: Among | None, comparator: Comparator, value: float
    ) -> Words:
        """Return those of `words` whose rows' price compares so with `value`."""
        match comparator:
            case Comparator.AT_MOST:
                return self.cheaper(words, value, np.less_equal, among)
            case Comparator.LESS:
                return self.cheaper(words, value, np.less, among)
            case Comparator.MORE:
                return words & ~self.cheaper(words, value, np.less_equal, among)
            case Comparator.AT_LEAST:
                return words & ~self.cheaper(words, value, np.less, among)
            case Comparator.EQUAL:
                cheaper = self.cheaper(words, value, np.less, among)
                return self.cheaper(words, value, np.less_equal, among) & ~cheaper

    def cheaper(
        self, words: Words, value: float, compare: np.ufunc, among: Among | None = None
    ) -> Words:
        """Return those of `words` whose price is below `value`, or at most that.

        Rows of a word stand in the order of their prices: few words have some that are and some that are not.
        """
        first, last = self.index.first_price, self.index.last_price
        if among is not None:
            first, last = first[among], last[among]
        whole = compare(last, value)
        found: Words = words * whole
        (cut,) = ((compare(first, value) > whole) & (words != 0)).nonzero()
        if len(cut):
            at = cut if among is None else among[cut]
            prices = self.index.number("price").reshape(-1, WORD).take(at, axis=0)
            found[cut] = words[cut] & packed(compare(prices, value).reshape(-1))
        return found


def _bitmaps(index: Index, older: KeptBitmaps | None) -> KeptBitmaps:
    return older if older is not None and older.index is index else KeptBitmaps(index, older)


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


def _told(field: Field, gpu: str) -> Value:
    return gpu if field.of_model is None else told_by_model(gpu, field.of_model)


def _of_models(field: Field, gpus: Sequence[str]) -> NDArray[np.float64]:
    told = (_told(field, gpu) for gpu in gpus)
    return np.array([np.nan if value is None else float(value) for value in told], dtype=np.float64)


_Column = Callable[[str], Numbers]


def _wide(column: Numbers) -> NDArray[np.float64]:
    return column.astype(np.float64)


def _per_tflops(column: _Column) -> Numbers:
    tflops = column("tflops")
    return column("price_per_gpu") / np.where(tflops == 0, np.nan, tflops)


def _per_vram(column: _Column) -> Numbers:
    return column("price") / (_wide(column("vram")) * column("count"))


def _total_vram(column: _Column) -> Numbers:
    return _wide(column("vram")) * column("count")


def _wasted(column: _Column) -> Numbers:
    price, odds = column("price"), np.maximum(column("confidence"), LEAST_ODDS)
    return np.asarray((price * WASTED_HOURS + WAITING_MICROS) * ((1 - odds) / odds))


def _expected_cost(column: _Column) -> Numbers:
    return column("price") + _wasted(column)


def _untold(column: _Column) -> Numbers:
    return np.full_like(column("price"), np.nan)


# The same arithmetic, in the same order, as the fields' own: the last digit agrees.
_DERIVED: Final[Mapping[str, Callable[[_Column], Numbers]]] = {
    "price_per_tflops": _per_tflops,
    "price_per_vram": _per_vram,
    "total_vram": _total_vram,
    "effective_price": _untold,
    "effective_price_per_gpu": _untold,
    "expected_cost": _expected_cost,
}
