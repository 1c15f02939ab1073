"""Sessions: ask for one, look at them, prolong and end them."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from gpu_shopper.api.cursors import count, moment, read_cursor, write_cursor
from gpu_shopper.api.routes import Ask, NoQuery, Reply, Route
from gpu_shopper.api.session_bodies import diagnostics_body, event_body, session_body
from gpu_shopper.api.session_orders import request_of
from gpu_shopper.domain import errors
from gpu_shopper.domain.ids import ConsumerId, ProviderName, SessionId, is_id
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.ports.books import SessionFilter
from gpu_shopper.queries.sessions import EVENTS_PER_PAGE, SessionView
from gpu_shopper.wire.sessions import (
    DiagnosticsBody,
    EventPage,
    ExtendOrder,
    SessionBody,
    SessionCreated,
    SessionEnded,
    SessionExtended,
    SessionOrder,
    SessionPage,
    ShortText,
)

_KIND = "sessions"
_EVENTS = "events"
_PATH = "/api/v1/sessions"
Cursor = Annotated[str, Meta(min_length=1, max_length=512)]


class SessionListQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sessions to list."""

    consumer_id: ShortText | None = None
    status: Annotated[list[State], Meta(max_length=6)] = []
    provider: ShortText | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    cursor: Cursor | None = None


class EventListQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a history to list."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = EVENTS_PER_PAGE
    cursor: Cursor | None = None


async def request_session(ask: Ask[NoQuery, SessionOrder]) -> Reply:
    """Ask for a GPU. The session is written down at once; the rest happens without the caller."""
    _refuse_foreign_consumer(ask)
    requested = await ask.rooms.commands.sessions.request(
        request_of(ask.body),
        by=ask.caller,
        idempotency_key=ask.idempotency_key,
        digest=ask.digest,
    )
    key = requested.private_key
    body = SessionCreated(
        session=await _shown(ask, requested.session.id),
        ssh_private_key=None if key is None else key.text,
    )
    headers = {"Location": f"{_PATH}/{requested.session.id}"}
    if requested.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Reply(body, status=201, headers=headers)


async def list_sessions(ask: Ask[SessionListQuery, None]) -> Reply:
    """List sessions, newest first."""
    wanted = SessionFilter(
        consumer_id=_optional_consumer(ask.query.consumer_id),
        states=frozenset(ask.query.status),
        provider=None if ask.query.provider is None else ProviderName(ask.query.provider),
        after=_place(ask.query.cursor),
        limit=ask.query.limit,
    )
    page = await ask.rooms.queries.sessions.page(wanted, by=ask.caller)
    return Reply(
        SessionPage(
            sessions=[session_body(view) for view in page.sessions],
            count=len(page.sessions),
            next_cursor=_cursor(page.sessions[-1]) if page.more else None,
        )
    )


async def get_session(ask: Ask[NoQuery, None]) -> Reply:
    """Show one session."""
    return Reply(await _shown(ask, _session_id(ask)))


async def finish_session(ask: Ask[NoQuery, None]) -> Reply:
    """Say "I am finished"; the engine does the rest."""
    ended = await ask.rooms.commands.sessions.finish(_session_id(ask), by=ask.caller)
    return await _ended(ask, ended.id, message="thank you; whatever was rented is being destroyed")


async def end_session(ask: Ask[NoQuery, None]) -> Reply:
    """End a session now. May be said again; the reply shows the true state."""
    ended = await ask.rooms.commands.sessions.end(_session_id(ask), by=ask.caller)
    over = "the session is over" if ended.ended else "whatever was rented is being destroyed"
    return await _ended(ask, ended.id, message=over)


async def extend_session(ask: Ask[NoQuery, ExtendOrder]) -> Reply:
    """Prolong a reservation, up to the hard maximum."""
    extended = await ask.rooms.commands.sessions.extend(
        _session_id(ask),
        hours=ask.body.additional_hours,
        by=ask.caller,
        override_hard_max=ask.body.override_hard_max,
    )
    view = await ask.rooms.queries.sessions.get(extended.id, by=ask.caller)
    message = f"reserved for {extended.reserved_hours} h from when it was running"
    return Reply(
        SessionExtended(message=message, session_id=extended.id, new_expires_at=view.ends_by)
    )


async def list_session_events(ask: Ask[EventListQuery, None]) -> Reply:
    """Tell what happened to a session, oldest first."""
    cursor = ask.query.cursor
    after = 0 if cursor is None else count(*read_cursor(cursor, kind=_EVENTS, parts=1))
    page = await ask.rooms.queries.sessions.events(
        _session_id(ask), by=ask.caller, after=after, limit=ask.query.limit
    )
    last = page.events[-1].sequence if page.events else after
    return Reply(
        EventPage(
            events=[event_body(event) for event in page.events],
            count=len(page.events),
            next_cursor=write_cursor(_EVENTS, str(last)) if page.more else None,
        )
    )


async def diagnose_session(ask: Ask[NoQuery, None]) -> Reply:
    """Tell what the engine, the agent and the cloud know of a session."""
    found = await ask.rooms.queries.sessions.diagnostics(_session_id(ask), by=ask.caller)
    return Reply(diagnostics_body(found))


def _refuse_foreign_consumer(ask: Ask[NoQuery, SessionOrder]) -> None:
    if not ask.caller.may_see(ConsumerId(ask.body.consumer_id)):
        message = "this token does not speak for that consumer_id"
        raise errors.Forbidden(message, hint=f"use {ask.caller.consumer_id!r}")


def _session_id(ask: Ask[Any, Any]) -> SessionId:
    given = ask.path["session_id"]
    if not is_id(given, prefix="ses"):
        message = f"there is no session {given[:64]!r}"
        raise errors.NotFound(message, hint="list yours with GET /api/v1/sessions")
    return SessionId(given)


async def _shown(ask: Ask[Any, Any], session_id: SessionId) -> SessionBody:
    return session_body(await ask.rooms.queries.sessions.get(session_id, by=ask.caller))


async def _ended(ask: Ask[Any, Any], session_id: SessionId, *, message: str) -> Reply:
    session = await _shown(ask, session_id)
    return Reply(SessionEnded(message=message, session_id=session_id, session=session))


def _optional_consumer(text: str | None) -> ConsumerId | None:
    return None if text is None else ConsumerId(text)


def _place(cursor: str | None) -> tuple[datetime, SessionId] | None:
    if cursor is None:
        return None
    at, session_id = read_cursor(cursor, kind=_KIND, parts=2)
    return moment(at), SessionId(session_id)


def _cursor(last: SessionView) -> str:
    return write_cursor(_KIND, last.session.created_at.isoformat(), last.session.id)


_CREATE_REFUSALS = (
    errors.KeyReused,
    errors.MarketNotReady,
    errors.NothingMatches,
    errors.OfferUnavailable,
    errors.PriceAboveCap,
    errors.UnknownGpu,
    errors.Unsupported,
)

ROUTES = (
    Route(
        method="POST",
        path=_PATH,
        answer=request_session,
        body=SessionOrder,
        reply=SessionCreated,
        status=201,
        tag=_KIND,
        refuses=_CREATE_REFUSALS,
    ),
    Route(
        method="GET",
        path=_PATH,
        answer=list_sessions,
        query=SessionListQuery,
        reply=SessionPage,
        tag=_KIND,
    ),
    Route(
        method="GET",
        path=_PATH + "/{session_id}",
        answer=get_session,
        reply=SessionBody,
        tag=_KIND,
        refuses=(errors.NotFound,),
    ),
    Route(
        method="DELETE",
        path=_PATH + "/{session_id}",
        answer=end_session,
        reply=SessionEnded,
        tag=_KIND,
        refuses=(errors.NotFound,),
    ),
    Route(
        method="POST",
        path=_PATH + "/{session_id}/done",
        answer=finish_session,
        reply=SessionEnded,
        tag=_KIND,
        refuses=(errors.NotFound, errors.AlreadyEnded),
    ),
    Route(
        method="POST",
        path=_PATH + "/{session_id}/extend",
        answer=extend_session,
        body=ExtendOrder,
        reply=SessionExtended,
        tag=_KIND,
        refuses=(
            errors.NotFound,
            errors.AlreadyEnded,
            errors.PastHardMax,
            errors.Unsupported,
        ),
    ),
    Route(
        method="GET",
        path=_PATH + "/{session_id}/events",
        answer=list_session_events,
        query=EventListQuery,
        reply=EventPage,
        tag=_KIND,
        refuses=(errors.NotFound,),
    ),
    Route(
        method="GET",
        path=_PATH + "/{session_id}/diagnostics",
        answer=diagnose_session,
        reply=DiagnosticsBody,
        tag=_KIND,
        refuses=(errors.NotFound,),
    ),
)
