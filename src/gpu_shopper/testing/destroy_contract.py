"""What every adapter has to keep when it ends something: the order goes out whatever the cloud shows, and all goes in the end.

A destroy may read: what is left beside an instance, whose it was. Such a read must hold up nothing: a cloud that shows
nothing for hours still does what it is told, and whatever is not told to end is paid for.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from gpu_shopper.domain.ids import LENGTH, DeploymentId, SessionId, base32
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.label import LabelFacts, write_label
from gpu_shopper.domain.offer import Offer
from gpu_shopper.engine.cloud import READ_LIMIT
from gpu_shopper.ports.provider import LaunchOrder, OfferListing
from gpu_shopper.ports.provider_errors import ProviderError, RateLimited
from gpu_shopper.testing.cloud_under_test import (
    BLINDNESSES,
    Check,
    CloudUnderTest,
    Misdeed,
    ways,
)

_SOON = 60.0
_LONG = timedelta(days=3)


async def no_read_holds_up_a_destroy(cloud: CloudUnderTest) -> None:
    """Where reads hang, fail or are put off, the order still goes out in the time that the engine gives a destroy.

    So it does from an adapter that has just been made, and has seen nothing yet. Nor may it ask for patience then, which
    would hold up other ends: the cloud has taken this one.
    """
    for number, misdeed in enumerate(ways(cloud, BLINDNESSES)):
        for knows in (True, False):
            bought = await _bought(cloud, await _fresh(cloud, number=2 * number + knows))
            if not knows:
                cloud.restart()
            error = await _destroyed_blindly(cloud, bought, misdeed=misdeed)
            await cloud.pass_time(_SOON)
            assert bought.id not in cloud.held(), (misdeed, knows)
            assert not isinstance(error, RateLimited), (misdeed, knows)


async def what_a_blind_destroy_left_goes_later(cloud: CloudUnderTest) -> None:
    """When the cloud shows something again, nothing stays beside what was ended: at the latest when the next one is."""
    before = dict(cloud.leftovers())
    for number, misdeed in enumerate(ways(cloud, BLINDNESSES)):
        for knows in (True, False):
            order = await _fresh(cloud, number=2 * number + knows)
            bought = await _bought(cloud, order)
            if not knows:
                cloud.restart()
            await _destroyed_blindly(cloud, bought, misdeed=misdeed)
            if not knows:
                cloud.restart()
            await _destroyed(cloud, bought)
            await cloud.pass_time(_LONG.total_seconds())
            later = await _fresh(cloud, number=100 + 2 * number + knows, like=order.offer)
            await _destroyed(cloud, await _bought(cloud, later))
            assert dict(cloud.leftovers()) == before, (misdeed, knows)


DESTROYING: tuple[Check, ...] = (no_read_holds_up_a_destroy, what_a_blind_destroy_left_goes_later)


async def _bought(cloud: CloudUnderTest, order: LaunchOrder) -> Instance:
    bought = await cloud.provider.launch(order)
    await cloud.pass_time(_SOON)
    return bought


async def _destroyed_blindly(
    cloud: CloudUnderTest, bought: Instance, *, misdeed: Misdeed
) -> ProviderError | None:
    cloud.misbehave(misdeed)
    error = await cloud.cut_off(
        lambda: cloud.provider.destroy(bought.id), seconds=READ_LIMIT.total_seconds()
    )
    cloud.behave()
    return error


async def _destroyed(cloud: CloudUnderTest, bought: Instance) -> None:
    """Do as the engine does: ask again until it is taken, then look until it is gone, and list now and then."""
    quarantine = cloud.provider.quirks.quarantine.total_seconds()
    for _ in range(3):
        with suppress(ProviderError):
            await cloud.provider.destroy(bought.id)
        await cloud.pass_time(_SOON)
    assert await cloud.provider.observe(bought.id) is None
    for _ in range(3):
        await cloud.provider.list_all()
        await cloud.pass_time(quarantine)


async def _fresh(cloud: CloudUnderTest, *, number: int, like: Offer | None = None) -> LaunchOrder:
    """Return an order at today's price, with a label as the engine writes it: whose it is, and until when, stands in it."""
    order = cloud.order(number % 8)
    wanted = order.offer if like is None else like
    listing = await cloud.provider.list_offers()
    assert isinstance(listing, OfferListing), listing
    offer = next(one for one in listing.offers if one.provider_id == wanted.provider_id)
    facts = LabelFacts(
        deployment=DeploymentId(f"dep_{base32(1, length=LENGTH)}"),
        session=SessionId(f"ses_{base32(number, length=LENGTH)}"),
        number=1,
        expires_at=order.ends_by,
    )
    label = write_label(facts, key=b"k" * 32)
    return replace(order, offer=offer, price_cap=offer.price, label=label)
