"""The outbox in SQL: one row per trouble, delivered at least once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, or_, select

from gpu_shopper.ports.books import Notice
from gpu_shopper.stores import documents
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import notices
from gpu_shopper.stores.trouble import RuleBroken

_row = notices.c
_KEY: BindParameter[Any] = bindparam("key")
_LIMIT: BindParameter[Any] = bindparam("limit")
_ADD = notices.insert()
_KNOWN = select(_row.id).where(_row.id == _KEY)
_UNDELIVERED = (
    select(*_row)
    .where(
        _row.delivered_at.is_(None),
        or_(_row.next_try_at.is_(None), _row.next_try_at <= bindparam("now")),
    )
    .order_by(_row.at, _row.id)
    .limit(_LIMIT)
)
_SAVE = (
    notices.update()
    .where(_row.id == _KEY)
    .values(
        delivered_at=bindparam("delivered_at"),
        tries=bindparam("tries"),
        next_try_at=bindparam("next_try_at"),
    )
)
_RECENT = select(*_row).order_by(_row.at.desc(), _row.id.desc()).limit(_LIMIT)


class SqlNoticeBook:
    """The outbox for operators."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notice: Notice) -> None:
        """Append a notice; one whose id is there already is dropped."""
        if self._connection.execute(_KNOWN, {"key": notice.id}).first() is not None:
            return
        values = {
            "id": notice.id,
            "at": micros(notice.at),
            "kind": notice.kind,
            "text": notice.text,
            "details": documents.write(notice.details),
        }
        self._connection.execute(_ADD, values | _progress(notice))

    def undelivered(self, *, now: datetime, limit: int) -> Sequence[Notice]:
        """Return those that are due for delivery, the oldest first."""
        values = {"now": micros(now), "limit": limit}
        return [_notice(row) for row in self._connection.execute(_UNDELIVERED, values)]

    def save(self, notice: Notice) -> None:
        """Write delivery or the next try; what it says stays."""
        values = _progress(notice) | {"key": notice.id}
        if self._connection.execute(_SAVE, values).rowcount == 0:
            raise RuleBroken(f"notice {notice.id} was never added")

    def recent(self, *, limit: int) -> Sequence[Notice]:
        """Return the newest ones."""
        return [_notice(row) for row in self._connection.execute(_RECENT, {"limit": limit})]


def _progress(notice: Notice) -> dict[str, Any]:
    return {
        "delivered_at": micros_if(notice.delivered_at),
        "tries": notice.tries,
        "next_try_at": micros_if(notice.next_try_at),
    }


def _notice(row: Any) -> Notice:
    return Notice(
        id=row.id,
        at=moment(row.at),
        kind=row.kind,
        text=row.text,
        details=documents.read_details(row.details),
        delivered_at=moment_if(row.delivered_at),
        tries=row.tries,
        next_try_at=moment_if(row.next_try_at),
    )
