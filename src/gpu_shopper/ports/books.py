"""The port to the book: everything that is asked and everything that is known.

A unit of work is a plain function over a `Book`: it cannot await, so it cannot call out. `write` runs it in one durable
transaction, the only one at that moment; `read` runs it on one consistent snapshot. A work that raises changes nothing.

A session or an attempt that cannot be read raises `UnreadableRow` where it is asked for; where many are listed, it takes
none of the others with it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from gpu_shopper.domain.cost import CostEntry
from gpu_shopper.domain.ids import (
    ConsumerId,
    InstanceId,
    ProviderName,
    SessionId,
    TokenId,
)
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.offer_health import Outcome
from gpu_shopper.domain.price_history import Family, HourPrice
from gpu_shopper.domain.session import Session
from gpu_shopper.domain.surplus import Surplus
from gpu_shopper.ports.launch_book import LaunchBook
from gpu_shopper.ports.records import (
    AccountState,
    AttemptRows,
    BookUnavailable,
    Claim,
    CostFilter,
    Deployment,
    FamilyRuns,
    IdempotencyRecord,
    Notice,
    Owed,
    PriceFilter,
    SessionEvent,
    SessionFilter,
    StaleClaim,
    SweepRecord,
    TokenKind,
    TokenRecord,
    UnreadableRow,
)

__all__ = [
    "AccountBook",
    "AccountState",
    "AttemptRows",
    "Book",
    "BookUnavailable",
    "Books",
    "Claim",
    "CostBook",
    "CostFilter",
    "Deployment",
    "EventBook",
    "FamilyRuns",
    "IdempotencyRecord",
    "KeyBook",
    "LaunchBook",
    "Notice",
    "NoticeBook",
    "Owed",
    "PriceBook",
    "PriceFilter",
    "SessionBook",
    "SessionEvent",
    "SessionFilter",
    "StaleClaim",
    "SweepRecord",
    "TokenBook",
    "TokenKind",
    "TokenRecord",
    "UnreadableRow",
]

T = TypeVar("T")


class SessionBook(Protocol):
    """Sessions, their claims and what the engine is due to look at."""

    def add(self, session: Session) -> None:
        """Insert a new session."""
        ...

    def get(self, session_id: SessionId) -> Session | None:
        """Return the session as it stands in this transaction."""
        ...

    def save(self, session: Session) -> None:
        """Write the session back, all but `request` and `next_action_at`.

        The request never changes. When the session is looked at again is said by `make_due` and `release` alone, so
        that no writer wipes out another's hint; a session that ends is at rest by itself.

        Raises:
            StaleClaim: the row's epoch is newer than the session's.
        """
        ...

    def list(self, wanted: SessionFilter) -> Sequence[Session]:
        """Return a page, newest first; a session that cannot be read is left out."""
        ...

    def count_by_state(self) -> Mapping[State, int]:
        """Return how many sessions are in each state."""
        ...

    def due(self, *, now: datetime, limit: int) -> Sequence[SessionId]:
        """Return unclaimed sessions whose next action is due, the longest due first."""
        ...

    def next_due_at(self) -> datetime | None:
        """Return when the next unclaimed session comes due."""
        ...

    def claim(
        self, session_id: SessionId, *, owner: str, now: datetime, until: datetime
    ) -> Claim | None:
        """Take the row and raise its epoch; None if another owner's claim still holds."""
        ...

    def release(self, claim: Claim, *, next_action_at: datetime | None) -> None:
        """Give the row back and say when it is due again; a claim of an older epoch releases nothing."""
        ...

    def make_due(self, session_id: SessionId, *, at: datetime) -> None:
        """Let the engine look at `at`, or sooner if it would anyway."""
        ...

    def make_all_due(self, *, at: datetime, claims_end_by: datetime) -> None:
        """Let the engine look at `at` at every session that is to be looked at later; those at rest stay so.

        No claim holds for longer than until `claims_end_by`.
        """
        ...


class CostBook(Protocol):
    """The ledger: append-only."""

    def add(self, entries: Iterable[CostEntry]) -> None:
        """Append entries; one per attempt and beginning."""
        ...

    def entries(self, wanted: CostFilter) -> Sequence[CostEntry]:
        """Return entries by time."""
        ...

    def totals(self, session_ids: Sequence[SessionId]) -> Mapping[SessionId, int]:
        """Return the booked micro-dollars per session; a session without entries is left out."""
        ...


class EventBook(Protocol):
    """Histories: append-only."""

    def add(
        self,
        session_id: SessionId,
        *,
        at: datetime,
        kind: str,
        actor: str,
        details: Mapping[str, str],
    ) -> None:
        """Append the next event of a session."""
        ...

    def of_session(
        self, session_id: SessionId, *, after: int = 0, limit: int = 200
    ) -> Sequence[SessionEvent]:
        """Return events by sequence."""
        ...


class KeyBook(Protocol):
    """Idempotency keys."""

    def get(self, consumer_id: ConsumerId, *, route: str, key: str) -> IdempotencyRecord | None:
        """Return what the key stood for."""
        ...

    def add(self, record: IdempotencyRecord) -> None:
        """Insert a key."""
        ...

    def any_sealed(self, *, until: datetime) -> bool:
        """Return whether there is a sealed reply whose time is over by then."""
        ...

    def wipe_sealed(self, *, now: datetime) -> int:
        """Wipe the sealed replies whose time is over; return how many."""
        ...


class TokenBook(Protocol):
    """API tokens."""

    def add(self, token: TokenRecord) -> None:
        """Insert a token."""
        ...

    def by_hash(self, secret_hash: str) -> TokenRecord | None:
        """Return the token with this hash, revoked and expired ones too."""
        ...

    def list(self) -> Sequence[TokenRecord]:
        """Return all tokens, newest first."""
        ...

    def revoke(self, token_id: TokenId, *, at: datetime) -> bool:
        """Revoke a token; return whether there was such a live one."""
        ...


class AccountBook(Protocol):
    """What is remembered of accounts: sweeps, freezes, and how launches ended."""

    def add_sweep(self, sweep: SweepRecord) -> None:
        """Append a sweep; old ones beyond the newest few hundred per provider may be dropped."""
        ...

    def last_sweep(self, provider: ProviderName, *, complete: bool) -> SweepRecord | None:
        """Return the newest sweep, or the newest complete one."""
        ...

    def state(self, provider: ProviderName) -> AccountState:
        """Return what is remembered; a fresh state where nothing is."""
        ...

    def save_state(self, state: AccountState) -> None:
        """Write it back."""
        ...

    def add_outcome(self, outcome: Outcome) -> None:
        """Append how a launch ended."""
        ...

    def outcomes(self, *, since: datetime) -> Sequence[Outcome]:
        """Return all that failed, and what worked since the first of those, by time.

        Of what worked, the newest thousand are enough: each of them halves what speaks against a thing.
        """
        ...


class SurplusBook(Protocol):
    """What bears our label and has no attempt: doubles and overdue orphans, each owed an end."""

    def get(self, provider: ProviderName, instance_id: InstanceId) -> Surplus | None:
        """Return the row of an instance, closed or not."""
        ...

    def open(self, provider: ProviderName) -> Sequence[Surplus]:
        """Return what is owed at a provider, the oldest first."""
        ...

    def all_open(self) -> Sequence[Surplus]:
        """Return what is owed anywhere, the oldest first."""
        ...

    def labelled(self, provider: ProviderName, label: str) -> Sequence[Surplus]:
        """Return what has this label at a provider, closed or not, the oldest first."""
        ...

    def save(self, one: Surplus) -> None:
        """Write a row, new or known."""
        ...


class NoticeBook(Protocol):
    """The outbox for operators."""

    def add(self, notice: Notice) -> None:
        """Append a notice; one whose id is there already is dropped."""
        ...

    def undelivered(self, *, now: datetime, limit: int) -> Sequence[Notice]:
        """Return those that are due for delivery."""
        ...

    def save(self, notice: Notice) -> None:
        """Write delivery or the next try."""
        ...

    def recent(self, *, limit: int) -> Sequence[Notice]:
        """Return the newest ones."""
        ...


class PriceBook(Protocol):
    """What offers have cost, by family and hour."""

    def record(
        self, provider: ProviderName, prices: Mapping[Family, HourPrice], *, hour: datetime
    ) -> None:
        """Write down what a cloud's families cost in `hour`; of an hour that is known, the first word stays."""
        ...

    def prune(self, *, oldest: datetime, newest: datetime) -> None:
        """Drop what ended before `oldest`, what lies behind `newest`, and families of which nothing is left."""
        ...

    def history(self, wanted: PriceFilter) -> Sequence[FamilyRuns]:
        """Return a page of families in their order, each with its runs since `wanted.since`, the oldest first."""
        ...


class Book(Protocol):
    """All books, inside one transaction."""

    @property
    def sessions(self) -> SessionBook:
        """Sessions."""
        ...

    @property
    def launches(self) -> LaunchBook:
        """Attempts."""
        ...

    @property
    def costs(self) -> CostBook:
        """The ledger."""
        ...

    @property
    def events(self) -> EventBook:
        """Histories."""
        ...

    @property
    def keys(self) -> KeyBook:
        """Idempotency keys."""
        ...

    @property
    def tokens(self) -> TokenBook:
        """API tokens."""
        ...

    @property
    def accounts(self) -> AccountBook:
        """Accounts."""
        ...

    @property
    def surplus(self) -> SurplusBook:
        """What has no attempt."""
        ...

    @property
    def notices(self) -> NoticeBook:
        """The outbox."""
        ...

    @property
    def prices(self) -> PriceBook:
        """What offers have cost."""
        ...

    def deployment(self) -> Deployment:
        """Return who we are."""
        ...


class Books(Protocol):
    """The door to the book."""

    async def write(self, work: Callable[[Book], T]) -> T:
        """Run `work` in one durable transaction and return what it returns.

        Raises:
            BookUnavailable: it could not be committed.
        """
        ...

    async def read(self, work: Callable[[Book], T]) -> T:
        """Run `work` on one consistent snapshot."""
        ...

    async def aclose(self) -> None:
        """Finish what was begun and close; may be called twice."""
        ...
