"""Questions of operators: tokens, notices, and what is running without anybody being entitled to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gpu_shopper.domain.census import Unreadable
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.surplus import Surplus
from gpu_shopper.ports.books import Book, Books, Notice, SweepRecord, TokenRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanView:
    """What the book knows of instances that nobody is entitled to, and of the newest look at each account.

    Whether somebody is entitled to what is `unreadable` cannot be told, and nobody looks after it.
    """

    unwanted: tuple[LaunchAttempt, ...]
    surplus: tuple[Surplus, ...]
    unreadable: tuple[Unreadable, ...]
    sweeps: tuple[SweepRecord, ...]
    unswept: tuple[ProviderName, ...]

    @property
    def complete(self) -> bool:
        """Each account was looked at, and its newest sweep saw all of it."""
        return not self.unswept and all(sweep.complete for sweep in self.sweeps)


class OperationQueries:
    """Reads what only operators may see."""

    def __init__(self, books: Books, *, providers: Sequence[ProviderName]) -> None:
        self._books = books
        self._providers = providers

    async def tokens(self) -> Sequence[TokenRecord]:
        """Return all tokens, newest first."""
        return await self._books.read(lambda book: book.tokens.list())

    async def notices(self, *, limit: int) -> Sequence[Notice]:
        """Return the newest notices."""
        return await self._books.read(lambda book: book.notices.recent(limit=limit))

    async def orphans(self) -> OrphanView:
        """Return what should end and has not been shown to be gone."""
        return await self._books.read(self._orphans)

    def _orphans(self, book: Book) -> OrphanView:
        sweeps = {name: book.accounts.last_sweep(name, complete=False) for name in self._providers}
        owed = book.launches.open()
        return OrphanView(
            unwanted=unwanted_attempts(owed.attempts),
            surplus=tuple(book.surplus.all_open()),
            unreadable=tuple(owed.unreadable),
            sweeps=tuple(sweep for sweep in sweeps.values() if sweep is not None),
            unswept=tuple(name for name, sweep in sweeps.items() if sweep is None),
        )


def unwanted_attempts(attempts: Iterable[LaunchAttempt]) -> tuple[LaunchAttempt, ...]:
    """Return the open attempts that nobody wants, the oldest first."""
    owed = (attempt for attempt in attempts if attempt.open and not attempt.wanted)
    return tuple(sorted(owed, key=lambda attempt: attempt.closing_since or attempt.sent_at))
