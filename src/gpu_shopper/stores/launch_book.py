"""Attempts in SQL: the ledger of obligations, which the schema guards against every illegal move."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import BindParameter, bindparam, case, func, or_, select, text

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.census import Unreadable
from gpu_shopper.domain.ids import (
    AttemptId,
    ProviderName,
    SessionId,
)
from gpu_shopper.domain.launch import UNANSWERED, AttemptState, Blame, LaunchAttempt, Proof
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.ports.books import AttemptRows, Owed, UnreadableRow
from gpu_shopper.stores import documents
from gpu_shopper.stores.moments import micros, micros_if, moment_if
from gpu_shopper.stores.schema import (
    ATTEMPT_IDENTITY,
    IS_OPEN,
    IS_PRESUMED,
    IS_UNBOOKED,
    attempts,
)
from gpu_shopper.stores.statements import Connection, Prepared, keys_in
from gpu_shopper.stores.trouble import RuleBroken

_BLAMES: dict[str | None, Blame | None] = {None: None, **{blame.value: blame for blame in Blame}}
_PROOFS: dict[str | None, Proof | None] = {None: None, **{proof.value: proof for proof in Proof}}
_WAYS = {way.value: way for way in AgentWay}
_STATES = {state.value: state for state in AttemptState}


def _value_if(member: StrEnum | None) -> str | None:
    return None if member is None else member.value


_row = attempts.c
_KEY: BindParameter[Any] = bindparam("key")
# The offer is what was ordered: it is written once and never again.
_SAVED = tuple(column.name for column in _row if column.name not in {"id", "offer"})
_NAMES = ("id", "offer", *_SAVED)
_COLUMNS = tuple(_row[name] for name in _NAMES)
_saved_of = attrgetter(*_SAVED)
# What stands in plain columns can be read whatever the others hold.
_KNOWN = tuple(each.name for each in fields(Unreadable) if each.name in _NAMES)

_TIMES = (
    "sent_at",
    "call_deadline",
    "expires_at",
    "read_back_at",
    "billed_from",
    "rate_since",
    "accrued_to",
    "last_seen_at",
    "missing_since",
    "destroy_called_at",
    "destroy_answered_at",
    "destroy_accepted_at",
    "closing_since",
    "alerted_at",
    "billing_ended_at",
    "closed_at",
    "next_action_at",
)
# How a field becomes a column and back; one that is not here is the same in both.
_WRITE: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    *((name, micros_if) for name in _TIMES),
    ("state", attrgetter("value")),
    ("wanted", int),
    ("rate", attrgetter("micros")),
    ("blame", _value_if),
    ("agent_way", attrgetter("value")),
    ("proof", _value_if),
    ("endpoint", documents.write_if),
    ("heard", documents.write_if),
    ("absence", documents.write_absence),
)
_READ: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    *((name, moment_if) for name in _TIMES),
    ("offer", documents.read_offer),
    ("state", _STATES.__getitem__),
    ("wanted", bool),
    ("rate", HourlyRate),
    ("blame", _BLAMES.__getitem__),
    ("agent_way", _WAYS.__getitem__),
    ("proof", _PROOFS.__getitem__),
    ("endpoint", documents.read_endpoint),
    ("heard", documents.read_heard),
    ("absence", documents.read_absence),
)
_IS_OPEN = text(IS_OPEN)

_ADD = Prepared(attempts.insert())
_GET = Prepared(select(*_COLUMNS).where(_row.id == _KEY))
# Not to write again what never changes spares its indexes; the row must still be that one.
_FIXED = tuple(name for name in _SAVED if name in ATTEMPT_IDENTITY)
_SAVE = Prepared(
    attempts.update()
    .where(_row.id == _KEY, *(_row[name] == bindparam(f"its_{name}") for name in _FIXED))
    .values({name: bindparam(name) for name in _SAVED if name not in _FIXED})
)
_OF_SESSION = Prepared(select(*_COLUMNS).where(_row.session_id == _KEY).order_by(_row.number))
_BY_TOKEN = Prepared(select(*_COLUMNS).where(_row.token_hash == _KEY))
_OPEN_AT = Prepared(select(*_COLUMNS).where(_row.provider == _KEY, _IS_OPEN))
_ANY_OPEN_AT = Prepared(select(_row.id).where(_row.provider == _KEY, _IS_OPEN).limit(1))
# Behind every character of a label.
_BEHIND = "~"
_BY_CUT = Prepared(
    select(*_COLUMNS).where(
        _row.provider == bindparam("at_provider"),
        _row.label >= _KEY,
        _row.label < bindparam("behind"),
    )
)
_PRESUMED = Prepared(
    select(*_COLUMNS)
    .where(_row.provider == _KEY, text(IS_PRESUMED), _row.closed_at >= bindparam("since"))
    .order_by(_row.closed_at, _row.id)
)
_ALL_OPEN = Prepared(select(*_COLUMNS).where(_IS_OPEN).order_by(_row.sent_at, _row.id))
_UNWANTED = _row.wanted == 0
_OWED = Prepared(
    select(
        func.count().label("open"),
        func.count(case((_UNWANTED, 1))).label("unwanted"),
        func.min(case((_UNWANTED, func.coalesce(_row.closing_since, _row.sent_at)))).label("since"),
        func.count(case((_row.state.in_(sorted(UNANSWERED)), 1))).label("unanswered"),
        func.coalesce(func.max(_row.destroy_tries), 0).label("tries"),
    ).where(_IS_OPEN)
)
_BILLING = Prepared(
    select(*_COLUMNS)
    .where(
        _row.accrued_to < bindparam("before"),
        text(f"({IS_UNBOOKED})"),
        or_(_row.billing_ended_at.is_not(None), _IS_OPEN),
    )
    .order_by(_row.accrued_to, _row.id)
)


@cache
def _of_sessions(count: int) -> Prepared:
    return Prepared(
        select(*_COLUMNS)
        .where(_row.session_id.in_(keys_in(count)))
        .order_by(_row.session_id, _row.number)
    )


@cache
def _by_labels(count: int) -> Prepared:
    return Prepared(select(*_COLUMNS).where(_row.label.in_(keys_in(count))))


@cache
def _by_ids(count: int) -> Prepared:
    here = _row.provider == bindparam("provider")
    return Prepared(select(*_COLUMNS).where(here, _row.instance_id.in_(keys_in(count))))


class SqlLaunchBook:
    """Attempts: the ledger of obligations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, attempt: LaunchAttempt) -> None:
        """Insert a new attempt; its label is unique for ever."""
        first = {"id": attempt.id, "offer": documents.write(attempt.offer)}
        self._connection.execute(_ADD, first | _values(attempt))

    def get(self, attempt_id: AttemptId) -> LaunchAttempt | None:
        """Return the attempt as it stands in this transaction."""
        row = self._connection.execute(_GET, {"key": attempt_id}).fetchone()
        return None if row is None else _attempt(row)

    def save(self, attempt: LaunchAttempt) -> None:
        """Write the attempt back, all but its offer; the schema refuses illegal moves."""
        values = _values(attempt)
        values["key"] = attempt.id
        for name in _FIXED:
            values[f"its_{name}"] = values[name]
        if self._connection.execute(_SAVE, values).rowcount == 0:
            raise RuleBroken(f"attempt {attempt.id} was never added, or not as this")

    def of_session(self, session_id: SessionId) -> Sequence[LaunchAttempt]:
        """Return all attempts of a session, by number."""
        return [_attempt(row) for row in self._connection.execute(_OF_SESSION, {"key": session_id})]

    def of_sessions(
        self, session_ids: Sequence[SessionId]
    ) -> Mapping[SessionId, Sequence[LaunchAttempt]]:
        """Return all attempts of several sessions, by number; without a session that has none that can be read."""
        found: dict[SessionId, list[LaunchAttempt]] = {}
        for attempt in _rows(self._connection.rows_of(_of_sessions, session_ids)).attempts:
            found.setdefault(attempt.session_id, []).append(attempt)
        return found

    def by_token_hash(self, token_hash: str) -> LaunchAttempt | None:
        """Return the attempt whose agent holds this token."""
        row = self._connection.execute(_BY_TOKEN, {"key": token_hash}).fetchone()
        return None if row is None else _attempt(row)

    def for_census(
        self,
        provider: ProviderName,
        labels: Iterable[str],
        *,
        ids: Iterable[str] = (),
        cut: Iterable[str] = (),
    ) -> AttemptRows:
        """Return the open attempts at a provider, those anywhere with one of `labels`, and those there of `ids` and `cut`."""
        ranges = [{"at_provider": provider, "key": one, "behind": one + _BEHIND} for one in cut]
        rows = [
            *self._connection.execute(_OPEN_AT, {"key": provider}),
            *self._connection.rows_of(_by_ids, ids, {"provider": provider}),
            *self._connection.rows_of(_by_labels, labels),
            *(row for each in ranges for row in self._connection.execute(_BY_CUT, each)),
        ]
        found = _rows({row[0]: row for row in rows}.values())
        by_age = sorted(found.attempts, key=lambda each: (each.sent_at, each.id))
        return AttemptRows(by_age, found.unreadable)

    def presumed(self, provider: ProviderName, *, since: datetime) -> AttemptRows:
        """Return the attempts at a provider that were presumed absent since then."""
        values = {"key": provider, "since": micros(since)}
        return _rows(self._connection.execute(_PRESUMED, values))

    def any_open(self, provider: ProviderName) -> bool:
        """Return whether anything is owed at a provider."""
        return self._connection.value(_ANY_OPEN_AT, {"key": provider}) is not None

    def open(self) -> AttemptRows:
        """Return every open attempt: all that we owe, the oldest first."""
        return _rows(self._connection.execute(_ALL_OPEN))

    def owed(self) -> Owed:
        """Return what `open` would show, counted by the database."""
        count, unwanted, since, unanswered, tries = self._connection.execute(_OWED).fetchone()
        return Owed(
            open=count,
            unwanted=unwanted,
            unwanted_since=moment_if(since),
            unanswered=unanswered,
            destroy_tries=tries,
        )

    def billing(self, *, accrued_before: datetime) -> AttemptRows:
        """Return the attempts that bill and whose last entry ends before then.

        That is: open ones, and closed ones whose bill ends later than their last entry.
        """
        return _rows(self._connection.execute(_BILLING, {"before": micros(accrued_before)}))


def _values(attempt: LaunchAttempt) -> dict[str, Any]:
    values = dict(zip(_SAVED, _saved_of(attempt), strict=True))
    for name, write in _WRITE:
        values[name] = write(values[name])
    return values


# A row is read several times in a pass, and seldom has it changed: the same row is the same attempt, which is frozen.
@lru_cache(maxsize=2048)
def _attempt(row: tuple[Any, ...]) -> LaunchAttempt:
    values = dict(zip(_NAMES, row, strict=True))
    try:
        for name, read in _READ:
            values[name] = read(values[name])
        return LaunchAttempt(**values)
    except documents.UNREADABLE as error:
        message = f"the row of attempt {values['id']} cannot be read: {error}"
        raise UnreadableRow(message, session_id=values["session_id"]) from error


def _rows(rows: Iterable[tuple[Any, ...]]) -> AttemptRows:
    attempts: list[LaunchAttempt] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            attempts.append(_attempt(row))
        except UnreadableRow as error:
            values = dict(zip(_NAMES, row, strict=True))
            known = {name: values[name] for name in _KNOWN}
            unreadable.append(Unreadable(**known, because=str(error)))
    return AttemptRows(attempts, unreadable)
