"""What consumers ask of sessions: begin, finish, end, extend. Intent is written and the caller answered at once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gpu_shopper.commands.choosing import checked, refuse_bad_keys
from gpu_shopper.commands.desk import Desk
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.errors import (
    AlreadyEnded,
    Forbidden,
    KeyReused,
    NotFound,
    PastHardMax,
    Unsupported,
)
from gpu_shopper.domain.ids import BITS, ConsumerId, SessionId, session_id
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import MAX_RESERVATION_HOURS, Session, SessionRequest, StopReason
from gpu_shopper.ports.books import Book, IdempotencyRecord
from gpu_shopper.ports.vault import KeyPair, Secret
from gpu_shopper.transactions.health import offer_health
from gpu_shopper.transactions.known import known_session
from gpu_shopper.transactions.stopping import intend_stop

CREATE_ROUTE = "POST /api/v1/sessions"
KEY_READABLE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A session that was asked for, now or by the same request before; the private key where we made the pair."""

    session: Session
    private_key: Secret | None
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    session: Session
    private_key: Secret | None
    record: IdempotencyRecord | None


class SessionCommands:
    """Writes what consumers want of sessions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def request(
        self, order: SessionRequest, *, by: Caller, idempotency_key: str | None, digest: str
    ) -> Requested:
        """Write a new session and return it; with a key that was used before, return the one that it made.

        Raises:
            Refusal: the request cannot be served, or the key came with another body before.
        """
        if not by.may_see(order.consumer_id):
            message = f"this token does not speak for consumer {order.consumer_id}"
            raise Forbidden(message, hint="leave out consumer_id or use your own")
        replay = await self._replay(order.consumer_id, idempotency_key, digest)
        if replay is not None:
            return replay
        refuse_bad_keys(order)
        desk = self._desk
        now = desk.clock.now()
        health = await desk.books.read(lambda book: offer_health(book, now=now))
        order = await checked(
            order,
            market=desk.market,
            capabilities=dict(desk.capabilities),
            quirks=desk.quirks,
            health=health,
            clock=desk.clock,
        )
        opening = self._prepare(order, idempotency_key, digest)
        requested = await desk.books.write(lambda book: self._open(book, opening, by=by))
        if not requested.replayed:
            desk.meter.count("sessions_started_total")
            desk.meter.event("session_requested", session=requested.session.id)
        desk.wakeup.hint()
        return requested

    async def finish(self, session: SessionId, *, by: Caller) -> Session:
        """Say that the consumer is done.

        Raises:
            AlreadyEnded: the session is ending, or has ended.
        """
        return await self._stop(session, by=by, reason=StopReason.DONE, refuse_ended=True)

    async def end(self, session: SessionId, *, by: Caller) -> Session:
        """End a session now; may be said any number of times."""
        return await self._stop(session, by=by, reason=StopReason.CANCELLED, refuse_ended=False)

    async def extend(
        self, session: SessionId, *, hours: int, by: Caller, override_hard_max: bool
    ) -> Session:
        """Prolong the reservation, up to the hard maximum; an operator's override may go past it.

        Raises:
            PastHardMax: it would go past the hard maximum.
            Unsupported: past the moment in the instance's label, which this cloud cannot change.
        """
        if override_hard_max and not by.is_operator:
            raise Forbidden("only an operator may go past the hard maximum")
        now = self._desk.clock.now()

        def write(book: Book) -> Session:
            found = _visible(book, session, by)
            if found.ending:
                raise _ended(found)
            total = found.reserved_hours + hours
            if total > MAX_RESERVATION_HOURS and not override_hard_max:
                message = f"session {session} would be reserved for {total} h; the maximum is {MAX_RESERVATION_HOURS} h"
                raise PastHardMax(message, hint="an operator can override it", session_id=session)
            extended = _extended(book, found, total)
            book.sessions.save(extended)
            details = {
                "hours": str(hours),
                "total": str(total),
                "override": str(override_hard_max).lower(),
            }
            book.events.add(session, at=now, kind="extended", actor=by.name, details=details)
            book.sessions.make_due(session, at=now)
            return extended

        extended = await self._desk.books.write(write)
        self._desk.wakeup.hint()
        return extended

    async def _stop(
        self, session: SessionId, *, by: Caller, reason: StopReason, refuse_ended: bool
    ) -> Session:
        now = self._desk.clock.now()

        def write(book: Book) -> Session:
            found = _visible(book, session, by)
            if not found.ending:
                return intend_stop(book, found, reason=reason, actor=by.name, at=now)
            if refuse_ended:
                raise _ended(found)
            return found

        stopping = await self._desk.books.write(write)
        self._desk.wakeup.hint()
        return stopping

    def _prepare(self, order: SessionRequest, idempotency_key: str | None, digest: str) -> _Opening:
        desk = self._desk
        new_id = session_id(desk.chance.draw_bits(BITS))
        pair = None if order.ssh_public_keys else desk.vault.new_key_pair(comment=new_id)
        if pair is not None:
            order = replace(order, ssh_public_keys=(pair.public,))
        session = _new_session(new_id, order, desk.clock.now())
        record = None
        if idempotency_key is not None:
            record = self._record(session, idempotency_key, digest, pair)
        return _Opening(session=session, private_key=pair.private if pair else None, record=record)

    def _open(self, book: Book, opening: _Opening, *, by: Caller) -> Requested:
        session, record = opening.session, opening.record
        if record is not None:
            # Two identical requests at once: the second finds the first one's record here.
            known = book.keys.get(record.consumer_id, route=CREATE_ROUTE, key=record.key)
            if known is not None:
                return self._replayed(book, known, record.digest)
        book.sessions.add(session)
        if record is not None:
            book.keys.add(record)
        details = {"consumer": session.consumer_id, "hours": str(session.reserved_hours)}
        book.events.add(
            session.id, at=session.created_at, kind="requested", actor=by.name, details=details
        )
        return Requested(session=session, private_key=opening.private_key, replayed=False)

    async def _replay(
        self, consumer: ConsumerId, idempotency_key: str | None, digest: str
    ) -> Requested | None:
        if idempotency_key is None:
            return None

        def read(book: Book) -> Requested | None:
            known = book.keys.get(consumer, route=CREATE_ROUTE, key=idempotency_key)
            return None if known is None else self._replayed(book, known, digest)

        return await self._desk.books.read(read)

    def _replayed(self, book: Book, known: IdempotencyRecord, digest: str) -> Requested:
        if known.digest != digest:
            message = "this Idempotency-Key was used with another body"
            raise KeyReused(
                message, hint="use a new key for a new request", session_id=known.session_id
            )
        session = known_session(book, known.session_id)
        return Requested(session=session, private_key=self._unsealed(known), replayed=True)

    def _unsealed(self, known: IdempotencyRecord) -> Secret | None:
        now = self._desk.clock.now()
        if known.sealed_reply is None or known.sealed_until is None or now >= known.sealed_until:
            return None
        return Secret(self._desk.vault.unseal(known.sealed_reply, context=known.session_id))

    def _record(
        self, session: Session, key: str, digest: str, pair: KeyPair | None
    ) -> IdempotencyRecord:
        sealed = None
        if pair is not None:
            sealed = self._desk.vault.seal(pair.private.text, context=session.id)
        return IdempotencyRecord(
            consumer_id=session.consumer_id,
            route=CREATE_ROUTE,
            key=key,
            digest=digest,
            session_id=session.id,
            created_at=session.created_at,
            sealed_reply=sealed,
            sealed_until=session.created_at + KEY_READABLE if sealed else None,
        )


def _new_session(new_id: SessionId, order: SessionRequest, now: datetime) -> Session:
    return Session(
        id=new_id,
        consumer_id=order.consumer_id,
        request=order,
        state=State.PENDING,
        created_at=now,
        state_since=now,
        reserved_hours=order.reservation_hours,
        next_action_at=now,
    )


def _visible(book: Book, session: SessionId, by: Caller) -> Session:
    found = book.sessions.get(session)
    if found is None or not by.may_see(found.consumer_id):
        message = f"there is no session {session}"
        raise NotFound(message, hint="list your sessions to see their ids", session_id=session)
    return found


def _ended(session: Session) -> AlreadyEnded:
    message = f"session {session.id} is {session.state} already ({session.stop_reason})"
    return AlreadyEnded(message, session_id=session.id, status=str(session.state))


def _extended(book: Book, session: Session, total: int) -> Session:
    extended = replace(session, reserved_hours=total)
    if total <= MAX_RESERVATION_HOURS:
        return extended
    expires_at = extended.expires_at
    if expires_at is None:
        raise PastHardMax(
            "only a running session can be prolonged past the hard maximum", session_id=session.id
        )
    for attempt in book.launches.of_session(session.id):
        if attempt.number == session.launch and expires_at > attempt.expires_at:
            message = f"the instance's label ends at {attempt.expires_at:%Y-%m-%d %H:%M} UTC and cannot be changed at {attempt.provider}"
            raise Unsupported(message, hint="start a new session instead", session_id=session.id)
    return replace(extended, hard_max_override=expires_at)
