"""The sandbox's HTTP face: the cloud's API for its customer, the control API for tests and docs.

A handler asks the model, waits as long as the model says, and answers, or cuts the connection where
the model says that the reply is lost. Nothing here decides anything.
"""

import asyncio
import hmac
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from gpu_shopper.sandbox.messages import Json, ModelReply, ModelRequest
from gpu_shopper.sandbox.misbehaviour import RuleRefusedError
from gpu_shopper.sandbox.program import Program

MOST_BODY_BYTES = 1024 * 1024
_SHUTDOWN_LIMIT_S = 30.0
_JSON = "application/json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Face:
    """Turns HTTP into calls of the program and back."""

    def __init__(self, program: Program, *, control_key: str, stop: asyncio.Event) -> None:
        self._program = program
        self._control_key = control_key
        self._stop = stop

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=MOST_BODY_BYTES)
        app.router.add_get("/control/ledger", self._as_operator(self._ledger))
        app.router.add_get("/control/misbehaviour", self._as_operator(self._rules))
        app.router.add_put("/control/misbehaviour", self._as_operator(self._set_rules))
        app.router.add_delete("/control/misbehaviour", self._as_operator(self._drop_rules))
        app.router.add_post("/control/instances/{id}/kill", self._as_operator(self._kill))
        app.router.add_post("/control/drift", self._as_operator(self._drift))
        app.router.add_post("/control/shutdown", self._as_operator(self._shutdown))
        app.router.add_route("*", "/control/{tail:.*}", self._as_operator(self._unknown))
        app.router.add_route("*", "/{tail:.*}", self._customer)
        return app

    async def _customer(self, request: web.Request) -> web.StreamResponse:
        body = await _body_of(request)
        if isinstance(body, web.Response):
            return body
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        asked = ModelRequest(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            body=body,
            key=key.strip() if scheme.lower() == "bearer" else "",
            if_none_match=request.headers.get("If-None-Match", "").strip(),
        )
        reply = await self._program.handle(asked)
        if reply.delay_s > 0:
            await asyncio.sleep(reply.delay_s)
        if reply.lost and request.transport is not None:
            request.transport.abort()
        return _response(reply)

    def _as_operator(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("X-Control-Key", "").encode()
            if not hmac.compare_digest(given, self._control_key.encode()):
                return _error(401, "unauthorized", "X-Control-Key is missing or wrong")
            return await handler(request)

        return guarded

    async def _ledger(self, request: web.Request) -> web.StreamResponse:
        del request
        now = time.time()
        entries = [entry.as_row() for entry in self._program.model.ledger(now)]
        # Looking lets the time pass in the model, and what became due must really happen.
        await self._program.commit()
        return _json(200, {"now": now, "entries": entries, **self._beside()})

    def _beside(self) -> Mapping[str, Any]:
        """Return what else a ledger tells: nothing here."""
        return {}

    async def _rules(self, request: web.Request) -> web.StreamResponse:
        del request
        return _json(200, {"rules": self._program.model.misbehaviour()})

    async def _set_rules(self, request: web.Request) -> web.StreamResponse:
        body = await _body_of(request)
        if isinstance(body, web.Response):
            return body
        rules = None if body is None else body.get("rules")
        if body is None or not isinstance(rules, list) or set(body) != {"rules"}:
            return _error(400, "bad_request", 'the body must be {"rules": [...]}')
        try:
            self._program.model.misbehave(rules)
        except RuleRefusedError as error:
            return _error(400, "bad_request", str(error))
        await self._program.commit()
        return _json(200, {"rules": self._program.model.misbehaviour()})

    async def _drop_rules(self, request: web.Request) -> web.StreamResponse:
        self._program.model.behave()
        await self._program.commit()
        return await self._rules(request)

    async def _kill(self, request: web.Request) -> web.StreamResponse:
        instance_id = request.match_info["id"]
        if not self._program.model.kill(instance_id, now=time.time()):
            return _error(404, "not_found", f"no living instance {instance_id}")
        await self._program.commit()
        return _json(202, {"id": instance_id})

    async def _drift(self, request: web.Request) -> web.StreamResponse:
        del request
        self._program.model.drift()
        await self._program.commit()
        return _json(200, {"drifted": True})

    async def _shutdown(self, request: web.Request) -> web.StreamResponse:
        del request
        left = await self._program.end_everything(within_s=_SHUTDOWN_LIMIT_S)
        self._stop.set()
        return _json(200, {"left": left})

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return _error(404, "not_found", f"no such path: {request.path}")


async def _body_of(request: web.Request) -> dict[str, Json] | web.Response | None:
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return _error(413, "too_large", f"a body has at most {MOST_BODY_BYTES} bytes")
    if not raw:
        return None
    try:
        body: dict[str, Json] = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError as error:
        return _error(400, "bad_request", f"the body is not a JSON object: {error}")
    return body


def _response(reply: ModelReply) -> web.Response:
    if isinstance(reply.body, str):
        return web.Response(status=reply.status, text=reply.body, content_type="text/html")
    unchanged = reply.status == 304
    response = web.Response(status=304) if unchanged else _json(reply.status, reply.body)
    if reply.etag:
        response.headers["ETag"] = reply.etag
    if reply.retry_after_s is not None:
        response.headers["Retry-After"] = str(math.ceil(reply.retry_after_s))
    return response


def _json(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=_JSON)


def _error(status: int, name: str, message: str) -> web.Response:
    return _json(status, {"error": name, "message": message})
