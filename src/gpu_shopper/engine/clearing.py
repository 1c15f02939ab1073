"""Clearing away what bears our label and has no attempt: doubles that a cloud made by itself, and overdue orphans.

Each has a row from the moment at which a sweep first sees it. The sweep walks the rows after every listing, whole or not:
what is due is destroyed by its id, what no listing shows any more is read once and closed.
"""

from dataclasses import replace
from datetime import datetime

from gpu_shopper.domain.ids import ProviderName, SessionId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.surplus import (
    Surplus,
    destroy_called,
    destroy_due,
    not_listed,
    proved_gone,
    set_back_since,
    still_there,
    surplus_alert_due,
    surplus_of,
)
from gpu_shopper.engine.cloud import READ_LIMIT, Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.retiring import DESTROY_AGAIN_S, UNHEARD
from gpu_shopper.engine.troubles import cannot_clear, note_unauthorized
from gpu_shopper.ports.books import Book
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.transactions.notices import notice


def note_surplus(
    book: Book, instance: Instance, *, because: str, session_id: SessionId | None, at: datetime
) -> None:
    """Write that an instance is nobody's and owed an end; the first time, and when it came back, somebody is told."""
    known = book.surplus.get(instance.provider, instance.id)
    if known is None:
        found = surplus_of(instance, because=because, session_id=session_id, at=at)
    else:
        found = still_there(known, at=at, told=instance.billed_from)
    book.surplus.save(found)
    if known is None or known.closed_at is not None:
        _tell_of(book, found, at=at)


def note_listing(book: Book, listing: Listing, provider: ProviderName, quirks: Quirks) -> None:
    """Count a complete listing towards the proof for each row that it lacks; a row that it shows begins anew."""
    shown = {instance.id for instance in listing.instances}
    for one in book.surplus.open(provider):
        if one.instance_id in shown:
            # One whose label is gone by now is in no other list of the sweep's.
            changed = still_there(one, at=one.since)
        else:
            changed = not_listed(one, began_at=listing.began_at, quirks=quirks)
        if changed != one:
            book.surplus.save(changed)


class Clearing:
    """Walks the rows of one account, after each sweep of it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def clear(self, cloud: Cloud) -> bool:
        """Destroy what is due, close what is gone; return whether anything was left when it began."""
        rows = await self._desk.books.read(lambda book: book.surplus.open(cloud.name))
        for one in rows:
            now = self._desk.clock.now()
            if proved_gone(one, cloud.quirks):
                await self._close(cloud, one)
            elif destroy_due(one, now) and not await self._has_gone(cloud, one, now=now):
                await self._destroy(cloud, one)
        return bool(rows)

    async def _has_gone(self, cloud: Cloud, one: Surplus, *, now: datetime) -> bool:
        """Tell whether a read agrees with a listing that lacks it: one listing alone, and it may lie, must not hold up its end.

        What is gone is not told to go again, for the proof would begin anew; as it has to where the clock was set back since.
        """
        if set_back_since(one, now):
            return False
        if one.gone_listings == 0 or cloud.read_wait > READ_LIMIT.total_seconds():
            return False
        try:
            return await cloud.observe(one.instance_id) is None
        except ProviderError:
            return False

    async def _destroy(self, cloud: Cloud, one: Surplus) -> None:
        desk, now = self._desk, self._desk.clock.now()
        called = destroy_called(one, at=now)

        def note_call(book: Book) -> None:
            if surplus_alert_due(called, now):
                book.notices.add(cannot_clear(called, at=now))
                book.surplus.save(replace(called, alerted_at=now))
            else:
                book.surplus.save(called)

        await desk.books.write(note_call)
        desk.meter.alarm(
            "orphan_destroyed", provider=cloud.name, instance=one.instance_id, label=one.label
        )
        desk.meter.count("orphans_destroyed_total")
        try:
            await self._tell_to_end(cloud, one)
        except ProviderError as error:
            desk.meter.count("destroy_failures_total", provider=cloud.name)
            desk.meter.event("destroy_failed", label=one.label, because=str(error))
            await note_unauthorized(desk, cloud.name, error)
        await desk.books.write(lambda book: _answered(book, one, at=desk.clock.now()))

    async def _tell_to_end(self, cloud: Cloud, one: Surplus) -> None:
        for pause in (DESTROY_AGAIN_S, None):
            try:
                await cloud.destroy(one.instance_id)
            except UNHEARD:
                if pause is None:
                    raise
                await self._desk.clock.sleep(pause)
            else:
                return

    async def _close(self, cloud: Cloud, one: Surplus) -> None:
        desk = self._desk
        try:
            instance = await cloud.observe(one.instance_id)
        except ProviderError as error:
            await note_unauthorized(desk, cloud.name, error)
            return
        now = desk.clock.now()
        await desk.books.write(lambda book: _read(book, one, instance, at=now))


def _answered(book: Book, one: Surplus, *, at: datetime) -> None:
    known = book.surplus.get(one.provider, one.instance_id)
    assert known is not None, one.instance_id
    book.surplus.save(replace(still_there(known, at=at), destroy_answered_at=at))


def _read(book: Book, one: Surplus, instance: Instance | None, *, at: datetime) -> None:
    if instance is not None:
        book.surplus.save(still_there(one, at=at))
        return
    closed = replace(one, closed_at=at)
    book.surplus.save(closed)
    if closed.session_id is not None:
        cost = {} if closed.cost is None else {"cost": str(closed.cost)}
        details = {"instance": str(closed.instance_id)} | cost
        book.events.add(
            closed.session_id, at=at, kind="duplicate_gone", actor="engine", details=details
        )


def _tell_of(book: Book, one: Surplus, *, at: datetime) -> None:
    price = "an unknown price" if one.rate is None else str(one.rate)
    if one.session_id is None:
        # An orphan, of which the sweep has told.
        return
    details = {"instance": str(one.instance_id), "price": price}
    book.events.add(
        one.session_id, at=at, kind="duplicate_destroyed", actor="engine", details=details
    )
    text = (
        f"{one.provider} instance {one.instance_id} bears our label and is nobody's: {one.because}."
        f" It costs us {price}, and is being destroyed."
    )
    told = notice(
        "duplicate",
        f"{one.provider}:{one.instance_id}:{at:%Y%m%dT%H%M}",
        at=at,
        text=text,
        provider=one.provider,
        instance=one.instance_id,
        label=one.label,
        price=price,
    )
    book.notices.add(told)
