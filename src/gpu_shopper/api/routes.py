"""What a route is: one declaration from which the router, the checks and the OpenAPI document are all made."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from gpu_shopper.api.rooms import Rooms
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.errors import Refusal

Q = TypeVar("Q")
B = TypeVar("B")

JSON = "application/json"
NO_HEADERS: Mapping[str, str] = {}


class Access(StrEnum):
    """Who is served by a route."""

    OPEN = "open"
    CALLER = "caller"
    OPERATOR = "operator"
    AGENT = "agent"
    SCRAPER = "scraper"
    READER = "reader"


class NoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """A route without query parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[Q, B]):
    """One request, parsed and with its caller known.

    `token` is what the caller showed; `digest` stands for the parsed body. `text` is the query as it was written, and
    `held` the header If-None-Match: what the caller holds already.
    """

    rooms: Rooms
    caller: Caller
    path: Mapping[str, str]
    query: Q
    body: B
    token: str
    idempotency_key: str | None
    digest: str
    text: bytes
    held: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a body of `wire`, or text that is encoded already."""

    body: Struct | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    `refuses` are the refusals beyond those that any route may give; `unready` says that the reply may come with 503;
    `raw_body` is a body that the handler reads by itself; `has_editions` that replies name theirs in ETag, and that who
    holds it is not sent it again.
    """

    method: str
    path: str
    # The one place without exact types: each handler states its own query and body, and the table holds them all.
    answer: Callable[[Ask[Any, Any]], Coroutine[None, None, Reply]]
    reply: type | None
    tag: str
    access: Access = Access.CALLER
    query: type[Struct] = NoQuery
    body: type[Struct] | None = None
    raw_body: type | None = None
    other_reply: type[Struct] | None = None
    status: int = 200
    unready: bool = False
    has_editions: bool = False
    media_type: str = JSON
    refuses: tuple[type[Refusal], ...] = ()

    @property
    def name(self) -> str:
        """The operation's id."""
        return self.answer.__name__

    @property
    def changes(self) -> bool:
        """Whether a request may leave something changed."""
        return self.method not in {"GET", "HEAD"}
