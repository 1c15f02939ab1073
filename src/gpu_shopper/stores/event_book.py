"""Histories in SQL: each event takes the next number of its session."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select

from gpu_shopper.domain.ids import SessionId
from gpu_shopper.ports.books import SessionEvent
from gpu_shopper.stores import documents
from gpu_shopper.stores.moments import micros, moment
from gpu_shopper.stores.schema import events
from gpu_shopper.stores.statements import Connection, Prepared

_row = events.c
_KEY: BindParameter[Any] = bindparam("key")
_next = (
    select(func.coalesce(func.max(_row.sequence), 0) + 1)
    .where(_row.session_id == _KEY)
    .scalar_subquery()
)
_ADD = Prepared(
    events.insert().values(
        session_id=_KEY,
        sequence=_next,
        at=bindparam("at"),
        kind=bindparam("kind"),
        actor=bindparam("actor"),
        details=bindparam("details"),
    )
)
_OF_SESSION = Prepared(
    select(_row.sequence, _row.at, _row.kind, _row.actor, _row.details)
    .where(_row.session_id == _KEY, _row.sequence > bindparam("after"))
    .order_by(_row.sequence)
    .limit(bindparam("limit"))
)


class SqlEventBook:
    """Histories: append-only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        session_id: SessionId,
        *,
        at: datetime,
        kind: str,
        actor: str,
        details: Mapping[str, str],
    ) -> None:
        """Append the next event of a session."""
        values = {
            "key": session_id,
            "at": micros(at),
            "kind": kind,
            "actor": actor,
            "details": documents.write(details),
        }
        self._connection.execute(_ADD, values)

    def of_session(
        self, session_id: SessionId, *, after: int = 0, limit: int = 200
    ) -> Sequence[SessionEvent]:
        """Return events by sequence."""
        values = {"key": session_id, "after": after, "limit": limit}
        return [
            SessionEvent(
                session_id=session_id,
                sequence=sequence,
                at=moment(at),
                kind=kind,
                actor=actor,
                details=documents.read_details(details),
            )
            for sequence, at, kind, actor, details in self._connection.execute(_OF_SESSION, values)
        ]
