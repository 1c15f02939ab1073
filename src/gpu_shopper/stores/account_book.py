"""Accounts in SQL: the newest sweeps, freezes, and failures as evidence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import Money
from gpu_shopper.ports.books import AccountState, FailureRecord, SweepRecord
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import accounts, failures, sweeps
from gpu_shopper.stores.statements import Connection, Prepared

SWEEPS_KEPT = 300
# Old ones go by so many at a time.
_PRUNED_EVERY = 16

_SWEEP = (
    "provider",
    "began_at",
    "ended_at",
    "complete",
    "instances",
    "strays",
    "orphans",
    "missing",
    "trouble",
    "balance",
)
_FAILURE = ("at", "provider", "offer_id", "machine_id", "gpu_type", "blame", "reason")

_sweep = sweeps.c
_PROVIDER: BindParameter[Any] = bindparam("provider_name")
_here = _sweep.provider == _PROVIDER
_newest_first = (
    select(*(_sweep[name] for name in _SWEEP)).where(_here).order_by(_sweep.id.desc()).limit(1)
)
_last_kept = (
    select(_sweep.id).where(_here).order_by(_sweep.id.desc()).limit(1).offset(SWEEPS_KEPT - 1)
)
# However long a cloud answers in part only, the last whole look at it stays known.
_last_complete = select(func.coalesce(func.max(_sweep.id), 0)).where(_here, _sweep.complete == 1)

_ADD_SWEEP = Prepared(sweeps.insert().returning(_sweep.id), columns=_SWEEP)
_PRUNE = Prepared(
    sweeps.delete().where(
        _here,
        _sweep.id < _last_kept.scalar_subquery(),
        _sweep.id != _last_complete.scalar_subquery(),
    )
)
_SWEPT = Prepared(select(_sweep.provider).distinct())
_LAST_SWEEP = Prepared(_newest_first)
_LAST_COMPLETE = Prepared(_newest_first.where(_sweep.complete == 1))
_STATE = Prepared(
    select(accounts.c.frozen_since, accounts.c.frozen_because, accounts.c.unauthorized_since).where(
        accounts.c.provider == _PROVIDER
    )
)
_ADD_STATE = Prepared(accounts.insert())
_SAVE_STATE = Prepared(
    accounts.update()
    .where(accounts.c.provider == _PROVIDER)
    .values(
        frozen_since=bindparam("frozen_since"),
        frozen_because=bindparam("frozen_because"),
        unauthorized_since=bindparam("unauthorized_since"),
    )
)
_ADD_FAILURE = Prepared(failures.insert(), columns=_FAILURE)
_FAILURES = Prepared(
    select(*(failures.c[name] for name in _FAILURE))
    .where(failures.c.at >= bindparam("since"))
    .order_by(failures.c.at, failures.c.id)
)


class SqlAccountBook:
    """What is remembered of accounts: sweeps, freezes, failures."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_sweep(self, sweep: SweepRecord) -> None:
        """Append a sweep; old ones are dropped, but never the newest complete one."""
        values = {
            "provider": sweep.provider,
            "began_at": micros(sweep.began_at),
            "ended_at": micros(sweep.ended_at),
            "complete": int(sweep.complete),
            "instances": sweep.instances,
            "strays": sweep.strays,
            "orphans": sweep.orphans,
            "missing": sweep.missing,
            "trouble": sweep.trouble,
            "balance": None if sweep.balance is None else sweep.balance.micros,
        }
        if self._connection.value(_ADD_SWEEP, values) % _PRUNED_EVERY == 0:
            for (provider,) in self._connection.execute(_SWEPT).fetchall():
                self._connection.execute(_PRUNE, {"provider_name": provider})

    def last_sweep(self, provider: ProviderName, *, complete: bool) -> SweepRecord | None:
        """Return the newest sweep, or the newest complete one."""
        statement = _LAST_COMPLETE if complete else _LAST_SWEEP
        row = self._connection.execute(statement, {"provider_name": provider}).fetchone()
        return None if row is None else _swept(row)

    def state(self, provider: ProviderName) -> AccountState:
        """Return what is remembered; a fresh state where nothing is."""
        row = self._connection.execute(_STATE, {"provider_name": provider}).fetchone()
        if row is None:
            return AccountState(provider=provider)
        frozen_since, frozen_because, unauthorized_since = row
        return AccountState(
            provider=provider,
            frozen_since=moment_if(frozen_since),
            frozen_because=frozen_because,
            unauthorized_since=moment_if(unauthorized_since),
        )

    def save_state(self, state: AccountState) -> None:
        """Write it back."""
        values = {
            "frozen_since": micros_if(state.frozen_since),
            "frozen_because": state.frozen_because,
            "unauthorized_since": micros_if(state.unauthorized_since),
        }
        known = self._connection.execute(_SAVE_STATE, values | {"provider_name": state.provider})
        if known.rowcount == 0:
            self._connection.execute(_ADD_STATE, values | {"provider": state.provider})

    def add_failure(self, failure: FailureRecord) -> None:
        """Append a failure."""
        values = {
            "at": micros(failure.at),
            "provider": failure.provider,
            "offer_id": failure.offer_id,
            "machine_id": failure.machine_id,
            "gpu_type": failure.gpu_type,
            "blame": failure.blame.value,
            "reason": failure.reason,
        }
        self._connection.execute(_ADD_FAILURE, values)

    def failures(self, *, since: datetime) -> Sequence[FailureRecord]:
        """Return failures by time."""
        rows = self._connection.execute(_FAILURES, {"since": micros(since)})
        return [_failure(row) for row in rows]


def _swept(row: Any) -> SweepRecord:
    (
        provider,
        began_at,
        ended_at,
        complete,
        instances,
        strays,
        orphans,
        missing,
        trouble,
        balance,
    ) = row
    return SweepRecord(
        provider=ProviderName(provider),
        began_at=moment(began_at),
        ended_at=moment(ended_at),
        complete=bool(complete),
        instances=instances,
        strays=strays,
        orphans=orphans,
        missing=missing,
        trouble=trouble,
        balance=None if balance is None else Money(balance),
    )


def _failure(row: Any) -> FailureRecord:
    at, provider, offer_id, machine_id, gpu_type, blame, reason = row
    return FailureRecord(
        at=moment(at),
        provider=ProviderName(provider),
        offer_id=offer_id,
        machine_id=machine_id,
        gpu_type=gpu_type,
        blame=Blame(blame),
        reason=reason,
    )
