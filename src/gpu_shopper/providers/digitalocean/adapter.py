"""DigitalOcean as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

from collections.abc import Sequence
from contextlib import suppress

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.money import Money, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import ProviderError, Unavailable
from gpu_shopper.providers.account import Account, seen
from gpu_shopper.providers.digitalocean.api import (
    DIALECT,
    DigitalOceanApi,
    DropletRow,
    SizeRow,
    TagRow,
)
from gpu_shopper.providers.digitalocean.mapping import (
    PROVIDER,
    credit_of,
    instance_of,
    new_droplet_of,
    offers_of,
    tags_left_of,
)
from gpu_shopper.providers.manifest import Access
from gpu_shopper.transport.calling import clearing_away
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import MOST_PAGES, Menu


class DigitalOceanProvider(Account):
    """One account there."""

    provider = PROVIDER
    has_mark = True

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        self._ssh_key = self._settings["ssh_key"]
        # The tags that were seen on droplets: once a droplet is gone, nobody tells any more what its tag was.
        self._marks: dict[InstanceId, str] = {}
        self._api = DigitalOceanApi(self._caller(DIALECT))

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return every size with GPUs, once for each region that has one."""
        del known
        menu = Menu(self._clock)
        fetched_at = self._clock.now()

        def make(row: SizeRow) -> Sequence[Offer]:
            return tuple(offers_of(row, fetched_at=fetched_at))

        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._api.sizes(cursor=cursor)
            await menu.take(page.rows, SizeRow, make)
            cursor = page.next_cursor
            if cursor is None:
                return menu.listing()
        raise Unavailable(f"offers: no end after {MOST_PAGES} pages")

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        new = new_droplet_of(order, image=self._image, ssh_key=self._ssh_key)
        row = await self._api.create(new)
        self._marks[InstanceId(str(row.id))] = order.label
        price = None if row.size is None else rate(f"{row.size.price_hourly:.6f}")
        return self._bought(str(row.id), order, rate=price)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.droplet(instance_id)
        return seen(row, self._instance_of, instance_id=instance_id)

    async def list_all(self) -> Listing:
        """Return every droplet with a GPU, ours or not; a listing with a missing part says so."""
        return await self._whole(self._api.droplets, DropletRow, self._instance_of)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of a droplet, disk included, and drop what tags are left; may be called any number of times.

        The droplet first, before all that might take its time: a tag costs nothing, and what is missed now is cleared
        away with a later droplet.
        """
        await self._api.delete(instance_id)
        mark = self._marks.get(instance_id)
        if mark is None:
            return
        with suppress(ProviderError), clearing_away():
            tags = await self._all_tags()
            for tag in tags_left_of(tags, mark=mark, now=self._clock.now()):
                await self._api.delete_tag(tag)
            self._marks.pop(instance_id, None)

    async def balance(self) -> Money | None:
        """Return the credit on the account; None where there is none, and it is billed afterwards."""
        told = await self._api.balance()
        try:
            return credit_of(told)
        except ValueError as error:
            raise Unavailable(f"account: {error}") from error

    def _instance_of(self, row: DropletRow) -> Instance:
        instance = instance_of(row)
        if instance.mark:
            self._marks[instance.id] = instance.mark
        return instance

    async def _all_tags(self) -> list[TagRow]:
        found: list[TagRow] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._api.tags(cursor=cursor)
            found.extend(decode_rows(page.rows, TagRow).good)
            cursor = page.next_cursor
            if cursor is None:
                break
        return found
