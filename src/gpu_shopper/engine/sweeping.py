"""The sweep: every account against the book, on a period, for ever.

The load-bearing wall: whatever else goes wrong, an instance that bears our label and is not wanted meets its end here. The
cloud is listed first and the book read after, in the transaction that acts on it. A listing with a missing part changes
nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gpu_shopper.domain.census import Census, Orphan, Sighting, Unreadable, take_census
from gpu_shopper.domain.hearing import glimpsed
from gpu_shopper.domain.ids import ProviderName, SessionId
from gpu_shopper.domain.instance import Listing
from gpu_shopper.domain.label import may_be_cut, read_label
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt, doubtful, timeless
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.reopening import reopened, shown_anew
from gpu_shopper.engine.clearing import Clearing, note_listing, note_surplus
from gpu_shopper.engine.cloud import BALANCE_LASTS, IDLE_BALANCE_LASTS, Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.lives import billed_anew
from gpu_shopper.engine.observing import end_if_ghost
from gpu_shopper.engine.recovering import recover
from gpu_shopper.engine.retiring import owed_beside, was_listed
from gpu_shopper.engine.suspecting import Suspecting
from gpu_shopper.engine.troubles import note_unauthorized
from gpu_shopper.ports.books import AttemptRows, Book, SweepRecord, UnreadableRow
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.transactions.known import known_session
from gpu_shopper.transactions.notices import notice, tell_late_arrival, tell_unreadable
from gpu_shopper.transactions.sighting import record_instance

FREEZE_COUNT = 3
FREEZE_SHARE = 0.3


class Sweeping:
    """Sweeps accounts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clearing = Clearing(desk)
        self._suspecting = Suspecting(desk)
        self._owing: set[ProviderName] = set()
        self._idle: set[ProviderName] = set()
        self._compared: dict[ProviderName, tuple[Listing, SweepRecord]] = {}
        self._comparing: defaultdict[ProviderName, asyncio.Lock] = defaultdict(asyncio.Lock)

    def owes(self, provider: ProviderName) -> bool:
        """Return whether an end is owed there to what has no attempt, so that the next sweep must not wait long."""
        return provider in self._owing

    def holds(self, provider: ProviderName) -> bool:
        """Return whether, as of the last sweep, the book held anything open there; what is not known counts as held."""
        return provider not in self._idle

    async def prove_writable(self, provider: ProviderName) -> None:
        """Write what is remembered of an account as it stands.

        Raises:
            BookUnavailable: the book cannot be written now, and no sweep either.
        """
        books = self._desk.books
        await books.write(lambda book: book.accounts.save_state(book.accounts.state(provider)))

    async def sweep(self, provider: ProviderName) -> SweepRecord:
        """Compare one account with the book, write what follows, and return what was found."""
        sweep = await self._sweep(provider)
        # Whatever was listed: what is known by its id is destroyed by it.
        left = await self._clearing.clear(self._desk.clouds[provider])
        (self._owing.add if left else self._owing.discard)(provider)
        return sweep

    async def heed(self, provider: ProviderName, listing: Listing) -> bool:
        """Compare a whole listing that somebody else has asked for, unless a newer one was.

        Returns whether a sweep is needed to end what it shows, and what no listing has shown before.
        """
        newest = self._compared.get(provider)
        if newest is not None and listing.began_at <= newest[0].began_at:
            return False
        sweep = await self._compare_listing(self._desk.clouds[provider], listing)
        return sweep.orphans > 0 and not self.owes(provider)

    async def _sweep(self, provider: ProviderName) -> SweepRecord:
        desk, cloud = self._desk, self._desk.clouds[provider]
        began_at, started = desk.clock.now(), desk.clock.monotonic()
        try:
            listing = await cloud.listing_begun_after(began_at - timedelta(microseconds=1))
        except ProviderError as error:
            await note_unauthorized(desk, provider, error)
            return await self._record_failure(provider, began_at, str(error))
        sweep = await self._compare_listing(cloud, listing)
        desk.meter.count("sweeps_total", provider=provider, outcome="complete")
        desk.meter.timed("sweep_seconds", desk.clock.monotonic() - started, provider=provider)
        return sweep

    async def _compare_listing(self, cloud: Cloud, listing: Listing) -> SweepRecord:
        async with self._comparing[cloud.name]:
            newest = self._compared.get(cloud.name)
            if newest is not None and newest[0] is listing:
                # Two have waited for it, and it speaks of what is missing once.
                return newest[1]
            balance = await self._balance(cloud)
            self._suspecting.saw(cloud.name, listing)
            sweep = await self._compare_what_can_be_read(cloud, listing, balance)
            self._compared[cloud.name] = (listing, sweep)
        if self.holds(cloud.name):
            # Only what is held there can have come due.
            self._desk.wakeup.hint()
        return sweep

    async def _compare_what_can_be_read(
        self, cloud: Cloud, listing: Listing, balance: Money | None
    ) -> SweepRecord:
        """Compare, leaving out each session that has a row which cannot be read: it must not hold up the others."""
        aside: dict[SessionId, str] = {}
        while True:
            try:
                sweep, holds = await self._desk.books.write(
                    lambda book: self._compare(book, cloud, listing, balance, aside=aside)
                )
            except UnreadableRow as error:
                if error.session_id in aside:
                    raise
                aside[error.session_id] = str(error)
            else:
                self._note_held(cloud.name, holds=holds)
                return sweep

    def _compare(
        self,
        book: Book,
        cloud: Cloud,
        listing: Listing,
        balance: Money | None,
        *,
        aside: Mapping[SessionId, str],
    ) -> tuple[SweepRecord, bool]:
        desk, now = self._desk, self._desk.clock.now()
        labels = [instance.label for instance in listing.instances]
        # What bears no label of ours may be known by its id all the same: a cloud may have lost the label.
        unnamed = [
            one
            for one in listing.instances
            if read_label(one.label, key=desk.vault.label_key) is None
        ]
        ids = [one.id for one in unnamed]
        # Or it has cut the label off: what is left of it is looked for in the book.
        cut = [one.label for one in unnamed if may_be_cut(one.label, deployment=desk.deployment)]
        rows = _without(book.launches.for_census(cloud.name, labels, ids=ids, cut=cut), aside)
        for one in rows.unreadable:
            tell_unreadable(book, one, at=now)
        census = take_census(
            listing,
            attempts=rows.attempts,
            unreadable=rows.unreadable,
            deployment=desk.deployment,
            key=desk.vault.label_key,
        )
        bound = sum(attempt.state is AttemptState.BOUND for attempt in rows.attempts)
        frozen = self._freeze_or_thaw(book, cloud.name, missing=len(census.missing), bound=bound)
        for sighting in census.refreshed + census.adopted:
            self._note_sighting(book, sighting, now, listed_at=listing.began_at)
        for sighting in census.reappeared:
            self._reopen(book, sighting, now)
        note = _note_lacking if frozen else self._note_missing
        note(book, census, listing, now)
        self._note_absent(book, census, listing, now)
        note_listing(book, listing, cloud.name, cloud.quirks)
        for sighting in census.duplicates:
            self._note_duplicate(book, sighting, now)
        # Of several with one label the first is taken in; the next sweep knows the others as its duplicates.
        orphans = {orphan.instance.label: orphan for orphan in reversed(census.orphans)}
        for orphan in orphans.values():
            self._take_orphan(book, orphan, now)
        self._suspecting.tell(book, cloud, census, rows.attempts, at=now)
        sweep = SweepRecord(
            provider=cloud.name,
            began_at=listing.began_at,
            ended_at=now,
            complete=True,
            instances=len(listing.instances),
            strays=len(census.strays),
            orphans=len(census.orphans) + len(census.reappeared) + len(census.duplicates),
            missing=len(census.missing),
            balance=balance,
        )
        book.accounts.add_sweep(sweep)
        return sweep, sweep.orphans > 0 or _holds_open(rows)

    async def _balance(self, cloud: Cloud) -> Money | None:
        """Ask what is left on the account; a cloud that does not tell stops nothing."""
        try:
            return await cloud.balance(
                lasts=BALANCE_LASTS if self.holds(cloud.name) else IDLE_BALANCE_LASTS
            )
        except ProviderError:
            return None

    def _freeze_or_thaw(
        self, book: Book, provider: ProviderName, *, missing: int, bound: int
    ) -> bool:
        now, state = self._desk.clock.now(), book.accounts.state(provider)
        mass = missing >= FREEZE_COUNT and missing > FREEZE_SHARE * bound
        changed = state
        if state.unauthorized_since is not None:
            changed = replace(state, unauthorized_since=None)
        if mass and state.frozen_since is None:
            because = f"{missing} of {bound} instances are missing at once"
            changed = replace(changed, frozen_since=now, frozen_because=because)
            text = (
                f"{provider}: {because}. Nothing is inferred from it; deadlines and orders go on."
            )
            key = f"{provider}:{now:%Y%m%dT%H%M}"
            book.notices.add(notice("account_frozen", key, at=now, text=text, provider=provider))
        elif not mass and state.frozen_since is not None:
            changed = replace(changed, frozen_since=None, frozen_because="")
        if changed != state:
            book.accounts.save_state(changed)
        return mass

    def _note_sighting(
        self, book: Book, sighting: Sighting, now: datetime, *, listed_at: datetime
    ) -> None:
        attempt, session = sighting.attempt, known_session(book, sighting.attempt.session_id)
        if attempt.state is AttemptState.CLOSING:
            # The retiring pass looks for itself; a listing that still shows it may be older than the destroy.
            known = self._still_closing(book, sighting, now, listed_at=listed_at)
            if known != attempt:
                book.launches.save(known)
                attempt = known
            book.sessions.make_due(session.id, at=attempt.next_action_at or now)
            return
        if attempt.state is AttemptState.BOUND and attempt.missing_reads > 0:
            book.launches.save(doubtful(attempt, at=now))
            book.sessions.make_due(session.id, at=now)
            return
        record_instance(book, session, attempt, sighting.instance, at=now)

    def _still_closing(
        self, book: Book, sighting: Sighting, now: datetime, *, listed_at: datetime
    ) -> LaunchAttempt:
        attempt = sighting.attempt
        back = shown_anew(attempt, sighting.instance, listed_at=listed_at)
        if back is not None:
            attempt = billed_anew(self._desk, book, attempt, back)
        return timeless(attempt, at=now) or glimpsed(attempt, listed_at=listed_at)

    def _reopen(self, book: Book, sighting: Sighting, now: datetime) -> None:
        if sighting.attempt.instance_id not in {None, sighting.instance.id}:
            # What the attempt had bought is gone: this is another, which the cloud made of the same order.
            self._note_duplicate(book, sighting, now)
            return
        attempt = reopened(sighting.attempt, sighting.instance, at=now)
        book.launches.save(attempt)
        tell_late_arrival(book, attempt, actor="cloud", at=now)
        self._desk.meter.count("late_arrivals_total", provider=attempt.provider)

    def _note_missing(self, book: Book, census: Census, listing: Listing, now: datetime) -> None:
        for attempt in _lacking(census, listing):
            missing = replace(
                attempt,
                missing_since=attempt.missing_since or now,
                missing_listings=attempt.missing_listings + 1,
                next_action_at=min(attempt.next_action_at or now, now),
            )
            book.launches.save(missing)
            session = known_session(book, attempt.session_id)
            book.sessions.make_due(session.id, at=now)
            end_if_ghost(self._desk, book, session, missing, at=now)

    def _note_absent(self, book: Book, census: Census, listing: Listing, now: datetime) -> None:
        for attempt in census.absent:
            quirks = self._desk.clouds[attempt.provider].quirks
            if attempt.absence.gone_reads >= quirks.absence_reads:
                beside = owed_beside(book, attempt.provider)
                book.launches.save(was_listed(attempt, listing, now, quirks, beside=beside))
                book.sessions.make_due(attempt.session_id, at=now)

    def _note_duplicate(self, book: Book, sighting: Sighting, now: datetime) -> None:
        attempt, instance = sighting.attempt, sighting.instance
        because = f"the cloud made it beside the instance of attempt {attempt.number}"
        note_surplus(book, instance, because=because, session_id=attempt.session_id, at=now)
        self._desk.meter.count("duplicates_total")

    def _take_orphan(self, book: Book, orphan: Orphan, now: datetime) -> None:
        instance, facts = orphan.instance, orphan.facts
        overdue = now >= facts.expires_at
        text = (
            f"{instance.provider} instance {instance.id} bears our label, but the book does not know it; "
            + (
                "it is overdue and is being destroyed."
                if overdue
                else "it is kept and watched over."
            )
        )
        key = f"{instance.label}:{'overdue' if overdue else 'adopted'}"
        book.notices.add(
            notice("orphan", key, at=now, text=text, label=instance.label, instance=instance.id)
        )
        if overdue:
            because = "its time was over before the book knew it"
            note_surplus(book, instance, because=because, session_id=None, at=now)
        else:
            recover(self._desk, book, orphan, at=now)

    async def _record_failure(
        self, provider: ProviderName, began_at: datetime, trouble: str
    ) -> SweepRecord:
        desk = self._desk
        sweep = SweepRecord(
            provider=provider,
            began_at=began_at,
            ended_at=desk.clock.now(),
            complete=False,
            trouble=trouble,
        )

        def write(book: Book) -> bool:
            book.accounts.add_sweep(sweep)
            return book.launches.any_open(provider)

        self._note_held(provider, holds=await desk.books.write(write))
        desk.meter.count("sweeps_total", provider=provider, outcome="incomplete")
        return sweep

    def _note_held(self, provider: ProviderName, *, holds: bool) -> None:
        (self._idle.discard if holds else self._idle.add)(provider)


def _lacking(census: Census, listing: Listing) -> Iterator[LaunchAttempt]:
    """Yield what is missing, unless it was seen or heard since the listing began: that never outvotes a sign of life."""
    for attempt in census.missing:
        alive_at = attempt.last_alive_at
        if alive_at is None or alive_at < listing.began_at:
            yield attempt


def _note_lacking(book: Book, census: Census, listing: Listing, now: datetime) -> None:
    """Write since when a listing that is not believed lacks what it should show: nothing ends by that.

    But what is read to be gone in the end is then billed to its last sign of life, and until then any sign of life voids it.
    """
    for attempt in _lacking(census, listing):
        if attempt.missing_since is None:
            book.launches.save(replace(attempt, missing_since=now))


def _holds_open(rows: AttemptRows) -> bool:
    """Tell whether anything is owed; what cannot be read may be."""
    return bool(rows.unreadable) or any(attempt.open for attempt in rows.attempts)


def _without(rows: AttemptRows, aside: Mapping[SessionId, str]) -> AttemptRows:
    """Return the rows with the attempts of the sessions that are set aside among what is to be left alone."""
    kept = [attempt for attempt in rows.attempts if attempt.session_id not in aside]
    left = [
        Unreadable(
            id=attempt.id,
            session_id=attempt.session_id,
            provider=attempt.provider,
            label=attempt.label,
            instance_id=attempt.instance_id,
            because=aside[attempt.session_id],
        )
        for attempt in rows.attempts
        if attempt.session_id in aside
    ]
    return AttemptRows(kept, [*rows.unreadable, *left])
