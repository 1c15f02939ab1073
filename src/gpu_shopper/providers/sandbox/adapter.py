"""The sandbox cloud as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Raw

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money, money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import Ambiguous, Unavailable
from gpu_shopper.providers.sandbox.api import (
    InstanceRow,
    MenuPage,
    OfferRow,
    SandboxApi,
)
from gpu_shopper.providers.sandbox.mapping import PROVIDER, instance_of, new_instance_of, offer_of
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import MOST_PAGES, PIECE, Page, list_whole


class _Menu:
    """What was read of the menu so far."""

    def __init__(self, provider: ProviderName, fetched_at: datetime) -> None:
        self._provider = provider
        self._fetched_at = fetched_at
        self._offers: dict[str, Offer] = {}
        self._rejected = 0
        self._example = ""

    def take(self, given: Sequence[Raw]) -> None:
        """Add these rows."""
        rows = decode_rows(given, OfferRow)
        for row in rows.good:
            offer = offer_of(row, fetched_at=self._fetched_at, provider=self._provider)
            self._offers[row.id] = offer
        self._rejected += rows.rejected
        self._example = self._example or rows.example

    def listing(self, *, revision: str) -> OfferListing:
        """Return all of it."""
        return OfferListing(
            offers=tuple(self._offers.values()),
            rejected=self._rejected,
            example=self._example,
            revision=revision,
        )


class SandboxProvider:
    """One account at one sandbox cloud, under a `name` of its own where there are several. The door is lent: whoever opened it closes it."""

    def __init__(
        self,
        settings: Mapping[str, str],
        door: HttpDoor,
        clock: Clock,
        *,
        capabilities: Capabilities,
        quirks: Quirks,
        name: ProviderName = PROVIDER,
    ) -> None:
        self._name = name
        self._capabilities = capabilities
        self._quirks = quirks
        self._clock = clock
        self._api = SandboxApi(
            door,
            url=settings["url"],
            key=settings["key"],
            timeout=quirks.call_deadline.total_seconds(),
        )

    @property
    def name(self) -> ProviderName:
        """The name that stands in offers and rows."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What this cloud can do."""
        return self._capabilities

    @property
    def quirks(self) -> Quirks:
        """How it behaves in time."""
        return self._quirks

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, all pages; a page that fails fails the whole."""
        menu = _Menu(self._name, self._clock.now())
        revisions: set[str] = set()
        cursor: str | None = None
        for number in range(MOST_PAGES):
            page = await self._api.offers(cursor=cursor, known="" if number else known)
            if page is None:
                return Unchanged()
            await self._take(page, menu)
            revisions.add(page.revision)
            cursor = page.rows.next_cursor
            if cursor is None:
                # Pages of two states are no state of their own: nothing can be said to be unchanged since.
                return menu.listing(revision=page.revision if len(revisions) == 1 else "")
        raise Unavailable(f"offers: no end after {MOST_PAGES} pages")

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        row = await self._api.create(new_instance_of(order))
        try:
            return self._mine(row)
        except ValueError as error:
            raise Ambiguous(
                f"create {order.label}: {error}", instance_id=InstanceId(row.id)
            ) from error

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label; None only if a complete listing lacks it."""
        listing = await self._list(name=label)
        found = next((instance for instance in listing.instances if instance.label == label), None)
        if found is None and not listing.complete:
            raise Unavailable(f"find {label}: {listing.trouble}")
        return found

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.instance(instance_id)
        try:
            return None if row is None else self._mine(row)
        except ValueError as error:
            raise Unavailable(f"instance {instance_id}: {error}") from error

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""
        return await self._list(name=None)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance; may be called any number of times."""
        await self._api.delete(instance_id)

    async def balance(self) -> Money | None:
        """Return the money left on the account."""
        return money((await self._api.account()).balance)

    async def aclose(self) -> None:
        """Nothing to close: the door is not ours."""

    async def _take(self, page: MenuPage, menu: _Menu) -> None:
        """Add a page in pieces."""
        rows = page.rows.offers
        for start in range(0, len(rows), PIECE):
            if start:
                await self._clock.sleep(0)
            menu.take(rows[start : start + PIECE])

    async def _list(self, *, name: str | None) -> Listing:
        async def fetch(cursor: str | None) -> Page:
            page = await self._api.instances(cursor=cursor, name=name)
            return Page(rows=page.instances, next_cursor=page.next_cursor, total=page.total)

        began_at = self._clock.now()
        return await list_whole(fetch, kind=InstanceRow, make=self._mine, began_at=began_at)

    def _mine(self, row: InstanceRow) -> Instance:
        return instance_of(row, provider=self._name)
