"""TensorDock as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

from collections.abc import Mapping
from datetime import datetime

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus, Listing
from gpu_shopper.domain.label import Label, is_cut_of
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import Unavailable
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
from gpu_shopper.transport.calling import Caller
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import Menu, Page, list_whole


class TensordockProvider:
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
        # When an instance of ours was ordered: the cloud does not tell from when on it bills.
        self._ordered_at: dict[str, datetime] = {}
        caller = Caller(
            door,
            clock,
            url=settings["url"],
            headers={"authorization": f"Bearer {settings['key']}"},
            quirks=quirks,
            dialect=DIALECT,
        )
        self._api = TensordockApi(caller)

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
        return Instance(
            id=instance_id,
            provider=PROVIDER,
            label=order.label,
            status=InstanceStatus.BOOTING,
        )

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label, or what its name left of it; None only if a complete listing lacks it."""
        listing = await self.list_all()
        # Nobody says how long a name may be.
        found = next(
            (one for one in listing.instances if one.label == label or is_cut_of(one.label, label)),
            None,
        )
        if found is None and not listing.complete:
            raise Unavailable(f"find {label}: {listing.trouble}")
        return found

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says, twice over, that it holds no such instance.

        Its "not found" has no code by which a machine that is gone could be told from a path that is: the list must lack
        it as well.
        """
        row = await self._api.instance(instance_id)
        if row is not None:
            try:
                return self._known(row)
            except ValueError as error:
                raise Unavailable(f"instance {instance_id}: {error}") from error
        listing = await self.list_all()
        listed = next((one for one in listing.instances if one.id == instance_id), None)
        if listed is None and not listing.complete:
            raise Unavailable(f"instance {instance_id}: {listing.trouble}")
        if listed is None:
            self._ordered_at.pop(instance_id, None)
        return listed

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""

        async def fetch(cursor: str | None) -> Page:
            del cursor
            return Page(rows=await self._api.instances())

        began_at = self._clock.now()
        return await list_whole(fetch, kind=InstanceRow, make=self._known, began_at=began_at)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance; it leaves nothing behind. May be called any number of times."""
        await self._api.delete(instance_id)

    async def balance(self) -> Money | None:
        """Return None: this version of its API does not tell."""
        return None

    async def aclose(self) -> None:
        """Nothing to close: the door is not ours."""

    def _known(self, row: InstanceRow) -> Instance | None:
        seen = instance_of(row, ordered_at=self._ordered_at.get(row.id))
        if seen is None:
            self._ordered_at.pop(row.id, None)
        return seen
