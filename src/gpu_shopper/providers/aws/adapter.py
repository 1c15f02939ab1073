"""AWS EC2 as a `CloudProvider`: the APIs of its regions and the mapping put together. It decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import Ambiguous, OfferGone, ProviderError, Unavailable
from gpu_shopper.providers.account import Account, found_in, seen
from gpu_shopper.providers.aws.api import DIALECT, Ec2Api, InstanceRow
from gpu_shopper.providers.aws.mapping import (
    HELD,
    MARK,
    PROVIDER,
    Known,
    form_of,
    good_of,
    instance_of,
    ports_of,
    split_id,
    whole_id,
)
from gpu_shopper.providers.aws.menu import RegionMenu
from gpu_shopper.providers.aws.prices import price_list
from gpu_shopper.providers.aws.signing import Credentials
from gpu_shopper.providers.aws.speech import RegionDoor
from gpu_shopper.providers.manifest import Access
from gpu_shopper.transport.calling import Caller, clearing_away
from gpu_shopper.transport.listing import Menu, Page, list_whole

T = TypeVar("T")
_GROUP = "gpu-shopper"


class AwsProvider(Account):
    """One account there, in some of its regions. It has no balance: it is billed by the month."""

    provider = PROVIDER

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        settings = self._settings
        self._credentials = Credentials(
            key_id=settings["key_id"],
            secret_key=settings["secret_key"],
            session_token=settings["session_token"],
        )
        self._regions = tuple(filter(None, settings["regions"].replace(",", " ").split()))
        self._known = Known(prices=dict(price_list(settings["prices"])))
        self._apis: dict[str, Ec2Api] = {}
        self._groups: dict[tuple[str, tuple[int, ...]], str] = {}

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all types with GPUs of all our regions, on demand and as spot instances."""
        del known
        menu = Menu(self._clock)
        fetched_at = self._clock.now()
        readers = {
            region: RegionMenu(menu, self._known, region=region, fetched_at=fetched_at)
            for region in self._regions
        }
        for found in await self._everywhere(lambda region: readers[region].read(self._api(region))):
            if isinstance(found, ProviderError):
                raise found
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        good = good_of(order.offer.provider_id)
        if good is None:
            raise OfferGone(f"create {order.label}: no offer {order.offer.provider_id[:80]!r}")
        group = self._settings["security_group"] or await self._group(good.region, ports_of(order))
        form = form_of(order, good, settings=self._settings, group=group)
        try:
            row = await self._api(good.region).run(form, what=f"create {order.label}")
        except Ambiguous as error:
            named = error.instance_id and whole_id(good.region, error.instance_id)
            raise Ambiguous(str(error), instance_id=named) from error
        bought = self._instance(row, good.region)
        if bought is None:
            ended = whole_id(good.region, row.instance_id)
            raise Ambiguous(f"create {order.label}: it ended at once", instance_id=ended)
        return bought

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label; None only if a complete listing lacks it."""
        where = {"tag:Name": (label,), "instance-state-name": HELD}
        return found_in(await self._list(where), label)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance, or that it ended."""
        region, own_id = split_id(instance_id)
        for each in (region,) if region else self._regions:
            row = await self._api(each).instance(own_id)
            if row is not None:
                return seen(row, partial(self._instance, region=each), instance_id=instance_id)
        return None

    async def list_all(self) -> Listing:
        """Return every instance of the account in our regions, ours or not; a region that is silent makes it incomplete."""
        return await self._list({})

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance, disks included; may be called any number of times."""
        region, own_id = split_id(instance_id)
        regions = (region,) if region else self._regions
        # Everywhere before anything is read: what one region does not tell must not keep the next from hearing the order.
        told = await self._everywhere(lambda each: self._api(each).terminate(own_id), regions)
        for each, error in zip(regions, told, strict=True):
            if error is not None:
                raise error
            with clearing_away():
                await self._clear_disks(self._api(each), own_id)

    def _api(self, region: str) -> Ec2Api:
        """Return the API of a region; also of one that is not in the settings any more, where an instance may be left."""
        if region not in self._apis:
            caller = Caller(
                RegionDoor(self._door, self._clock, credentials=self._credentials, region=region),
                self._clock,
                url=self._settings["url"].replace("{region}", region),
                headers={"accept": "text/xml"},
                quirks=self._quirks,
                dialect=DIALECT,
            )
            self._apis[region] = Ec2Api(caller)
        return self._apis[region]

    async def _everywhere(
        self, act: Callable[[str], Awaitable[T]], regions: Sequence[str] = ()
    ) -> Sequence[T | ProviderError]:
        """Do something in these regions at once, in all of ours if none is named; return what comes of it in each."""

        async def one(region: str) -> T | ProviderError:
            try:
                return await act(region)
            except ProviderError as error:
                return error

        return await asyncio.gather(*(one(region) for region in regions or self._regions))

    async def _list(self, where: Mapping[str, Sequence[str]]) -> Listing:
        began_at = self._clock.now()
        parts = await self._everywhere(
            lambda region: self._list_region(region, where, began_at=began_at)
        )
        errors = [part for part in parts if isinstance(part, ProviderError)]
        if len(errors) == len(parts):
            raise errors[0]
        listings = [part for part in parts if isinstance(part, Listing)]
        troubles = [str(error) for error in errors]
        troubles += [listing.trouble for listing in listings if listing.trouble]
        return Listing(
            instances=tuple(one for listing in listings for one in listing.instances),
            began_at=began_at,
            complete=not errors and all(listing.complete for listing in listings),
            trouble="; ".join(troubles),
        )

    async def _list_region(
        self, region: str, where: Mapping[str, Sequence[str]], *, began_at: datetime
    ) -> Listing:
        async def fetch(cursor: str | None) -> Page:
            page = await self._api(region).instances(token=cursor, where=where)
            return Page(rows=page.rows, next_cursor=page.next_token)

        return await list_whole(
            fetch,
            kind=InstanceRow,
            make=partial(self._instance, region=region),
            began_at=began_at,
        )

    def _instance(self, row: InstanceRow, region: str) -> Instance | None:
        return instance_of(row, self._known, region=region, user=self._settings["user"])

    async def _group(self, region: str, ports: tuple[int, ...]) -> str:
        """Return a security group that lets these ports in; made once, and then used by all nodes that need the same."""
        if (region, ports) not in self._groups:
            api, name = self._api(region), "-".join((_GROUP, *map(str, ports)))
            group = await api.group(name)
            if group is None:
                await api.create_group(name, "Nodes of Cloud GPU Shopper; may be deleted.")
                group = await api.group(name)
            if group is None:
                raise Unavailable(f"security group {name}: it was made and is not shown yet")
            for port in ports:
                await api.admit(group, port)
            self._groups[region, ports] = group
        return self._groups[region, ports]

    async def _clear_disks(self, api: Ec2Api, own_id: str) -> None:
        """Delete what an instance of ours left; its disks go with it, unless the image says otherwise."""
        row = await api.instance(own_id)
        marks = [tag.value for tag in (row.tag_set if row else None) or () if tag.key == MARK]
        if marks and marks[0]:
            where = {f"tag:{MARK}": (marks[0],), "status": ("available",)}
            for volume in await api.volumes(where):
                await api.delete_volume(volume)
