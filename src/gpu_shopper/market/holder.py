"""The market as it is now: one snapshot, replaced whole whenever a cloud has answered or failed to.

One task writes; any number read, on any thread, and each keeps the snapshot that it took. A cloud that fails takes none
of the menu away, its own last offers included: they stay, marked by their age and the error, until `withdraw`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.shelving import FEW, Shelving
from gpu_shopper.market.snapshot import Listing, MarketSnapshot
from gpu_shopper.market.stock import Stock

# What is said of a cloud whose menu is from before the start.
KEPT: Final = "not heard since the start: these are its offers of before"
_TRIES: Final = 3


class Market:
    """Holds the newest snapshot. Configured clouds are known from the start, before their first answer."""

    def __init__(self, providers: Iterable[ProviderName] = ()) -> None:
        self._snapshot = MarketSnapshot(map(_empty, providers))
        self._taken: dict[ProviderName, Counter[OfferId]] = {}

    @property
    def snapshot(self) -> MarketSnapshot:
        """The newest snapshot. Take it once per question: the next call may see another one."""
        return self._snapshot

    def replace(
        self, provider: ProviderName, listing: Sequence[Offer], at: datetime, *, rejected: int = 0
    ) -> None:
        """Put what `provider` listed at `at` in place of all before; `rejected` rows could not be read."""
        at_once(self.replacing(provider, listing, at, rejected=rejected))

    def replacing(
        self, provider: ProviderName, listing: Iterable[Offer], at: datetime, *, rejected: int = 0
    ) -> Pieces[None]:
        """Do the same in pieces, so that a long listing holds nobody up; readers see it when all is ready."""
        stock = Stock(provider, listing)
        new = Listing(provider=provider, stock=stock, fetched_at=at, rejected=rejected)
        yield from self._putting(new)

    def hearing(self, provider: ProviderName) -> Shelving:
        """Return what takes a listing of `provider` while it is read; nothing is on sale of it before `putting`."""
        return Shelving(provider, self._listing(provider).stock.made)

    def putting(
        self, provider: ProviderName, heard: Shelving, at: datetime, *, rejected: int = 0
    ) -> Pieces[None]:
        """Put what was heard in place of all before, in pieces."""
        stock = yield from heard.stock(self._listing(provider).stock)
        new = Listing(provider=provider, stock=stock, fetched_at=at, rejected=rejected)
        yield from self._putting(new)

    def restoring(
        self, provider: ProviderName, listing: Iterable[Offer], at: datetime
    ) -> Pieces[None]:
        """Put on sale, marked, what `provider` listed at `at` before the start, if it has not been heard since."""
        stock = Stock(provider, listing)
        new = Listing(provider=provider, stock=stock, fetched_at=at, error=KEPT, kept=True)
        if self._listing(provider).fetched_at is None:
            yield from self._putting(new)

    def _putting(self, new: Listing) -> Pieces[None]:
        stock = new.stock
        if len(stock) > FEW:
            yield
        snapshot = self._snapshot.replacing(new)
        if len(stock) > FEW:
            for _ in range(_TRIES):
                yield from snapshot.preparing()
                # What came in between (another cloud, what was bought, other odds) stays.
                laid, snapshot = snapshot, self._snapshot.replacing(new)
                snapshot.use(laid)
                if snapshot.prepared:
                    break
        self._taken.pop(new.provider, None)
        # One assignment: a reader sees the old market or the new one, never half of each.
        self._snapshot = snapshot

    def heed(self, health: OfferHealth) -> Pieces[None]:
        """Take in what is known of the odds, in pieces; readers see it when all is reckoned."""
        known = self._snapshot.health
        if (known.marks, known.freshness) == (health.marks, health.freshness):
            return
        snapshot = self._snapshot.heeding(health)
        if len(snapshot) > FEW:
            for _ in range(_TRIES):
                yield from snapshot.preparing()
                laid, snapshot = snapshot, self._snapshot.heeding(health)
                snapshot.use(laid)
                if snapshot.prepared:
                    break
        self._snapshot = snapshot

    def take(self, offer: Offer) -> None:
        """Note that we are buying `offer`: nobody else of ours need run after it until its cloud lists anew.

        Where its cloud names the machine, there is one of it, and it is not shown any more. An offer of no machine is
        a kind, of which there may be more.
        """
        self._taken.setdefault(offer.provider, Counter())[offer.id] += 1
        if offer.machine_id:
            self._snapshot = self._snapshot.taking(offer.id)

    def give_back(self, offer: Offer) -> None:
        """Note that an order of `offer`, as it was listed then, bought nothing, and that it is not to blame for it.

        Unless another of ours has run after it as well, it is shown again at once.
        """
        takers = self._taken.get(offer.provider, Counter())
        listed_at = self._listing(offer.provider).listed_at
        if listed_at is None or offer.fetched_at < listed_at or not takers[offer.id]:
            return
        takers[offer.id] -= 1
        if not takers[offer.id] and offer.id in self._snapshot.taken:
            self._snapshot = self._snapshot.giving_back(offer.id)

    def is_taken(self, offer: Offer) -> bool:
        """Return whether we have bought, or tried to buy, `offer` since its cloud listed it."""
        return self._taken.get(offer.provider, Counter())[offer.id] > 0

    def renew(self, provider: ProviderName, at: datetime) -> None:
        """Note that what is on sale at `provider` is still so at `at`: nothing is indexed anew.

        That a menu is the same since before we bought from it says nothing of what we bought: that stays off.
        """
        known = self._listing(provider)
        self._snapshot = self._snapshot.replacing(
            replace(known, fetched_at=at, error=None, failed_at=None, renewed_from=known.listed_at)
        )

    def mark_failed(self, provider: ProviderName, error: str, at: datetime) -> None:
        """Note that `provider` could not be listed at `at`; its last offers stay."""
        self._snapshot = self._snapshot.replacing(
            replace(self._listing(provider), error=error, failed_at=at)
        )

    def withdraw(self, provider: ProviderName) -> None:
        """Take the offers of `provider` off the market, because they are too old to be believed."""
        self._snapshot = self._snapshot.replacing(
            replace(self._listing(provider), stock=Stock(provider))
        )

    def _listing(self, provider: ProviderName) -> Listing:
        known = {listing.provider: listing for listing in self._snapshot.providers}
        return known.get(provider) or _empty(provider)


def _empty(provider: ProviderName) -> Listing:
    return Listing(provider=provider, stock=Stock(provider))
