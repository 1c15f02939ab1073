"""What an offer must fulfil, as a tree: comparisons, joined by and, or and not.

`holds` says what each of them means; the market's index answers the same, faster. A value that a cloud does not tell is
unknown, and nothing that is asked of it holds: neither `vcpus>=8` nor `vcpus<8`. Only a negation can: `not vcpus>=8`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import eq, ge, gt, le, lt

from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import FIELDS, Kind


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


Condition = Compare | OneOf | Contains | Flag | Not | All | AnyOf

EVERYTHING = All(())


def holds(offer: Offer, condition: Condition) -> bool:
    """Return whether `offer` fulfils `condition`: what every faster answer is compared with."""
    match condition:
        case All(conditions):
            return all(holds(offer, one) for one in conditions)
        case AnyOf(conditions):
            return any(holds(offer, one) for one in conditions)
        case Not(negated):
            return not holds(offer, negated)
        case _:
            return _value_holds(offer, condition)


def _value_holds(offer: Offer, condition: Compare | OneOf | Contains | Flag) -> bool:
    value = FIELDS[condition.field].value(offer)
    match condition:
        case Compare(_, comparator, wanted):
            return isinstance(value, int | float) and _COMPARE[comparator](value, wanted)
        case OneOf(_, values):
            return isinstance(value, str) and value.lower() in values
        case Contains(_, part):
            return isinstance(value, str) and part in value.lower()
        case Flag(_):
            return value is True


def fields_of(condition: Condition) -> frozenset[str]:
    """Return the names of all fields that `condition` asks about."""
    match condition:
        case All(conditions) | AnyOf(conditions):
            return frozenset().union(*map(fields_of, conditions))
        case Not(negated):
            return fields_of(negated)
        case _:
            return frozenset({condition.field})


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
