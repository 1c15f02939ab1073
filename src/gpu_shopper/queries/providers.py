"""Questions about the configured clouds: what each can do, which safety layers hold, how it has been lately."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.market.holder import Market
from gpu_shopper.market.snapshot import Listing
from gpu_shopper.ports.books import AccountState, Book, Books, SweepRecord
from gpu_shopper.ports.clock import Clock

# Three periods of the sweep: one late sweep is no news, three missing ones are.
SWEEP_IS_FRESH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyLayers:
    """What would end an instance at this cloud, each without the others.

    To end the work is not to end the bill: an agent always stops what runs in its node, but only where the node can end
    itself does the cloud stop billing.
    """

    native_ttl: bool
    agent_ends_work: bool
    agent_ends_bill: bool
    sweep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """One configured cloud."""

    name: ProviderName
    capabilities: Capabilities
    layers: SafetyLayers
    listing: Listing | None
    market_age_s: float | None
    last_sweep: SweepRecord | None
    last_complete_sweep: SweepRecord | None
    account: AccountState
    open_obligations: int
    billing: BillingTerms
    destroy_ends_billing: bool


class ProviderQueries:
    """Reads what is known of the clouds; asks none of them."""

    def __init__(
        self,
        books: Books,
        market: Market,
        clock: Clock,
        *,
        capabilities: Mapping[ProviderName, Capabilities],
        quirks: Mapping[ProviderName, Quirks],
    ) -> None:
        self._books = books
        self._market = market
        self._clock = clock
        self._capabilities = capabilities
        self._quirks = quirks

    @property
    def names(self) -> Sequence[ProviderName]:
        """The configured clouds."""
        return sorted(self._capabilities)

    async def all(self) -> tuple[ProviderView, ...]:
        """Return every configured cloud, by name."""
        listings = {listing.provider: listing for listing in self._market.snapshot.providers}
        now = self._clock.now()

        def read(book: Book) -> tuple[ProviderView, ...]:
            owed = Counter(book.launches.open().providers)
            owed.update(one.provider for one in book.surplus.all_open())
            return tuple(
                self._view(
                    book,
                    name,
                    listing=listings.get(name),
                    open_obligations=owed[name],
                    now=now,
                )
                for name in self.names
            )

        return await self._books.read(read)

    def _view(
        self,
        book: Book,
        name: ProviderName,
        *,
        listing: Listing | None,
        open_obligations: int,
        now: datetime,
    ) -> ProviderView:
        complete = book.accounts.last_sweep(name, complete=True)
        age = listing.age(now) if listing else None
        return ProviderView(
            name=name,
            capabilities=self._capabilities[name],
            layers=_layers(self._capabilities[name], complete, now=now),
            listing=listing,
            market_age_s=age.total_seconds() if age is not None else None,
            last_sweep=book.accounts.last_sweep(name, complete=False),
            last_complete_sweep=complete,
            account=book.accounts.state(name),
            open_obligations=open_obligations,
            billing=self._quirks[name].billing,
            destroy_ends_billing=self._quirks[name].destroy_ends_billing,
        )


def _layers(
    capabilities: Capabilities, complete: SweepRecord | None, *, now: datetime
) -> SafetyLayers:
    return SafetyLayers(
        native_ttl=capabilities.native_ttl,
        agent_ends_work=capabilities.agent_ends_work,
        agent_ends_bill=capabilities.agent_ends_bill,
        sweep=complete is not None and now - complete.began_at <= SWEEP_IS_FRESH,
    )
