"""What holds at every cloud that has a simulator, found by its contract test: nothing stays, and spot is what it says."""

import asyncio
from contextlib import suppress
from contextvars import Context

import pytest

from gpu_shopper.domain.money import rate
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.provider import CloudProvider, OfferListing
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.testing.leisure_contract import a_menu_in_progress_lets_all_else_pass
from gpu_shopper.testing.vendors.program import simulated
from tests.contract.evidence import kinds
from tests.contract.vendor_rig import VendorUnderTest, changed

_TRIES, _PAUSE_S = 40, 60.0
# A key that is not known to be anybody's is kept until its order can be no launch that is under way any more.
_LATER_S = 4 * 3600.0
# Prices move meanwhile.
_ANY_PRICE = rate(1_000)
every_cloud = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.manifest.name)


async def ended(cloud: VendorUnderTest, instance_id: str) -> None:
    """End an instance as the engine does: until the cloud says that there is none."""
    for _ in range(_TRIES):
        with suppress(ProviderError):
            await cloud.provider.destroy(instance_id)
            if await cloud.provider.observe(instance_id) is None:
                return
        await cloud.pass_time(_PAUSE_S)
    raise AssertionError(f"{instance_id} is still there")


def test_each_simulated_cloud_stands_trial() -> None:
    assert simulated() == sorted(kind.manifest.name for kind in kinds())


@every_cloud
def test_nothing_is_left_of_what_was_bought_and_ended(kind: type[VendorUnderTest]) -> None:
    cloud = kind()
    before = dict(cloud.vendor.leftovers())

    async def story() -> None:
        bought = [await cloud.provider.launch(cloud.order(number)) for number in range(3)]
        await cloud.pass_time(_PAUSE_S)
        for instance in bought:
            await ended(cloud, instance.id)
        # What may still be somebody's is cleared away with a later one.
        await cloud.pass_time(_LATER_S)
        last = changed(cloud.order(3), price_cap=_ANY_PRICE)
        await ended(cloud, (await cloud.provider.launch(last)).id)
        await cloud.pass_time(_LATER_S)

    asyncio.run(story())

    assert frozenset() == cloud.held()
    assert before == cloud.vendor.leftovers()


@every_cloud
def test_what_can_be_taken_back_is_sold_and_bought_as_such(kind: type[VendorUnderTest]) -> None:
    cloud = kind()

    async def story() -> bool:
        listing = await cloud.provider.list_offers()
        assert isinstance(listing, OfferListing)
        spot = [offer for offer in listing.offers if offer.interruptible]
        if spot:
            order = changed(cloud.order(0), offer=spot[0], price_cap=spot[0].price)
            bought = await cloud.provider.launch(order)
            await cloud.pass_time(_PAUSE_S)
            seen = await cloud.provider.find(order.label)
            assert seen is not None
            assert seen.id == bought.id
            assert seen.rate is None or seen.rate <= spot[0].price
            await ended(cloud, bought.id)
        return bool(spot)

    assert cloud.provider.capabilities.interruptible is asyncio.run(story())
    assert frozenset() == cloud.held()


class Forgetful:
    """An adapter that begins its menu in a task which the mark of its caller does not reach."""

    def __init__(self, provider: CloudProvider) -> None:
        self._provider = provider

    def __getattr__(self, name: str) -> object:
        return getattr(self._provider, name)

    async def list_offers(self, *, known: str = "") -> object:
        menu = self._provider.list_offers(known=known)
        return await asyncio.create_task(menu, context=Context())


@every_cloud
def test_an_adapter_whose_menus_do_not_step_aside_is_found_out(kind: type[VendorUnderTest]) -> None:
    class Forgetting(kind):
        def restart_by(self, clock: Clock) -> None:
            super().restart_by(clock)
            self.provider = Forgetful(self.provider)

    with pytest.raises(AssertionError):
        asyncio.run(a_menu_in_progress_lets_all_else_pass(Forgetting()))


@every_cloud
def test_its_charges_are_told_or_where_people_find_them(kind: type[VendorUnderTest]) -> None:
    assert kind.manifest.bill_page
