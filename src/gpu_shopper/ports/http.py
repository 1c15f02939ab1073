"""The port to HTTP towards the outside: one request, one answer, and two ways to get none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request. `timeout` bounds the whole of it, in seconds. Secrets belong in `headers`, never in `url`.

    An urgent one waits for no connection that another request holds.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 30.0
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """One whole answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(Exception):
    """The request certainly never reached the other side."""


class NoAnswer(Exception):
    """The request may have reached the other side; no whole answer came back."""


class HttpDoor(Protocol):
    """The one door to the outside. It follows no redirects and never retries."""

    async def request(self, request: HttpRequest) -> HttpReply:
        """Send and return the answer, whatever its status.

        Raises:
            NotSent: nothing reached the other side (name, connect, TLS).
            NoAnswer: it may have; the answer is lost, late or broken.
        """
        ...

    async def aclose(self) -> None:
        """Close connections; may be called twice."""
        ...
