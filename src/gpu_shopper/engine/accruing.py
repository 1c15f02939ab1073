"""Accruing: the full hours of everything that bills, written as entries that are never edited."""

from gpu_shopper.domain.cost import accrue_full_hours, hour_of
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import Book
from gpu_shopper.transactions.notices import tell_unreadable


class Accruing:
    """Writes the hourly entries."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def accrue(self) -> int:
        """Close every hour that is over and was certainly lived through; return how many entries that made."""
        now = self._desk.clock.now()
        this_hour = hour_of(now)

        def is_due(book: Book) -> bool:
            bills = book.launches.billing(accrued_before=this_hour)
            return bool(bills.attempts or bills.unreadable)

        # Mostly nothing is, and to look at the book holds up nobody who writes.
        if not await self._desk.books.read(is_due):
            return 0

        def write(book: Book) -> int:
            count = 0
            bills = book.launches.billing(accrued_before=this_hour)
            for one in bills.unreadable:
                tell_unreadable(book, one, at=now)
            for attempt in bills.attempts:
                accrual = accrue_full_hours(attempt)
                if accrual.entries:
                    book.costs.add(accrual.entries)
                    book.launches.save(accrual.attempt)
                    count += len(accrual.entries)
            return count

        return await self._desk.books.write(write)

    async def wipe_sealed_keys(self) -> int:
        """Wipe the private keys whose ten minutes are over; return how many."""
        books, now = self._desk.books, self._desk.clock.now()
        if not await books.read(lambda book: book.keys.any_sealed(until=now)):
            return 0
        return await books.write(lambda book: book.keys.wipe_sealed(now=now))
