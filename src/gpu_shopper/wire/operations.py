"""Bodies about the service itself: health, tokens, orphans, configuration."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gpu_shopper.wire.sessions import ConsumerName


class Health(Struct, frozen=True, kw_only=True):
    """Whether the service lives; `services` says how its parts do."""

    status: str
    timestamp: datetime
    services: dict[str, str]


class TokenOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /api/v1/tokens. A consumer token speaks for one consumer."""

    kind: Literal["admin", "consumer"]
    consumer_id: ConsumerName | None = None
    name: Annotated[str, Meta(max_length=128)] = ""
    expires_in_days: Annotated[int, Meta(ge=1, le=366)] | None = 90


class TokenBody(Struct, frozen=True, kw_only=True):
    """A token without its secret."""

    id: str
    kind: str
    consumer_id: str | None
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenCreated(Struct, frozen=True, kw_only=True):
    """A new token; `secret` is shown once."""

    token: TokenBody
    secret: str


class TokenList(Struct, frozen=True, kw_only=True):
    """All tokens."""

    tokens: list[TokenBody]
    count: int


class OrphanBody(Struct, frozen=True, kw_only=True):
    """An instance that nobody is entitled to, and what became of it.

    `kind` says why. Of a server: `unwanted` or `unanswered`, an attempt's; `surplus`, a double or an overdue orphan;
    `unreadable`, one whose row cannot be read. Without a server: `overdue`, or `of this deployment`.
    """

    provider: str
    instance_id: str
    label: str
    kind: str
    action: str


class OrphanReport(Struct, frozen=True, kw_only=True):
    """What a look at all accounts found; `complete` only if each answered in full."""

    orphans: list[OrphanBody]
    count: int
    strays: int
    instances: int
    complete: bool
    dry_run: bool
    troubles: list[str]


class NoticeBody(Struct, frozen=True, kw_only=True):
    """Something that an operator must be told; `delivered_at` is None until it was."""

    id: str
    at: datetime
    kind: str
    text: str
    details: dict[str, str]
    delivered_at: datetime | None
    tries: int


class NoticeList(Struct, frozen=True, kw_only=True):
    """The newest notices."""

    notices: list[NoticeBody]
    count: int


class Accepted(Struct, frozen=True, kw_only=True):
    """What was asked for will be done soon."""

    message: str
