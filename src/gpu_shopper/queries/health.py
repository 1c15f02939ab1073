"""The numbers by which one sees that nothing is left running: read from the book at the moment of asking.

A number that is kept along the way may be wrong after a crash; these can't be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import Book, Books
from gpu_shopper.ports.clock import Clock

# More than these are not counted: by then the number is no longer what matters.
MOST_NOTICES = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of one gauge; the names stand in the reference of metrics."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class HealthQueries:
    """Reads the gauges."""

    def __init__(
        self, books: Books, market: Market, clock: Clock, *, providers: Sequence[ProviderName]
    ) -> None:
        self._books = books
        self._market = market
        self._clock = clock
        self._providers = providers

    async def readings(self) -> tuple[Reading, ...]:
        """Return how things stand now."""
        now = self._clock.now()
        from_book = await self._books.read(lambda book: tuple(self._read(book, now)))
        return (*from_book, *self._of_market(now))

    def _read(self, book: Book, now: datetime) -> Iterator[Reading]:
        yield from _of_sessions(book, now)
        yield from _of_obligations(book, now)
        notices = book.notices.undelivered(now=now, limit=MOST_NOTICES)
        yield Reading("notices_undelivered", len(notices))
        for name in self._providers:
            yield from _of_account(book, name, now)

    def _of_market(self, now: datetime) -> Iterator[Reading]:
        for listing in self._market.snapshot.providers:
            labels = {"provider": listing.provider}
            yield Reading("offers", len(listing.stock), labels)
            age = listing.age(now)
            if age is not None:
                yield Reading("market_age_seconds", age.total_seconds(), labels)


def _of_sessions(book: Book, now: datetime) -> Iterator[Reading]:
    counts = book.sessions.count_by_state()
    for state in State:
        yield Reading("sessions", counts.get(state, 0), {"state": state.value})
    yield Reading("overdue_seconds", _since(book.sessions.next_due_at(), now))


def _of_obligations(book: Book, now: datetime) -> Iterator[Reading]:
    owed, surplus = book.launches.owed(), book.surplus.all_open()
    since = [one.since for one in surplus]
    if owed.unwanted_since is not None:
        since.append(owed.unwanted_since)
    tries = max([owed.destroy_tries, *(one.destroy_tries for one in surplus)])
    yield Reading("open_obligations", owed.open + len(surplus))
    yield Reading("unattended", owed.unwanted + len(surplus))
    yield Reading("unattended_seconds", _since(min(since, default=None), now))
    yield Reading("unanswered_attempts", owed.unanswered)
    yield Reading("destroy_tries", tries)


def _of_account(book: Book, name: ProviderName, now: datetime) -> Iterator[Reading]:
    labels = {"provider": name}
    # Absent before the first: zero would say that all was just looked at.
    complete = book.accounts.last_sweep(name, complete=True)
    if complete is not None:
        yield Reading("sweep_age_seconds", _since(complete.ended_at, now), labels)
    newest = book.accounts.last_sweep(name, complete=False)
    if newest is not None:
        yield Reading("account_instances", newest.instances, labels)
        yield Reading("account_strays", newest.strays, labels)
        yield Reading("account_orphans", newest.orphans, labels)
        yield Reading("account_missing", newest.missing, labels)
    account = book.accounts.state(name)
    yield Reading("account_frozen", account.frozen_since is not None, labels)
    yield Reading("account_unauthorized", account.unauthorized_since is not None, labels)


def _since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
