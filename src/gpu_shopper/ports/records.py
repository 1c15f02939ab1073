"""What stands in the book beside sessions, attempts and cost entries: the records that its port speaks of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gpu_shopper.domain.census import Unreadable
from gpu_shopper.domain.ids import ConsumerId, DeploymentId, ProviderName, SessionId, TokenId
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.price_history import Family, PriceRun


class BookUnavailable(Exception):
    """The book cannot be read or written now: locked, full, read-only or broken. Nothing was changed, as far as known."""


class UnreadableRow(Exception):
    """A row of this session, its own or an attempt's, holds what this build cannot read. It was changed by nobody."""

    def __init__(self, message: str, *, session_id: SessionId) -> None:
        super().__init__(message)
        self.session_id = session_id


class StaleClaim(Exception):
    """The row belongs to a newer epoch: whoever holds this claim has lost it and must stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A right to work on one session until `until`, fenced by `epoch`."""

    session_id: SessionId
    epoch: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """One line of a session's history, written in the transaction of what it tells. `sequence` has no gaps."""

    session_id: SessionId
    sequence: int
    at: datetime
    kind: str
    actor: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions to list. `after` is the last one of the page before: newest first, by (created_at, id)."""

    consumer_id: ConsumerId | None = None
    states: frozenset[State] = frozenset()
    provider: ProviderName | None = None
    after: tuple[datetime, SessionId] | None = None
    limit: int = 100


class AttemptRows(NamedTuple):
    """Attempts of many sessions; of those whose rows cannot be read, what is known of them."""

    attempts: Sequence[LaunchAttempt]
    unreadable: Sequence[Unreadable] = ()

    @property
    def providers(self) -> Sequence[ProviderName]:
        """The cloud of each of them, readable or not."""
        read = [attempt.provider for attempt in self.attempts]
        return [*read, *(one.provider for one in self.unreadable)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """All open attempts in five numbers. `unwanted_since` is when the oldest of those that nobody wants became so."""

    open: int
    unwanted: int
    unwanted_since: datetime | None
    unanswered: int
    destroy_tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFilter:
    """Which cost entries to sum: those that begin in [since, until)."""

    consumer_id: ConsumerId | None = None
    session_id: SessionId | None = None
    provider: ProviderName | None = None
    gpu_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """What an Idempotency-Key stood for. `sealed_reply` is the secret part of the reply, readable until `sealed_until`."""

    consumer_id: ConsumerId
    route: str
    key: str
    digest: str
    session_id: SessionId
    created_at: datetime
    sealed_reply: bytes | None = None
    sealed_until: datetime | None = None


class TokenKind(StrEnum):
    """Who a token speaks for."""

    ADMIN = "admin"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """One API token; only its hash is kept."""

    id: TokenId
    kind: TokenKind
    consumer_id: ConsumerId | None
    name: str
    secret_hash: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecord:
    """What one look at a whole account gave. `balance` is the money left there, where the cloud tells."""

    provider: ProviderName
    began_at: datetime
    ended_at: datetime
    complete: bool
    instances: int = 0
    strays: int = 0
    orphans: int = 0
    missing: int = 0
    trouble: str = ""
    balance: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What is remembered of one account: whether inferred destruction is frozen, and whether our key is refused."""

    provider: ProviderName
    frozen_since: datetime | None = None
    frozen_because: str = ""
    unauthorized_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that an operator must be told; delivered at least once.

    Its id is made from the trouble, so that repeats are one row.
    """

    id: str
    at: datetime
    kind: str
    text: str
    details: Mapping[str, str] = field(default_factory=dict)
    delivered_at: datetime | None = None
    tries: int = 0
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFilter:
    """Which families' prices to tell, from the hour of `since` on. `after` is the last one of the page before."""

    since: datetime
    gpu_types: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    gpu_count: int | None = None
    interruptible: bool | None = None
    after: Family | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRuns:
    """What a family has cost, the oldest first."""

    family: Family
    runs: tuple[PriceRun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Who we are: made at first start, kept for ever. `epoch` grows with each restore from a backup."""

    id: DeploymentId
    epoch: int
    created_at: datetime
