"""TensorDock as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

from datetime import datetime

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.providers.account import Account, seen
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.tensordock.api import (
    DIALECT,
    GpuRow,
    InstanceRow,
    LocationRow,
    TensordockApi,
)
from gpu_shopper.providers.tensordock.mapping import (
    PROVIDER,
    instance_of,
    new_instance_of,
    offers_of,
)
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import Menu


class TensordockProvider(Account):
    """One account there."""

    provider = PROVIDER
    # Nobody says how long a name may be.
    cuts_names = True

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        # When an instance of ours was ordered: the cloud does not tell from when on it bills.
        self._ordered_at: dict[str, datetime] = {}
        self._api = TensordockApi(self._caller(DIALECT))

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, in every location: one call shows it whole."""
        del known
        menu, fetched_at = Menu(self._clock), self._clock.now()
        locations = decode_rows(await self._api.locations(), LocationRow)
        for _ in range(locations.rejected):
            menu.reject(locations.example)
        for location in locations.good:

            def make(row: GpuRow, at: LocationRow = location) -> tuple[Offer, ...]:
                return tuple(offers_of(at, row, fetched_at=fetched_at))

            await menu.take(location.gpus, GpuRow, make)
            await self._clock.sleep(0)
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        new, asked_at = new_instance_of(order, image=self._image), self._clock.now()
        instance_id = InstanceId(await self._api.create(new))
        self._ordered_at[instance_id] = asked_at
        return self._bought(instance_id, order)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says, twice over, that it holds no such instance.

        Its "not found" has no code by which a machine that is gone could be told from a path that is: the list must lack
        it as well.
        """
        row = await self._api.instance(instance_id)
        if row is not None:
            return seen(row, self._known, instance_id=instance_id)
        listing = await self.list_all()
        listed = next((one for one in listing.instances if one.id == instance_id), None)
        if listed is None and not listing.complete:
            raise Unavailable(f"instance {instance_id}: {listing.trouble}")
        if listed is None:
            self._ordered_at.pop(instance_id, None)
        return listed

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""
        return await self._whole_at_once(self._api.instances, InstanceRow, self._known)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance; it leaves nothing behind. May be called any number of times."""
        await self._api.delete(instance_id)

    def _known(self, row: InstanceRow) -> Instance | None:
        there = instance_of(row, ordered_at=self._ordered_at.get(row.id))
        if there is None:
            self._ordered_at.pop(row.id, None)
        return there
