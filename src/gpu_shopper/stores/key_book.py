"""Idempotency keys in SQL, with the sealed part of a reply until its time is over."""

from datetime import datetime

from sqlalchemy import bindparam, select

from gpu_shopper.domain.ids import ConsumerId, SessionId
from gpu_shopper.ports.books import IdempotencyRecord
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import idempotency_keys
from gpu_shopper.stores.statements import Connection, Prepared

_row = idempotency_keys.c
_ADD = Prepared(idempotency_keys.insert())
_GET = Prepared(
    select(
        _row.digest, _row.session_id, _row.created_at, _row.sealed_reply, _row.sealed_until
    ).where(
        _row.consumer_id == bindparam("consumer_id"),
        _row.route == bindparam("route"),
        _row.key == bindparam("key"),
    )
)
_over = (_row.sealed_reply.is_not(None), _row.sealed_until <= bindparam("now"))
_ANY_OVER = Prepared(select(_row.session_id).where(*_over).limit(1))
_WIPE = Prepared(idempotency_keys.update().where(*_over).values(sealed_reply=None))


class SqlKeyBook:
    """Idempotency keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, consumer_id: ConsumerId, *, route: str, key: str) -> IdempotencyRecord | None:
        """Return what the key stood for."""
        values = {"consumer_id": consumer_id, "route": route, "key": key}
        row = self._connection.execute(_GET, values).fetchone()
        if row is None:
            return None
        digest, session_id, created_at, sealed_reply, sealed_until = row
        return IdempotencyRecord(
            consumer_id=consumer_id,
            route=route,
            key=key,
            digest=digest,
            session_id=SessionId(session_id),
            created_at=moment(created_at),
            sealed_reply=sealed_reply,
            sealed_until=moment_if(sealed_until),
        )

    def add(self, record: IdempotencyRecord) -> None:
        """Insert a key, after the session that it stands for."""
        values = {
            "consumer_id": record.consumer_id,
            "route": record.route,
            "key": record.key,
            "digest": record.digest,
            "session_id": record.session_id,
            "created_at": micros(record.created_at),
            "sealed_reply": record.sealed_reply,
            "sealed_until": micros_if(record.sealed_until),
        }
        self._connection.execute(_ADD, values)

    def any_sealed(self, *, until: datetime) -> bool:
        """Return whether there is a sealed reply whose time is over by then."""
        return self._connection.value(_ANY_OVER, {"now": micros(until)}) is not None

    def wipe_sealed(self, *, now: datetime) -> int:
        """Wipe the sealed replies whose time is over; return how many."""
        return self._connection.execute(_WIPE, {"now": micros(now)}).rowcount
