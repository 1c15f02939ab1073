"""An application that has its answer ready: what the server and the kernel take for a page as long, whatever is asked."""

from collections.abc import Awaitable, Callable
from typing import Any

PAGE_BYTES = 36_000

_BODY = b"x" * PAGE_BYTES
# As many headers as a page of the menu has.
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % PAGE_BYTES),
    *((b"x-header-%d" % number, b"a value of some length") for number in range(7)),
]


async def app(
    scope: dict[str, Any],
    _receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer the same, always."""
    assert scope["type"] == "http", scope["type"]
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
