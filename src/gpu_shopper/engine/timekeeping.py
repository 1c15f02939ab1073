"""Noticing that the wall clock was set back.

All that waits in the book waits for a moment that the wall clock has to reach. After it was set back, that would be late by
as much: no node would be asked and no instance looked at or destroyed again until then. So whatever waits is looked at now, and what
somebody could not give back is taken again after a lease, as ever.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from gpu_shopper.domain.launch import timeless
from gpu_shopper.ports.books import Book, Books
from gpu_shopper.ports.clock import Clock

# What is less delays nobody; it is far more than a clock drifts between two looks.
SET_BACK = timedelta(seconds=5)


class Timekeeping:
    """Holds the wall clock against the one that is never set."""

    def __init__(self, books: Books, clock: Clock, *, lease: timedelta) -> None:
        self._books = books
        self._clock = clock
        self._lease = lease
        self._began_at: datetime | None = None

    async def look(self) -> None:
        """Make everything due if the wall clock was set back since the last look; if that fails, the next look does it."""
        now = self._clock.now()
        # When this process began, by the wall clock as it is now: that only moves when it is set.
        began_at = now - timedelta(seconds=self._clock.monotonic())
        if self._began_at is not None and began_at < self._began_at - SET_BACK:
            await self._books.write(lambda book: _make_all_due(book, now, self._lease))
        self._began_at = began_at


def _make_all_due(book: Book, now: datetime, lease: timedelta) -> None:
    for attempt in book.launches.open().attempts:
        anew = timeless(attempt, at=now)
        if anew is not None:
            book.launches.save(anew)
        elif attempt.next_action_at is not None and attempt.next_action_at > now:
            book.launches.save(replace(attempt, next_action_at=now))
    book.sessions.make_all_due(at=now, claims_end_by=now + lease)
