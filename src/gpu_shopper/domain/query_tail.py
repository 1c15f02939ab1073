"""The end of a query: in which order, and how many."""

from collections.abc import Sequence

from gpu_shopper.domain.offer_fields import WORDS, Direction, Field, Order
from gpu_shopper.domain.query_errors import Fault, did_you_mean, nearest, no_need, shown
from gpu_shopper.domain.query_tokens import is_value
from gpu_shopper.domain.query_words import DIRECTIONS, OTHER_WORDS

MOST_ASKED = 1_000
_DIRECTIONS = {
    "asc": Direction.LOWEST,
    "ascending": Direction.LOWEST,
    "desc": Direction.HIGHEST,
    "descending": Direction.HIGHEST,
}
_PAGING = frozenset({"offset", "skip", "page"})
_SIGNS = {"-": Direction.HIGHEST, "+": Direction.LOWEST}
_MEANT = {
    **dict.fromkeys(("cheapest", "cheap", "lowest", "cost"), "price"),
    **dict.fromkeys(("fastest", "fast", "speed"), "tflops"),
    **dict.fromkeys(("newest", "new"), "year"),
    **dict.fromkeys(("best", "likely"), "expected_cost"),
}
_SORTABLE = tuple(word for word, field in WORDS.items() if field.sortable)


def read_tail(
    tokens: Sequence[str], low: Sequence[str], at: int, *, need_told: bool
) -> tuple[tuple[Order, ...], int | None]:
    """Return the orders and the limit that stand from token `at` on.

    Raises:
        Fault: something else stands there.
    """
    orders: tuple[Order, ...] = ()
    limit: int | None = None
    while low[at]:
        if low[at] == "sort" and not orders:
            orders, at = _orders(tokens, low, at + 1, need_told=need_told)
        elif low[at] == "limit" and limit is None:
            limit, at = _limit(tokens, at + 1)
        else:
            raise _left_over(tokens, low, at, behind="sort" if orders else "limit")
    return orders, limit


def _orders(
    tokens: Sequence[str], low: Sequence[str], at: int, *, need_told: bool
) -> tuple[tuple[Order, ...], int]:
    at += low[at] == "by"
    orders: list[Order] = []
    while True:
        field, direction = _field(tokens, low, at)
        if field.only_of_need and not need_told:
            raise no_need(at, field.name)
        if any(order.field == field.name for order in orders):
            raise Fault(at, f"{field.name} is sorted by twice", hint="once is enough")
        at += 1
        if low[at] in _DIRECTIONS:
            direction = _DIRECTIONS[low[at]]
            at += 1
        orders.append(Order(field.name, direction) if direction else field.best_first)
        if tokens[at] != ",":
            return tuple(orders), at
        at += 1


def _field(tokens: Sequence[str], low: Sequence[str], at: int) -> tuple[Field, Direction | None]:
    word = low[at]
    if word in ("=", "==", ":") and low[at + 1] in _SORTABLE:
        raise Fault(at, f"'{word}'", " belongs to conditions", hint=f"write sort {low[at + 1]}")
    if not is_value(word) or word in ("limit", "sort"):
        raise Fault(
            at, "a field to sort by is missing", hint="write sort price or sort vram desc, price"
        )
    direction = _SIGNS.get(word[0])
    name = word[1:] if direction else word
    field = WORDS.get(name)
    if field is None:
        near = (_MEANT[name],) if name in _MEANT else nearest(name, _SORTABLE)[:1]
        hint = did_you_mean(near) or "sort by a number, such as price or vram"
        raise Fault(at, f"{shown(tokens[at])} is no field to sort by", hint=hint)
    if not field.sortable:
        hint = "sort by a number, such as price or vram"
        raise Fault(at, f"{field.name}", " is no number", hint=hint)
    return field, direction


def _limit(tokens: Sequence[str], at: int) -> tuple[int, int]:
    at += tokens[at] == "="
    word = tokens[at]
    if not (word.isascii() and word.isdigit() and len(word) <= 9 and 1 <= int(word) <= MOST_ASKED):
        said = f"{shown(word)} is no limit" if is_value(word) else "a number after limit is missing"
        raise Fault(at, said, hint=f"write a number from 1 to {MOST_ASKED:,}, such as limit 10")
    return int(word), at + 1


def _left_over(tokens: Sequence[str], low: Sequence[str], at: int, *, behind: str) -> Fault:
    word = low[at]
    if word == ")":
        return Fault(at, "')'", " closes nothing", hint="take it out, or add '(' before")
    if word == "sort":
        return Fault(at, "a second sort", hint="name all fields in one, sort vram desc, price")
    if word == "limit":
        return Fault(at, "a second limit", hint="one is enough")
    if word in DIRECTIONS and behind == "sort":
        hint = "write asc for the lowest first, desc for the highest"
        return Fault(at, shown(tokens[at]), " is no direction", hint=hint)
    field = WORDS.get(word)
    if field is not None and field.sortable and tokens[at + 1 : at + 2] in ([""], [","], ["limit"]):
        hint = f"put a comma before {word}"
        return Fault(
            at, f"{shown(tokens[at])}", f" stands behind {behind} without a comma", hint=hint
        )
    usual = "conditions come first, then sort, then limit"
    hint = OTHER_WORDS[word] if word in _PAGING else usual
    return Fault(at, shown(tokens[at]), f" stands behind {behind}", hint=hint)
