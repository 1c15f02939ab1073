"""An HTTP door that leads to the sandbox's cloud model, without a network.

The real adapter, mapping and error tables speak to the real model through it, in whatever time the
clock that is handed in keeps. Faults strike on both sides of the effect: a request that is lost on its
way did nothing, an answer that is lost on its way back did everything.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.sandbox.messages import ModelReply, ModelRequest
from gpu_shopper.sandbox.model import CloudModel


class Faults(Protocol):
    """What the network does to one exchange; each may wait, or raise `NotSent` or `NoAnswer`."""

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        """Strike while the request is on its way: whatever is raised here, nothing was done.

        Return what arrives.
        """
        ...

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        """Strike while the answer is on its way: the effect stands. Return what arrives."""
        ...


class NoFaults:
    """A network that works."""

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        """Let it pass."""
        return request

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        """Let it pass."""
        return reply


class ModelDoor:
    """The door to one model. `clock` is the cloud's; `exchanges` counts what got as far as the model."""

    def __init__(self, model: CloudModel, clock: Clock, *, faults: Faults | None = None) -> None:
        self._model = model
        self._clock = clock
        self.faults: Faults = faults or NoFaults()
        self.exchanges = 0
        self._closed = False

    async def request(self, request: HttpRequest) -> HttpReply:
        """Do what the request says and return the answer.

        Raises:
            NotSent: a fault before anything happened, or the door is closed.
            NoAnswer: the model or a fault lost the answer, or it comes later than the caller waits.
        """
        if self._closed:
            raise NotSent(f"{request.method}: the door is closed")
        request = await self.faults.before_effect(request)
        said = self.hear(request)
        if said.delay_s:
            await self._clock.sleep(min(said.delay_s, request.timeout))
        if said.lost or said.delay_s >= request.timeout:
            raise NoAnswer(f"{request.method}: the answer was lost")
        return await self.faults.after_effect(request, http_reply(said))

    def hear(self, request: HttpRequest) -> ModelReply:
        """Do at once what the request says, past all faults of the network; return what the model says to it."""
        self.exchanges += 1
        given = _given(request)
        if given is None:
            return ModelReply(status=400, body={"error": "bad_request", "message": "not JSON"})
        return self._model.handle(given, now=self._clock.now().timestamp())

    async def aclose(self) -> None:
        """Answer nothing any more; may be called twice."""
        self._closed = True


def _given(request: HttpRequest) -> ModelRequest | None:
    target = target_of(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = None
    if request.body:
        try:
            body = msgspec.json.decode(request.body, type=dict[str, object])
        except msgspec.DecodeError:
            return None
    return ModelRequest(
        method=request.method,
        path=unquote(target.path),
        query=target.query,
        body=body,
        key=headers.get("authorization", "").removeprefix("Bearer "),
        if_none_match=headers.get("if-none-match", ""),
    )


class Target(NamedTuple):
    """What is asked for: a path as it was sent, and a query."""

    path: str
    query: Mapping[str, str]


# The same lists are asked for again and again.
@lru_cache(maxsize=4096)
def target_of(url: str) -> Target:
    """Return what a URL asks for."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Target(path=parts.path, query=MappingProxyType(query))


def http_reply(said: ModelReply) -> HttpReply:
    """Return what the model says as it goes over the wire."""
    headers = {"content-type": "application/json"}
    body = b"" if said.body is None else msgspec.json.encode(said.body)
    if isinstance(said.body, str):
        headers = {"content-type": "text/html"}
        body = said.body.encode()
    if said.retry_after_s is not None:
        headers["retry-after"] = f"{said.retry_after_s:g}"
    if said.etag:
        headers["etag"] = said.etag
    return HttpReply(status=said.status, headers=headers, body=body)
