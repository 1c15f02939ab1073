"""How the cloud pages its lists, and how a listing may lag behind the truth or come up short."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.messages import Row

T = TypeVar("T")


class BadQueryError(Exception):
    """The query says something that the cloud does not understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """One page that is asked for: at most `limit` rows after position `after`."""

    limit: int
    after: int


def parse_page(query: Mapping[str, str], *, most: int, also: tuple[str, ...] = ()) -> PageQuery:
    """Read `limit` and `cursor`.

    Raises:
        BadQueryError: an unknown parameter, a limit out of range, or a cursor that is not ours.
    """
    unknown = sorted(set(query) - {"limit", "cursor", *also})
    if unknown:
        raise BadQueryError(f"unknown query parameters: {', '.join(unknown)}")
    limit = query.get("limit", str(most))
    if not (limit.isascii() and limit.isdigit()) or not 1 <= int(limit[:9]) <= most:
        raise BadQueryError(f"limit must be a whole number from 1 to {most}")
    cursor = query.get("cursor", "p0")
    digits = cursor[1:]
    if not (cursor.startswith("p") and digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise BadQueryError(f"unknown cursor {cursor!r}")
    return PageQuery(limit=int(limit), after=int(digits))


def page_of(
    key: str,
    rows: Iterable[tuple[int, T]],
    query: PageQuery,
    *,
    show: Callable[[T], Row],
    total: int,
) -> Row:
    """Return one page; `rows` come with their positions, rising."""
    shown: list[Row] = []
    last = query.after
    for position, row in rows:
        if position <= query.after:
            continue
        if len(shown) == query.limit:
            return {key: shown, "next_cursor": f"p{last}", "total": total}
        shown.append(show(row))
        last = position
    return {key: shown, "next_cursor": None, "total": total}


def visible(instances: Iterable[Instance], *, now: float, lag_s: float) -> list[Instance]:
    """Return what a listing shows that lags this far behind: no newcomers yet, the dead still there."""
    if lag_s <= 0:
        return [instance for instance in instances if instance.alive]
    seen_at = now - lag_s
    return [
        instance
        for instance in instances
        if instance.created_at <= seen_at
        and (instance.ended_at is None or instance.ended_at > seen_at)
    ]


def cut_short(rows: list[Instance], *, share: float) -> list[Instance]:
    """Drop that share of the rows from the tail, and never nothing."""
    return rows[: len(rows) - max(1, math.ceil(len(rows) * share))] if rows else rows
