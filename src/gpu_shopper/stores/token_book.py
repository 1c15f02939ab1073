"""API tokens in SQL: only their hashes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, or_, select

from gpu_shopper.domain.ids import ConsumerId, TokenId
from gpu_shopper.ports.books import TokenKind, TokenRecord
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import tokens
from gpu_shopper.stores.statements import Connection, Prepared

_row = tokens.c
_AT: BindParameter[Any] = bindparam("at")
_COLUMNS = (
    _row.id,
    _row.kind,
    _row.consumer_id,
    _row.name,
    _row.secret_hash,
    _row.created_at,
    _row.expires_at,
    _row.revoked_at,
    _row.last_used_at,
)
_ADD = Prepared(tokens.insert())
_BY_HASH = Prepared(select(*_COLUMNS).where(_row.secret_hash == bindparam("secret_hash")))
_LIST = Prepared(select(*_COLUMNS).order_by(_row.created_at.desc(), _row.id.desc()))
_REVOKE = Prepared(
    tokens.update()
    .where(
        _row.id == bindparam("key"),
        _row.revoked_at.is_(None),
        or_(_row.expires_at.is_(None), _row.expires_at > _AT),
    )
    .values(revoked_at=_AT)
)


class SqlTokenBook:
    """API tokens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, token: TokenRecord) -> None:
        """Insert a token."""
        values = {
            "id": token.id,
            "kind": token.kind.value,
            "consumer_id": token.consumer_id,
            "name": token.name,
            "secret_hash": token.secret_hash,
            "created_at": micros(token.created_at),
            "expires_at": micros_if(token.expires_at),
            "revoked_at": micros_if(token.revoked_at),
            "last_used_at": micros_if(token.last_used_at),
        }
        self._connection.execute(_ADD, values)

    def by_hash(self, secret_hash: str) -> TokenRecord | None:
        """Return the token with this hash, revoked and expired ones too."""
        row = self._connection.execute(_BY_HASH, {"secret_hash": secret_hash}).fetchone()
        return None if row is None else _token(row)

    def list(self) -> Sequence[TokenRecord]:
        """Return all tokens, newest first."""
        return [_token(row) for row in self._connection.execute(_LIST)]

    def revoke(self, token_id: TokenId, *, at: datetime) -> bool:
        """Revoke a token; return whether there was such a live one."""
        values = {"key": token_id, "at": micros(at)}
        return self._connection.execute(_REVOKE, values).rowcount == 1


def _token(row: Any) -> TokenRecord:
    (
        key,
        kind,
        consumer_id,
        name,
        secret_hash,
        created_at,
        expires_at,
        revoked_at,
        last_used_at,
    ) = row
    return TokenRecord(
        id=TokenId(key),
        kind=TokenKind(kind),
        consumer_id=None if consumer_id is None else ConsumerId(consumer_id),
        name=name,
        secret_hash=secret_hash,
        created_at=moment(created_at),
        expires_at=moment_if(expires_at),
        revoked_at=moment_if(revoked_at),
        last_used_at=moment_if(last_used_at),
    )
