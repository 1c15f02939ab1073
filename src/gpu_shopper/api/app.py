"""The API as an ASGI application: routes from the table, and an envelope around every request.

The envelope gives each request an id, answers HEAD as GET without a body, adds the headers that keep browsers careful,
and is the outermost frame: whatever goes wrong further in, the caller gets a problem body and the server goes on.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import HttpMethod, Litestar, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPResponseBodyEvent, HTTPResponseStartEvent

from gpu_shopper.api import problems
from gpu_shopper.api.answering import (
    ANSWERING,
    PATH,
    REQUEST_ID,
    Answering,
    AnyRequest,
    answering_of,
)
from gpu_shopper.api.asked import asked_of
from gpu_shopper.api.parsing import BODY_LIMIT_BYTES
from gpu_shopper.api.rooms import Rooms
from gpu_shopper.api.routes import Reply, Route
from gpu_shopper.api.table import ROUTES
from gpu_shopper.domain.ids import BITS, LENGTH, base32

_GIVEN_ID = b"x-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CAREFUL = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(rooms: Rooms) -> ASGIApp:
    """Return the whole API over `rooms`."""
    return _Envelope(_router(), Answering(rooms), rooms)


@cache
def _router() -> Litestar:
    """Return the router, made once in a process: what answers comes with each request."""
    return Litestar(
        # The router makes its own answer to OPTIONS, and a wrong one, for paths that have none yet.
        route_handlers=[
            *(_options_handler(path, allow) for path, allow in allowed_methods(ROUTES).items()),
            *(_handler(route) for route in ROUTES),
        ],
        exception_handlers={Exception: _refuse},
        logging_config=None,
        openapi_config=None,
        request_max_body_size=BODY_LIMIT_BYTES,
    )


def _handler(route: Route) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[bytes]:
        return await answering_of(request).serve(route, request)

    return HTTPRouteHandler(
        _path(route.path),
        http_method=HttpMethod(route.method),
        status_code=route.status,
        name=route.name,
    )(handle)


def _refuse(request: AnyRequest, error: Exception) -> Response[bytes]:
    return answering_of(request).refuse(request, error)


def allowed_methods(routes: Iterable[Route]) -> dict[str, str]:
    """Return what each path takes, as the header Allow says it."""
    methods: dict[str, set[str]] = {}
    for route in routes:
        taken = {route.method, "OPTIONS"} | ({"HEAD"} if route.method == "GET" else set())
        methods.setdefault(route.path, set()).update(taken)
    return {path: ", ".join(sorted(taken)) for path, taken in methods.items()}


def _options_handler(path: str, allow: str) -> HTTPRouteHandler:
    async def handle() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": allow})

    return HTTPRouteHandler(_path(path), http_method=HttpMethod.OPTIONS, status_code=204)(handle)


def _path(path: str) -> str:
    """Return the path as the router writes it: a name that may hold slashes can only be the last of a path there."""
    behind = _BEHIND_A_PATH.fullmatch(path)
    if behind is not None:
        return f"{behind['before']}/@{behind['last']}/{{{behind['name']}:path}}"
    return re.sub(r"\{(\w+)\}", r"{\1:str}", path)


_BEHIND_A_PATH = re.compile(r"(?P<before>.*)/\{(?P<name>\w+):path\}/(?P<last>\w+)")
_BEHIND = tuple(filter(None, (_BEHIND_A_PATH.fullmatch(route.path) for route in ROUTES)))


def _inner_path(path: str) -> str:
    """Return the path of a request as the router knows it."""
    for route in _BEHIND:
        before, last = f"{route['before']}/", f"/{route['last']}"
        middle = path.removeprefix(before).removesuffix(last)
        if f"{before}{middle}{last}" == path and middle:
            return f"{before}@{route['last']}/{middle}"
    return path


# What is only read and has no name in its path: the menu above all, which is asked more often than all else.
_PLAIN = {route.path: route for route in ROUTES if route.method == "GET" and "{" not in route.path}
_NO_NAMES: Mapping[Any, str] = {}


@cache
def _content_type(media_type: str) -> bytes:
    told = not media_type.startswith("text/") or "charset=" in media_type
    return (media_type if told else f"{media_type}; charset=utf-8").encode()


@cache
def _careful_but(own: tuple[str, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that keep browsers careful, but for those that a reply has of its own."""
    names = {name.lower() for name in own}
    careful = ((name.lower(), value) for name, value in _CAREFUL.items())
    return tuple((name.encode(), value.encode()) for name, value in careful if name not in names)


class _Envelope:
    def __init__(self, inner: ASGIApp, answering: Answering, rooms: Rooms) -> None:
        self._inner = inner
        self._answering = answering
        self._rooms = rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != ScopeType.HTTP:
            await self._inner(scope, receive, send)
            return
        request_id = self._request_id(scope)
        bodiless = scope["method"] == "HEAD"
        route = _PLAIN.get(scope["path"]) if bodiless or scope["method"] == "GET" else None
        delivery = _Delivery(send, request_id=request_id, bodiless=bodiless)
        try:
            if route is None:
                await self._inner(self._inner_scope(scope, request_id), receive, delivery)
            else:
                await self._read(route, scope, delivery)
        except Exception as error:
            if delivery.status is not None:
                raise
            self._answering.report(error, request_id)
            await _apologise(delivery, scope["path"], request_id)

    def _inner_scope(self, scope: HTTPScope, request_id: str) -> HTTPScope:
        # A copy, because the server looks into its own scope to tell whether a body is due.
        inner = scope.copy()
        inner["path"] = _inner_path(scope["path"])
        inner["state"] = {
            **scope.get("state", {}),
            REQUEST_ID: request_id,
            PATH: scope["path"],
            ANSWERING: self._answering,
        }
        if inner["method"] == "HEAD":
            inner["method"] = "GET"
        return inner

    async def _read(self, route: Route, scope: HTTPScope, delivery: "_Delivery") -> None:
        """Answer what needs no routing: what the router would do, in a tenth of its time."""
        asked = asked_of(scope, path=_NO_NAMES)
        try:
            reply, body = await self._answering.read(route, asked)
        except Exception as error:  # noqa: BLE001 - the caller is told, and a fault of ours logged
            reply, body = self._answering.refuse_read(route, error, delivery.request_id)
        await delivery.whole(reply, body)

    async def _live(self, receive: Any, send: Any) -> None:
        """Begin and end with the server: it ends once all that was begun is finished."""
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown":
                await self._answering.drain()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    def _request_id(self, scope: HTTPScope) -> str:
        given = [value for name, value in scope["headers"] if name.lower() == _GIVEN_ID]
        text = given[0].decode("latin-1") if len(given) == 1 else ""
        if _REQUEST_ID.fullmatch(text):
            return text
        return "req_" + base32(self._rooms.chance.draw_bits(BITS), length=LENGTH)


class _Delivery:
    """Sends a reply with the headers that every reply has."""

    def __init__(self, send: Send, *, request_id: str, bodiless: bool) -> None:
        self._send = send
        self.request_id = request_id
        self._bodiless = bodiless
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableScopeHeaders(message)
            headers["X-Request-ID"] = self.request_id
            for name, value in _CAREFUL.items():
                headers.setdefault(name, value)
        elif self._bodiless and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    async def whole(self, reply: Reply, body: bytes) -> None:
        """Send a reply at once."""
        headers = []
        # What the caller has already is neither sent nor measured.
        if reply.status != HTTPStatus.NOT_MODIFIED:
            headers += [
                (b"content-type", _content_type(reply.media_type)),
                (b"content-length", b"%d" % len(body)),
            ]
        headers += [
            (name.lower().encode(), value.encode()) for name, value in reply.headers.items()
        ]
        headers.append((b"x-request-id", self.request_id.encode()))
        headers += _careful_but(tuple(reply.headers))
        self.status = reply.status
        await self._send(
            {"type": "http.response.start", "status": reply.status, "headers": headers}
        )
        shown = b"" if self._bodiless else body
        await self._send({"type": "http.response.body", "body": shown, "more_body": False})


async def _apologise(send: Send, path: str, request_id: str) -> None:
    refusal = problems.refusal_of(AssertionError())
    answer = problems.describe(refusal, instance=path, request_id=request_id, session_id=None)
    body = msgspec.json.encode(answer.problem)
    headers = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    start = HTTPResponseStartEvent(
        type="http.response.start", status=answer.problem.status, headers=headers
    )
    await send(start)
    await send(HTTPResponseBodyEvent(type="http.response.body", body=body, more_body=False))
