"""A provider under another name, so that several clouds of a kind can stand side by side in one world."""

from dataclasses import replace

from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder, OfferListing


class NamedProvider:
    """A provider under another name, so that several of a kind can stand side by side."""

    def __init__(self, inner: CloudProvider, *, name: ProviderName) -> None:
        self._inner = inner
        self._name = name

    @property
    def name(self) -> ProviderName:
        """See the port."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """See the port."""
        return self._inner.capabilities

    @property
    def quirks(self) -> Quirks:
        """See the port."""
        return self._inner.quirks

    async def list_offers(self) -> OfferListing:
        """See the port."""
        menu = await self._inner.list_offers()
        offers = tuple(
            replace(offer, id=OfferId(f"{self._name}:{offer.provider_id}"), provider=self._name)
            for offer in menu.offers
        )
        return replace(menu, offers=offers)

    async def launch(self, order: LaunchOrder) -> Instance:
        """See the port."""
        return self._mine(await self._inner.launch(order))

    async def find(self, label: Label) -> Instance | None:
        """See the port."""
        found = await self._inner.find(label)
        return None if found is None else self._mine(found)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """See the port."""
        found = await self._inner.observe(instance_id)
        return None if found is None else self._mine(found)

    async def list_all(self) -> Listing:
        """See the port."""
        listing = await self._inner.list_all()
        return replace(listing, instances=tuple(self._mine(one) for one in listing.instances))

    async def destroy(self, instance_id: InstanceId) -> None:
        """See the port."""
        await self._inner.destroy(instance_id)

    async def balance(self) -> Money | None:
        """See the port."""
        return await self._inner.balance()

    async def aclose(self) -> None:
        """See the port."""
        await self._inner.aclose()

    def _mine(self, instance: Instance) -> Instance:
        return replace(instance, provider=self._name)
