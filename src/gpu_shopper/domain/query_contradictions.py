"""Which two conditions of a query leave nothing between them: for whoever asked, and wonders why nothing came."""

from collections.abc import Callable, Iterable
from itertools import combinations
from math import inf

from gpu_shopper.domain.conditions import (
    All,
    Comparator,
    Compare,
    Condition,
    Flag,
    Not,
    OneOf,
)
from gpu_shopper.domain.query_canonical import canonical
from gpu_shopper.domain.query_language import Query

# The lowest and the highest value that fulfils a comparison, and whether each of them does so itself.
_ENDS: dict[Comparator, Callable[[float], tuple[float, bool, float, bool]]] = {
    Comparator.EQUAL: lambda value: (value, True, value, True),
    Comparator.LESS: lambda value: (-inf, False, value, False),
    Comparator.AT_MOST: lambda value: (-inf, False, value, True),
    Comparator.MORE: lambda value: (value, False, inf, False),
    Comparator.AT_LEAST: lambda value: (value, True, inf, False),
}


def contradiction(condition: Condition) -> str:
    """Return in words which two of the conditions that must all hold never do; nothing where no two are so."""
    parts = condition.conditions if isinstance(condition, All) else (condition,)
    for one, other in combinations(parts, 2):
        if _exclude(one, other):
            return f"{_text(one)} and {_text(other)} never hold both"
    return _never(parts)


def _never(parts: Iterable[Condition]) -> str:
    """Nothing that can be compared is below 0."""
    for part in parts:
        if isinstance(part, Compare):
            _, _, highest, itself = _ENDS[part.comparator](part.value)
            if highest < 0 or (highest == 0 and not itself):
                return f"{_text(part)} never holds"
    return ""


def _text(condition: Condition) -> str:
    return canonical(Query(condition))


def _exclude(one: Condition, other: Condition) -> bool:
    match one, other:
        case (Compare(), Compare()) if one.field == other.field:
            return not _meet(one, other)
        case (OneOf(), OneOf()) if one.field == other.field:
            return not one.values & other.values
        case (Flag(), Not(negated)) | (Not(negated), Flag()):
            return negated in (one, other)
    return False


def _meet(one: Compare, other: Compare) -> bool:
    low, low_in, high, high_in = _ENDS[one.comparator](one.value)
    low_2, low_2_in, high_2, high_2_in = _ENDS[other.comparator](other.value)
    least = max((low, not low_in), (low_2, not low_2_in))
    most = min((high, high_in), (high_2, high_2_in))
    return least[0] < most[0] or (least[0] == most[0] and not least[1] and most[1])
