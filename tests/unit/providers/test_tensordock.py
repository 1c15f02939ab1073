"""What TensorDock's rows and errors mean to us, line by line."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.true_price import Need, true_price
from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider import LaunchOrder
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
from gpu_shopper.providers.tensordock import MANIFEST
from gpu_shopper.providers.tensordock.api import (
    DIALECT,
    GpuRow,
    InstanceRow,
    LocationRow,
)
from gpu_shopper.providers.tensordock.mapping import (
    disk_of,
    instance_of,
    new_instance_of,
    offers_of,
)
from gpu_shopper.transport.answers import judge_launch

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone"
AUSTIN = {
    "id": "loc-1",
    "city": "Austin",
    "stateprovince": "Texas",
    "country": "United States",
    "tier": 3,
}
# The row of its documents.
H100 = {
    "v0Name": "h100-sxm5-80gb",
    "displayName": "H100 SXM5 80GB",
    "max_count": 8,
    "price_per_hr": 2.2,
    "resources": {"max_vcpus": 128, "max_ram_gb": 300, "max_storage_gb": 1000},
    "pricing": {"per_vcpu_hr": 0.003, "per_gb_ram_hr": 0.002, "per_gb_storage_hr": 0.00005},
    "network_features": {
        "dedicated_ip_available": True,
        "port_forwarding_available": True,
        "network_storage_available": False,
    },
}
BY_ITSELF = {"dedicated_ip_available": True, "port_forwarding_available": False}
UNREACHABLE = {"dedicated_ip_available": False, "port_forwarding_available": False}


def offers(location: dict[str, object] = AUSTIN, **changes: object) -> list[Offer]:
    place, row = (
        msgspec.convert(location, LocationRow),
        msgspec.convert({**H100, **changes}, GpuRow),
    )
    return list(offers_of(place, row, fetched_at=NOW))


def most(**changes: int) -> dict[str, int]:
    return {"max_vcpus": 128, "max_ram_gb": 300, "max_storage_gb": 1000, **changes}


def instance(**changes: object) -> InstanceRow:
    row = {
        "type": "instance",
        "id": "5c9f81a3",
        "name": "gs1-a",
        "status": "running",
        "ipAddress": "198.51.100.2",
        "portForwards": [
            {"internal_port": 80, "external_port": 20011},
            {"internal_port": 22, "external_port": 20010},
        ],
        "resources": {
            "vcpu_count": 16,
            "ram_gb": 64,
            "storage_gb": 100,
            "gpus": {"h100-sxm5-80gb": {"count": 2, "v0Name": "h100-sxm5-80gb"}},
        },
        "rateHourly": 4.581,
        "something_new": {},
        **changes,
    }
    return msgspec.convert(row, InstanceRow)


def order(offer: Offer | None = None, **changes: Any) -> LaunchOrder:
    offer = offer or offers()[1]
    given: dict[str, Any] = {
        "offer": offer,
        "label": Label("gs1-a"),
        "ends_by": NOW + timedelta(hours=2),
        "price_cap": offer.price,
        "image": None,
        "disk_gb": None,
        "ssh_public_keys": (KEY,),
        "env": {},
        "on_start": "echo hi",
    }
    return LaunchOrder(**{**given, **changes})


# The menu.


def test_a_kind_of_gpu_is_an_offer_for_each_number_that_fits_into_a_machine() -> None:
    found = offers()

    assert [offer.gpu_count for offer in found] == list(range(1, 9))
    assert found[1].id == "tensordock:2xh100-sxm5-80gb.loc-1"
    assert {(offer.gpu_type, offer.vram_gb) for offer in found} == {("H100 SXM", 80)}
    assert (found[0].country, found[0].region, found[0].city) == ("US", "Texas", "Austin")
    assert (found[1].vcpus, found[1].ram_gb, found[1].disk_gb) == (16, 64, 1000)
    assert found[0].availability_confidence < 1


def test_its_price_is_the_sum_of_its_parts_with_the_least_disk() -> None:
    # Two GPUs, 16 processors, 64 GB of memory, 100 GB of disk.
    assert offers()[1].price == HourlyRate(4_400_000 + 48_000 + 128_000 + 5_000)


def test_what_more_disk_costs_is_what_the_cloud_bills_for_it() -> None:
    offer = offers()[1]
    least, more = (
        true_price(offer, MANIFEST.quirks.billing, Need(hours=1.0, disk_gb=size)).disk.micros
        for size in (100, 300)
    )
    assert least == 0
    # By the hour it is 0.01 dollars; the three minutes more are its start-up time, and a begun one.
    assert 10_000 <= more <= 10_000 * 63 / 60


def test_a_machine_has_no_more_than_its_location_gives_in_whole_steps() -> None:
    found = offers(resources=most(max_vcpus=13, max_ram_gb=46))
    assert [(offer.vcpus, offer.ram_gb) for offer in found[:2]] == [(8, 32), (12, 40)]


@pytest.mark.parametrize(
    "changes",
    [
        {"max_count": 0},
        {"resources": most(max_storage_gb=99)},
        {"resources": most(max_vcpus=1)},
        {"resources": most(max_ram_gb=7)},
        {"network_features": UNREACHABLE},
    ],
)
def test_what_cannot_be_had_or_reached_is_no_offer(changes: dict[str, object]) -> None:
    assert not offers(**changes)


def test_what_costs_nothing_makes_no_sense() -> None:
    free = {"per_vcpu_hr": 0, "per_gb_ram_hr": 0, "per_gb_storage_hr": 0}
    with pytest.raises(ValueError, match="costs nothing"):
        offers(price_per_hr=0, pricing=free)


def test_a_kind_without_a_readable_price_is_no_row() -> None:
    for spoilt in ({"pricing": {"per_vcpu_hr": 0.003}}, {"price_per_hr": "2.2"}):
        with pytest.raises(msgspec.ValidationError):
            offers(**spoilt)


# Instances.


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("queued", InstanceStatus.BOOTING),
        ("pending", InstanceStatus.BOOTING),
        ("creating", InstanceStatus.BOOTING),
        ("provisioning", InstanceStatus.BOOTING),
        ("deploying", InstanceStatus.BOOTING),
        ("starting", InstanceStatus.BOOTING),
        ("running", InstanceStatus.RUNNING),
        ("Running", InstanceStatus.RUNNING),
        ("stopping", InstanceStatus.STOPPING),
        ("deleting", InstanceStatus.STOPPING),
        ("terminating", InstanceStatus.STOPPING),
        ("stopped", InstanceStatus.STOPPED),
        ("StoppedDisassociated", InstanceStatus.STOPPED),
        ("stopped_disassociated", InstanceStatus.STOPPED),
        ("error", InstanceStatus.BROKEN),
        ("failed", InstanceStatus.BROKEN),
        ("something-new", InstanceStatus.UNKNOWN),
        ("", InstanceStatus.UNKNOWN),
        (None, InstanceStatus.UNKNOWN),
    ],
)
def test_states_are_read_by_a_table_in_which_the_unknown_waits(
    said: str | None, status: InstanceStatus
) -> None:
    seen = instance_of(instance(status=said))
    assert seen is not None
    assert seen.status is status


@pytest.mark.parametrize("said", ["terminated", "deleted", "Terminated"])
def test_what_has_ended_is_gone_by_the_clouds_own_word(said: str) -> None:
    assert instance_of(instance(status=said)) is None


def test_an_instance_is_read_whole() -> None:
    seen = instance_of(instance(), ordered_at=NOW)

    assert seen is not None
    assert (seen.id, seen.label, seen.mark) == ("5c9f81a3", "gs1-a", "")
    assert (seen.gpu_name, seen.gpu_count) == ("h100-sxm5-80gb", 2)
    assert seen.gpu_memory_mib == 80 * 1024
    assert seen.rate == HourlyRate(4_581_000)
    assert seen.endpoint == Endpoint(host="198.51.100.2", port=20010, user="user")
    assert seen.billed_from == NOW


@pytest.mark.parametrize("born", ["2026-01-01T11:59:00Z", "2026-01-01T11:59:00"])
def test_where_it_tells_its_birth_it_is_billed_from_then(born: str) -> None:
    seen = instance_of(instance(created_at=born), ordered_at=NOW)
    assert seen is not None
    assert seen.billed_from == NOW - timedelta(minutes=1)


def test_a_birth_that_cannot_be_read_is_none() -> None:
    seen = instance_of(instance(created_at="yesterday"))
    assert seen is not None
    assert seen.billed_from is None


@pytest.mark.parametrize(
    ("address", "forwards"),
    [
        ("", []),
        (None, None),
        ("198.51.100.2", [{"internal_port": 80, "external_port": 20011}]),
        ("198.51.100.2", [{"internal_port": 22, "external_port": 0}]),
        ("198.51.100.2", [{"internal_port": 22, "external_port": 99999}]),
    ],
)
def test_running_without_a_way_in_is_still_on_its_way(address: Any, forwards: Any) -> None:
    seen = instance_of(instance(ipAddress=address, portForwards=forwards))
    assert seen is not None
    assert (seen.status, seen.endpoint) == (InstanceStatus.BOOTING, None)


def test_an_address_of_its_own_is_reached_at_22() -> None:
    for none in ([], None):
        seen = instance_of(instance(portForwards=none))
        assert seen is not None
        assert seen.endpoint == Endpoint(host="198.51.100.2", port=22, user="user")


def test_a_row_of_the_documented_list_tells_name_and_state_alone() -> None:
    row = {"type": "VM", "id": "a", "attributes": {"name": "gs1-a", "status": "stopped"}}
    seen = instance_of(msgspec.convert(row, InstanceRow))
    assert seen is not None
    assert (seen.label, seen.status) == ("gs1-a", InstanceStatus.STOPPED)
    assert (seen.rate, seen.gpu_count, seen.billed_from) == (None, 0, None)


def test_somebody_elses_machine_spoils_no_listing() -> None:
    for resources in (None, {"gpus": {}}, {"vcpu_count": 2}):
        seen = instance_of(instance(resources=resources, name=None, rateHourly=None))
        assert seen is not None
        assert (seen.label, seen.gpu_count, seen.gpu_memory_mib) == ("", 0, 0)


# Orders.


def test_an_order_says_what_the_offer_was_priced_for() -> None:
    new = new_instance_of(order(exposed_ports=(8080, 22)), image="ubuntu2404")

    assert msgspec.to_builtins(new) | {"cloud_init": ...} == {
        "name": "gs1-a",
        "image": "ubuntu2404",
        "location_id": "loc-1",
        "resources": {
            "vcpu_count": 16,
            "ram_gb": 64,
            "storage_gb": 100,
            "gpus": {"h100-sxm5-80gb": {"count": 2}},
        },
        "ssh_key": KEY,
        "cloud_init": ...,
        "port_forwards": [
            {"internal_port": 22, "external_port": 20000},
            {"internal_port": 8080, "external_port": 20001},
        ],
    }


def test_where_no_ports_are_forwarded_a_machine_has_an_address_of_its_own() -> None:
    offer = offers(network_features=BY_ITSELF)[1]
    assert offer.provider_id == "2xh100-sxm5-80gb.loc-1~ip"

    new = msgspec.to_builtins(new_instance_of(order(offer), image="ubuntu2404"))

    assert new["useDedicatedIp"] is True
    assert "port_forwards" not in new
    assert new["location_id"] == "loc-1"


def test_the_first_boot_admits_all_keys_and_holds_nothing_that_a_shell_could_misread() -> None:
    odd = "echo \"it's $HOME\" && echo 'é'\nEND_OF_START\n"
    given = order(ssh_public_keys=(KEY, "ssh-rsa AAAAother"), on_start=odd)
    (command,) = new_instance_of(given, image="").cloud_init.runcmd

    packed = command.split()[3]
    script = base64.b64decode(packed).decode()
    assert set(command) <= set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=-$"()&|;> ')  # fmt: skip
    assert KEY in script
    assert "ssh-rsa AAAAother" in script
    assert odd.strip() in script


@pytest.mark.parametrize(
    ("wanted", "ordered"), [(None, 100), (1, 100), (100, 100), (101, 150), (150, 150), (980, 1000)]
)
def test_disks_come_in_steps(wanted: int | None, ordered: int) -> None:
    assert disk_of(wanted) == ordered


def test_what_cannot_be_ordered_is_refused_before_anything_is_sent() -> None:
    new_instance_of(order(disk_gb=1000), image="")
    with pytest.raises(NoCapacity, match="1000 at most"):
        new_instance_of(order(disk_gb=1001), image="")
    with pytest.raises(BadOrder, match="SSH key"):
        new_instance_of(order(ssh_public_keys=()), image="")


# Errors.


def said(text: str) -> bytes:
    return json.dumps({"status": 400, "error": text}).encode()


@pytest.mark.parametrize(
    ("status", "body", "due"),
    [
        (400, said("No available nodes found"), NoCapacity),
        (400, said("No available public IPs on hostnode"), NoCapacity),
        (400, said("Hostnode unavailable"), NoCapacity),
        (400, said("Insufficient capacity"), NoCapacity),
        (400, said("Out of stock"), NoCapacity),
        (400, said("The location is at capacity"), NoCapacity),
        (400, said("Quota exceeded"), QuotaReached),
        (402, said("You need at least $1 to deploy an instance"), QuotaReached),
        (400, said("Insufficient balance"), QuotaReached),
        (400, said("Insufficient funds"), QuotaReached),
        (400, said("Location not found"), OfferGone),
        (400, said("GPU not found"), OfferGone),
        (404, said("Not Found"), OfferGone),
        (400, said("SSH port (22) must be forwarded for Ubuntu VMs"), BadOrder),
        (400, said("An SSH key is required"), BadOrder),
        (400, said("Provide exactly one of ssh_key, ssh_key_id"), BadOrder),
        (400, b'{"error":[{"code":"invalid_type","message":"Required","path":[]}]}', BadOrder),
        (400, b'{"errors":[{"status":"400","title":"At capacity"}]}', NoCapacity),
        (400, said("something new"), BadOrder),
        (401, said("Unauthorized"), Unauthorized),
        (400, said("Invalid API token"), Unauthorized),
        (400, said("Invalid token"), Unauthorized),
        (403, said("Forbidden"), Unauthorized),
        (429, said("Too many requests"), RateLimited),
        (400, said("Rate limit reached"), RateLimited),
        (400, b'{"error":"At capacity","data":{"id":"5c9f81a3"}}', Ambiguous),
        (400, b"<html>busy</html>", Ambiguous),
        (408, said("something new"), Ambiguous),
        (500, said("No available nodes found"), Ambiguous),
        (504, b"", Ambiguous),
    ],
)
def test_each_error_of_a_create_has_its_meaning(
    status: int, body: bytes, due: type[ProviderError]
) -> None:
    reply = HttpReply(status=status, headers={"content-type": "application/json"}, body=body)
    with pytest.raises(ProviderError) as raised:
        judge_launch(reply, DIALECT, what="create")
    assert type(raised.value) is due
