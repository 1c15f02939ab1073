"""Accounts in SQL: the newest sweeps, freezes, and how launches ended, as evidence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.offer_health import Outcome
from gpu_shopper.ports.books import AccountState, SweepRecord
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import accounts, outcomes, sweeps
from gpu_shopper.stores.statements import Connection, Prepared

SWEEPS_KEPT = 300
SUCCESSES_READ = 1_000
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
_OUTCOME = (
    "at",
    "provider",
    "offer_id",
    "machine_id",
    "location",
    "gpu_type",
    "blame",
    "reason",
)

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
_outcome = outcomes.c
_outcomes_since = select(*(_outcome[name] for name in _OUTCOME)).where(
    _outcome.at >= bindparam("since")
)
_ADD_OUTCOME = Prepared(outcomes.insert(), columns=_OUTCOME)
_FAILURES = Prepared(
    _outcomes_since.where(_outcome.blame.is_not(None)).order_by(_outcome.at, _outcome.id)
)
_SUCCESSES = Prepared(
    _outcomes_since.where(_outcome.blame.is_(None))
    .order_by(_outcome.at.desc(), _outcome.id.desc())
    .limit(SUCCESSES_READ)
)


class SqlAccountBook:
    """What is remembered of accounts: sweeps, freezes, and how launches ended."""

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

    def add_outcome(self, outcome: Outcome) -> None:
        """Append how a launch ended."""
        values = {
            "at": micros(outcome.at),
            "provider": outcome.provider,
            "offer_id": outcome.offer_id,
            "machine_id": outcome.machine_id,
            "location": outcome.location,
            "gpu_type": outcome.gpu_type,
            "blame": None if outcome.blame is None else outcome.blame.value,
            "reason": outcome.reason,
        }
        self._connection.execute(_ADD_OUTCOME, values)

    def outcomes(self, *, since: datetime) -> Sequence[Outcome]:
        """Return all that failed, and what worked since the first of those, by time."""
        rows = self._connection.execute(_FAILURES, {"since": micros(since)})
        failures = [_as_outcome(row) for row in rows]
        if not failures:
            # Mostly nothing has: then there is nothing that a success could speak against.
            return ()
        rows = self._connection.execute(_SUCCESSES, {"since": micros(failures[0].at)})
        worked = [_as_outcome(row) for row in rows]
        return sorted([*failures, *worked], key=lambda outcome: outcome.at)


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


def _as_outcome(row: Any) -> Outcome:
    at, provider, offer_id, machine_id, location, gpu_type, blame, reason = row
    return Outcome(
        at=moment(at),
        provider=ProviderName(provider),
        offer_id=OfferId(offer_id),
        machine_id=machine_id,
        location=location,
        gpu_type=gpu_type,
        blame=None if blame is None else Blame(blame),
        reason=reason,
    )
