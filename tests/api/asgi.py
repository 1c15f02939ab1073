"""Calls an ASGI application in the same loop, without a socket: one request in, one reply out."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import msgspec


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Browser:
    """Asks as one peer with one set of headers."""

    app: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = "127.0.0.1"

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.ask("DELETE", path, headers=headers)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        if body is None:
            return self.ask("POST", path, headers=headers)
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        declared = {"Content-Type": "application/json", **headers}
        return self.ask("POST", path, body=raw, headers=declared)

    def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        return asyncio.run(self.call(method, path, body=body, headers=headers))

    async def call(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        plain, _, query = path.partition("?")
        sent = {"Host": "localhost:8080", **self.headers}
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if body:
            sent.setdefault("Content-Length", str(len(body)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": unquote(plain),
            "raw_path": plain.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in sent.items()],
            "client": (self.peer, 40000),
            "server": ("127.0.0.1", 8080),
        }
        return await _run(self.app, scope, body)


async def _run(app: Any, scope: dict[str, Any], body: bytes) -> Answer:
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []
    asked = scope["method"]

    async def receive() -> Any:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    # The server goes on reading its own scope, so it has to be left as it was.
    assert asked == scope["method"]
    headers = {n.decode().lower(): v.decode("latin-1") for n, v in sent[0]["headers"]}
    whole = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], headers, whole)
