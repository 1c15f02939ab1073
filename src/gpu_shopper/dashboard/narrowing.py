"""Changes a query as a click does: a choice more, a choice less, another order. The text stays one that people can read."""

from dataclasses import replace

from gpu_shopper.domain.conditions import All, Condition, Contains, OneOf, joined
from gpu_shopper.domain.gpu_models import MODELS
from gpu_shopper.domain.offer_fields import FIELDS, Direction, Order
from gpu_shopper.domain.query_canonical import canonical
from gpu_shopper.domain.query_errors import QueryError
from gpu_shopper.domain.query_language import LONGEST, Query, parse

_KNOWN = frozenset(map(str.lower, MODELS))
_SIGNS = {Direction.HIGHEST: "-", Direction.LOWEST: "+"}


def read(text: str) -> Query | None:
    """Return what a text asks for; None where it is not understood, which the API says better."""
    try:
        return parse(text)
    except QueryError:
        return None


def chosen(query: Query, field: str) -> frozenset[str]:
    """Return the values of a text that the query picks, in small letters."""
    picked: set[str] = set()
    for part in _parts(query):
        match part:
            case OneOf(named, values) if named == field:
                picked |= values
            case Contains(named, value) if named == field:
                picked.add(value)
            case _:
                pass
    return frozenset(picked)


def toggled(query: Query, field: str, value: str) -> str | None:
    """Return the query with one value more to choose from, or less if it was among them; None if no text says that."""
    wanted = value.lower()
    values = chosen(query, field) ^ {wanted}
    others = [part for part in _parts(query) if not _picks(part, field)]
    if not wanted or len(others) + 1 < len(_parts(query)):
        return None
    if field == "gpu" and not values <= _KNOWN:
        # A name that nobody knows can only be looked for, and by itself.
        return _text(query, [*others, *([Contains(field, wanted)] if wanted in values else [])])
    return _text(query, [*others, *([OneOf(field, values)] if values else [])])


def without_order(text: str, query: Query) -> str:
    """Return the query's text without its order."""
    return canonical(replace(query, orders=())) if query.orders else text


def word_of(order: Order) -> str:
    """Return an order as the API's `sort` takes it."""
    usual = FIELDS[order.field].best_first
    return order.field if order == usual else f"{_SIGNS[order.direction]}{order.field}"


def turned(order: Order) -> Order:
    """Return the same order from its other end."""
    ends = {Direction.LOWEST: Direction.HIGHEST, Direction.HIGHEST: Direction.LOWEST}
    return Order(order.field, ends[order.direction])


def _text(query: Query, parts: list[Condition]) -> str | None:
    text = canonical(replace(query, condition=joined(*parts)))
    return text if len(text) <= LONGEST else None


def _parts(query: Query) -> tuple[Condition, ...]:
    condition = query.condition
    return condition.conditions if isinstance(condition, All) else (condition,)


def _picks(part: Condition, field: str) -> bool:
    return isinstance(part, OneOf | Contains) and part.field == field
