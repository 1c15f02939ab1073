"""Questions about the menu: answered from the snapshot in memory, without waiting for anything."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import itemgetter

from gpu_shopper.domain.errors import NotFound
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.odds import odds
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.true_price import BillingTerms, Costing, Need
from gpu_shopper.market.holder import Market
from gpu_shopper.market.pieces import in_turns
from gpu_shopper.market.silence import not_ready
from gpu_shopper.market.snapshot import MarketSnapshot, OfferPage, OfferQuery
from gpu_shopper.ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """How one cloud's part of the menu stands."""

    name: ProviderName
    ok: bool
    age_s: float | None
    error: str | None
    offers: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPage:
    """A page of offers, of which edition of the menu it is, and whether every cloud's part is fresh."""

    page: OfferPage
    edition: str
    sources: tuple[SourceView, ...]


class OfferQueries:
    """Reads the market."""

    def __init__(
        self, market: Market, clock: Clock, *, billing: Mapping[ProviderName, BillingTerms]
    ) -> None:
        self._terms = tuple(sorted(billing.items(), key=itemgetter(0)))
        self._market = market
        self._clock = clock
        # Generations are counted from each start anew.
        self._since = f"{int(clock.now().timestamp() * 1_000_000):x}"
        self._named: tuple[MarketSnapshot | None, str] = None, ""

    @property
    def edition(self) -> str:
        """What tells this menu from all others: offers, prices and odds of one edition are the same; empty until ready."""
        return self._edition_of(self._market.snapshot)

    def _edition_of(self, snapshot: MarketSnapshot) -> str:
        named, edition = self._named
        if named is not snapshot:
            edition = f"{self._since}.{snapshot.generation:x}" if snapshot.ready else ""
            self._named = snapshot, edition
        return edition

    @property
    def ready(self) -> bool:
        """Some cloud has answered since the start."""
        return self._market.snapshot.ready

    def costing(self, need: Need) -> Costing:
        """Return what the market must know to say what offers cost for `need`."""
        return Costing(need, self._terms)

    async def page(self, query: OfferQuery) -> MenuPage:
        """Return the page that `query` asks for; others are let in where that takes some milliseconds.

        Raises:
            MarketNotReady: no cloud has answered yet, so an empty menu would mean nothing.
        """
        snapshot = self._market.snapshot
        edition = self._edition_of(snapshot)
        if not edition:
            raise not_ready(snapshot.providers)
        page = await in_turns(snapshot.querying(query), self._clock)
        return MenuPage(page=page, edition=edition, sources=self.sources())

    def one(self, offer_id: OfferId) -> Offer:
        """Return one offer as it is shown: with its odds, and not available any more where it has gone.

        Raises:
            NotFound: no cloud lists it now.
        """
        snapshot = self._market.snapshot
        offer = snapshot.get(offer_id)
        if offer is None:
            message = f"there is no offer {offer_id[:128]!r} now"
            raise NotFound(message, hint="offers come and go: list them with GET /api/v1/inventory")
        return replace(
            offer,
            available=offer.available and not snapshot.has_gone(offer_id),
            availability_confidence=odds(offer, snapshot.health).confidence,
        )

    def sources(self) -> tuple[SourceView, ...]:
        """Return how each cloud's part of the menu stands."""
        now = self._clock.now()
        return tuple(
            SourceView(
                name=listing.provider,
                ok=listing.ok,
                age_s=None if (age := listing.age(now)) is None else age.total_seconds(),
                error=listing.error,
                offers=len(listing.stock),
                rejected=listing.rejected,
            )
            for listing in self._market.snapshot.providers
        )
