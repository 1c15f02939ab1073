"""Hyperstack as a `CloudProvider`: its API and the mapping put together. It decides nothing.

A machine needs an environment, which stands for the region, and a key pair in it. The account's usual environment is
taken where there is one, else one of this deployment's own; the key pair is made for each launch and goes before the
machine does, so that a crash between the two leaves nothing.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.money import Money, money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import BadOrder, ProviderError
from gpu_shopper.providers.account import Account, seen
from gpu_shopper.providers.hyperstack.api import DIALECT, PAGE, HyperstackApi
from gpu_shopper.providers.hyperstack.mapping import (
    PROVIDER,
    PriceList,
    instance_of,
    is_own_environment,
    launch_label_of,
    market_of,
    new_vm_of,
    newest_image,
    offers_of,
    own_environment,
    parts_of,
    price_list_of,
    short_name,
    usual_environment,
)
from gpu_shopper.providers.hyperstack.rows import Environment, FlavorRow, KeyPair, VmRow
from gpu_shopper.providers.keys import dropped_if_refused, key_for, keys_left
from gpu_shopper.providers.manifest import Access
from gpu_shopper.transport.calling import GLANCE_S, clearing_away
from gpu_shopper.transport.listing import Menu, Page

_PRICES_LAST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What goes with a machine: its key pair by label, and its environment where that is ours."""

    label: str
    environment: Environment | None
    keys_gone: bool = False


class HyperstackProvider(Account):
    """One account there."""

    provider = PROVIDER
    cuts_names = True

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        self._prices: PriceList | None = None
        self._asked_prices_at: datetime | None = None
        # What is left of machines that were told to end, until it is cleared away or they are gone.
        self._leftovers: dict[str, Leftover] = {}
        self._begun: set[str] = set()
        headers = {"api_key": self._settings["key"]}
        self._api = HyperstackApi(self._caller(DIALECT, headers=headers))

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now: flavors that are left, in regions with public addresses, at the price list's."""
        del known
        menu, fetched_at = Menu(self._clock), self._clock.now()
        groups = (await self._api.flavors()).data
        stocks = (await self._api.stocks()).stocks
        regions = (await self._api.regions()).regions
        market = market_of(await self._api.prices(), stocks, regions)
        self._prices = market.prices
        for group in groups:
            region = group.region_name

            def make(row: FlavorRow, region: str = region) -> tuple[Offer, ...]:
                return tuple(
                    offers_of(row, group_region=region, market=market, fetched_at=fetched_at)
                )

            await menu.take(group.flavors, FlavorRow, make)
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        flavor, region = parts_of(order.offer)
        environment = await self._environment_in(region, order.label)
        name = short_name(order.label)

        async def there() -> list[KeyPair]:
            pairs = await self._api.keypairs()
            return [one for one in pairs if one.environment and one.environment.name == environment]

        key = await key_for(
            order,
            add=lambda public: self._api.add_keypair(
                name=name, environment=environment, public_key=public
            ),
            known=there,
        )
        is_own = key.name == name
        async with dropped_if_refused(
            partial(self._api.delete_keypair, key.id) if is_own else None
        ):
            new = new_vm_of(
                order,
                flavor=flavor,
                environment=environment,
                key_name=key.name,
                image=order.image or self._image or await self._newest_image(region),
            )
            vm_id = await self._api.create(new)
        return self._bought(vm_id, order)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.vm(instance_id)
        if row is None:
            await self._clear_environment(instance_id)
            return None
        prices = await self._price_list()
        return seen(row, lambda one: instance_of(one, prices), instance_id=instance_id)

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""
        seen, prices = 0, self._prices

        async def fetch(cursor: str | None) -> Page:
            nonlocal seen
            number = int(cursor or 1)
            page = await self._api.vms(number)
            seen += len(page.instances)
            size = min(PAGE, page.page_size or PAGE)
            # A page that is full may be the last one, or not; its own count may be of that page alone.
            more = bool(page.instances) and (
                len(page.instances) >= size or seen < (page.count or 0)
            )
            return Page(
                rows=page.instances,
                next_cursor=str(number + 1) if more else None,
                total=page.count if page.count and page.count > seen else None,
            )

        return await self._whole(fetch, VmRow, lambda row: instance_of(row, prices))

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance, its key first; may be called any number of times."""
        # Whatever held up an earlier try must not hold up this one: the machine first, then.
        begun = instance_id in self._begun
        self._begun.add(instance_id)
        is_clear = not begun and await self._prepare_end(instance_id)
        await self._api.delete(instance_id)
        if not is_clear:
            with clearing_away():
                await self._note_leftover(instance_id)
                await self._clear_key(instance_id)
        self._begun.discard(instance_id)

    async def balance(self) -> Money | None:
        """Return the money left on the account."""
        credit = await self._api.credit()
        return None if credit is None else money(credit)

    async def _price_list(self) -> PriceList | None:
        """Return the price list, which machines do not tell: the menu's last, else one that is asked for once in a while."""
        now = self._clock.now()
        if self._prices is None and (
            self._asked_prices_at is None or now - self._asked_prices_at > _PRICES_LAST
        ):
            # Noted before: who waits for it in vain does not do so each time.
            self._asked_prices_at = now
            with suppress(ProviderError):
                self._prices = price_list_of(await self._api.prices())
        return self._prices

    async def _environment_in(self, region: str, label: str) -> str:
        """Return the name of an environment in this region: the usual one, else ours, which is made if need be."""
        own, usual = own_environment(label, region), usual_environment(region)
        there = await self._environments_of(region)
        for name in (usual, own):
            if name in there:
                return name
        try:
            made = await self._api.add_environment(name=own, region=region)
        except BadOrder:
            # Another launch may have made it since.
            if own in await self._environments_of(region):
                return own
            raise
        return made.name or own

    async def _environments_of(self, region: str) -> set[str]:
        rows = await self._api.environments()
        return {one.name for one in rows if one.region == region and one.name}

    async def _newest_image(self, region: str) -> str:
        image = newest_image(await self._api.images(region))
        if image is None:
            raise BadOrder(f"{region} has no image of Ubuntu with CUDA; name one in `image`")
        return image

    async def _prepare_end(self, instance_id: InstanceId) -> bool:
        """Clear away what can be at once before a machine ends; return whether that was all."""
        try:
            await self._note_leftover(instance_id, patience=GLANCE_S)
            await self._clear_key(instance_id, patience=GLANCE_S)
        except ProviderError:
            return False
        return True

    async def _note_leftover(
        self, instance_id: InstanceId, *, patience: float | None = None
    ) -> None:
        row = await self._api.vm(instance_id, urgent=True, patience=patience)
        if row is None or instance_id in self._leftovers:
            return
        label = launch_label_of(row)
        if label is not None:
            own = row.environment if is_own_environment(row.environment, label) else None
            self._leftovers[instance_id] = Leftover(label=label, environment=own)

    async def _clear_key(self, instance_id: InstanceId, *, patience: float | None = None) -> None:
        """Delete the key pair that was made for a machine, and those that earlier crashes left; never anybody else's."""
        left = self._leftovers.get(instance_id)
        if left is None or left.keys_gone:
            return
        pairs = await self._api.keypairs(urgent=True, patience=patience)
        own, now = {short_name(left.label)}, self._clock.now()
        for pair in keys_left(pairs, own=own, label=left.label, now=now):
            await self._api.delete_keypair(pair.id, patience=patience)
        if left.environment is None:
            del self._leftovers[instance_id]
        else:
            self._leftovers[instance_id] = replace(left, keys_gone=True)

    async def _clear_environment(self, instance_id: InstanceId) -> None:
        """Delete an environment of ours after a machine in it is gone; one with others in it stays."""
        left = self._leftovers.pop(instance_id, None)
        if left is not None and left.environment is not None and left.environment.id is not None:
            with suppress(ProviderError):
                await self._api.delete_environment(left.environment.id)
