"""Lambda Cloud as a `CloudProvider`: its API and the mapping put together. It decides nothing.

A launch must name exactly one key that the account keeps; the start-up script admits all keys by itself.
"""

from datetime import datetime
from functools import partial

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, InstanceStatus, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.providers.account import Account, seen
from gpu_shopper.providers.keys import dropped_if_refused, key_for, keys_left
from gpu_shopper.providers.lambda_cloud.api import (
    DIALECT,
    InstanceRow,
    LambdaApi,
    TypeOnSale,
)
from gpu_shopper.providers.lambda_cloud.mapping import (
    PROVIDER,
    instance_of,
    label_of,
    new_instance_of,
    offers_of,
)
from gpu_shopper.providers.manifest import Access
from gpu_shopper.transport.calling import clearing_away
from gpu_shopper.transport.listing import Menu


class LambdaProvider(Account):
    """One account there."""

    provider = PROVIDER
    has_mark = True

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        # When an instance of ours was last known to boot, which is not billed yet; the cloud does not tell.
        self._booting_at: dict[str, datetime] = {}
        self._labels: dict[str, Label] = {}
        self._api = LambdaApi(self._caller(DIALECT))

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, in every region: one call shows it whole."""
        del known
        menu, fetched_at = Menu(self._clock), self._clock.now()
        rows = list((await self._api.instance_types()).values())
        await menu.take(rows, TypeOnSale, lambda row: tuple(offers_of(row, fetched_at=fetched_at)))
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        key = await key_for(
            order,
            add=lambda public: self._api.add_key(name=order.label, public_key=public),
            known=self._api.keys,
        )
        # The launch itself waits in no line; it would come too soon after the key.
        await self._clock.sleep(1 / self._quirks.requests_per_second)
        asked_at = self._clock.now()
        is_own = key.name == order.label
        async with dropped_if_refused(partial(self._api.delete_key, key.id) if is_own else None):
            new = new_instance_of(order, key_name=key.name, image=self._image)
            instance_id = InstanceId(await self._api.launch(new))
        self._booting_at[instance_id], self._labels[instance_id] = asked_at, order.label
        return self._bought(instance_id, order)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        asked_at = self._clock.now()
        row = await self._api.instance(instance_id)
        there = seen(row, self._known, instance_id=instance_id)
        if there is None:
            self._booting_at.pop(instance_id, None)
        elif there.status is InstanceStatus.BOOTING:
            self._booting_at[instance_id] = asked_at
        return there

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""
        return await self._whole_at_once(self._api.instances, InstanceRow, self._known)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance, then drop its key; may be called any number of times."""
        row = await self._api.terminate(instance_id)
        label = self._labels.get(instance_id) if row is None else label_of(row)
        if label is None:
            return
        # Until no key is left of it, this fails, and is called again.
        self._labels[instance_id] = label
        with clearing_away():
            keys, own = await self._api.keys(), {label, *([] if row is None else row.ssh_key_names)}
            for key in keys_left(keys, own=own, label=label, now=self._clock.now()):
                await self._api.delete_key(key.id)
        self._labels.pop(instance_id, None)

    def _known(self, row: InstanceRow) -> Instance | None:
        return instance_of(row, billed_from=self._booting_at.get(row.id))
