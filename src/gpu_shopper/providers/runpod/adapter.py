"""RunPod as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.money import money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.billing import BillLine
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import BadOrder, OfferGone, Unavailable
from gpu_shopper.providers.account import Account, seen
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.runpod.api import DIALECT, GpuRow, Gpus, PodRow, RunpodApi
from gpu_shopper.providers.runpod.mapping import (
    COMMUNITY,
    PROVIDER,
    SECURE,
    Goods,
    instance_of,
    new_pod_of,
    offers_of,
)
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import Menu, Page

# No pod has more, whatever a row says.
MOST_GPUS = 16


class RunpodProvider(Account):
    """One account there."""

    provider = PROVIDER

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        self._clouds = (SECURE, COMMUNITY) if self._settings["community"] != "false" else (SECURE,)
        self._api = RunpodApi(self._caller(DIALECT))

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, in both clouds and with every number of GPUs that it has at all."""
        del known
        menu = Menu(self._clock)
        fetched_at = self._clock.now()
        for cloud in self._clouds:
            one = await self._api.gpus(cloud=cloud, count=1)
            most = await self._take(menu, one, cloud=cloud, count=1, fetched_at=fetched_at)
            # At once, as far as the pace allows: one after the other, so many answers take ten times as long.
            several = await asyncio.gather(
                *(self._api.gpus(cloud=cloud, count=count) for count in range(2, most + 1))
            )
            for count, page in enumerate(several, 2):
                await self._take(menu, page, cloud=cloud, count=count, fetched_at=fetched_at)
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        goods = Goods.read(order.offer.provider_id)
        if goods is None:
            raise OfferGone(f"create {order.label}: no such offer")
        if order.on_start:
            raise BadOrder(f"create {order.label}: pods take no start-up script")
        pod_id = await self._api.create(new_pod_of(order, goods, image=self._image))
        return self._bought(pod_id, order)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.pod(instance_id)
        return seen(row, instance_of, instance_id=instance_id)

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""

        async def fetch(cursor: str | None) -> Page:
            page = await self._api.pods(cursor=cursor)
            onwards = None if page.pagination is None else page.pagination.next_cursor
            return Page(rows=page.pods, next_cursor=onwards or None)

        return await self._whole(fetch, PodRow, instance_of)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance, disk included; may be called any number of times."""
        await self._api.delete(instance_id)

    async def bills(self, instance_id: InstanceId, *, since: datetime) -> tuple[BillLine, ...]:
        """Return what a pod was charged so far, an hour each."""
        told = (await self._api.billed(instance_id, since=since)).records
        return tuple(
            BillLine(amount=money(one.total_amount), words=f"the hour from {one.start_time}")
            for one in told
            if one.pod_id == instance_id
        )

    async def _take(
        self, menu: Menu, page: Gpus, *, cloud: str, count: int, fetched_at: datetime
    ) -> int:
        """Take what is to be had with so many GPUs; return the most that any pod of that cloud may have."""

        def make(row: GpuRow) -> Sequence[Offer]:
            return offers_of(row, cloud=cloud, count=count, fetched_at=fetched_at)

        found = page.gpus
        await menu.take(found, GpuRow, make)
        rows = decode_rows(found, GpuRow).good
        if found and not rows:
            raise Unavailable("offers: none of a whole page can be read")
        ceilings = [
            row.max_count.secure if cloud == SECURE else row.max_count.community for row in rows
        ]
        return min(max(ceilings, default=0), MOST_GPUS)
