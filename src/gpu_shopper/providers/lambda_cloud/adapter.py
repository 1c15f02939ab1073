"""Lambda Cloud as a `CloudProvider`: its API and the mapping put together. It decides nothing.

A launch must name exactly one key that the account keeps, so each has one made for it, with its label as the name: no two
launches share one, and whose it is can be told. The start-up script admits all keys by itself.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import Ambiguous, BadOrder, ProviderError, Unavailable
from gpu_shopper.providers.lambda_cloud.api import (
    DIALECT,
    InstanceRow,
    KeyRow,
    LambdaApi,
    TypeOnSale,
)
from gpu_shopper.providers.lambda_cloud.mapping import (
    PROVIDER,
    instance_of,
    keys_left_of,
    label_of,
    new_instance_of,
    offers_of,
)
from gpu_shopper.providers.virtual_machines import same_key
from gpu_shopper.transport.calling import Caller, clearing_away
from gpu_shopper.transport.listing import Menu, Page, list_whole


class LambdaProvider:
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
        # When an instance of ours was last known to boot, which is not billed yet; the cloud does not tell.
        self._booting_at: dict[str, datetime] = {}
        self._labels: dict[str, Label] = {}
        caller = Caller(
            door,
            clock,
            url=settings["url"],
            headers={"authorization": f"Bearer {settings['key']}"},
            quirks=quirks,
            dialect=DIALECT,
        )
        self._api = LambdaApi(caller)

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
        """Return all that is on sale now, in every region: one call shows it whole."""
        del known
        menu, fetched_at = Menu(self._clock), self._clock.now()
        rows = list((await self._api.instance_types()).values())
        await menu.take(rows, TypeOnSale, lambda row: tuple(offers_of(row, fetched_at=fetched_at)))
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        key = await self._key_for(order)
        # The launch itself waits in no line; it would come too soon after the key.
        await self._clock.sleep(1 / self._quirks.requests_per_second)
        asked_at = self._clock.now()
        try:
            new = new_instance_of(order, key_name=key.name, image=self._image)
            instance_id = InstanceId(await self._api.launch(new))
        except Ambiguous:
            # It may be there, and need its key.
            raise
        except ProviderError:
            if key.name == order.label:
                with suppress(ProviderError):
                    await self._api.delete_key(key.id)
            raise
        self._booting_at[instance_id], self._labels[instance_id] = asked_at, order.label
        return Instance(
            id=instance_id,
            provider=PROVIDER,
            label=order.label,
            mark=order.label,
            status=InstanceStatus.BOOTING,
        )

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label; None only if a complete listing lacks it."""
        listing = await self.list_all()
        found = next((one for one in listing.instances if label in {one.label, one.mark}), None)
        if found is None and not listing.complete:
            raise Unavailable(f"find {label}: {listing.trouble}")
        return found

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        asked_at = self._clock.now()
        row = await self._api.instance(instance_id)
        seen = None if row is None else self._known(row)
        if seen is None:
            self._booting_at.pop(instance_id, None)
        elif seen.status is InstanceStatus.BOOTING:
            self._booting_at[instance_id] = asked_at
        return seen

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""

        async def fetch(cursor: str | None) -> Page:
            del cursor
            return Page(rows=await self._api.instances())

        began_at = self._clock.now()
        return await list_whole(fetch, kind=InstanceRow, make=self._known, began_at=began_at)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance, then drop its key; may be called any number of times."""
        row = await self._api.terminate(instance_id)
        label = self._labels.get(instance_id) if row is None else label_of(row)
        if label is None:
            return
        # Until no key is left of it, this fails, and is called again.
        self._labels[instance_id] = label
        with clearing_away():
            keys = await self._api.keys()
            for key in keys_left_of(row, keys, label=label, now=self._clock.now()):
                await self._api.delete_key(key.id)
        self._labels.pop(instance_id, None)

    async def balance(self) -> Money | None:
        """Return None: the cloud does not tell."""
        return None

    async def aclose(self) -> None:
        """Nothing to close: the door is not ours."""

    def _known(self, row: InstanceRow) -> Instance | None:
        return instance_of(row, billed_from=self._booting_at.get(row.id))

    async def _key_for(self, order: LaunchOrder) -> KeyRow:
        """Return a key for this launch alone; where the cloud takes no second one of the same text, that which it has."""
        if not order.ssh_public_keys:
            raise BadOrder(f"create {order.label}: a launch needs an SSH key")
        public = order.ssh_public_keys[0].strip()
        try:
            return await self._api.add_key(name=order.label, public_key=public)
        except BadOrder:
            for key in await self._api.keys():
                if same_key(key.public_key, public):
                    return key
            raise
