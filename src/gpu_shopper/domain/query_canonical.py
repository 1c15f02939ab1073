"""One way to write each query, whatever way it came: what answers are kept under, and what can be shown."""

import re
from decimal import Decimal

from gpu_shopper.domain.conditions import (
    All,
    AnyOf,
    Compare,
    Condition,
    Contains,
    Flag,
    Not,
    OneOf,
)
from gpu_shopper.domain.offer_fields import FIELDS, PATCHES, Field, Kind, Order
from gpu_shopper.domain.query_language import Query

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]*")


def canonical(query: Query) -> str:
    """Return the query in its one form. Two have the same only if they mean the same.

    What was parsed is parsed to the same again, as long as the text is not longer than a query may be.
    """
    parts = []
    if query.condition != All(()):
        parts.append(_within(query.condition, ()))
    if query.orders:
        parts.append(f"sort {', '.join(map(_order, query.orders))}")
    if query.limit is not None:
        parts.append(f"limit {query.limit}")
    return " ".join(parts)


def _order(order: Order) -> str:
    usual = FIELDS[order.field].best_first
    return order.field if order == usual else f"{order.field} {order.direction}"


def _condition(condition: Condition) -> str:
    match condition:
        case All(conditions):
            return " ".join(_within(one, (All, AnyOf)) for one in conditions)
        case AnyOf(conditions):
            return " or ".join(_within(one, (AnyOf,)) for one in conditions)
        case Not(negated):
            return f"!{_within(negated, (All, AnyOf))}"
        case Flag(field):
            return field
        case Contains(field, part):
            return f"{field}~{_text(part)}"
        case OneOf(field, values):
            choice = [*map(_text, sorted(values))]
            return (
                f"{field}={choice[0]}" if len(choice) == 1 else f"{field} in ({', '.join(choice)})"
            )
        case Compare(field, comparator, value):
            return f"{field}{comparator}{_number(FIELDS[field], value)}"


def _within(condition: Condition, in_brackets: tuple[type[Condition], ...]) -> str:
    # A parsed query has no list of one or none; one that was made by hand still gets a text of its own.
    if condition == AnyOf(()):
        return "!()"
    lone = isinstance(condition, All | AnyOf) and len(condition.conditions) < 2
    text = _condition(condition)
    return f"({text})" if lone or isinstance(condition, in_brackets) else text


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _number(field: Field, value: float) -> str:
    if field.kind is Kind.VERSION:
        parts = [int(value // PATCHES**2), int(value // PATCHES % PATCHES), int(value % PATCHES)]
        return ".".join(map(str, parts if parts[2] else parts[:2]))
    # Decimal, because what was read from these digits has to come of them again.
    digits = Decimal(repr(float(value))) / Decimal(field.scale)
    text = f"{digits:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
