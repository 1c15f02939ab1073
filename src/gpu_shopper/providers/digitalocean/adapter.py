"""DigitalOcean as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import ProviderError, Unavailable
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
from gpu_shopper.transport.calling import Caller
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import MOST_PAGES, Menu, Page, list_whole


class DigitalOceanProvider:
    """One account there. The door is lent: whoever opened it closes it."""

    def __init__(
        self,
        settings: Mapping[str, str],
        door: HttpDoor,
        clock: Clock,
        *,
        capabilities: Capabilities,
        quirks: Quirks,
    ) -> None:
        self._capabilities = capabilities
        self._quirks = quirks
        self._clock = clock
        self._image = settings["image"]
        self._ssh_key = settings["ssh_key"]
        # The tags that were seen on droplets: once a droplet is gone, nobody tells any more what its tag was.
        self._marks: dict[InstanceId, str] = {}
        caller = Caller(
            door,
            clock,
            url=settings["url"],
            headers={"authorization": f"Bearer {settings['key']}"},
            quirks=quirks,
            dialect=DIALECT,
        )
        self._api = DigitalOceanApi(caller)

    @property
    def name(self) -> ProviderName:
        """The name that stands in offers and rows."""
        return PROVIDER

    @property
    def capabilities(self) -> Capabilities:
        """What this cloud can do."""
        return self._capabilities

    @property
    def quirks(self) -> Quirks:
        """How it behaves in time."""
        return self._quirks

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
        return Instance(
            id=InstanceId(str(row.id)),
            provider=PROVIDER,
            label=order.label,
            mark=order.label,
            status=InstanceStatus.BOOTING,
            rate=None if row.size is None else rate(f"{row.size.price_hourly:.6f}"),
        )

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label, as its name or its tag; None only if a complete listing lacks it."""
        listing = await self.list_all()
        found = (one for one in listing.instances if label in {one.label, one.mark})
        instance = next(found, None)
        if instance is None and not listing.complete:
            raise Unavailable(f"find {label}: {listing.trouble}")
        return instance

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.droplet(instance_id)
        try:
            return None if row is None else self._instance_of(row)
        except ValueError as error:
            raise Unavailable(f"instance {instance_id}: {error}") from error

    async def list_all(self) -> Listing:
        """Return every droplet with a GPU, ours or not; a listing with a missing part says so."""

        async def fetch(cursor: str | None) -> Page:
            return await self._api.droplets(cursor=cursor)

        began_at = self._clock.now()
        return await list_whole(fetch, kind=DropletRow, make=self._instance_of, began_at=began_at)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of a droplet, disk included, and drop what tags are left; may be called any number of times.

        The droplet first, before all that might take its time: a tag costs nothing, and what is missed now is cleared
        away with a later droplet.
        """
        await self._api.delete(instance_id)
        mark = self._marks.get(instance_id)
        if mark is None:
            return
        with suppress(ProviderError):
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

    async def aclose(self) -> None:
        """Nothing to close: the door is not ours."""

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
