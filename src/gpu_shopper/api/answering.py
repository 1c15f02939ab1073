"""What happens to every request, in this order: who asks, query, body, key, one handler, the reply.

What changes something is finished even if its caller goes away in the middle: the outcome is in the book.
"""

import asyncio
import traceback
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException
from msgspec import Struct

from gpu_shopper.api import problems
from gpu_shopper.api.asked import Asked, asked_of
from gpu_shopper.api.identity import identify
from gpu_shopper.api.parsing import (
    BODY_LIMIT_BYTES,
    digest_of,
    pairs_of,
    parse_body,
    parse_key,
    parse_query,
)
from gpu_shopper.api.rooms import Rooms
from gpu_shopper.api.routes import JSON, Access, Ask, Reply, Route
from gpu_shopper.domain.errors import Invalid, Refusal

# Where in a request's state the envelope puts its id, its path as it came, and who answers it.
REQUEST_ID = "request_id"
PATH = "path"
ANSWERING = "answering"

AnyRequest = Request[Any, Any, Any]


class Answering:
    """Serves requests by the table of routes."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._unfinished: set[asyncio.Task[Reply]] = set()

    async def serve(self, route: Route, request: AnyRequest) -> Response[bytes]:
        """Answer one request that came through the router.

        Raises:
            Refusal: it cannot be answered; `refuse` makes the reply.
        """
        asked = asked_of(request.scope, path=request.path_params)
        answer = route.answer(await self._ask(route, asked, request))
        reply = await (self._finished(answer, request) if route.changes else answer)
        return _response(reply)

    async def read(self, route: Route, asked: Asked) -> tuple[Reply, bytes]:
        """Answer one request that changes nothing and needed no router: the reply, and its body.

        Raises:
            Refusal: it cannot be answered; `refuse_read` makes the reply.
        """
        assert not route.changes, route
        reply = await route.answer(await self._ask(route, asked, None))
        return reply, _encoded(reply)

    def refuse_read(self, route: Route, error: Exception, request_id: str) -> tuple[Reply, bytes]:
        """Answer such a request that failed."""
        reply = self._refused(error, instance=route.path, request_id=request_id)
        return reply, _encoded(reply)

    def refuse(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        """Answer a request that failed."""
        return _response(
            self._refused(
                error,
                # Not as the router knows it, nor read anew as a URL: a name in it may hold what ends a path there.
                instance=request.scope["state"].get(PATH, ""),
                request_id=request.scope["state"].get(REQUEST_ID, ""),
                session_id=request.scope.get("path_params", {}).get("session_id"),
            )
        )

    def _refused(
        self, error: Exception, *, instance: str, request_id: str, session_id: str | None = None
    ) -> Reply:
        refusal = _refusal(error)
        if isinstance(refusal, problems.Unexpected):
            self.report(error, request_id)
        answer = problems.describe(
            refusal, instance=instance, request_id=request_id, session_id=session_id
        )
        status = answer.problem.status
        return Reply(answer.problem, status, answer.headers, problems.MEDIA_TYPE)

    def report(self, error: BaseException, request_id: str) -> None:
        """Log a fault of ours: where it happened, and not its text, which may hold anything."""
        frames = traceback.extract_tb(error.__traceback__)
        self._rooms.meter.alarm(
            "request_failed",
            request_id=request_id,
            error=type(error).__name__,
            place=" < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:])),
        )

    async def drain(self) -> None:
        """Wait until all that was begun is finished."""
        while self._unfinished:
            await asyncio.wait(self._unfinished)

    async def _ask(self, route: Route, asked: Asked, request: AnyRequest | None) -> Ask[Any, Any]:
        caller, token = await identify(self._rooms, asked.shown, access=route.access)
        query = parse_query(pairs_of(asked.query), route.query)
        body = await _body(route, request) if request is not None and route.changes else None
        return Ask(
            rooms=self._rooms,
            caller=caller,
            path=asked.path,
            query=query,
            body=body,
            token=token if route.access is Access.AGENT else "",
            idempotency_key=parse_key(asked.key),
            digest=digest_of(route.name, body) if isinstance(body, Struct) else "",
            text=asked.query,
            held=asked.shown.headers.get("if-none-match", ""),
        )

    async def _finished(self, answer: Coroutine[None, None, Reply], request: AnyRequest) -> Reply:
        task = asyncio.ensure_future(answer)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # Nobody waits for it any more, so nobody else would hear of a fault of ours.
            request_id = request.scope["state"].get(REQUEST_ID, "")
            task.add_done_callback(lambda done: self._ended_alone(done, request_id))
            raise

    def _ended_alone(self, task: "asyncio.Task[Reply]", request_id: str) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and isinstance(_refusal(error), problems.Unexpected):
            self.report(error, request_id)


def answering_of(request: AnyRequest) -> Answering:
    """Return who answers this request: one router serves every house of a process."""
    answering: Answering = request.scope["state"][ANSWERING]
    return answering


async def _body(route: Route, request: AnyRequest) -> Struct | bytes | None:
    try:
        raw = await request.body()
    except InternalServerException as error:
        # Whoever hung up half-way does not hear it; it is no fault of ours that somebody should be woken for.
        raise Invalid("the body did not arrive whole", path="$") from error
    if len(raw) > BODY_LIMIT_BYTES:
        raise _too_large()
    if route.body is None and route.raw_body is None:
        if raw.strip() not in {b"", b"{}", b"null"}:
            raise Invalid("this takes no body", path="$")
        return None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        message = f"the body must be declared as {JSON}, not {media_type[:64] or 'nothing'}"
        raise problems.WrongMediaType(message, hint=f"send 'Content-Type: {JSON}'")
    return raw if route.body is None else parse_body(raw, route.body)


def _too_large() -> Refusal:
    return problems.TooLarge(f"the body is longer than {BODY_LIMIT_BYTES} bytes")


def _refusal(error: Exception) -> Refusal:
    """Return what the router or a handler could not do, in our words."""
    if not isinstance(error, HTTPException):
        return problems.refusal_of(error)
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return problems.NoRoute("there is no such path", hint="see /docs for those there are")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allow = _with_head((error.headers or {}).get("allow", ""))
            message = "this path does not take that method"
            return problems.WrongMethod(message, allow=allow)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return _too_large()
        case HTTPStatus.BAD_REQUEST:
            return Invalid("the request is malformed")
        case _:
            return problems.refusal_of(error)


def _with_head(allow: str) -> str:
    methods = {method.strip() for method in allow.split(",")}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _encoded(reply: Reply) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)


def _response(reply: Reply) -> Response[bytes]:
    return Response(
        _encoded(reply),
        status_code=reply.status,
        headers=reply.headers,
        media_type=reply.media_type,
    )
