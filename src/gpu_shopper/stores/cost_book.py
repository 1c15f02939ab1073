"""The ledger in SQL: entries are added and summed; the schema refuses every edit and every overlap."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select

from gpu_shopper.domain.cost import CostEntry
from gpu_shopper.domain.ids import AttemptId, ConsumerId, ProviderName, SessionId
from gpu_shopper.domain.money import HourlyRate, Money
from gpu_shopper.ports.books import CostFilter
from gpu_shopper.stores.moments import micros, moment
from gpu_shopper.stores.schema import cost_entries
from gpu_shopper.stores.statements import Connection, Prepared, keys_in

_row = cost_entries.c
_COLUMNS = (
    _row.attempt_id,
    _row.session_id,
    _row.consumer_id,
    _row.provider,
    _row.gpu_type,
    _row.begins_at,
    _row.ends_at,
    _row.rate,
    _row.amount,
)
_ADD = Prepared(cost_entries.insert())
_CONDITIONS = {
    "consumer_id": _row.consumer_id == bindparam("consumer_id"),
    "session_id": _row.session_id == bindparam("session_id"),
    "provider": _row.provider == bindparam("provider"),
    "gpu_type": _row.gpu_type == bindparam("gpu_type"),
    "since": _row.begins_at >= bindparam("since"),
    "until": _row.begins_at < bindparam("until"),
}


@cache
def _listing(asked: tuple[str, ...]) -> Prepared:
    conditions = [_CONDITIONS[name] for name in asked]
    return Prepared(select(*_COLUMNS).where(*conditions).order_by(_row.begins_at, _row.attempt_id))


@cache
def _totals(count: int) -> Prepared:
    return Prepared(
        select(_row.session_id, func.sum(_row.amount))
        .where(_row.session_id.in_(keys_in(count)))
        .group_by(_row.session_id)
    )


class SqlCostBook:
    """The ledger: append-only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entries: Iterable[CostEntry]) -> None:
        """Append entries; one per attempt and beginning, and none that overlaps another."""
        rows = [_values(entry) for entry in entries]
        if rows:
            self._connection.execute_each(_ADD, rows)

    def entries(self, wanted: CostFilter) -> Sequence[CostEntry]:
        """Return entries by time."""
        values: dict[str, Any] = {
            "consumer_id": wanted.consumer_id,
            "session_id": wanted.session_id,
            "provider": wanted.provider,
            "gpu_type": wanted.gpu_type,
            "since": None if wanted.since is None else micros(wanted.since),
            "until": None if wanted.until is None else micros(wanted.until),
        }
        asked = {name: value for name, value in values.items() if value is not None}
        return [_entry(row) for row in self._connection.execute(_listing(tuple(asked)), asked)]

    def totals(self, session_ids: Sequence[SessionId]) -> Mapping[SessionId, int]:
        """Return the booked micro-dollars per session; a session without entries is left out."""
        found: dict[SessionId, int] = {}
        for session_id, amount in self._connection.rows_of(_totals, session_ids):
            found[SessionId(session_id)] = int(amount)
        return found


def _values(entry: CostEntry) -> dict[str, Any]:
    return {
        "attempt_id": entry.attempt_id,
        "session_id": entry.session_id,
        "consumer_id": entry.consumer_id,
        "provider": entry.provider,
        "gpu_type": entry.gpu_type,
        "begins_at": micros(entry.begins_at),
        "ends_at": micros(entry.ends_at),
        "rate": entry.rate.micros,
        "amount": entry.amount.micros,
    }


def _entry(row: Any) -> CostEntry:
    (
        attempt_id,
        session_id,
        consumer_id,
        provider,
        gpu_type,
        begins_at,
        ends_at,
        rate,
        amount,
    ) = row
    return CostEntry(
        attempt_id=AttemptId(attempt_id),
        session_id=SessionId(session_id),
        consumer_id=ConsumerId(consumer_id),
        provider=ProviderName(provider),
        gpu_type=gpu_type,
        begins_at=moment(begins_at),
        ends_at=moment(ends_at),
        rate=HourlyRate(rate),
        amount=Money(amount),
    )
