"""What bears our label and has no attempt, in SQL: one row per instance, closed only when it is proved to be gone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, bindparam, select

from gpu_shopper.domain.ids import InstanceId, ProviderName, SessionId
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.surplus import Surplus
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import surplus
from gpu_shopper.stores.statements import Connection, Prepared

_row = surplus.c
# What an instance is, once written, and how its end goes on.
_FIXED = ("provider", "instance_id", "label", "because", "billed_from", "session_id", "rate")
_CHANGING = (
    "since",
    "destroy_tries",
    "destroy_called_at",
    "destroy_answered_at",
    "alerted_at",
    "gone_listings",
    "listing_at",
    "gone_at",
    "closed_at",
)
_COLUMNS = _FIXED + _CHANGING
_PROVIDER: BindParameter[Any] = bindparam("at_provider")
_INSTANCE: BindParameter[Any] = bindparam("of_instance")
_LABEL: BindParameter[Any] = bindparam("of_label")
_all = select(*(_row[name] for name in _COLUMNS))
_this = (_row.provider == _PROVIDER, _row.instance_id == _INSTANCE)
_GET = Prepared(_all.where(*_this))
_OPEN = Prepared(
    _all.where(_row.provider == _PROVIDER, _row.closed_at.is_(None)).order_by(
        _row.since, _row.instance_id
    )
)
_ALL_OPEN = Prepared(
    _all.where(_row.closed_at.is_(None)).order_by(_row.since, _row.provider, _row.instance_id)
)
_LABELLED = Prepared(
    _all.where(_row.provider == _PROVIDER, _row.label == _LABEL).order_by(
        _row.since, _row.instance_id
    )
)
_ADD = Prepared(surplus.insert())
_SAVE = Prepared(
    surplus.update().where(*_this).values(**{name: bindparam(name) for name in _CHANGING})
)


class SqlSurplusBook:
    """What is owed an end and has no attempt."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, provider: ProviderName, instance_id: InstanceId) -> Surplus | None:
        """Return the row of an instance, closed or not."""
        values = {"at_provider": provider, "of_instance": instance_id}
        row = self._connection.execute(_GET, values).fetchone()
        return None if row is None else _surplus(row)

    def open(self, provider: ProviderName) -> Sequence[Surplus]:
        """Return what is owed at a provider, the oldest first."""
        rows = self._connection.execute(_OPEN, {"at_provider": provider}).fetchall()
        return [_surplus(row) for row in rows]

    def all_open(self) -> Sequence[Surplus]:
        """Return what is owed anywhere, the oldest first."""
        return [_surplus(row) for row in self._connection.execute(_ALL_OPEN)]

    def labelled(self, provider: ProviderName, label: str) -> Sequence[Surplus]:
        """Return what has this label at a provider, closed or not, the oldest first."""
        values = {"at_provider": provider, "of_label": label}
        return [_surplus(row) for row in self._connection.execute(_LABELLED, values)]

    def save(self, one: Surplus) -> None:
        """Write a row, new or known; what it is of never changes."""
        values = _values(one)
        key = {"at_provider": one.provider, "of_instance": one.instance_id}
        if self._connection.execute(_SAVE, values | key).rowcount == 0:
            self._connection.execute(_ADD, values)


def _values(one: Surplus) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "instance_id": one.instance_id,
        "label": one.label,
        "because": one.because,
        "since": micros(one.since),
        "billed_from": micros(one.billed_from),
        "session_id": one.session_id,
        "rate": None if one.rate is None else one.rate.micros,
        "destroy_tries": one.destroy_tries,
        "destroy_called_at": micros_if(one.destroy_called_at),
        "destroy_answered_at": micros_if(one.destroy_answered_at),
        "alerted_at": micros_if(one.alerted_at),
        "gone_listings": one.gone_listings,
        "listing_at": micros_if(one.listing_at),
        "gone_at": micros_if(one.gone_at),
        "closed_at": micros_if(one.closed_at),
    }


def _surplus(row: Any) -> Surplus:
    known = dict(zip(_COLUMNS, row, strict=True))
    return Surplus(
        provider=ProviderName(known["provider"]),
        instance_id=InstanceId(known["instance_id"]),
        label=known["label"],
        because=known["because"],
        since=moment(known["since"]),
        billed_from=moment(known["billed_from"]),
        session_id=None if known["session_id"] is None else SessionId(known["session_id"]),
        rate=None if known["rate"] is None else HourlyRate(known["rate"]),
        destroy_tries=known["destroy_tries"],
        destroy_called_at=moment_if(known["destroy_called_at"]),
        destroy_answered_at=moment_if(known["destroy_answered_at"]),
        alerted_at=moment_if(known["alerted_at"]),
        gone_listings=known["gone_listings"],
        listing_at=moment_if(known["listing_at"]),
        gone_at=moment_if(known["gone_at"]),
        closed_at=moment_if(known["closed_at"]),
    )
