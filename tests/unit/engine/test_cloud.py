"""One account as the engine asks it: bounded in time, honest about silence, one listing for all who wait."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.quirks import Quirks, seconds
from gpu_shopper.engine.cloud import IDLE_BALANCE_LASTS, Cloud
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder, is_at_leisure
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.testing.builders import NOON, a_label, an_attempt, an_offer
from tests.unit.engine.house import House, at_once, housed

LABEL = a_label()
I_1 = InstanceId("i-1")
ORDER = LaunchOrder(
    offer=an_offer(), label=LABEL, ends_by=NOON, price_cap=an_offer().price, image=None,
    disk_gb=None, ssh_public_keys=(), env={}, on_start="",
)  # fmt: skip
ASKED = {
    "list_offers": lambda cloud: cloud.list_offers(),
    "find": lambda cloud: cloud.find(LABEL),
    "observe": lambda cloud: cloud.observe(I_1),
    "destroy": lambda cloud: cloud.destroy(I_1),
    "balance": lambda cloud: cloud.balance(),
    "list_all": lambda cloud: cloud.listing_begun_after(NOON - timedelta(days=1)),
}


def cloud_of(house: House) -> Cloud:
    return house.desk.clouds[house.cloud.name]


@pytest.mark.parametrize("what", sorted(ASKED))
@housed()
async def test_an_answer_that_takes_for_ever_is_no_answer(house: House, what: str) -> None:
    house.cloud.delays[what] = 10_000

    with pytest.raises(Unavailable, match="did not answer"):
        await ASKED[what](cloud_of(house))
    assert house.clock.monotonic() <= 180


@pytest.mark.parametrize("what", sorted(ASKED))
@pytest.mark.parametrize("error", [Unavailable("x"), Unauthorized("x"), Refused("x")], ids=repr)
@housed()
async def test_an_error_of_the_cloud_is_passed_on_as_it_is(
    house: House, what: str, error: ProviderError
) -> None:
    house.cloud.errors[what] = error

    with pytest.raises(type(error)):
        await ASKED[what](cloud_of(house))


class Noting:
    """Notes which calls were made at leisure."""

    def __init__(self, provider: CloudProvider) -> None:
        self._provider = provider
        self.at_leisure: dict[str, bool] = {}

    def __getattr__(self, name: str) -> Any:
        if name in ("name", "quirks", "capabilities"):
            return getattr(self._provider, name)
        self.at_leisure[name] = is_at_leisure()
        return getattr(self._provider, name)


@housed()
async def test_a_menu_is_fetched_at_leisure_and_nothing_else_is(house: House) -> None:
    noting = Noting(house.cloud)
    cloud = Cloud(noting, clock=house.clock, meter=house.meter, label_key=b"k" * 32)
    for ask in ASKED.values():
        await ask(cloud)

    assert {name: name == "list_offers" for name in ASKED} == noting.at_leisure


@housed()
async def test_a_create_call_that_takes_too_long_may_have_bought(house: House) -> None:
    house.cloud.delays["launch"] = 10_000

    with pytest.raises(Ambiguous):
        await cloud_of(house).launch(lambda: ORDER)
    assert house.cloud.quirks.call_deadline.total_seconds() == house.clock.monotonic()


@housed(quirks=Quirks(launch_spacing=seconds(100)))
async def test_the_time_of_a_create_call_begins_when_its_turn_has_come(house: House) -> None:
    await cloud_of(house).launch(lambda: ORDER)

    bought = await cloud_of(house).launch(lambda: ORDER)
    assert LABEL == bought.label
    assert 100 == house.clock.monotonic()


@housed(quirks=Quirks(requests_per_second=0.01, burst=1))
async def test_a_create_does_not_stand_behind_those_who_look_and_they_pay_for_it(
    house: House,
) -> None:
    cloud = cloud_of(house)
    await cloud.find(LABEL)
    assert 0 == cloud.launch_wait

    await cloud.launch(lambda: ORDER)
    assert 0 == house.clock.monotonic()
    await cloud.find(LABEL)
    assert 200 == house.clock.monotonic()


@housed(quirks=Quirks(launch_spacing=seconds(12)))
async def test_who_decides_after_another_one_sees_the_line_that_he_made(house: House) -> None:
    cloud = cloud_of(house)

    assert 0 == cloud.line_up()
    assert 12 == cloud.launch_wait
    assert 12 == cloud.line_up()
    bought = await cloud.launch(lambda: ORDER, turn_at=24)
    assert LABEL == bought.label
    assert 24 == house.clock.monotonic()


@housed(quirks=Quirks(requests_per_second=0.01, burst=1))
async def test_a_destroy_overtakes_all_who_stand_in_line(house: House) -> None:
    await cloud_of(house).find(LABEL)
    in_line = [asyncio.create_task(cloud_of(house).observe(I_1)) for _ in range(5)]
    await asyncio.sleep(0)

    await cloud_of(house).destroy(I_1)
    assert 0 == house.clock.monotonic()
    assert not any(one.done() for one in in_line)
    for one in in_line:
        one.cancel()
    await asyncio.gather(*in_line, return_exceptions=True)


@housed()
async def test_a_cloud_that_asks_for_patience_is_left_in_peace(house: House) -> None:
    house.cloud.errors["observe"] = RateLimited("429", retry_after=42)
    with pytest.raises(RateLimited):
        await cloud_of(house).observe(I_1)

    house.cloud.errors.clear()
    await cloud_of(house).destroy(I_1)
    assert 0 == house.clock.monotonic(), "an end waits for nobody's patience with reads"
    await cloud_of(house).balance()
    assert 42 == house.clock.monotonic()


@housed()
async def test_a_destroy_that_was_put_off_is_not_sent_again_before_its_time(house: House) -> None:
    house.cloud.errors["destroy"] = RateLimited("429", retry_after=42)
    with pytest.raises(RateLimited):
        await cloud_of(house).destroy(I_1)

    house.cloud.errors.clear()
    await cloud_of(house).destroy(I_1)
    assert 42 == house.clock.monotonic()


@housed()
async def test_a_cloud_that_does_not_answer_is_known_not_to(house: House) -> None:
    house.cloud.errors["observe"] = Unavailable("down")
    for _ in range(5):
        await at_once(cloud_of(house).observe(I_1))
    assert not cloud_of(house).answers

    house.cloud.errors.clear()
    await cloud_of(house).observe(I_1)
    assert cloud_of(house).answers


@housed()
async def test_a_refusal_is_an_answer(house: House) -> None:
    house.cloud.errors["observe"] = Refused("no")
    for _ in range(9):
        await at_once(cloud_of(house).observe(I_1))

    assert cloud_of(house).answers


@housed()
async def test_many_who_wait_for_a_listing_share_one(house: House) -> None:
    house.cloud.delays["list_all"] = 5
    moment = house.now - timedelta(seconds=1)

    listings = await at_once(*(cloud_of(house).listing_begun_after(moment) for _ in range(20)))
    assert 1 == house.cloud.calls["list_all"]
    assert 1 == len({id(listing) for listing in listings})


@housed()
async def test_a_listing_that_began_too_early_says_nothing(house: House) -> None:
    cloud = cloud_of(house)
    early = await cloud.listing_begun_after(house.now - timedelta(seconds=1))
    assert early.began_at == house.now

    late = house.loop.create_task(cloud.listing_begun_after(house.now))
    await house.clock.sleep(1)
    listing = await late
    assert 2 == house.cloud.calls["list_all"]
    assert listing is not early


@housed()
async def test_a_listing_with_a_missing_part_is_none(house: House) -> None:
    house.cloud.incomplete = True
    house.cloud.add(an_attempt().label)

    with pytest.raises(Unavailable, match="page 2 is missing"):
        await cloud_of(house).listing_begun_after(NOON - timedelta(days=1))


@housed()
async def test_the_balance_is_told(house: House) -> None:
    house.cloud.money = Money(5)

    assert Money(5) == await cloud_of(house).balance()


@housed()
async def test_the_balance_is_asked_for_once_between_two_regular_sweeps(house: House) -> None:
    cloud = cloud_of(house)
    house.cloud.money = Money(5)
    await cloud.balance()
    house.cloud.money = Money(4)
    await house.clock.sleep(60)

    assert Money(5) == await cloud.balance()

    await house.clock.sleep(240)
    assert Money(4) == await cloud.balance()


@housed()
async def test_the_balance_of_an_account_where_nothing_runs_is_asked_for_less_often(
    house: House,
) -> None:
    cloud = cloud_of(house)
    house.cloud.money = Money(5)
    await cloud.balance()
    house.cloud.money = Money(4)
    await house.clock.sleep(600)

    assert Money(5) == await cloud.balance(lasts=IDLE_BALANCE_LASTS)

    await house.clock.sleep(300)
    assert Money(4) == await cloud.balance(lasts=IDLE_BALANCE_LASTS)


@housed()
async def test_the_balance_is_asked_for_anew_once_something_hangs_on_it(house: House) -> None:
    cloud = cloud_of(house)
    house.cloud.money = Money(5)
    await cloud.balance()
    house.cloud.money = Money(4)

    cloud.doubt_balance()

    assert Money(4) == await cloud.balance(lasts=IDLE_BALANCE_LASTS)


@housed()
async def test_what_lost_its_label_comes_back_under_it_by_its_second_mark(house: House) -> None:
    label = a_label(key=house.vault.label_key)
    whole = house.cloud.add(label)
    house.cloud.instances[whole.id] = replace(whole, label="cut", mark=label)

    seen = await cloud_of(house).observe(whole.id)
    listing = await cloud_of(house).listing_begun_after(NOON - timedelta(days=1))

    assert seen is not None
    assert [label, label] == [seen.label, listing.instances[0].label]
