"""Performing Retire and Settle: destroying, and proving that what was destroyed is gone.

There is one path for every cause of an end. No answer to a destroy counts as proof, no error as absence, and no number of
failures as a reason to stop trying.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from gpu_shopper.domain.alerting import alert_due
from gpu_shopper.domain.cost import close_bill, end_of_bill
from gpu_shopper.domain.ids import AttemptId, InstanceId, ProviderName
from gpu_shopper.domain.instance import Listing
from gpu_shopper.domain.launch import Absence, AttemptState, LaunchAttempt, proved_absent
from gpu_shopper.domain.plan import Retirement
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.session import Session
from gpu_shopper.engine.cloud import READ_LIMIT
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.lives import billed_anew, lease_at
from gpu_shopper.engine.sights import answered, called, later, peeked, sight_is_stale, was_read
from gpu_shopper.engine.troubles import cannot_destroy, note_unauthorized
from gpu_shopper.ports.books import Book, Claim
from gpu_shopper.ports.provider_errors import ProviderError, RateLimited, Unavailable
from gpu_shopper.transactions.known import known_attempt

Change = Callable[[LaunchAttempt, datetime], LaunchAttempt]
Heed = Callable[[ProviderName, Listing], Awaitable[None]]

# Every try is counted in the row; the history tells of the first ones and then of fewer and fewer.
_TOLD_TRIES = frozenset({1, 2, 3, 5, 10}) | frozenset(range(25, 100_000, 25))
# What a cloud may not have heard at all is said again soon.
UNHEARD = (Unavailable, RateLimited)
DESTROY_AGAIN_S = 5.0


class Retiring:
    """Ends instances, and sessions when nothing of theirs is left.

    What is listed for a proof is handed to `heed` as well: it may show what the last sweep's listing left out.
    """

    def __init__(self, desk: Desk, *, heed: Heed) -> None:
        self._desk = desk
        self._heed = heed

    async def retire(self, claim: Claim, attempt: LaunchAttempt, act: Retirement) -> None:
        """Do one act towards the proof of absence."""
        match act:
            case Retirement.DESTROY:
                await self._destroy(claim, attempt)
            case Retirement.READ:
                await self._read(claim, attempt)
            case Retirement.LIST:
                await self._list(claim, attempt)
            case Retirement.CLOSE:
                await self._close(claim, attempt)
            case _:
                assert_never(act)

    async def settle(self, claim: Claim) -> None:
        """End the session: all that was ever bought for it is proved or presumed absent."""
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> Session | None:
            if any(attempt.open for attempt in book.launches.of_session(session.id)):
                return None
            settled = session.settled(at=now)
            book.sessions.save(settled)
            details = {"reason": str(session.stop_reason)}
            event = "gone_as_asked" if settled.state == "stopped" else "gone_otherwise"
            book.events.add(session.id, at=now, kind=event, actor="engine", details=details)
            return session

        stopping = await self._desk.write(claim, write)
        if stopping is not None:
            meter, reason = self._desk.meter, str(stopping.stop_reason)
            meter.count("sessions_ended_total", reason=reason)
            meter.event("session_settled", session=stopping.id, reason=reason)

    async def _destroy(self, claim: Claim, attempt: LaunchAttempt) -> None:
        # Whether it was still there decides when its bill ended: nobody can tell once it is destroyed.
        look = attempt.destroy_tries > 0 or sight_is_stale(attempt, self._desk.clock.now())
        if not await self._tell_to_end(claim, attempt, look=look):
            # The next try may be five minutes away, and an order that nobody has heard is none.
            await self._desk.clock.sleep(DESTROY_AGAIN_S)
            await self._tell_to_end(claim, attempt, look=True)

    async def _tell_to_end(self, claim: Claim, attempt: LaunchAttempt, *, look: bool) -> bool:
        """Order the end; return whether the cloud has certainly heard it."""
        desk, cloud = self._desk, self._desk.clouds[attempt.provider]
        assert attempt.instance_id is not None, attempt.id
        if look and cloud.read_wait <= READ_LIMIT.total_seconds():
            # Where it would stand in line for longer, the end is worth more than what the look says of the bill.
            await self._peek(claim, attempt)
        quirks = cloud.quirks
        await self._update(
            claim,
            attempt.id,
            lambda known, now: called(known, now, quirks),
            tell="destroy_called",
        )
        accepted_at, heard = None, True
        try:
            accepted_at = await cloud.destroy(attempt.instance_id)
        except ProviderError as error:
            heard = not isinstance(error, UNHEARD)
            desk.meter.count("destroy_failures_total", provider=attempt.provider)
            desk.meter.event(
                "destroy_failed",
                session=attempt.session_id,
                label=attempt.label,
                because=str(error),
            )
            await note_unauthorized(desk, attempt.provider, error)
        await self._update(
            claim,
            attempt.id,
            lambda known, now: answered(known, now, quirks, accepted_at=accepted_at),
        )
        return heard

    async def _peek(self, claim: Claim, attempt: LaunchAttempt) -> None:
        assert attempt.instance_id is not None, attempt.id
        cloud = self._desk.clouds[attempt.provider]
        try:
            instance = await cloud.observe(attempt.instance_id)
        except ProviderError:
            return
        quirks = cloud.quirks
        await self._update(
            claim, attempt.id, lambda known, now: peeked(known, instance, now, quirks)
        )

    async def _read(self, claim: Claim, attempt: LaunchAttempt) -> None:
        cloud = self._desk.clouds[attempt.provider]
        assert attempt.instance_id is not None, attempt.id
        try:
            instance = await cloud.observe(attempt.instance_id)
        except ProviderError as error:
            await note_unauthorized(self._desk, attempt.provider, error)
            await self._update(claim, attempt.id, later)
            return
        quirks = cloud.quirks
        await self._update(
            claim, attempt.id, lambda known, now: was_read(known, instance, now, quirks)
        )

    async def _list(self, claim: Claim, attempt: LaunchAttempt) -> None:
        cloud = self._desk.clouds[attempt.provider]
        since = attempt.absence.listing_at or attempt.destroy_answered_at
        assert since is not None, attempt.id
        try:
            listing = await cloud.listing_begun_after(since)
        except ProviderError as error:
            await note_unauthorized(self._desk, attempt.provider, error)
            await self._update(claim, attempt.id, later)
            return
        quirks = cloud.quirks
        beside = await self._desk.books.read(lambda book: owed_beside(book, cloud.name))
        await self._update(
            claim,
            attempt.id,
            lambda known, now: was_listed(known, listing, now, quirks, beside=beside),
        )
        await self._heed(cloud.name, listing)

    async def _close(self, claim: Claim, attempt: LaunchAttempt) -> None:
        now, cloud = self._desk.clock.now(), self._desk.clouds[attempt.provider]
        quirks = cloud.quirks
        lease = lease_at(self._desk, cloud)

        def write(book: Book, session: Session) -> None:
            known = known_attempt(book, attempt.id)
            if known.state is not AttemptState.CLOSING or known.absence.gone_reads == 0:
                return
            ended = replace(known, billing_ended_at=end_of_bill(known, quirks, lease=lease))
            bill = close_bill(ended)
            book.costs.add(bill.entries)
            book.launches.save(proved_absent(bill.attempt, at=now))
            details = {"attempt": str(known.number), "instance": str(known.instance_id)}
            book.events.add(
                session.id, at=now, kind="absence_proved", actor="engine", details=details
            )
            book.sessions.make_due(session.id, at=now)

        await self._desk.write(claim, write)
        since = now - (attempt.closing_since or now)
        self._desk.meter.timed("ending_seconds", since.total_seconds(), provider=attempt.provider)

    async def _update(
        self, claim: Claim, attempt: AttemptId, change: Change, *, tell: str | None = None
    ) -> None:
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> None:
            known = known_attempt(book, attempt)
            if known.state is not AttemptState.CLOSING:
                return
            changed = billed_anew(self._desk, book, known, change(known, now))
            if alert_due(changed, now):
                book.notices.add(cannot_destroy(changed, at=now))
                changed = replace(changed, alerted_at=now)
            book.launches.save(changed)
            if tell is not None and changed.destroy_tries in _TOLD_TRIES:
                details = {
                    "attempt": str(known.number),
                    "try": str(changed.destroy_tries),
                    "because": known.unwanted_because or "",
                }
                book.events.add(session.id, at=now, kind=tell, actor="engine", details=details)

        await self._desk.write(claim, write)


def owed_beside(book: Book, provider: ProviderName) -> Collection[InstanceId]:
    """Return what bears our label there and has an open row of its own: its end is owed and proved by that row."""
    return {one.instance_id for one in book.surplus.open(provider)}


def was_listed(
    attempt: LaunchAttempt,
    listing: Listing,
    now: datetime,
    quirks: Quirks,
    *,
    beside: Collection[InstanceId],
) -> LaunchAttempt:
    """Return a closing attempt after a complete listing that says something about it.

    What bears its label and is `beside` it, a double with a row of its own, is no sight of it.
    """
    ordered = attempt.destroy_answered_at
    present = any(
        instance.id == attempt.instance_id or instance.label == attempt.label
        for instance in listing.instances
        if instance.id == attempt.instance_id or instance.id not in beside
    )
    if present:
        # The proof begins anew. When it was first read to be gone stays: a listing may lag, and a bill must not.
        absence = Absence(
            read_at=attempt.absence.read_at, first_gone_at=attempt.absence.first_gone_at
        )
        return replace(attempt, absence=absence, next_action_at=now)
    last = attempt.absence.listing_at
    if last == listing.began_at:
        # Counted already, by the sweep or by a pass.
        return attempt
    spaced = last is None or listing.began_at - last >= quirks.absence_listing_spacing
    if (
        ordered is None
        or listing.began_at <= ordered
        or attempt.absence.gone_reads == 0
        or not spaced
    ):
        return replace(attempt, next_action_at=now + quirks.absence_listing_spacing)
    counted = attempt.absence.gone_listings + 1
    absence = replace(attempt.absence, gone_listings=counted, listing_at=listing.began_at)
    enough = counted >= quirks.absence_listings
    at = now if enough else now + quirks.absence_listing_spacing
    return replace(attempt, absence=absence, next_action_at=at)
