"""What Hyperstack's rows and errors mean to us, line by line; and that nothing of a launch is left there, whatever breaks off."""

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label, LabelFacts, write_label
from gpu_shopper.domain.money import money, rate
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    ProviderError,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.hyperstack import MANIFEST
from gpu_shopper.providers.hyperstack.api import DIALECT
from gpu_shopper.providers.hyperstack.mapping import (
    instance_of,
    market_of,
    new_vm_of,
    newest_image,
    offers_of,
    price_list_of,
)
from gpu_shopper.providers.hyperstack.rows import FlavorRow, Price, Region, Stock, VmRow
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.hyperstack import Hyperstack, build
from gpu_shopper.testing.vendors.hyperstack_menu import IMAGES, WITHOUT_ENVIRONMENT
from gpu_shopper.testing.vendors.vendor import VendorRequest
from gpu_shopper.transport.answers import instance_in, judge_launch
from tests.contract.vendor_rig import StillClock

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone"
FLAVOR = {
    "id": 9, "name": "n3-H100x2", "gpu": "H100-80G-PCIe", "gpu_count": 2, "cpu": 56, "ram": 360.0, "disk": 100,
    "ephemeral": 1500, "region_name": "CANADA-1", "stock_available": True, "something_new": {},
}  # fmt: skip
PRICES = [
    Price(name="H100-80G-PCIe", value="2.500000000"),
    Price(name="H100-80G-PCIe-spot", value=2.0),
    Price(name="PublicIP", value="0.006720430"),
    Price(name="vCPU", value="0E-9"),
    Price(name="broken", value="much"),
]


def offers(left: int = 3, features: dict[str, object] | None = None, **changes: object):
    sizes = {"1x": 5, "2x": left}
    stocks = [{"region": "CANADA-1", "stock-type": "GPU", "models": [{"model": "H100-80G-PCIe", "configurations": sizes}]}]  # fmt: skip
    regions = [Region(name="CANADA-1", country="CA", features=features)]
    market = market_of(PRICES, msgspec.convert(stocks, list[Stock]), regions)
    row = msgspec.convert({**FLAVOR, **changes}, FlavorRow)
    return offers_of(row, group_region="CANADA-1", market=market, fetched_at=NOW)


def machine(**changes: object) -> VmRow:
    row = {
        "id": 5, "name": "gs1-a", "status": "ACTIVE", "labels": ["gs1-a"], "floating_ip": "203.0.113.7",
        "floating_ip_status": "ATTACHED", "flavor": {"name": "n3-H100x2", "gpu": "H100-80G-PCIe", "gpu_count": 2},
        "environment": {"id": 1, "name": "default-CANADA-1", "region": "CANADA-1"}, "keypair": {"name": "gs1-a"},
        "created_at": "2026-01-01T10:00:00", "power_state": "RUNNING", **changes,
    }  # fmt: skip
    return msgspec.convert(row, VmRow)


def test_a_flavor_stock_and_price_list_make_an_offer() -> None:
    (offer,) = offers()

    assert offer.id == "hyperstack:n3-H100x2.CANADA-1"
    assert (offer.gpu_type, offer.gpu_count, offer.vram_gb) == ("H100 PCIe", 2, 80)
    assert offer.price == rate("5.006720"), (
        "the price is for each GPU, and every machine of ours has an address"
    )
    assert (offer.country, offer.location) == ("CA", "CANADA-1")
    assert (offer.vcpus, offer.ram_gb, offer.disk_gb) == (56, 360, 100)
    assert not offer.interruptible


@pytest.mark.parametrize(
    "changes",
    [
        {"left": 0},
        {"stock_available": False},
        {"gpu": "", "gpu_count": 0},
        {"gpu": None},
        {"features": {"floating_ip": False}},
    ],
)
def test_what_is_sold_out_or_has_no_gpu_or_cannot_be_reached_is_no_offer(changes: dict) -> None:
    assert offers(**changes) == ()


def test_stock_of_another_region_or_size_says_nothing_about_this_one() -> None:
    assert len(offers(left=0, region_name="NORWAY-1")) == 1
    assert len(offers(left=0, gpu_count=4)) == 1


def test_a_spot_flavor_is_known_by_its_name_and_its_gpu_without_it() -> None:
    (offer,) = offers(name="n3-H100x1-spot", gpu="H100-80G-PCIe-spot", gpu_count=1)

    assert offer.interruptible
    assert (offer.gpu_type, offer.price) == ("H100 PCIe", rate("2.006720"))


@pytest.mark.parametrize("gpu", ["H200-141G-SXM5", "broken"])
def test_a_flavor_without_a_price_is_told_and_not_sold(gpu: str) -> None:
    with pytest.raises(ValueError, match="no price"):
        offers(gpu=gpu)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CREATING", InstanceStatus.BOOTING),
        ("BUILD", InstanceStatus.BOOTING),
        ("STARTING", InstanceStatus.BOOTING),
        ("RESTORING", InstanceStatus.BOOTING),
        ("REBOOTING", InstanceStatus.BOOTING),
        ("HARD_REBOOTING", InstanceStatus.BOOTING),
        ("ACTIVE", InstanceStatus.RUNNING),
        ("active", InstanceStatus.RUNNING),
        ("STOPPING", InstanceStatus.STOPPING),
        ("HIBERNATING", InstanceStatus.STOPPING),
        ("DELETING", InstanceStatus.STOPPING),
        ("SHUTOFF", InstanceStatus.STOPPED),
        ("HIBERNATED", InstanceStatus.STOPPED),
        ("ERROR", InstanceStatus.BROKEN),
        ("DELETED", InstanceStatus.UNKNOWN),
        ("a state of next year", InstanceStatus.UNKNOWN),
        ("", InstanceStatus.UNKNOWN),
        (None, InstanceStatus.UNKNOWN),
    ],
)
def test_a_state_by_its_table(status: str | None, expected: InstanceStatus) -> None:
    assert instance_of(machine(status=status), None).status is expected


@pytest.mark.parametrize(
    ("address", "attached", "ready"),
    [
        ("203.0.113.7", "ATTACHED", True),
        ("203.0.113.7", None, True),
        ("203.0.113.7", "ATTACHING", False),
        ("203.0.113.7", "DETACHED", False),
        (None, "ATTACHED", False),
        ("", None, False),
    ],
)
def test_it_is_ready_once_its_address_is_attached(
    address: str | None, attached: str | None, *, ready: bool
) -> None:
    seen = instance_of(machine(floating_ip=address, floating_ip_status=attached), None)

    assert seen.status is (InstanceStatus.RUNNING if ready else InstanceStatus.BOOTING)
    assert seen.endpoint == (
        Endpoint(host="203.0.113.7", port=22, user="ubuntu") if ready else None
    )


def test_a_machine_is_read_whole() -> None:
    seen = instance_of(machine(), price_list_of(PRICES))

    assert (seen.id, seen.label, seen.gpu_name, seen.gpu_count) == (
        "5",
        "gs1-a",
        "H100-80G-PCIe",
        2,
    )
    assert seen.gpu_memory_mib == 80 * 1024
    assert seen.rate == rate("5.006720")
    assert seen.billed_from == datetime(2026, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("labels", "name", "label"),
    [
        (["team-red", "gs1-whole-label"], "gs1-whole", "gs1-whole-label"),
        ([], "gs1-whole", "gs1-whole"),
        (None, None, ""),
        (["team-red"], "somebody's", "somebody's"),
    ],
)
def test_a_label_is_read_among_labels_before_the_name(
    labels: list[str] | None, name: str | None, label: str
) -> None:
    assert instance_of(machine(labels=labels, name=name), None).label == label


def facts(
    session: str = "s", *, number: int = 1, ends: datetime = NOW + timedelta(hours=2)
) -> Label:
    return write_label(
        LabelFacts(deployment=f"dep_{'d' * 26}"[:20], session=f"ses_{session * 16}", number=number, expires_at=ends),
        key=b"k" * 32,
    )  # fmt: skip


def order_of(offer: object, label: str = "gs1-a", **changes: object) -> LaunchOrder:
    given = {
        "offer": offer, "label": Label(label), "ends_by": NOW + timedelta(hours=2), "price_cap": offer.price, "image": None,
        "disk_gb": None, "ssh_public_keys": (KEY,), "env": {}, "on_start": "", **changes,
    }  # fmt: skip
    return LaunchOrder(**given)


def test_an_order_in_the_clouds_words() -> None:
    label = facts()
    order = order_of(
        offers()[0],
        label,
        exposed_ports=(8080, 22),
        on_start="#!/bin/sh\necho hi\n",
        env={"A": "b"},
    )

    new = new_vm_of(
        order, flavor="n3-H100x2", environment="default-CANADA-1", key_name="k", image="an image"
    )

    assert new.name == label[:50]
    assert len(label) > 50
    assert new.labels == [label], "the whole label stands there from birth"
    assert (new.count, new.assign_floating_ip, new.enable_port_randomization) == (1, True, False)
    assert [rule.port_range_min for rule in new.security_rules] == [22, 8080]
    assert {(rule.direction, rule.protocol) for rule in new.security_rules} == {("ingress", "tcp")}
    assert KEY in new.user_data
    assert "echo hi" in new.user_data


def test_more_disk_than_the_flavor_has_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(BadOrder, match="100 GB"):
        new_vm_of(
            order_of(offers()[0], disk_gb=101), flavor="f", environment="e", key_name="k", image="i"
        )


def test_the_newest_driver_decides_which_image_it_is() -> None:
    assert newest_image(IMAGES) == "Ubuntu Server 24.04 LTS R570 CUDA 12.8"
    assert newest_image(["Ubuntu Server 24.04 LTS R535 CUDA 12.2", "Ubuntu Server 22.04 LTS R570 CUDA 12.8"]).startswith("Ubuntu Server 22.04")  # fmt: skip
    assert newest_image(["Windows Server 2022"]) is None


def said(reason: str, message: str) -> dict[str, object]:
    return {"status": False, "message": message, "error_reason": reason}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, said("bad_request", "Insufficient balance to create the resource"), QuotaReached),
        (400, said("bad_request", "Not enough credit"), QuotaReached),
        (400, said("bad_request", "GPU quota reached for this organization"), QuotaReached),
        (400, said("bad_request", "Flavor n3-H100x8 is out of stock"), NoCapacity),
        (400, said("bad_request", "Not enough capacity in CANADA-1"), NoCapacity),
        (404, said("not_found", "Flavor n3-H100x9 not found"), OfferGone),
        (404, said("not_found", "Environment gs1-d-US-1 does not exist"), OfferGone),
        (404, said("not_found", "Image not found"), BadOrder),
        (404, said("not_found", "Keypair gs1-a not found"), BadOrder),
        (404, said("not_found", "something"), OfferGone),
        (400, said("bad_request", "name: Longer than maximum length 50."), BadOrder),
        (400, {"message": "Input payload validation failed"}, BadOrder),
        (422, said("", "unprocessable"), BadOrder),
        (401, said("unauthorized", "API key is invalid"), Unauthorized),
        (403, said("forbidden", "no permission"), Unauthorized),
        (402, said("", "payment required"), QuotaReached),
        (429, said("too_many_requests", "slow down"), RateLimited),
        (409, said("already_exist", "Virtual machine name already exists"), Ambiguous),
        (405, said("not_allowed", "no"), Ambiguous),
        (408, said("", "timeout"), Ambiguous),
        (500, {"message": "Internal Server Error"}, Ambiguous),
        (400, {"status": False, "message": "odd", "instances": [{"id": 12}]}, Ambiguous),
        (404, "<html>not here</html>", Ambiguous),
        (502, "", Ambiguous),
    ],
)  # fmt: skip
def test_what_the_answer_to_a_create_means(
    status: int, body: object, expected: type[ProviderError]
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    reply = HttpReply(status=status, headers={}, body=text.encode())

    with pytest.raises(expected) as raised:
        judge_launch(reply, DIALECT, what="create")

    assert type(raised.value) is expected
    if isinstance(raised.value, Ambiguous):
        assert raised.value.instance_id == instance_in(reply, DIALECT)


class There:
    """A simulated account, its adapter and what went between them."""

    def __init__(
        self, change: Callable[[HttpRequest, HttpReply], HttpReply] | None = None, **config: object
    ) -> None:
        self.clock = StillClock()
        self.vendor: Hyperstack = build(
            key="k-1",
            seed=1,
            offers=104,
            config=ModelConfig(hosts_itself=True, **config),
            chance=random.Random(1),
        )
        self.door = VendorDoor(self.vendor, self.clock)
        if change is not None:
            self.door.faults = Changed(change)
        self.cloud = self.another()
        listing = asyncio.run(self.cloud.list_offers())
        self.offers = listing.offers

    def another(self) -> CloudProvider:
        """Return the adapter of a process that knows nothing yet."""
        settings = with_defaults(MANIFEST, {"key": "k-1", "url": "http://hyperstack.test"})
        return MANIFEST.connect(settings, self.door, self.clock)

    def offer(self, region: str = "CANADA-1"):
        return next(one for one in self.offers if one.location == region)

    def asked(self, method: str) -> list[VendorRequest]:
        return [one for one in self.door.heard if one.method == method]


class Changed(NoFaults):
    def __init__(self, change: Callable[[HttpRequest, HttpReply], HttpReply]) -> None:
        self._change = change

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        return self._change(request, reply)


NOTHING = {"keypairs": 0, "environments": 0}


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
