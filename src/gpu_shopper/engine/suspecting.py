"""Suspecting: telling an operator of instances that may be ours, and that nobody can prove to be.

When an instance appeared is the cloud's word. Where it gives none, it is known from the listings of this life of the
server: after a start, whatever the first one shows may have appeared at any time before.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from gpu_shopper.domain.census import Census
from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Listing
from gpu_shopper.domain.label import read_label
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.suspicion import appeared, looked_for_in_vain, suspected_of
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import Book
from gpu_shopper.transactions.notices import tell_suspect

# For so long after it was presumed absent, an attempt's instance is still looked for among those without a name.
WATCHED = timedelta(days=1)


class Suspecting:
    """Looks through what a sweep has found to be nobody's."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # Of instances whose cloud does not tell when they began: the last listing without each, and the first with it.
        self._first_seen: dict[
            ProviderName, dict[InstanceId, tuple[datetime | None, datetime]]
        ] = {}
        self._listed_at: dict[ProviderName, datetime] = {}

    def saw(self, provider: ProviderName, listing: Listing) -> None:
        """Remember a complete listing."""
        before, lacked_at = self._first_seen.get(provider, {}), self._listed_at.get(provider)
        self._first_seen[provider] = {
            one.id: before.get(one.id, (lacked_at, listing.began_at))
            for one in listing.instances
            if one.billed_from is None
        }
        self._listed_at[provider] = listing.began_at

    def tell(
        self,
        book: Book,
        cloud: Cloud,
        census: Census,
        attempts: Iterable[LaunchAttempt],
        *,
        at: datetime,
    ) -> None:
        """Write a notice of each stray that may be what an attempt bought, of these or of those presumed absent.

        `attempts` are as they were before the census: what it found is looked for no more.
        """
        if not census.strays:
            return
        found = {sighting.attempt.id for sighting in census.adopted + census.reappeared}
        presumed = book.launches.presumed(cloud.name, since=at - WATCHED).attempts
        in_vain = [
            each
            for each in {one.id: one for one in [*attempts, *presumed]}.values()
            if each.id not in found and looked_for_in_vain(each, cloud.quirks, at)
        ]
        if not in_vain:
            return
        key, first_seen = self._desk.vault.label_key, self._first_seen.get(cloud.name, {})
        for one in census.strays:
            lacked_at, seen_at = first_seen.get(one.id, (None, at))
            when = appeared(one, lacked_at=lacked_at, seen_at=seen_at)
            attempt = suspected_of(one, when, attempts=in_vain, quirks=cloud.quirks)
            if attempt is None or read_label(one.label, key=key) is not None:
                continue
            if book.surplus.get(cloud.name, one.id) is None:
                # What is in that book is known, and owed its end already, whatever became of its name.
                tell_suspect(book, attempt, one, at=at)
