"""Carries requests into an ASGI application without a socket, as a server does: whole, cut in half, or left alone.

Promises: what the application hears and may say is what uvicorn would let it; nothing here draws or waits by itself.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from litestar.types import ASGIApp

_ASGI = {"version": "3.0", "spec_version": "2.3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it leaves the caller; `path` with its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    peer: str = "192.0.2.1"

    def header(self, name: str) -> str:
        """Return a header, empty if it was not sent."""
        wanted = name.lower()
        return next((text for key, text in self.headers.items() if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One reply as it leaves the house; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """The way of one request; whoever asked may hang up at any moment."""

    def __init__(self, *, half_body: bool = False) -> None:
        self._half_body = half_body
        self._body_read = False
        self._gone = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None

    def hang_up(self) -> None:
        """Go away: the application hears of it where it listens, and speaks to nobody."""
        self._gone.set()

    def abort(self) -> None:
        """Cancel whoever answers, as servers do when they stop, and some when the caller goes away."""
        if self._task is not None:
            self._task.cancel()

    async def carry(self, app: ASGIApp, asked: Asked) -> Answered:
        """Let the application answer, to its last line."""
        said: list[Any] = []
        self._task = asyncio.current_task()

        async def receive() -> Any:
            if not self._body_read:
                self._body_read = True
                body = asked.body[: len(asked.body) // 2] if self._half_body else asked.body
                return {"type": "http.request", "body": body, "more_body": self._half_body}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        await app(_scope(asked), receive, send)
        head, *bodies = said
        return Answered(
            status=head["status"],
            headers={
                name.decode().lower(): text.decode("latin-1") for name, text in head["headers"]
            },
            body=b"".join(message.get("body", b"") for message in bodies),
        )


async def drain(app: ASGIApp) -> None:
    """End an application as a server that stops does: it returns once all that was begun is finished."""
    steps = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Any:
        return {"type": next(steps)}

    async def send(message: Any) -> None:
        assert not message["type"].endswith("failed"), message

    scope: Any = {"type": "lifespan", "asgi": _ASGI, "state": {}}
    await app(scope, receive, send)


def _scope(asked: Asked) -> Any:
    path, _, query = asked.path.partition("?")
    sent = {"host": "house.test", "content-length": str(len(asked.body)), **asked.headers}
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": "1.1",
        "scheme": "http",
        "method": asked.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(n.lower().encode(), text.encode("latin-1")) for n, text in sent.items()],
        "client": (asked.peer, 40000),
        "server": ("192.0.2.80", 80),
    }
