"""The outbox in SQL: one row per trouble, delivered at least once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, or_, select

from gpu_shopper.ports.books import Notice
from gpu_shopper.stores import documents
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import notices
from gpu_shopper.stores.statements import Connection, Prepared
from gpu_shopper.stores.trouble import RuleBroken

_row = notices.c
_COLUMNS = (
    _row.id,
    _row.at,
    _row.kind,
    _row.text,
    _row.details,
    _row.delivered_at,
    _row.tries,
    _row.next_try_at,
)
_KEY: BindParameter[Any] = bindparam("key")
_LIMIT: BindParameter[Any] = bindparam("limit")
_ADD = Prepared(notices.insert())
_KNOWN = Prepared(select(_row.id).where(_row.id == _KEY))
_UNDELIVERED = Prepared(
    select(*_COLUMNS)
    .where(
        _row.delivered_at.is_(None),
        or_(_row.next_try_at.is_(None), _row.next_try_at <= bindparam("now")),
    )
    .order_by(_row.at, _row.id)
    .limit(_LIMIT)
)
_SAVE = Prepared(
    notices.update()
    .where(_row.id == _KEY)
    .values(
        delivered_at=bindparam("delivered_at"),
        tries=bindparam("tries"),
        next_try_at=bindparam("next_try_at"),
    )
)
_RECENT = Prepared(select(*_COLUMNS).order_by(_row.at.desc(), _row.id.desc()).limit(_LIMIT))


class SqlNoticeBook:
    """The outbox for operators."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notice: Notice) -> None:
        """Append a notice; one whose id is there already is dropped."""
        if self._connection.value(_KNOWN, {"key": notice.id}) is not None:
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
    key, at, kind, text, details, delivered_at, tries, next_try_at = row
    return Notice(
        id=key,
        at=moment(at),
        kind=kind,
        text=text,
        details=documents.read_details(details),
        delivered_at=moment_if(delivered_at),
        tries=tries,
        next_try_at=moment_if(next_try_at),
    )
