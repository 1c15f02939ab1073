"""Verda as a `CloudProvider`: its API and the mapping put together. It decides nothing.

An instance there is more than one thing: a volume that outlives it and is billed on, SSH keys, and a start-up script. All
bear its label. A volume that is left is shown as an instance that is stopped, by which it is destroyed like any other;
keys and scripts cost nothing, and are dropped when their instance is, or once nothing has used them for long.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money, money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import (
    BadOrder,
    OfferGone,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.account import Account, found_in, seen
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.verda.api import DIALECT, InstanceRow, TypeRow, VerdaApi, VolumeRow
from gpu_shopper.providers.verda.login import Login
from gpu_shopper.providers.verda.mapping import (
    GONE,
    PROVIDER,
    VOLUME,
    image_for,
    instance_of,
    is_left,
    label_in,
    labels_of,
    made_before,
    new_instance_of,
    offers_of,
    script_of,
    split_offer,
    thing_name,
    volume_as_instance,
)
from gpu_shopper.transport.calling import GLANCE_S, clearing_away
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import Menu

KEYS, SCRIPTS = "sshkeys", "scripts"
# Keys and scripts that are left are looked for so often.
_TIDY_PERIOD_S = 600.0


class VerdaProvider(Account):
    """One account there."""

    provider = PROVIDER
    has_mark = True

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        caller = self._caller(DIALECT, headers={}, without="/v1")
        login = Login(
            caller,
            self._clock,
            client_id=self._settings["client_id"],
            secret=self._settings["key"],
        )
        self._api = VerdaApi(caller, login)
        self._gb_month: float | None = None
        self._images: dict[str, Sequence[str]] = {}
        self._being_bought: set[str] = set()
        # What was last listed: an order to end an instance has to name its volume.
        self._listed: Mapping[str, InstanceRow] = {}
        self._unused_since: dict[tuple[str, str], float] = {}
        self._tidied_at: float | None = None

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that can be had now, at each location, at a price or as spot."""
        del known
        menu = Menu(self._clock)
        fetched_at = self._clock.now()
        gb_month = await self._read_volume_price()
        where: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        for is_spot in (False, True):
            for place in await self._api.available(is_spot=is_spot):
                for kind in place.availabilities:
                    where[kind].append((place.location_code, is_spot))

        def make(row: TypeRow) -> Sequence[Offer]:
            self._images[row.instance_type] = row.supported_os or ()
            places = where.get(row.instance_type, ())
            return tuple(offers_of(row, places, gb_month=gb_month, fetched_at=fetched_at))

        await menu.take(await self._api.types(), TypeRow, make)
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        chosen = split_offer(order.offer.provider_id)
        if chosen is None:
            raise OfferGone(f"there is no offer {order.offer.provider_id}")
        kind, location, _ = chosen
        self._being_bought.add(order.label)
        try:
            if kind not in self._images:
                # After a restart: the menu alone says which image a kind of machine starts with. Without it, it gets ours.
                with suppress(ProviderError):
                    await self.list_offers()
            key_ids, script_id = await self._prepare(order)
            new = new_instance_of(
                order,
                kind=kind,
                location=location,
                image=image_for(self._image, self._images.get(kind, ())),
                key_ids=key_ids,
                script_id=script_id,
            )
            instance_id = await self._api.create(new)
        except (Refused, Unauthorized, RateLimited):
            with suppress(ProviderError):
                await self._drop_things(order.label)
            raise
        finally:
            self._being_bought.discard(order.label)
        return self._bought(instance_id, order)

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label; None only if a complete listing lacks it."""
        return found_in(await self._list_instances(), label)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that nothing of it is held, its volume included."""
        if instance_id.startswith(VOLUME):
            volume = await self._api.volume(instance_id.removeprefix(VOLUME))
            there = volume is not None and is_left(volume)
            return volume_as_instance(volume) if volume is not None and there else None
        row = await self._api.instance(instance_id)
        if row is None:
            return None
        if row.status != GONE:
            return await self._made(row)
        left = await self._volumes_of(row)
        return volume_as_instance(left[0], instance_id=instance_id) if left else None

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not, and the volumes that are left of ours."""
        listing = await self._list_instances()
        labels = {text for one in listing.instances for text in (one.label, one.mark)}
        labels |= self._being_bought
        try:
            rows = decode_rows(await self._api.volumes(), VolumeRow)
        except Unavailable as error:
            return replace(listing, complete=False, trouble=listing.trouble or f"volumes: {error}")
        trouble = listing.trouble
        if rows.rejected and not trouble:
            trouble = f"{rows.rejected} volumes cannot be read: {rows.example}"
        before = listing.began_at - self._quirks.quarantine
        left = tuple(_left_alone(rows.good, labels=labels, before=before))
        if listing.complete:
            with suppress(ProviderError):
                await self._tidy(labels)
        return replace(
            listing,
            instances=(*listing.instances, *left),
            complete=not trouble,
            trouble=trouble,
        )

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance and of all that bears its label; may be called any number of times.

        Raises:
            Unavailable: not yet, while it is provisioned. Ask again.
        """
        if instance_id.startswith(VOLUME):
            await self._api.delete_volumes([instance_id.removeprefix(VOLUME)])
            return
        row = await self._glance(instance_id)
        if row is None or row.status != GONE:
            # Only its own: another volume that somebody attached is not ours to delete. An empty list would keep them all.
            volume_ids = [row.os_volume_id] if row is not None and row.os_volume_id else None
            await self._api.delete(instance_id, volume_ids=volume_ids)
        with clearing_away():
            # Now there is time to look for what the order could not name.
            row = row or await self._api.instance(instance_id, urgent=True)
            if row is not None:
                await self._clear_away(row)

    async def balance(self) -> Money | None:
        """Return the money left on the account; None where it is kept in another currency."""
        left = await self._api.balance()
        return money(left.amount) if left.currency.lower() == "usd" else None

    async def _clear_away(self, row: InstanceRow) -> None:
        """Delete the volume of an instance that has ended, and drop the keys and the script of one that was told to."""
        if row.status == GONE:
            left = await self._volumes_of(row)
            if left:
                await self._api.delete_volumes([volume.id for volume in left])
        for label in labels_of(row):
            await self._drop_things(label)

    async def _glance(self, instance_id: str) -> InstanceRow | None:
        """Return what can be had at once about an instance that shall end: as it is, else as it was last listed."""
        try:
            return await self._api.instance(instance_id, urgent=True, patience=GLANCE_S)
        except ProviderError:
            return self._listed.get(instance_id)

    async def _prepare(self, order: LaunchOrder) -> tuple[list[str], str | None]:
        """Make the keys and the script that the order needs, each under its label."""
        key_ids = [
            await self._make_key(thing_name(order.label, f"key{number}"), key)
            for number, key in enumerate(order.ssh_public_keys, start=1)
        ]
        script = script_of(order)
        if not script:
            return key_ids, None
        body = {"name": thing_name(order.label, "sh"), "script": script}
        return key_ids, await self._api.add(SCRIPTS, body)

    async def _make_key(self, name: str, key: str) -> str:
        try:
            return await self._api.add(KEYS, {"name": name, "key": key.strip()})
        except BadOrder:
            # The account may have it already, under whatever name.
            for row in await self._api.named(KEYS):
                if (row.key or "").split()[:2] == key.split()[:2]:
                    return row.id
            raise

    async def _drop_things(self, label: str) -> None:
        """Drop the keys and the script of one attempt; never anybody else's."""
        for kind in (KEYS, SCRIPTS):
            rows = await self._api.named(kind, urgent=True)
            ids = [row.id for row in rows if row.name.startswith(thing_name(label, ""))]
            if ids:
                await self._api.drop(kind, ids)

    async def _tidy(self, labels: set[str]) -> None:
        """Drop the keys and scripts of which no instance has been listed for as long as one may stay unseen."""
        now = self._clock.monotonic()
        if self._tidied_at is not None and now - self._tidied_at < _TIDY_PERIOD_S:
            return
        self._tidied_at = now
        unused: dict[tuple[str, str], float] = {}
        for kind in (KEYS, SCRIPTS):
            for row in await self._api.named(kind):
                label = label_in(row.name) if "." in row.name else None
                if label is not None and label not in labels:
                    unused[kind, row.id] = self._unused_since.get((kind, row.id), now)
        self._unused_since = unused
        patience = self._quirks.quarantine.total_seconds()
        for kind in (KEYS, SCRIPTS):
            ids = [
                id_ for (of, id_), since in unused.items() if of == kind and now - since >= patience
            ]
            if ids:
                await self._api.drop(kind, ids)

    async def _volumes_of(self, row: InstanceRow) -> list[VolumeRow]:
        """Return the volumes that are left of an instance that is discontinued."""
        labels = labels_of(row)
        rows = decode_rows(await self._api.volumes(urgent=True), VolumeRow)
        if rows.rejected:
            raise Unavailable(f"volumes: {rows.rejected} cannot be read: {rows.example}")
        return [
            volume
            for volume in rows.good
            if is_left(volume) and (volume.id == row.os_volume_id or volume.name in labels)
        ]

    async def _list_instances(self) -> Listing:
        gb_month = await self._volume_price()
        listed: dict[str, InstanceRow] = {}

        def make(row: InstanceRow) -> Instance | None:
            listed[row.id] = row
            return instance_of(row, gb_month=gb_month)

        listing = await self._whole_at_once(self._api.instances, InstanceRow, make)
        self._listed = listed
        return listing

    async def _made(self, row: InstanceRow) -> Instance | None:
        gb_month = await self._volume_price()
        return seen(row, lambda one: instance_of(one, gb_month=gb_month), instance_id=row.id)

    async def _volume_price(self) -> float:
        return await self._read_volume_price() if self._gb_month is None else self._gb_month

    async def _read_volume_price(self) -> float:
        """Return what a gigabyte of the volumes that instances start from costs a month."""
        for row in await self._api.volume_types():
            if row.type == "NVMe":
                self._gb_month = float(row.price.price_per_month_per_gb)
        if self._gb_month is None:
            raise Unavailable("offers: there is no price for volumes")
        return self._gb_month


def _left_alone(
    volumes: Iterable[VolumeRow], *, labels: set[str], before: datetime
) -> Iterator[Instance]:
    """Yield the volumes with a label of which there is no instance; a young one may still be waiting for its own."""
    for volume in volumes:
        label = label_in(volume.name)
        if label is None or label in labels:
            continue
        if is_left(volume) and made_before(volume, before):
            yield volume_as_instance(volume)
