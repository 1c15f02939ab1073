"""What an offer must fulfil, as a tree: comparisons, joined by and, or and not.

`holds` says what each of them means; the market's index answers the same, faster. A value that a cloud does not tell is
unknown, and nothing that is asked of it holds: neither `vcpus>=8` nor `vcpus<8`. Only a negation can: `not vcpus>=8`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter, eq, ge, gt, le, lt

from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_fields import FIELDS, Kind, Value, version_number
from gpu_shopper.domain.true_price import Costing


class Comparator(StrEnum):
    """How a number is compared."""

    EQUAL = "="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


_COMPARE: Mapping[Comparator, Callable[[float, float], bool]] = {
    Comparator.EQUAL: eq,
    Comparator.LESS: lt,
    Comparator.AT_MOST: le,
    Comparator.MORE: gt,
    Comparator.AT_LEAST: ge,
}


@dataclass(frozen=True, slots=True)
class Compare:
    """A number is so: `value` is in the unit in which the field is kept (see `Field.scale`)."""

    field: str
    comparator: Comparator
    value: float


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text is one of these, whatever its case; `values` are in small letters."""

    field: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Contains:
    """A text has this in it, whatever its case; `part` is in small letters."""

    field: str
    part: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A yes-or-no is yes."""

    field: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite holds."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """Each of them holds; of none, that is so."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them holds; of none, that is not so."""

    conditions: tuple["Condition", ...]


Part = Compare | OneOf | Contains | Flag
Condition = Part | Not | All | AnyOf

EVERYTHING = All(())


def holds(offer: Offer, condition: Condition, costing: Costing | None = None) -> bool:
    """Return whether `offer` fulfils `condition`, for whoever needs that: what every faster answer is compared with."""
    match condition:
        case All(conditions):
            return all(holds(offer, one, costing) for one in conditions)
        case AnyOf(conditions):
            return any(holds(offer, one, costing) for one in conditions)
        case Not(negated):
            return not holds(offer, negated, costing)
        case _:
            return fulfils(FIELDS[condition.field].told(offer, costing), condition)


def fulfils(value: Value, part: Part) -> bool:
    """Return whether a value of a field is as one part of a condition asks for."""
    match part:
        case Compare(_, comparator, wanted):
            # A yes is a number to Python.
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            return _COMPARE[comparator](value, wanted)
        case OneOf(_, values):
            return isinstance(value, str) and value.lower() in values
        case Contains(_, wanted):
            return isinstance(value, str) and wanted in value.lower()
        case Flag(_):
            return value is True


def fields_of(condition: Condition) -> frozenset[str]:
    """Return the names of all fields that `condition` asks about."""
    return frozenset(part.field for part in parts_of(condition))


def parts_of(condition: Condition) -> Iterator[Part]:
    """Yield every question to one field that `condition` is made of."""
    match condition:
        case All(conditions) | AnyOf(conditions):
            for one in conditions:
                yield from parts_of(one)
        case Not(negated):
            yield from parts_of(negated)
        case _:
            yield condition


def joined(*conditions: Condition) -> Condition:
    """Return all of `conditions` as one, flat where they are lists themselves."""
    flat: list[Condition] = []
    for condition in conditions:
        flat += condition.conditions if isinstance(condition, All) else (condition,)
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def fits(condition: Condition) -> bool:
    """Return whether each part of it asks its field what such a field can answer: a number of a name, say, can't be."""
    match condition:
        case All(conditions) | AnyOf(conditions):
            return all(map(fits, conditions))
        case Not(negated):
            return fits(negated)
        case Compare(field):
            return FIELDS[field].kind in (Kind.NUMBER, Kind.VERSION)
        case OneOf(field) | Contains(field):
            return FIELDS[field].kind in (Kind.TEXT, Kind.GPU)
        case Flag(field):
            return FIELDS[field].kind is Kind.FLAG


_NAMES = ("gpu", "provider", "region", "country")
_names = attrgetter("gpu_types", "providers", "regions", "countries")
_LEAST = ("count", "vram", "reliability", "confidence", "disk", "ram", "vcpus", "down")
_least = attrgetter(
    "min_gpu_count",
    "min_vram_gb",
    "min_reliability",
    "min_availability_confidence",
    "min_disk_gb",
    "min_ram_gb",
    "min_vcpus",
    "min_inet_down_mbps",
)


def condition_of(wanted: Requirements) -> Condition:
    """Return what a consumer's requirements ask of an offer."""
    parts: list[Condition] = [
        OneOf(field, frozenset(map(str.lower, values)))
        for field, values in zip(_NAMES, _names(wanted), strict=True)
        if values
    ]
    # At least nothing is asked of nobody: not even of those who do not tell.
    parts += [
        Compare(field, Comparator.AT_LEAST, value)
        for field, value in zip(_LEAST, _least(wanted), strict=True)
        if value
    ]
    cuda = None if wanted.min_cuda is None else version_number(wanted.min_cuda)
    if cuda:
        parts.append(Compare("cuda", Comparator.AT_LEAST, cuda))
    if wanted.gpu_count is not None:
        parts.append(Compare("count", Comparator.EQUAL, wanted.gpu_count))
    if wanted.max_price is not None:
        parts.append(Compare("price", Comparator.AT_MOST, wanted.max_price.micros))
    for flag, value in (("interruptible", wanted.interruptible), ("partial", wanted.partial)):
        if value is not None:
            parts.append(Flag(flag) if value else Not(Flag(flag)))
    return joined(*parts)
