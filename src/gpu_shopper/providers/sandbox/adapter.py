"""The sandbox cloud as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

from dataclasses import replace

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money, money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import Ambiguous, Unavailable
from gpu_shopper.providers.account import Account, found_in, seen
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.sandbox.api import InstanceRow, OfferRow, SandboxApi
from gpu_shopper.providers.sandbox.mapping import PROVIDER, instance_of, new_instance_of, offer_of
from gpu_shopper.transport.listing import MOST_PAGES, Menu, Page


class SandboxProvider(Account):
    """One account at one sandbox cloud, under a `name` of its own where there are several."""

    def __init__(self, access: Access, *, name: ProviderName = PROVIDER) -> None:
        super().__init__(access)
        self.provider = name
        limit = self._settings.get("start_script_bytes", self._quirks.start_script_limit)
        self._quirks = replace(self._quirks, start_script_limit=int(limit))
        self._api = SandboxApi(
            self._door,
            url=self._settings["url"],
            key=self._settings["key"],
            timeout=self._quirks.call_deadline.total_seconds(),
        )

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, all pages; a page that fails fails the whole."""
        menu, fetched_at = Menu(self._clock), self._clock.now()

        def make(row: OfferRow) -> tuple[Offer, ...]:
            return (offer_of(row, fetched_at=fetched_at, provider=self.provider),)

        revisions: set[str] = set()
        cursor: str | None = None
        for number in range(MOST_PAGES):
            page = await self._api.offers(cursor=cursor, known="" if number else known)
            if page is None:
                return Unchanged()
            await menu.take(page.rows.offers, OfferRow, make, alike=self.provider)
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
        return found_in(await self._list(name=label), label)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.instance(instance_id)
        return seen(row, self._mine, instance_id=instance_id)

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""
        return await self._list(name=None)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance; may be called any number of times."""
        await self._api.delete(instance_id)

    async def balance(self) -> Money | None:
        """Return the money left on the account."""
        return money((await self._api.account()).balance)

    async def _list(self, *, name: str | None) -> Listing:
        async def fetch(cursor: str | None) -> Page:
            page = await self._api.instances(cursor=cursor, name=name)
            return Page(rows=page.instances, next_cursor=page.next_cursor, total=page.total)

        return await self._whole(fetch, InstanceRow, self._mine)

    def _mine(self, row: InstanceRow) -> Instance:
        return instance_of(row, provider=self.provider)
