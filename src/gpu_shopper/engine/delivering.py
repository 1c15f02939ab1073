"""Delivering: notices out of the book to the operator, at least once."""

from dataclasses import replace
from datetime import timedelta

from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import Notice
from gpu_shopper.ports.notifier import NotDelivered

BATCH = 20
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)


class Delivering:
    """Empties the outbox."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def deliver(self) -> int:
        """Try what is due; return how many notices arrived."""
        desk, now = self._desk, self._desk.clock.now()
        due = await desk.books.read(lambda book: book.notices.undelivered(now=now, limit=BATCH))
        delivered = 0
        for notice in due:
            try:
                await desk.notifier.deliver(notice)
            except NotDelivered as error:
                await self._save(self._tried(notice))
                desk.meter.count("notices_total", outcome="failed")
                desk.meter.event("notice_not_delivered", notice=notice.id, because=str(error))
            else:
                await self._save(replace(notice, delivered_at=desk.clock.now(), next_try_at=None))
                desk.meter.count("notices_total", outcome="delivered")
                delivered += 1
        return delivered

    def _tried(self, notice: Notice) -> Notice:
        pause = min(_FIRST_PAUSE * 2 ** min(notice.tries, 12), _LONGEST_PAUSE)
        return replace(notice, tries=notice.tries + 1, next_try_at=self._desk.clock.now() + pause)

    async def _save(self, notice: Notice) -> None:
        await self._desk.books.write(lambda book: book.notices.save(notice))
