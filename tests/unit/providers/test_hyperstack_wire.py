"""What goes over the wire to Hyperstack and back: addresses, keys, odd answers, pages."""

import asyncio
import json
from collections.abc import Callable

import msgspec
import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.money import money
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    NoCapacity,
    ProviderError,
    Unavailable,
)
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.unit.providers.hyperstack_orders import KEY, There, facts, order_of, said


def test_a_machine_that_nobody_can_reach_is_seen_by_what_was_asked_for() -> None:
    there = There()
    asyncio.run(there.cloud.launch(order_of(there.offer(), facts())))
    (sent,) = [one.body for one in there.asked("POST") if one.path == "/v1/core/virtual-machines"]

    def address(number: int, **changes: object) -> object:
        body = {**sent, "name": f"by-hand-{number}", "labels": [f"by-hand-{number}"], **changes}
        body["flavor_name"] = there.offers[number].provider_id.rpartition(".")[0]
        region = there.offers[number].location
        body["environment_name"] = f"default-{region}"
        key = {"name": sent["key_name"], "environment_name": f"default-{region}", "public_key": KEY}
        now = there.clock.now().timestamp()
        ask = {"headers": {"api_key": "k-1"}, "method": "POST"}
        there.vendor.hear(VendorRequest(path="/v1/core/keypairs", body=key, **ask), now=now)
        made = there.vendor.hear(
            VendorRequest(path="/v1/core/virtual-machines", body=body, **ask), now=now
        )
        number = made.body["instances"][0]["id"]
        row, _ = there.vendor.instance(now + 60, str(number))
        return there.vendor.machine_row(row, now + 60)["floating_ip"]

    closed = "127.0.0.1:9"
    usable = [i for i, one in enumerate(there.offers) if one.location == "NORWAY-1"]
    assert address(usable[0]) not in {closed, None}
    assert address(usable[1], security_rules=[]) == closed
    assert address(usable[2], enable_port_randomization=True) == closed
    assert address(usable[3], assign_floating_ip=False) is None


def test_what_does_something_by_a_get_is_never_called() -> None:
    there = There()

    async def life() -> None:
        bought = await there.cloud.launch(order_of(there.offer(), facts()))
        await there.cloud.observe(bought.id)
        await there.cloud.find(facts())
        await there.cloud.destroy(bought.id)
        assert await there.cloud.balance() > money(0)

    asyncio.run(life())
    last = {one.path.rpartition("/")[2] for one in there.asked("GET")}
    assert not last & {"start", "stop", "hibernate", "hibernate-restore", "hard-reboot"}


def test_the_account_key_stands_in_its_own_header_alone() -> None:
    there = There()

    asyncio.run(there.cloud.launch(order_of(there.offer(), facts())))

    for one in there.door.heard:
        assert one.headers["api_key"] == "k-1"
        assert "k-1" not in one.path + json.dumps(one.body) + json.dumps(dict(one.query))
        assert "authorization" not in one.headers


@pytest.mark.parametrize(
    ("body", "expected", "bought"),
    [
        (said("bad_request", "Flavor is out of stock"), NoCapacity, None),
        (said("bad_request", "odd"), Ambiguous, None),
        ({**said("bad_request", "odd"), "instances": [{"id": 12}]}, Ambiguous, "12"),
        ({"status": True, "instances": []}, Ambiguous, None),
        ([], Ambiguous, None),
    ],
)
def test_an_error_that_calls_itself_200(
    body: object, expected: type[ProviderError], bought: str | None
) -> None:
    def change(request: HttpRequest, reply: HttpReply) -> HttpReply:
        is_create = request.method == "POST" and request.url.endswith("/virtual-machines")
        return (
            HttpReply(status=200, headers={}, body=json.dumps(body).encode())
            if is_create
            else reply
        )

    there = There(change)
    with pytest.raises(expected) as raised:
        asyncio.run(there.cloud.launch(order_of(there.offer(), facts())))

    assert getattr(raised.value, "instance_id", None) == bought


def page_change(**changes: object) -> Callable[[HttpRequest, HttpReply], HttpReply]:
    def change(request: HttpRequest, reply: HttpReply) -> HttpReply:
        if "/virtual-machines?" not in request.url:
            return reply
        body = msgspec.json.decode(reply.body)
        body |= {name: make(body) if callable(make) else make for name, make in changes.items()}
        return HttpReply(status=200, headers={}, body=msgspec.json.encode(body))

    return change


@pytest.mark.parametrize(
    ("change", "complete"),
    [
        (page_change(), True),
        (page_change(count=None), True),
        (page_change(count=lambda body: len(body["instances"])), True),
        (page_change(page_size=None), True),
        (page_change(count=99), False),
    ],
)
def test_a_listing_goes_on_to_its_end_whatever_its_count_is_of(
    change: object, *, complete: bool
) -> None:
    there = There(change)

    async def life():
        for number in range(27):
            await there.cloud.launch(order_of(there.offers[number], f"gs1-{number}"))
        return await there.cloud.list_all()

    listing = asyncio.run(life())
    assert len(listing.instances) == 27
    assert listing.complete is complete


def test_a_machine_of_another_number_is_no_answer() -> None:
    def change(request: HttpRequest, reply: HttpReply) -> HttpReply:
        shown = request.url.endswith("/virtual-machines/5")
        return (
            HttpReply(status=200, headers={}, body=b'{"instance": {"id": 6}}') if shown else reply
        )

    with pytest.raises(Unavailable):
        asyncio.run(There(change).cloud.observe(InstanceId("5")))
