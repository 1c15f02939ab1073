"""What every cloud's adapter has to keep, as checks that run against the adapter and a cloud that can misbehave.

For a provider outside this repository too: write a `CloudUnderTest` over recordings or a simulator, then
run each check of `CONTRACT` on a fresh one. A check that needs a misdeed which the cloud cannot be
told to commit says so by `NotTried`; the rest must pass.
"""

import asyncio
from dataclasses import replace
from functools import partial

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.ports.provider import OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.testing.cloud_under_test import (
    SILENCES,
    Check,
    CloudUnderTest,
    Misdeed,
    NotTried,
    raises,
    ways,
)
from gpu_shopper.testing.destroy_contract import DESTROYING
from gpu_shopper.testing.leisure_contract import LEISURE

_SOON = 60.0


async def offers_are_whole(cloud: CloudUnderTest) -> None:
    """Every offer names its cloud, has an id of ours and a price, and occurs once."""
    listing = await cloud.provider.list_offers()

    assert isinstance(listing, OfferListing), listing
    assert listing.offers, "there is nothing on sale"
    assert len({offer.id for offer in listing.offers}) == len(listing.offers)
    for offer in listing.offers:
        assert offer.provider == cloud.provider.name, offer
        assert offer.id == f"{offer.provider}:{offer.provider_id}", offer
        assert offer.price > HourlyRate(0), offer
        assert offer.gpu_type, offer
        assert offer.fetched_at.tzinfo is not None, offer


async def an_unchanged_menu_may_say_so(cloud: CloudUnderTest) -> None:
    """Who gives a revision may answer `Unchanged` to it, while nothing changes, and to nothing else."""
    listing = await cloud.provider.list_offers()
    assert isinstance(listing, OfferListing), listing
    if not listing.revision:
        raise NotTried

    assert isinstance(await cloud.provider.list_offers(known=listing.revision), Unchanged)
    for known in ("", "nothing-of-that-name"):
        again = await cloud.provider.list_offers(known=known)
        assert isinstance(again, OfferListing), known
        assert set(_facts(again)) == set(_facts(listing)), known
    for misdeed in ways(cloud, SILENCES):
        cloud.misbehave(misdeed)
        ask = partial(cloud.provider.list_offers, known=listing.revision)
        await raises(Unavailable, ask, misdeed)
        cloud.behave()


async def a_menu_that_changed_is_listed_anew(cloud: CloudUnderTest) -> None:
    """What was sold out of it is no longer unchanged: at the latest when an offer is gone from it."""
    before = await cloud.provider.list_offers()
    assert isinstance(before, OfferListing), before
    await cloud.provider.launch(cloud.order(0))

    after = await cloud.provider.list_offers(known=before.revision)

    whole = await cloud.provider.list_offers()
    assert isinstance(whole, OfferListing), whole
    if set(_facts(whole)) == set(_facts(before)):
        raise NotTried
    assert isinstance(after, OfferListing), "a changed menu was called unchanged"
    assert set(_facts(whole)) == set(_facts(after))


def _facts(listing: OfferListing) -> list[tuple[str, HourlyRate]]:
    return [(offer.id, offer.price) for offer in listing.offers]


async def a_launch_is_tagged_from_birth(cloud: CloudUnderTest) -> None:
    """What was just bought is seen with its label by every way of looking."""
    order = cloud.order(0)

    bought = await cloud.provider.launch(order)

    assert bought.label == order.label, bought
    assert cloud.held() == {bought.id}
    seen = await cloud.provider.observe(bought.id)
    found = await cloud.provider.find(order.label)
    listed = await cloud.provider.list_all()
    assert seen is not None, bought.id
    assert found is not None, order.label
    assert [bought.id] == [instance.id for instance in listed.instances]
    assert {order.label} == {seen.label, found.label, listed.instances[0].label}


async def what_was_granted_can_be_read_back(cloud: CloudUnderTest) -> None:
    """A running instance tells its price, GPUs, billing start and address."""
    bought = await cloud.provider.launch(cloud.order(0))
    await cloud.pass_time(_SOON)

    seen = await cloud.provider.observe(bought.id)

    assert seen is not None, bought.id
    assert seen.status is InstanceStatus.RUNNING, seen
    assert seen.rate is not None, seen
    assert seen.gpu_count >= 1, seen
    assert seen.endpoint is not None, seen
    assert seen.billed_from is not None, seen


async def what_never_was_is_not_found(cloud: CloudUnderTest) -> None:
    """A complete listing that lacks the label, or the cloud's own no, is None."""
    assert await cloud.provider.find(cloud.order(0).label) is None
    assert await cloud.provider.observe(InstanceId("nothing-of-that-name")) is None


async def silence_is_never_absence(cloud: CloudUnderTest) -> None:
    """A cloud that cannot be asked raises, on every way of looking, and says nothing of what it holds."""
    bought = await cloud.provider.launch(cloud.order(0))
    label = Label(bought.label)
    for misdeed in ways(cloud, SILENCES):
        cloud.misbehave(misdeed)
        for look in (
            lambda: cloud.provider.observe(bought.id),
            lambda: cloud.provider.find(label),
            cloud.provider.list_all,
            cloud.provider.list_offers,
        ):
            await raises(Unavailable, look, misdeed)
        cloud.behave()
    assert cloud.held() == {bought.id}


async def a_bad_listing_never_proves_absence(cloud: CloudUnderTest) -> None:
    """With rows that cannot be read, rows that are missing or pages that fail, no listing calls itself complete."""
    bought = [
        await cloud.provider.launch(cloud.order(number)) for number in range(cloud.page_size + 2)
    ]
    tried = 0
    for misdeed in (Misdeed.SENDS_BAD_ROWS, Misdeed.DROPS_ROWS, Misdeed.FAILS_LATER_PAGES):
        try:
            cloud.misbehave(misdeed)
        except NotTried:
            continue
        tried += 1
        listing = await cloud.provider.list_all()
        assert not listing.complete, misdeed
        assert listing.trouble, misdeed
        cloud.behave()
    if not tried:
        raise NotTried
    whole = await cloud.provider.list_all()
    assert whole.complete, whole.trouble
    assert {instance.id for instance in bought} == {instance.id for instance in whole.instances}


async def a_listing_says_when_it_began(cloud: CloudUnderTest) -> None:
    """What happens while a listing is read is not in its past."""
    before = await cloud.provider.list_all()
    await cloud.pass_time(1.0)
    after = await cloud.provider.list_all()

    assert before.began_at < after.began_at


async def an_unclear_create_is_ambiguous(cloud: CloudUnderTest) -> None:
    """A create that was done and not answered for is ambiguous, and found by its label afterwards."""
    for number, misdeed in enumerate(
        (Misdeed.LOSES_CREATE_REPLIES, Misdeed.CREATES_AND_SAYS_ERROR)
    ):
        order = cloud.order(number)
        held = cloud.held()
        cloud.misbehave(misdeed)
        await raises(Ambiguous, partial(cloud.provider.launch, order), misdeed)
        cloud.behave()
        assert len(cloud.held()) == len(held) + 1, misdeed
        found = await cloud.provider.find(order.label)
        assert found is not None, misdeed
        assert found.id in cloud.held() - held, misdeed


async def a_create_that_may_have_arrived_is_no_refusal(cloud: CloudUnderTest) -> None:
    """Nothing was done, but nobody can know: still ambiguous."""
    for number, misdeed in enumerate(
        (Misdeed.LOSES_REQUESTS, Misdeed.IS_DOWN, Misdeed.SHOWS_PAGES)
    ):
        order = cloud.order(number)
        cloud.misbehave(misdeed)
        await raises(Ambiguous, partial(cloud.provider.launch, order), misdeed)
        cloud.behave()
    assert not cloud.held()


async def a_create_is_sent_once(cloud: CloudUnderTest) -> None:
    """However it is answered, one launch is one create."""
    for number, misdeed in enumerate(
        (Misdeed.LOSES_CREATE_REPLIES, Misdeed.CREATES_AND_SAYS_ERROR)
    ):
        cloud.misbehave(misdeed)
        await raises(Ambiguous, partial(cloud.provider.launch, cloud.order(number)), misdeed)
        assert len(cloud.held()) == number + 1, misdeed


async def a_create_that_never_left_says_so(cloud: CloudUnderTest) -> None:
    """Nobody was reached, so nothing can have been bought: plainly unavailable."""
    cloud.misbehave(Misdeed.CANNOT_BE_REACHED)
    await raises(Unavailable, partial(cloud.provider.launch, cloud.order(0)), "no connection")
    cloud.behave()
    assert not cloud.held()


async def a_refusal_bought_nothing(cloud: CloudUnderTest) -> None:
    """The cloud's own no, of each kind, is told by its class."""
    for number, (misdeed, due) in enumerate(
        (
            (Misdeed.HAS_NO_CAPACITY, Refused),
            (Misdeed.ASKS_FOR_PATIENCE, RateLimited),
            (Misdeed.REFUSES_KEY, Unauthorized),
        )
    ):
        order = cloud.order(number)
        cloud.misbehave(misdeed)
        await raises(due, partial(cloud.provider.launch, order), misdeed)
        cloud.behave()
    order = cloud.order(3)
    gone = replace(order, offer=replace(order.offer, provider_id="nothing-of-that-name"))
    await raises(Refused, partial(cloud.provider.launch, gone), "an offer that is not there")
    assert not cloud.held()


async def a_price_above_the_cap_is_refused(cloud: CloudUnderTest) -> None:
    """The cap is absolute, and travels with the create where the cloud knows such a thing."""
    order = cloud.order(0)
    low = HourlyRate(order.offer.price.micros - 100)
    try:
        bought = await cloud.provider.launch(replace(order, price_cap=low))
    except Refused:
        assert not cloud.held()
    else:
        # Then the engine has to see it when it reads back.
        seen = bought if bought.rate is not None else await cloud.provider.observe(bought.id)
        assert seen is not None, bought
        assert seen.rate is not None, seen


async def a_refused_key_is_told_from_silence(cloud: CloudUnderTest) -> None:
    """The operator has to act on it, so it is an error of its own, and never an absence."""
    bought = await cloud.provider.launch(cloud.order(0))
    cloud.misbehave(Misdeed.REFUSES_KEY)
    await raises(Unauthorized, lambda: cloud.provider.observe(bought.id), "observe")
    await raises(Unauthorized, lambda: cloud.provider.find(Label(bought.label)), "find")
    await raises(Unauthorized, cloud.provider.list_all, "list_all")
    await raises(Unauthorized, lambda: cloud.provider.destroy(bought.id), "destroy")


async def destroying_may_be_repeated(cloud: CloudUnderTest) -> None:
    """A second and third time are no errors, nor is what never was; in the end the cloud says gone."""
    bought = await cloud.provider.launch(cloud.order(0))

    await cloud.provider.destroy(bought.id)
    await cloud.provider.destroy(bought.id)
    await cloud.pass_time(_SOON)
    await cloud.provider.destroy(bought.id)
    await cloud.provider.destroy(InstanceId("nothing-of-that-name"))

    assert not cloud.held()
    assert await cloud.provider.observe(bought.id) is None
    assert await cloud.provider.find(Label(bought.label)) is None
    assert not (await cloud.provider.list_all()).instances


async def destroying_one_leaves_the_others(cloud: CloudUnderTest) -> None:
    """An order to end names one instance."""
    first, second = [await cloud.provider.launch(cloud.order(number)) for number in range(2)]

    await cloud.provider.destroy(first.id)
    await cloud.pass_time(_SOON)

    assert cloud.held() == {second.id}


async def an_accepted_destroy_proves_nothing(cloud: CloudUnderTest) -> None:
    """A cloud that says yes and does nothing is seen through by looking."""
    bought = await cloud.provider.launch(cloud.order(0))
    cloud.misbehave(Misdeed.IGNORES_DESTROY)

    await cloud.provider.destroy(bought.id)
    await cloud.pass_time(_SOON)

    assert await cloud.provider.observe(bought.id) is not None


async def a_destroy_without_an_answer_is_told(cloud: CloudUnderTest) -> None:
    """Only a cloud that took the order lets `destroy` return."""
    bought = await cloud.provider.launch(cloud.order(0))
    for misdeed in ways(cloud, SILENCES):
        cloud.misbehave(misdeed)
        await raises(Unavailable, lambda: cloud.provider.destroy(bought.id), misdeed)
        cloud.behave()
    assert cloud.held() == {bought.id}


async def patience_has_a_length(cloud: CloudUnderTest) -> None:
    """Who is asked to wait is told for how long."""
    cloud.misbehave(Misdeed.ASKS_FOR_PATIENCE)
    error = await raises(RateLimited, cloud.provider.list_all, Misdeed.ASKS_FOR_PATIENCE)
    assert isinstance(error, RateLimited)
    assert 0 <= error.retry_after <= 3600, error.retry_after


async def labels_are_compared_whole(cloud: CloudUnderTest) -> None:
    """A label that begins like another is another."""
    order = cloud.order(0)
    await cloud.provider.launch(order)

    assert await cloud.provider.find(Label(order.label[:-1])) is None
    assert await cloud.provider.find(Label(order.label + "a")) is None


async def calls_may_overlap(cloud: CloudUnderTest) -> None:
    """Many launches at once give as many instances, each with its own label."""
    orders = [cloud.order(number) for number in range(8)]

    bought: list[Instance] = await asyncio.gather(
        *(cloud.provider.launch(order) for order in orders)
    )

    assert [order.label for order in orders] == [instance.label for instance in bought]
    assert cloud.held() == {instance.id for instance in bought}
    assert len(bought) == len(cloud.held())


async def closing_twice_is_once(cloud: CloudUnderTest) -> None:
    """Whoever shuts down need not know who did before."""
    await cloud.provider.aclose()
    await cloud.provider.aclose()


CONTRACT: tuple[Check, ...] = (
    offers_are_whole,
    an_unchanged_menu_may_say_so,
    a_menu_that_changed_is_listed_anew,
    a_launch_is_tagged_from_birth,
    what_was_granted_can_be_read_back,
    what_never_was_is_not_found,
    silence_is_never_absence,
    a_bad_listing_never_proves_absence,
    a_listing_says_when_it_began,
    an_unclear_create_is_ambiguous,
    a_create_that_may_have_arrived_is_no_refusal,
    a_create_is_sent_once,
    a_create_that_never_left_says_so,
    a_refusal_bought_nothing,
    a_price_above_the_cap_is_refused,
    a_refused_key_is_told_from_silence,
    destroying_may_be_repeated,
    destroying_one_leaves_the_others,
    an_accepted_destroy_proves_nothing,
    a_destroy_without_an_answer_is_told,
    patience_has_a_length,
    labels_are_compared_whole,
    calls_may_overlap,
    closing_twice_is_once,
    *DESTROYING,
    *LEISURE,
)
