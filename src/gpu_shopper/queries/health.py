"""The numbers by which one sees that nothing is left running: read from the book at the moment of asking.

A counter that is kept along the way may be wrong after a crash; these can't be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.ports.books import Book, Books, SweepRecord
from gpu_shopper.ports.clock import Clock
from gpu_shopper.queries.operations import unwanted_attempts

# More than these are not counted: by then the number is no longer what matters.
MOST_NOTICES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepGauges:
    """The newest look at one account. No age while there has been no complete one."""

    complete_age_s: float | None
    instances: int
    strays: int
    orphans: int
    missing: int
    frozen: bool
    unauthorized: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """How things stand now."""

    sessions: Mapping[State, int]
    open_obligations: int
    unattended: int
    oldest_unattended_s: float
    unanswered: int
    destroy_tries: int
    undelivered_notices: int
    overdue_s: float
    sweeps: Mapping[ProviderName, SweepGauges]


class HealthQueries:
    """Reads the gauges."""

    def __init__(self, books: Books, clock: Clock, *, providers: Sequence[ProviderName]) -> None:
        self._books = books
        self._clock = clock
        self._providers = providers

    async def gauges(self) -> Gauges:
        """Return how things stand now."""
        return await self._books.read(self._read)

    def _read(self, book: Book) -> Gauges:
        now = self._clock.now()
        owed = book.launches.open()
        unwanted = unwanted_attempts(owed)
        oldest = (unwanted[0].closing_since or unwanted[0].sent_at) if unwanted else now
        due_at = book.sessions.next_due_at()
        states = book.sessions.count_by_state()
        return Gauges(
            sessions={state: states.get(state, 0) for state in State},
            open_obligations=len(owed),
            unattended=len(unwanted),
            oldest_unattended_s=max(0.0, (now - oldest).total_seconds()),
            unanswered=sum(attempt.unanswered for attempt in owed),
            destroy_tries=max((attempt.destroy_tries for attempt in owed), default=0),
            undelivered_notices=len(book.notices.undelivered(now=now, limit=MOST_NOTICES)),
            overdue_s=max(0.0, (now - due_at).total_seconds()) if due_at else 0.0,
            sweeps={name: self._sweep(book, name) for name in self._providers},
        )

    def _sweep(self, book: Book, name: ProviderName) -> SweepGauges:
        newest = book.accounts.last_sweep(name, complete=False)
        account = book.accounts.state(name)
        return SweepGauges(
            complete_age_s=self._age(book.accounts.last_sweep(name, complete=True)),
            instances=newest.instances if newest else 0,
            strays=newest.strays if newest else 0,
            orphans=newest.orphans if newest else 0,
            missing=newest.missing if newest else 0,
            frozen=account.frozen_since is not None,
            unauthorized=account.unauthorized_since is not None,
        )

    def _age(self, sweep: SweepRecord | None) -> float | None:
        if sweep is None:
            return None
        return max(0.0, (self._clock.now() - sweep.ended_at).total_seconds())
