"""Attempts in SQL: the ledger of obligations, which the schema guards against every illegal move."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, or_, select, text

from gpu_shopper.domain.ids import (
    AttemptId,
    ConsumerId,
    InstanceId,
    ProviderName,
    SessionId,
)
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.launch import AttemptState, Blame, LaunchAttempt, Proof
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.stores import documents
from gpu_shopper.stores.moments import micros, micros_if, moment, moment_if
from gpu_shopper.stores.schema import IS_OPEN, IS_UNBOOKED, attempts
from gpu_shopper.stores.trouble import RuleBroken

# As many values as go into one IN list: every database takes these.
PIECE = 1000

_STATES = {state.value: state for state in AttemptState}
_BLAMES: dict[str | None, Blame | None] = {None: None, **{blame.value: blame for blame in Blame}}
_PROOFS: dict[str | None, Proof | None] = {None: None, **{proof.value: proof for proof in Proof}}

_row = attempts.c
_KEY: BindParameter[Any] = bindparam("key")
# The offer is what was ordered: it is written once and never again.
_SAVED = tuple(column.name for column in _row if column.name not in {"id", "offer"})
_COLUMNS = (_row.id, _row.offer, *(_row[name] for name in _SAVED))
_IS_OPEN = text(IS_OPEN)

_ADD = attempts.insert()
_GET = select(*_COLUMNS).where(_row.id == _KEY)
_SAVE = attempts.update().where(_row.id == _KEY).values({name: bindparam(name) for name in _SAVED})
_OF_SESSION = select(*_COLUMNS).where(_row.session_id == _KEY).order_by(_row.number)
_OF_SESSIONS = (
    select(*_COLUMNS)
    .where(_row.session_id.in_(bindparam("keys", expanding=True)))
    .order_by(_row.session_id, _row.number)
)
_BY_TOKEN = select(*_COLUMNS).where(_row.token_hash == _KEY)
_BY_LABELS = select(*_COLUMNS).where(_row.label.in_(bindparam("keys", expanding=True)))
_OPEN_AT = select(*_COLUMNS).where(_row.provider == _KEY, _IS_OPEN)
_ALL_OPEN = select(*_COLUMNS).where(_IS_OPEN).order_by(_row.sent_at, _row.id)
_BILLING = (
    select(*_COLUMNS)
    .where(
        _row.accrued_to < bindparam("before"),
        text(f"({IS_UNBOOKED})"),
        or_(_row.billing_ended_at.is_not(None), _IS_OPEN),
    )
    .order_by(_row.accrued_to, _row.id)
)


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
        row = self._connection.execute(_GET, {"key": attempt_id}).first()
        return None if row is None else _attempt(row)

    def save(self, attempt: LaunchAttempt) -> None:
        """Write the attempt back, all but its offer; the schema refuses illegal moves."""
        values = _values(attempt)
        values["key"] = attempt.id
        if self._connection.execute(_SAVE, values).rowcount == 0:
            raise RuleBroken(f"attempt {attempt.id} was never added")

    def of_session(self, session_id: SessionId) -> Sequence[LaunchAttempt]:
        """Return all attempts of a session, by number."""
        return [_attempt(row) for row in self._connection.execute(_OF_SESSION, {"key": session_id})]

    def of_sessions(
        self, session_ids: Sequence[SessionId]
    ) -> Mapping[SessionId, Sequence[LaunchAttempt]]:
        """Return all attempts of several sessions, by number; a session without any is left out."""
        found: dict[SessionId, list[LaunchAttempt]] = {}
        for piece in in_pieces(session_ids):
            for row in self._connection.execute(_OF_SESSIONS, {"keys": piece}):
                attempt = _attempt(row)
                found.setdefault(attempt.session_id, []).append(attempt)
        return found

    def by_token_hash(self, token_hash: str) -> LaunchAttempt | None:
        """Return the attempt whose agent holds this token."""
        row = self._connection.execute(_BY_TOKEN, {"key": token_hash}).first()
        return None if row is None else _attempt(row)

    def for_census(self, provider: ProviderName, labels: Iterable[str]) -> Sequence[LaunchAttempt]:
        """Return the open attempts at a provider, and those anywhere that bear one of `labels`."""
        rows = list(self._connection.execute(_OPEN_AT, {"key": provider}))
        for piece in in_pieces(labels):
            rows.extend(self._connection.execute(_BY_LABELS, {"keys": piece}))
        found = {row[0]: row for row in rows}
        return sorted(
            (_attempt(row) for row in found.values()), key=lambda each: (each.sent_at, each.id)
        )

    def open(self) -> Sequence[LaunchAttempt]:
        """Return every open attempt: all that we owe, the oldest first."""
        return [_attempt(row) for row in self._connection.execute(_ALL_OPEN)]

    def billing(self, *, accrued_before: datetime) -> Sequence[LaunchAttempt]:
        """Return the attempts that bill and whose last entry ends before then.

        That is: open ones, and closed ones whose bill ends later than their last entry.
        """
        rows = self._connection.execute(_BILLING, {"before": micros(accrued_before)})
        return [_attempt(row) for row in rows]


def in_pieces(keys: Iterable[str]) -> Iterable[list[str]]:
    """Cut keys into lists that fit into one statement."""
    left = iter(keys)
    while piece := list(islice(left, PIECE)):
        yield piece


def _values(attempt: LaunchAttempt) -> dict[str, Any]:
    return {
        "session_id": attempt.session_id,
        "consumer_id": attempt.consumer_id,
        "number": attempt.number,
        "label": attempt.label,
        "provider": attempt.provider,
        "state": attempt.state.value,
        "wanted": int(attempt.wanted),
        "sent_at": micros(attempt.sent_at),
        "call_deadline": micros(attempt.call_deadline),
        "expires_at": micros(attempt.expires_at),
        "token_hash": attempt.token_hash,
        "request_digest": attempt.request_digest,
        "rate": attempt.rate.micros,
        "unwanted_because": attempt.unwanted_because,
        "blame": None if attempt.blame is None else attempt.blame.value,
        "instance_id": attempt.instance_id,
        "endpoint": documents.write_if(attempt.endpoint),
        "host_key": attempt.host_key,
        "read_back_at": micros_if(attempt.read_back_at),
        "looks": attempt.looks,
        "billed_from": micros_if(attempt.billed_from),
        "rate_since": micros_if(attempt.rate_since),
        "accrued_to": micros_if(attempt.accrued_to),
        "last_seen_at": micros_if(attempt.last_seen_at),
        "heard": documents.write_if(attempt.heard),
        "missing_since": micros_if(attempt.missing_since),
        "missing_listings": attempt.missing_listings,
        "missing_reads": attempt.missing_reads,
        "destroy_tries": attempt.destroy_tries,
        "destroy_called_at": micros_if(attempt.destroy_called_at),
        "destroy_answered_at": micros_if(attempt.destroy_answered_at),
        "destroy_accepted_at": micros_if(attempt.destroy_accepted_at),
        "closing_since": micros_if(attempt.closing_since),
        "absence": documents.write_absence(attempt.absence),
        "alerted_at": micros_if(attempt.alerted_at),
        "billing_ended_at": micros_if(attempt.billing_ended_at),
        "closed_at": micros_if(attempt.closed_at),
        "proof": None if attempt.proof is None else attempt.proof.value,
        "next_action_at": micros_if(attempt.next_action_at),
    }


def _attempt(row: Any) -> LaunchAttempt:
    (
        key,
        offer,
        session_id,
        consumer_id,
        number,
        label,
        provider,
        state,
        wanted,
        sent_at,
        call_deadline,
        expires_at,
        token_hash,
        request_digest,
        rate,
        unwanted_because,
        blame,
        instance_id,
        endpoint,
        host_key,
        read_back_at,
        looks,
        billed_from,
        rate_since,
        accrued_to,
        last_seen_at,
        heard,
        missing_since,
        missing_listings,
        missing_reads,
        destroy_tries,
        destroy_called_at,
        destroy_answered_at,
        destroy_accepted_at,
        closing_since,
        absence,
        alerted_at,
        billing_ended_at,
        closed_at,
        proof,
        next_action_at,
    ) = row
    return LaunchAttempt(
        id=AttemptId(key),
        session_id=SessionId(session_id),
        consumer_id=ConsumerId(consumer_id),
        number=number,
        label=Label(label),
        provider=ProviderName(provider),
        offer=documents.read_offer(offer),
        state=_STATES[state],
        wanted=bool(wanted),
        sent_at=moment(sent_at),
        call_deadline=moment(call_deadline),
        expires_at=moment(expires_at),
        token_hash=token_hash,
        request_digest=request_digest,
        rate=HourlyRate(rate),
        unwanted_because=unwanted_because,
        blame=_BLAMES[blame],
        instance_id=None if instance_id is None else InstanceId(instance_id),
        endpoint=documents.read_endpoint(endpoint),
        host_key=host_key,
        read_back_at=moment_if(read_back_at),
        looks=looks,
        billed_from=moment_if(billed_from),
        rate_since=moment_if(rate_since),
        accrued_to=moment_if(accrued_to),
        last_seen_at=moment_if(last_seen_at),
        heard=documents.read_heard(heard),
        missing_since=moment_if(missing_since),
        missing_listings=missing_listings,
        missing_reads=missing_reads,
        destroy_tries=destroy_tries,
        destroy_called_at=moment_if(destroy_called_at),
        destroy_answered_at=moment_if(destroy_answered_at),
        destroy_accepted_at=moment_if(destroy_accepted_at),
        closing_since=moment_if(closing_since),
        absence=documents.read_absence(absence),
        alerted_at=moment_if(alerted_at),
        billing_ended_at=moment_if(billing_ended_at),
        closed_at=moment_if(closed_at),
        proof=_PROOFS[proof],
        next_action_at=moment_if(next_action_at),
    )
