"""Asks the API in the same process, as whoever looks at the page: what a page shows is what the API answers, word for word.

So there is no second way to filter, sort, refuse or tell who may see what.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from gpu_shopper.dashboard.links import Pairs
from gpu_shopper.wire.problems import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# The libraries of the API and of the server each have types of their own for what is the same.
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

T = TypeVar("T")

# What the API tells a caller by, beside the token: whether somebody stands in between, and under which name it was asked.
_PASSED_ON = frozenset(
    {b"host", b"origin", b"forwarded", b"x-forwarded-for", b"x-real-ip", b"x-request-id"}
)
_AUTHORIZATION = b"authorization"


class Refused(Exception):
    """The API does not answer this; `problem` says why, in words for people."""

    def __init__(self, problem: Problem, *, retry_after: str) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks on behalf of one request: from the same peer, with its token or the one that it signed in with."""

    api: AsgiApp
    scope: Scope
    token: str | None

    async def get(self, path: str, kind: type[T], pairs: Pairs = ()) -> T:
        """Return what the API answers to GET.

        Raises:
            Refused: it does not answer.
        """
        status, headers, body = await self._call(path, pairs)
        if status == HTTPStatus.OK:
            return msgspec.json.decode(body, type=kind)
        problem = msgspec.json.decode(body, type=Problem)
        raise Refused(problem, retry_after=headers.get(b"retry-after", b"").decode("latin-1"))

    async def _call(self, path: str, pairs: Pairs) -> tuple[int, Mapping[bytes, bytes], bytes]:
        heard: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            heard.append(message)

        await self.api(self._scope(path, pairs), receive, send)
        headers = {name.lower(): value for name, value in heard[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in heard[1:])
        return heard[0]["status"], headers, body

    def _scope(self, path: str, pairs: Pairs) -> Scope:
        headers = list(self._headers())
        if self.token is not None:
            headers.append((_AUTHORIZATION, b"Bearer " + self.token.encode("latin-1", "replace")))
        return {
            **self.scope,
            "method": "GET",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": urlencode(pairs).encode(),
            "headers": headers,
            "state": {},
        }

    def _headers(self) -> Iterable[tuple[bytes, bytes]]:
        for name, value in self.scope["headers"]:
            shown = name.lower()
            if shown in _PASSED_ON or (shown == _AUTHORIZATION and self.token is None):
                yield shown, value
