"""What Vast.ai's rows and errors mean to us, line by line; and that its whole menu is read, 64 asks at a time."""

import asyncio
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import rate
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    OfferGone,
    ProviderError,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.vast import MANIFEST
from gpu_shopper.providers.vast.api import DIALECT, AskRow, InstanceRow
from gpu_shopper.providers.vast.mapping import instance_of, new_instance_of, offer_of
from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.vast import Vast, build
from gpu_shopper.testing.vendors.vast_menu import goods
from gpu_shopper.testing.vendors.vendor import with_own
from gpu_shopper.transport.answers import instance_in, judge_launch
from tests.contract.vendor_rig import StillClock

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASK = {
    "id": 7, "machine_id": 11, "gpu_name": "RTX 4090", "num_gpus": 2, "gpu_ram": 24564, "dph_total": 0.9041, "dph_base": 0.9,
    "min_bid": 0.5, "storage_cost": 0.15, "inet_up_cost": 0.002, "inet_down_cost": 0.004, "duration": 90_000.5,
    "reliability2": 0.991, "cuda_max_good": 12.8, "geolocation": "Texas, US", "cpu_cores_effective": 15.6, "cpu_ram": 64_000,
    "disk_space": 511.9, "inet_up": 300.4, "inet_down": 900.9, "something_new": {},
}  # fmt: skip


def ask(**changes: object) -> AskRow:
    return msgspec.convert({**ASK, **changes}, AskRow)


def instance(**changes: object) -> InstanceRow:
    row = {
        "id": 5,
        "label": "gs1-a",
        "actual_status": "running",
        "intended_status": "running",
        **changes,
    }
    return msgspec.convert(row, InstanceRow)


def test_an_ask_becomes_an_offer_in_our_units() -> None:
    offer = offer_of(ask(), fetched_at=NOW, is_bid=False)

    assert offer.id == "vast:7"
    assert (offer.gpu_type, offer.gpu_count, offer.vram_gb) == ("RTX 4090", 2, 24)
    assert offer.price == rate("0.9041")
    assert (offer.country, offer.region) == ("US", "Texas")
    assert (offer.max_duration_hours, offer.cuda_version) == (25, "12.8")
    assert (offer.vcpus, offer.ram_gb, offer.disk_gb) == (15, 62, 511)
    assert (offer.storage_price_per_gb_month, offer.traffic_price_per_gb) == (0.15, 0.004)
    assert not offer.interruptible


@pytest.mark.parametrize(
    ("changes", "ram_gb"),
    [
        ({}, 62),
        ({"gpu_frac": 0.25}, 15),
        ({"cpu_cores": 62.4}, 15),
        ({"gpu_frac": 0.5, "cpu_cores": 62.4}, 15),
        ({"gpu_frac": 0.25, "cpu_cores": 31.2}, 15),
        ({"gpu_frac": 1.0, "cpu_cores": 0}, 62),
        ({"cpu_ram": None}, 0),
    ],
)
def test_of_the_machines_memory_an_ask_has_its_share(
    changes: dict[str, object], ram_gb: int
) -> None:
    assert offer_of(ask(**changes), fetched_at=NOW, is_bid=False).ram_gb == ram_gb


def test_an_ask_for_bids_is_priced_by_its_least_bid_and_the_disk() -> None:
    offer = offer_of(ask(), fetched_at=NOW, is_bid=True)

    assert offer.id == "vast:7-bid"
    assert offer.interruptible
    assert offer.price == rate(f"{0.5 + 20 * 0.15 / 730:.6f}")
    with pytest.raises(ValueError, match="no least one"):
        offer_of(ask(min_bid=None), fetched_at=NOW, is_bid=True)


@pytest.mark.parametrize("text", [None, "", ", CN", "Nowhere in particular", "🤷"])
def test_a_place_that_nobody_knows_loses_no_offer(text: str | None) -> None:
    offer = offer_of(
        ask(geolocation=text, reliability2=None, duration=None), fetched_at=NOW, is_bid=False
    )

    assert offer.country in {"", "CN"}
    assert (offer.reliability, offer.max_duration_hours) == (0.0, 0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"actual_status": None}, InstanceStatus.BOOTING),
        ({"actual_status": ""}, InstanceStatus.BOOTING),
        ({"actual_status": "created"}, InstanceStatus.BOOTING),
        ({"actual_status": "loading"}, InstanceStatus.BOOTING),
        ({"actual_status": "rebooting"}, InstanceStatus.BOOTING),
        ({"actual_status": "running"}, InstanceStatus.RUNNING),
        ({"actual_status": "stopped"}, InstanceStatus.STOPPED),
        ({"actual_status": "exited"}, InstanceStatus.STOPPED),
        ({"actual_status": "offline"}, InstanceStatus.UNKNOWN),
        ({"actual_status": "unknown"}, InstanceStatus.UNKNOWN),
        ({"actual_status": "frozen"}, InstanceStatus.UNKNOWN),
        ({"actual_status": "a state of next year"}, InstanceStatus.UNKNOWN),
        ({"actual_status": "created", "status_msg": "Error: OCI runtime create failed: x"}, InstanceStatus.BROKEN),
        ({"actual_status": "running", "status_msg": "OCI runtime create failed"}, InstanceStatus.RUNNING),
        ({"cur_state": "stopped", "intended_status": "stopped", "next_state": "stopped"}, InstanceStatus.STOPPED),
        ({"cur_state": "running", "intended_status": "stopped", "next_state": "stopped"}, InstanceStatus.RUNNING),
    ],
)  # fmt: skip
def test_a_state_by_its_table(changes: dict[str, object], expected: InstanceStatus) -> None:
    assert instance_of(instance(**changes)).status is expected


PORTS = {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "41234"}]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"public_ipaddr": "203.0.113.7 ", "ports": PORTS, "ssh_host": "ssh5.example", "ssh_port": 10}, ("203.0.113.7", 41234)),
        ({"ssh_host": "ssh5.example", "ssh_port": 1022}, ("ssh5.example", 1022)),
        ({"public_ipaddr": "203.0.113.7", "ports": {}, "ssh_host": "ssh5.example", "ssh_port": 1022}, ("ssh5.example", 1022)),
        ({"public_ipaddr": "203.0.113.7", "ports": {"22/tcp": None}}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_ssh_is_asked_for_at_the_machine_itself_before_the_relay(
    changes: dict[str, object], expected: tuple[str, int] | None
) -> None:
    wanted = None if expected is None else Endpoint(host=expected[0], port=expected[1], user="root")
    assert instance_of(instance(**changes)).endpoint == wanted


def test_an_order_in_the_clouds_words() -> None:
    offer = offer_of(ask(), fetched_at=NOW, is_bid=True)
    order = LaunchOrder(
        offer=offer, label=Label("gs1-a"), ends_by=NOW + timedelta(hours=2), price_cap=offer.price, image=None,
        disk_gb=None, ssh_public_keys=("ssh-ed25519 AAAA me",), env={"A": "b"}, on_start="", exposed_ports=(8080,),
    )  # fmt: skip

    new = new_instance_of(order, image="an/image")

    assert (new.image, new.disk, new.label) == ("an/image", 20.0, "gs1-a")
    assert new.env == {"A": "b", "-p 8080:8080": "1"}
    assert new.price == pytest.approx(0.5, abs=2e-6)
    assert new.price >= 0.5, (
        "never below the least bid: such a bid buys an instance that is stopped, and bills its disk"
    )
    assert "ssh-ed25519 AAAA me" in (new.onstart or ""), (
        "a key that comes with the create alone does not always arrive"
    )
    assert (
        new_instance_of(replace(order, on_start="#!/bin/sh\n"), image="x").onstart == "#!/bin/sh\n"
    )


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (410, {"success": False, "error": "no_such_ask", "msg": "gone"}, OfferGone),
        (404, {"success": False, "error": "no_such_ask", "msg": "gone"}, OfferGone),
        (400, {"success": False, "error": "no_such_ask", "msg": "gone"}, OfferGone),
        (400, {"success": False, "error": "invalid_args", "msg": "error 404/3603: no_such_ask 7"}, OfferGone),
        (400, {"error": "invalid_args", "msg": "Instance type by id 7 is not available."}, OfferGone),
        (400, {"success": False, "error": "invalid_args", "msg": "disk"}, BadOrder),
        (400, {"success": False, "error": "insufficient_credit", "msg": "x"}, QuotaReached),
        (401, {"success": False, "error": "auth_error", "msg": "Invalid user key"}, Unauthorized),
        (404, {"success": False, "msg": "Invalid user key"}, Unauthorized),
        (429, {"detail": "API requests too frequent endpoint threshold=2.0"}, RateLimited),
        (400, {"success": False, "error": "bid_too_low", "new_contract": 12}, Ambiguous),
        (500, {"success": False, "error": "server_error"}, Ambiguous),
        (404, "<html>not here</html>", Ambiguous),
        (408, {"error": "timeout"}, Ambiguous),
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


class Script:
    """Answers in turn."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self._answers = list(answers)
        self.asked: list[HttpRequest] = []

    async def request(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request)
        status, body = self._answers.pop(0)
        return HttpReply(status=status, headers={}, body=json.dumps(body).encode())


def connected(door: object, **settings: str):
    given = with_defaults(MANIFEST, {"key": "k-1", "url": "http://vast.test", **settings})
    return MANIFEST.connect(given, door, StillClock())


def any_order() -> LaunchOrder:
    offer = offer_of(ask(), fetched_at=NOW, is_bid=False)
    return LaunchOrder(
        offer=offer, label=Label("gs1-a"), ends_by=NOW, price_cap=offer.price, image=None, disk_gb=None,
        ssh_public_keys=(), env={}, on_start="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected", "bought"),
    [
        ({"success": False, "error": "no_such_ask", "msg": "x"}, OfferGone, None),
        ({"success": False, "error": "odd", "new_contract": 12}, Ambiguous, "12"),
        ({"success": False, "error": "odd"}, Ambiguous, None),
        ({"success": True}, Ambiguous, None),
        ([], Ambiguous, None),
    ],
)
def test_an_error_that_calls_itself_200(
    body: object, expected: type[ProviderError], bought: str | None
) -> None:
    with pytest.raises(expected) as raised:
        asyncio.run(connected(Script((200, body))).launch(any_order()))

    assert getattr(raised.value, "instance_id", None) == bought


def test_a_key_that_cannot_be_attached_fails_no_launch() -> None:
    order = replace(any_order(), ssh_public_keys=("ssh-ed25519 AAAA me",))
    door = Script((200, {"success": True, "new_contract": 12}), (500, {}))

    bought = asyncio.run(connected(door).launch(order))

    assert (bought.id, bought.label) == ("12", "gs1-a")
    assert len(door.asked) == 2


def test_the_account_key_stands_in_no_address_and_no_body() -> None:
    door = Script((200, {"success": True, "new_contract": 12}))

    asyncio.run(connected(door).launch(any_order()))

    assert "k-1" not in door.asked[0].url
    assert b"k-1" not in door.asked[0].body
    assert door.asked[0].headers["authorization"] == "Bearer k-1"


def test_an_instance_of_another_number_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(connected(Script((200, {"instances": {"id": 6}}))).observe("5"))


@pytest.mark.parametrize("size", [10, 64, 200, 700])
def test_all_asks_are_read_though_a_search_shows_64(size: int) -> None:
    vendor = build(
        key="k-1",
        seed=3,
        offers=size,
        config=ModelConfig(hosts_itself=True),
        chance=random.Random(1),
    )
    door = VendorDoor(vendor, StillClock())

    listing = asyncio.run(connected(door, unverified="true").list_offers())

    assert len(listing.offers) == size
    assert listing.rejected == 0


def test_all_asks_of_one_price_are_read_by_their_numbers() -> None:
    one = [
        replace(
            each,
            price_micros=500_000,
            offer=msgspec.structs.replace(
                each.offer, storage_price_per_gb_month=0.1, interruptible=False
            ),
        )
        for each in goods(seed=3, size=300)
    ]
    catalogue = Catalogue(seed=3, goods=one, drifts=False)
    config = with_own(ModelConfig(hosts_itself=True), {"id_form": "{:d}"})
    model = CloudModel(catalogue, random.Random(1), config)
    door = VendorDoor(Vast(model, catalogue, key="k-1", chance=random.Random(1)), StillClock())

    listing = asyncio.run(connected(door, unverified="true").list_offers())

    assert len(listing.offers) == 300


def test_only_verified_machines_are_shown_unless_asked_for() -> None:
    vendor = build(
        key="k-1",
        seed=3,
        offers=110,
        config=ModelConfig(hosts_itself=True),
        chance=random.Random(1),
    )

    assert len(asyncio.run(connected(VendorDoor(vendor, StillClock())).list_offers()).offers) == 100
