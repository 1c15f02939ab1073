"""That nothing of a launch is left at Hyperstack, whatever breaks off."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    NoCapacity,
    ProviderError,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.hyperstack_menu import WITHOUT_ENVIRONMENT
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.unit.providers.hyperstack_orders import KEY, NOTHING, NOW, There, facts, order_of


def test_no_region_without_addresses_is_on_the_menu_and_nothing_without_a_gpu() -> None:
    there = There()

    assert {one.location for one in there.offers} == {"NORWAY-1", "CANADA-1", "US-1"}
    assert all(one.gpu_count for one in there.offers)


def test_the_price_list_may_be_written_in_texts() -> None:
    def texts(request: HttpRequest, reply: HttpReply) -> HttpReply:
        if not request.url.endswith("/pricebook"):
            return reply
        rows = msgspec.json.decode(reply.body)
        body = [{**row, "value": f"{row['value']:.9f}" if row["value"] else "0E-9"} for row in rows]
        return HttpReply(status=200, headers=reply.headers, body=msgspec.json.encode(body))

    plain, other = There(), There(texts)

    assert {one.id: one.price for one in plain.offers} == {
        one.id: one.price for one in other.offers
    }


def test_a_launch_and_a_destroy_leave_nothing_and_nothing_of_others_is_touched() -> None:
    there, label = There(), facts()
    others = {"name": "mine", "environment_name": "default-CANADA-1", "public_key": KEY}
    there.vendor.hear(
        VendorRequest(
            method="POST", path="/v1/core/keypairs", headers={"api_key": "k-1"}, body=others
        ),
        now=0,
    )

    async def life() -> None:
        bought = await there.cloud.launch(order_of(there.offer(), label))
        assert there.vendor.leftovers() == {"keypairs": 2, "environments": 0}
        assert (await there.cloud.find(label)).label == label
        await there.cloud.destroy(bought.id)
        assert there.vendor.leftovers() == {"keypairs": 1, "environments": 0}
        await there.clock.sleep(60)
        assert await there.cloud.observe(bought.id) is None

    asyncio.run(life())
    assert not there.vendor.model.alive(there.clock.now().timestamp())


def test_a_region_without_an_environment_gets_one_of_ours_until_its_last_machine_is_gone() -> None:
    there = There()

    async def life() -> None:
        offer = there.offer(WITHOUT_ENVIRONMENT)
        first = await there.cloud.launch(order_of(offer, facts("s")))
        others = [one for one in there.offers if one.location == WITHOUT_ENVIRONMENT]
        second = await there.another().launch(order_of(others[1], facts("t")))
        assert there.vendor.leftovers() == {"keypairs": 2, "environments": 1}
        await there.cloud.destroy(first.id)
        await there.clock.sleep(60)
        assert await there.cloud.observe(first.id) is None
        assert there.vendor.leftovers() == {"keypairs": 1, "environments": 1}, (
            "the other one is in it"
        )
        await there.cloud.destroy(second.id)
        await there.clock.sleep(60)
        assert await there.cloud.observe(second.id) is None

    asyncio.run(life())
    assert there.vendor.leftovers() == NOTHING


def test_two_launches_at_once_share_the_environment_that_both_wanted_to_make() -> None:
    there = There()

    class TakesTurns(NoFaults):
        async def before_effect(self, request: HttpRequest) -> HttpRequest:
            await asyncio.sleep(0)
            return request

    there.door.faults = TakesTurns()
    one, two = [each for each in there.offers if each.location == WITHOUT_ENVIRONMENT][:2]

    async def both() -> None:
        await asyncio.gather(
            there.cloud.launch(order_of(one, facts("s"))),
            there.cloud.launch(order_of(two, facts("t"))),
        )

    asyncio.run(both())
    made = [each.path for each in there.asked("POST")]
    assert made.count("/v1/core/environments") == 2
    assert there.vendor.leftovers() == {"keypairs": 2, "environments": 1}


@pytest.mark.parametrize("holds_keys", [False, True])
def test_what_a_launch_left_goes_though_the_destroy_broke_off(*, holds_keys: bool) -> None:
    there, lost = There(), 0
    there.vendor.holds_keys = holds_keys

    class BreaksOff(NoFaults):
        async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
            if request.method == "DELETE" and "virtual-machines" in request.url:
                raise NoAnswer("cut")
            return reply

    async def life() -> None:
        nonlocal lost
        bought = await there.cloud.launch(order_of(there.offer(), facts()))
        await there.clock.sleep(60)
        there.door.faults = BreaksOff()
        with pytest.raises(Unavailable):
            await there.cloud.destroy(bought.id)
        lost = there.vendor.leftovers()["keypairs"]
        there.door.faults = NoFaults()
        cloud = there.another()
        for _ in range(4):
            # Whoever is told that it is not done yet calls again.
            try:
                await cloud.destroy(bought.id)
            except Unavailable:
                await there.clock.sleep(20)

    asyncio.run(life())
    assert lost == int(holds_keys), "the key goes before the machine does, where the cloud lets it"
    assert there.vendor.leftovers() == NOTHING


def test_a_machine_is_told_to_end_even_where_nothing_else_can_be_read() -> None:
    there = There()

    class Broken(NoFaults):
        async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
            return (
                reply
                if request.method == "DELETE"
                else HttpReply(status=500, headers={}, body=b"{}")
            )

    async def life() -> None:
        bought = await there.cloud.launch(order_of(there.offer(), facts()))
        there.door.faults = Broken()
        with pytest.raises(Unavailable):
            await there.cloud.destroy(bought.id)
        await there.clock.sleep(60)

    asyncio.run(life())
    assert not there.vendor.model.alive(there.clock.now().timestamp())


def test_what_held_up_one_destroy_does_not_hold_up_the_next() -> None:
    there = There()

    class Hangs(NoFaults):
        async def before_effect(self, request: HttpRequest) -> HttpRequest:
            if request.method == "GET":
                await asyncio.Event().wait()
            return request

    async def life() -> None:
        bought = await there.cloud.launch(order_of(there.offer(), facts()))
        await there.clock.sleep(60)
        there.door.faults = Hangs()
        for sent in (0, 1):
            trying = asyncio.create_task(there.cloud.destroy(bought.id))
            for _ in range(50):
                await asyncio.sleep(0)
            trying.cancel()
            assert len(there.asked("DELETE")) == sent
        there.door.faults = NoFaults()
        await there.cloud.destroy(bought.id)

    asyncio.run(life())
    assert there.vendor.leftovers() == NOTHING


def test_a_price_list_that_cannot_be_had_costs_one_look_in_ten_minutes() -> None:
    there = There()

    class NoPrices(NoFaults):
        async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
            gone = request.url.endswith("/pricebook")
            return HttpReply(status=500, headers={}, body=b"{}") if gone else reply

    async def looks(cloud: CloudProvider, number: InstanceId) -> int:
        before = len(there.door.heard)
        seen = await cloud.observe(number)
        assert seen is not None
        assert seen.rate is None
        return len(there.door.heard) - before

    async def life() -> None:
        bought = await there.cloud.launch(order_of(there.offer(), facts()))
        there.door.faults = NoPrices()
        cloud = there.another()
        assert [await looks(cloud, bought.id) for _ in range(3)] == [2, 1, 1]
        await there.clock.sleep(601)
        assert await looks(cloud, bought.id) == 2
        assert (await cloud.list_all()).complete
        there.door.faults = NoFaults()
        await there.clock.sleep(601)
        seen = await cloud.observe(bought.id)
        assert seen.rate == there.offer().price

    asyncio.run(life())


@pytest.mark.parametrize(
    ("rule", "expected", "keys"),
    [
        ("no_capacity", NoCapacity, 0),
        ("unauthorized", Unauthorized, 0),
        ("create_then_500", Ambiguous, 1),
    ],
)
def test_the_key_of_a_refused_launch_goes_and_that_of_an_unclear_one_stays(
    rule: str, expected: type[ProviderError], keys: int
) -> None:
    there = There()
    there.vendor.model.misbehave([{"kind": rule, "count": 1}])

    with pytest.raises(expected):
        asyncio.run(there.cloud.launch(order_of(there.offer(), facts())))

    assert there.vendor.leftovers()["keypairs"] == keys


def test_keys_that_crashes_left_go_with_the_next_destroy_and_those_in_use_stay() -> None:
    there = There()
    old = facts("o", ends=NOW - timedelta(days=30))
    left = [
        old,
        facts("s", number=1),
        facts("r", ends=NOW + timedelta(hours=9)),
        "gs1-not-a-label",
        "mine",
    ]

    async def life() -> None:
        bought = await there.cloud.launch(order_of(there.offer(), facts("s", number=2)))
        for name in left:
            body = {"name": name[:50], "environment_name": "default-CANADA-1", "public_key": KEY}
            there.vendor.hear(
                VendorRequest(
                    method="POST", path="/v1/core/keypairs", headers={"api_key": "k-1"}, body=body
                ),
                now=0,
            )
        await there.cloud.destroy(bought.id)

    asyncio.run(life())
    shown = there.vendor.hear(
        VendorRequest(method="GET", path="/v1/core/keypairs", headers={"api_key": "k-1"}), now=0
    )
    assert {row["name"] for row in shown.body["keypairs"]} == {
        left[2][:50],
        "gs1-not-a-label",
        "mine",
    }


def test_a_label_that_was_lost_is_known_by_the_beginning_in_the_name() -> None:
    there, label = There(), facts()
    there.vendor.model.misbehave([{"kind": "label_lost", "params": {"keep": 0}}])

    async def life() -> str:
        await there.cloud.launch(order_of(there.offer(), label))
        assert (await there.cloud.list_all()).complete
        found = await there.cloud.find(label)
        return "" if found is None else found.label

    assert asyncio.run(life()) == label[:50]
