"""What Hyperstack's rows and errors mean to us, line by line."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.money import rate
from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    ProviderError,
    QuotaReached,
    RateLimited,
    Unauthorized,
)
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
from gpu_shopper.testing.vendors.hyperstack_menu import IMAGES
from gpu_shopper.transport.answers import instance_in, judge_launch
from tests.unit.providers.hyperstack_orders import KEY, NOW, facts, order_of, said

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
