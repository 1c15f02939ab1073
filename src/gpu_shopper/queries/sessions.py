"""Questions about sessions. What is another consumer's does not exist for the one who asks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.cost import unbooked
from gpu_shopper.domain.deadlines import Deadline, Limits, stop_by
from gpu_shopper.domain.errors import NotFound
from gpu_shopper.domain.ids import SessionId, is_id
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.plan import wanted_attempt
from gpu_shopper.domain.session import Session
from gpu_shopper.ports.books import Book, Books, SessionEvent, SessionFilter
from gpu_shopper.ports.clock import Clock
from gpu_shopper.queries.phases import Phase, phase_of

EVENTS_PER_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A session with all that its reader wants to know beside its row. `cost` includes what is not booked yet."""

    session: Session
    attempts: tuple[LaunchAttempt, ...]
    cost: Money
    phase: Phase

    @property
    def latest(self) -> LaunchAttempt | None:
        """The attempt to show: the one that is wanted, else the newest."""
        newest = self.attempts[-1] if self.attempts else None
        return wanted_attempt(self.session, self.attempts) or newest

    @property
    def ends_by(self) -> datetime:
        """The moment that will be honoured: by then it must be running, or end."""
        session = self.session
        expires_at, hard_max_at = session.expires_at, session.hard_max_at
        if expires_at is None or hard_max_at is None:
            return session.startup_deadline
        # Past the expiry in its label anyone with the key may destroy the instance.
        labelled = self.latest.expires_at if self.latest else hard_max_at
        return min(expires_at, hard_max_at, labelled)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionListing:
    """A page of sessions, newest first. `more` follow after the last one."""

    sessions: tuple[SessionView, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventListing:
    """A page of a session's history, oldest first."""

    events: tuple[SessionEvent, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """A session, and by when and why it will have to stop; no deadline once its end was asked for."""

    view: SessionView
    deadline: Deadline | None


class SessionQueries:
    """Reads sessions from the book."""

    def __init__(self, books: Books, clock: Clock, limits: Limits) -> None:
        self._books = books
        self._clock = clock
        self._limits = limits

    async def get(self, session_id: SessionId, *, by: Caller) -> SessionView:
        """Return one session.

        Raises:
            NotFound: there is none, or it is another consumer's.
        """
        now = self._clock.now()
        return await self._books.read(
            lambda book: _views(book, [visible_session(book, session_id, by=by)], now=now)[0]
        )

    async def page(self, wanted: SessionFilter, *, by: Caller) -> SessionListing:
        """Return a page of those that the caller may see."""
        own = own_filter(wanted, by=by)
        if own is None:
            return SessionListing(sessions=(), more=False)
        now = self._clock.now()

        def read(book: Book) -> SessionListing:
            found = book.sessions.list(replace(own, limit=own.limit + 1))
            views = _views(book, found[: own.limit], now=now)
            return SessionListing(sessions=views, more=len(found) > own.limit)

        return await self._books.read(read)

    async def events(
        self, session_id: SessionId, *, by: Caller, after: int = 0, limit: int = EVENTS_PER_PAGE
    ) -> EventListing:
        """Return what happened to a session after the event number `after`.

        Raises:
            NotFound: there is no such session, or it is another consumer's.
        """

        def read(book: Book) -> EventListing:
            visible_session(book, session_id, by=by)
            found = book.events.of_session(session_id, after=after, limit=limit + 1)
            return EventListing(events=tuple(found[:limit]), more=len(found) > limit)

        return await self._books.read(read)

    async def diagnostics(self, session_id: SessionId, *, by: Caller) -> Diagnostics:
        """Return all that is known of a session, for whoever asks why.

        Raises:
            NotFound: there is none, or it is another consumer's.
        """
        view = await self.get(session_id, by=by)
        if view.session.ending:
            return Diagnostics(view=view, deadline=None)
        latest = view.latest
        deadline = stop_by(
            view.session,
            heard=latest.heard if latest else None,
            honoured_until=latest.expires_at if latest else None,
            limits=self._limits,
        )
        return Diagnostics(view=view, deadline=deadline)


def visible_session(book: Book, session_id: SessionId, *, by: Caller) -> Session:
    """Return the session if it exists for the caller.

    Raises:
        NotFound: it does not.
    """
    session = book.sessions.get(session_id) if is_id(session_id, prefix="ses") else None
    if session is None or not by.may_see(session.consumer_id):
        message = f"there is no session {session_id[:64]!r}"
        raise NotFound(message, hint="list yours with GET /api/v1/sessions")
    return session


def own_filter(wanted: SessionFilter, *, by: Caller) -> SessionFilter | None:
    """Return the part of `wanted` that exists for the caller; None if that is nothing."""
    if by.consumer_id is None:
        return wanted
    if wanted.consumer_id not in {None, by.consumer_id}:
        return None
    return replace(wanted, consumer_id=by.consumer_id)


def _views(book: Book, sessions: Sequence[Session], *, now: datetime) -> tuple[SessionView, ...]:
    """Return sessions with their attempts and costs, by three reads however many they are."""
    ids = [session.id for session in sessions]
    attempts_of = book.launches.of_sessions(ids)
    booked = book.costs.totals(ids)
    return tuple(
        _view(session, attempts_of.get(session.id, ()), booked.get(session.id, 0), now=now)
        for session in sessions
    )


def _view(
    session: Session, attempts: Sequence[LaunchAttempt], booked_micros: int, *, now: datetime
) -> SessionView:
    live = sum(unbooked(attempt, now=now).micros for attempt in attempts)
    return SessionView(
        session=session,
        attempts=tuple(attempts),
        cost=Money(booked_micros + live),
        phase=phase_of(session, attempts),
    )
