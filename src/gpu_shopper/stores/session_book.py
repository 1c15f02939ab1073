"""Sessions in SQL: rows, claims, and what is due.

Only `add`, `make_due`, `make_all_due` and `release` decide when a session is looked at; `save` leaves that alone, so that nobody who
writes a session back can wipe out a nudge that came meanwhile. A nudge during a claim is kept beside the row until the
claim is given back. The one exception: a session that ends is at rest, unless it was nudged.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
)

from gpu_shopper.domain.ids import ConsumerId, SessionId
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.ports.books import Claim, SessionFilter, StaleClaim, UnreadableRow
from gpu_shopper.stores import documents
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import IS_FINAL, attempts, sessions
from gpu_shopper.stores.statements import Connection, Prepared
from gpu_shopper.stores.trouble import RuleBroken

_STATES = {state.value: state for state in State}
_REASONS: dict[str | None, StopReason | None] = {
    None: None,
    **{reason.value: reason for reason in StopReason},
}

_row = sessions.c
_KEY: BindParameter[Any] = bindparam("key")
_SAVED = (
    "consumer_id",
    "state",
    "created_at",
    "state_since",
    "reserved_hours",
    "launch",
    "attempts_made",
    "gpu_type",
    "running_at",
    "stopped_at",
    "stop_reason",
    "stop_actor",
    "hard_max_override",
    "error",
)
_NAMES = ("id", "request", *_SAVED, "next_action_at", "epoch")
_COLUMNS = tuple(_row[name] for name in _NAMES)

_ADD = Prepared(sessions.insert(), columns=_NAMES)
_GET = Prepared(select(*_COLUMNS).where(_row.id == _KEY))
_EPOCH_OF = Prepared(select(_row.epoch).where(_row.id == _KEY))
_SAVE = Prepared(
    sessions.update()
    .where(_row.id == _KEY, _row.epoch == bindparam("known_epoch"))
    .values(
        {name: bindparam(name) for name in _SAVED}
        | {
            "next_action_at": case(
                (
                    and_(bindparam("ends") == 1, text(f"NOT ({IS_FINAL})")),
                    _row.nudged_at,
                ),
                else_=_row.next_action_at,
            )
        }
    )
)
_COUNT = Prepared(select(_row.state, func.count()).group_by(_row.state))
_CLAIMABLE = or_(_row.claimed_until.is_(None), _row.claimed_until <= bindparam("now"))
_DUE = Prepared(
    select(_row.id)
    .where(_row.next_action_at <= bindparam("now"), _CLAIMABLE)
    .order_by(_row.next_action_at, _row.id)
    .limit(bindparam("limit"))
)
_next_free = (
    select(_row.next_action_at)
    .where(_row.next_action_at.is_not(None), _row.claimed_until.is_(None))
    .order_by(_row.next_action_at)
    .limit(1)
)
_next_claimed = select(
    func.min(
        case(
            (_row.claimed_until > _row.next_action_at, _row.claimed_until),
            else_=_row.next_action_at,
        )
    )
).where(_row.claimed_until.is_not(None))
_NEXT = Prepared(select(_next_free.scalar_subquery(), _next_claimed.scalar_subquery()))
_CLAIM = Prepared(
    sessions.update()
    .where(_row.id == _KEY, or_(_CLAIMABLE, _row.claimed_by == bindparam("owner")))
    .values(
        epoch=_row.epoch + 1,
        claimed_by=bindparam("owner"),
        claimed_until=bindparam("until"),
        nudged_at=None,
    )
    .returning(_row.epoch)
)
_GIVEN: BindParameter[Any] = bindparam("given")
_RELEASE = Prepared(
    sessions.update()
    .where(
        _row.id == _KEY,
        _row.epoch == bindparam("known_epoch"),
        _row.claimed_until.is_not(None),
    )
    .values(
        claimed_by=None,
        claimed_until=None,
        nudged_at=None,
        next_action_at=case(
            (_row.nudged_at.is_(None), _GIVEN),
            (_GIVEN.is_(None), _row.nudged_at),
            (_row.nudged_at < _GIVEN, _row.nudged_at),
            else_=_GIVEN,
        ),
    )
)
_AT: BindParameter[Any] = bindparam("at")
_nudge = sessions.update().values(
    next_action_at=case((_row.next_action_at <= _AT, _row.next_action_at), else_=_AT),
    nudged_at=case(
        (_row.claimed_until.is_(None), None),
        (_row.nudged_at <= _AT, _row.nudged_at),
        else_=_AT,
    ),
)
_MAKE_DUE = Prepared(_nudge.where(_row.id == _KEY))
_MAKE_ALL_DUE = Prepared(_nudge.where(_row.next_action_at > _AT))
_SHORTEN_CLAIMS = Prepared(
    sessions.update()
    .where(_row.claimed_until > bindparam("latest"))
    .values(claimed_until=bindparam("latest"))
)
FORGET_CLAIMS = Prepared(
    sessions.update()
    .where(_row.claimed_until.is_not(None))
    .values(claimed_by=None, claimed_until=None, nudged_at=None)
)


@cache
def _listing(
    *, of_consumer: bool, in_states: int, at_provider: bool, on_next_page: bool
) -> Prepared:
    """Build the statement for one shape of filter; `in_states` says how many states are asked for."""
    conditions: list[Any] = []
    if of_consumer:
        conditions.append(_row.consumer_id == bindparam("consumer_id"))
    if in_states:
        conditions.append(_row.state.in_([bindparam(f"state_{n}") for n in range(in_states)]))
    if at_provider:
        tried_there = and_(
            attempts.c.session_id == _row.id, attempts.c.provider == bindparam("provider")
        )
        conditions.append(exists().where(tried_there))
    if on_next_page:
        before = tuple_(bindparam("after_at"), bindparam("after_id"))
        conditions.append(tuple_(_row.created_at, _row.id) < before)
    return Prepared(
        select(*_COLUMNS)
        .where(*conditions)
        .order_by(_row.created_at.desc(), _row.id.desc())
        .limit(bindparam("limit"))
    )


class SqlSessionBook:
    """Sessions, their claims and what the engine is due to look at."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, session: Session) -> None:
        """Insert a new session."""
        first = {
            "id": session.id,
            "request": documents.write(session.request),
            "next_action_at": micros_if(session.next_action_at),
            "epoch": session.epoch,
        }
        self._connection.execute(_ADD, first | _values(session))

    def get(self, session_id: SessionId) -> Session | None:
        """Return the session as it stands in this transaction."""
        row = self._connection.execute(_GET, {"key": session_id}).fetchone()
        return None if row is None else _session(row)

    def save(self, session: Session) -> None:
        """Write the session back; when it is due again is not written (see the module)."""
        values = _values(session)
        values["key"] = session.id
        values["known_epoch"] = session.epoch
        values["ends"] = int(session.ended)
        if self._connection.execute(_SAVE, values).rowcount == 0:
            self._refuse(session)

    def _refuse(self, session: Session) -> None:
        epoch = self._connection.value(_EPOCH_OF, {"key": session.id})
        if epoch is None:
            raise RuleBroken(f"session {session.id} was never added")
        raise StaleClaim(
            f"session {session.id} is at epoch {epoch}; this writer read it at {session.epoch}"
        )

    def list(self, wanted: SessionFilter) -> Sequence[Session]:
        """Return a page, newest first; `provider` finds every session that ever tried there.

        A row that cannot be read is left out and its place on the page taken by the next, so that no page ends early.
        """
        found: list[Session] = []
        rest = wanted
        while True:
            rows = self._page(rest)
            found += _readable(rows)
            if len(rows) < rest.limit or len(found) == wanted.limit:
                return found
            last = dict(zip(_NAMES, rows[-1], strict=True))
            after = (moment(last["created_at"]), SessionId(last["id"]))
            rest = replace(wanted, after=after, limit=wanted.limit - len(found))

    def _page(self, wanted: SessionFilter) -> Sequence[tuple[Any, ...]]:
        statement = _listing(
            of_consumer=wanted.consumer_id is not None,
            in_states=len(wanted.states),
            at_provider=wanted.provider is not None,
            on_next_page=wanted.after is not None,
        )
        values: dict[str, Any] = {"limit": wanted.limit}
        if wanted.consumer_id is not None:
            values["consumer_id"] = wanted.consumer_id
        values |= {f"state_{n}": state.value for n, state in enumerate(sorted(wanted.states))}
        if wanted.provider is not None:
            values["provider"] = wanted.provider
        if wanted.after is not None:
            values["after_at"] = micros(wanted.after[0])
            values["after_id"] = wanted.after[1]
        return self._connection.execute(statement, values).fetchall()

    def count_by_state(self) -> Mapping[State, int]:
        """Return how many sessions are in each state, zero included."""
        counted = {_STATES[state]: count for state, count in self._connection.execute(_COUNT)}
        return {state: counted.get(state, 0) for state in State}

    def due(self, *, now: datetime, limit: int) -> Sequence[SessionId]:
        """Return unclaimed sessions whose next action is due, the longest due first."""
        values = {"now": micros(now), "limit": limit}
        return [SessionId(row[0]) for row in self._connection.execute(_DUE, values)]

    def next_due_at(self) -> datetime | None:
        """Return when the next session comes due: a claimed one not before its claim runs out."""
        free_and_claimed = self._connection.execute(_NEXT).fetchone()
        return moment_if(min((at for at in free_and_claimed if at is not None), default=None))

    def claim(
        self, session_id: SessionId, *, owner: str, now: datetime, until: datetime
    ) -> Claim | None:
        """Take the row and raise its epoch; None if another owner's claim still holds."""
        values = {"key": session_id, "owner": owner, "now": micros(now), "until": micros(until)}
        epoch = self._connection.value(_CLAIM, values)
        return None if epoch is None else Claim(session_id=session_id, epoch=epoch, until=until)

    def release(self, claim: Claim, *, next_action_at: datetime | None) -> None:
        """Give the row back, due at the given time or at a nudge that came meanwhile."""
        values = {
            "key": claim.session_id,
            "known_epoch": claim.epoch,
            "given": micros_if(next_action_at),
        }
        self._connection.execute(_RELEASE, values)

    def make_due(self, session_id: SessionId, *, at: datetime) -> None:
        """Let the engine look at `at`, or sooner if it would anyway."""
        self._connection.execute(_MAKE_DUE, {"key": session_id, "at": micros(at)})

    def make_all_due(self, *, at: datetime, claims_end_by: datetime) -> None:
        """Let the engine look at `at` at every session that is to be looked at later; those at rest stay so."""
        self._connection.execute(_MAKE_ALL_DUE, {"at": micros(at)})
        self._connection.execute(_SHORTEN_CLAIMS, {"latest": micros(claims_end_by)})


def _values(session: Session) -> dict[str, Any]:
    reason = session.stop_reason
    return {
        "consumer_id": session.consumer_id,
        "state": session.state.value,
        "created_at": micros(session.created_at),
        "state_since": micros(session.state_since),
        "reserved_hours": session.reserved_hours,
        "launch": session.launch,
        "attempts_made": session.attempts_made,
        "gpu_type": session.gpu_type,
        "running_at": micros_if(session.running_at),
        "stopped_at": micros_if(session.stopped_at),
        "stop_reason": None if reason is None else reason.value,
        "stop_actor": session.stop_actor,
        "hard_max_override": micros_if(session.hard_max_override),
        "error": session.error,
    }


def _readable(rows: Iterable[tuple[Any, ...]]) -> Iterator[Session]:
    for row in rows:
        with suppress(UnreadableRow):
            yield _session(row)


# A row is read several times in a pass, and seldom has it changed: the same row is the same session, which is frozen.
@lru_cache(maxsize=2048)
def _session(row: tuple[Any, ...]) -> Session:
    try:
        return _read(row)
    except documents.UNREADABLE as error:
        key = SessionId(row[0])
        message = f"the row of session {key} cannot be read: {error}"
        raise UnreadableRow(message, session_id=key) from error


def _read(row: tuple[Any, ...]) -> Session:
    (
        key,
        request,
        consumer_id,
        state,
        created_at,
        state_since,
        reserved_hours,
        launch,
        attempts_made,
        gpu_type,
        running_at,
        stopped_at,
        stop_reason,
        stop_actor,
        hard_max_override,
        error,
        next_action_at,
        epoch,
    ) = row
    return Session(
        id=SessionId(key),
        consumer_id=ConsumerId(consumer_id),
        request=documents.read_request(request),
        state=_STATES[state],
        created_at=moment(created_at),
        state_since=moment(state_since),
        reserved_hours=reserved_hours,
        launch=launch,
        attempts_made=attempts_made,
        gpu_type=gpu_type,
        running_at=moment_if(running_at),
        stopped_at=moment_if(stopped_at),
        stop_reason=_REASONS[stop_reason],
        stop_actor=stop_actor,
        hard_max_override=moment_if(hard_max_override),
        error=error,
        next_action_at=moment_if(next_action_at),
        epoch=epoch,
    )
