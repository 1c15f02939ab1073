"""What Lambda Cloud's rows and errors mean to us, line by line."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import HourlyRate, rate
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
from gpu_shopper.providers.lambda_cloud.api import DIALECT, InstanceRow, TypeOnSale
from gpu_shopper.providers.lambda_cloud.mapping import instance_of, new_instance_of, offers_of
from gpu_shopper.transport.answers import instance_in, judge_launch

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone"
H100 = {
    "name": "gpu_8x_h100_sxm5",
    "description": "8x H100 (80 GB SXM5)",
    "gpu_description": "H100 (80 GB SXM5)",
    "price_cents_per_hour": 2392,
    "specs": {"vcpus": 208, "memory_gib": 1800, "storage_gib": 22528, "gpus": 8},
}
TEXAS = {"name": "us-south-1", "description": "Texas, USA"}


def on_sale(*regions: dict[str, str], **changes: object) -> TypeOnSale:
    row = {"instance_type": {**H100, **changes}, "regions_with_capacity_available": regions}
    return msgspec.convert(row, TypeOnSale)


def instance(**changes: object) -> InstanceRow:
    row = {
        "id": "0920582c7ff041399e34823a0be62549",
        "name": "gs1-a",
        "ip": "198.51.100.2",
        "status": "active",
        "ssh_key_names": ["gs1-a"],
        "region": TEXAS,
        "instance_type": H100,
        "tags": [{"key": "gpu-shopper", "value": "gs1-a"}],
        "something_new": {},
        **changes,
    }
    return msgspec.convert(row, InstanceRow)


def order(**changes: Any) -> LaunchOrder:
    (offer,) = offers_of(on_sale(TEXAS), fetched_at=NOW)
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


def test_a_kind_of_machine_is_an_offer_in_each_region_that_has_one_left() -> None:
    tokyo = {"name": "asia-northeast-2", "description": "Tokyo, Japan"}
    first, second = offers_of(on_sale(TEXAS, tokyo), fetched_at=NOW)

    assert first.id == "lambda:gpu_8x_h100_sxm5.us-south-1"
    assert (first.gpu_type, first.gpu_count, first.vram_gb) == ("H100 SXM", 8, 80)
    assert first.price == rate("23.92")
    assert (first.country, first.region) == ("US", "Texas")
    assert (second.country, second.city) == ("JP", "Tokyo")
    assert (first.vcpus, first.ram_gb, first.disk_gb) == (208, 1800, 22528)
    assert not first.interruptible


def test_what_has_no_gpu_or_no_region_is_no_offer() -> None:
    assert not list(offers_of(on_sale(), fetched_at=NOW))
    specs = {"vcpus": 4, "memory_gib": 16, "storage_gib": 512, "gpus": 0}
    none = on_sale(TEXAS, name="cpu_4x_general", gpu_description="N/A", specs=specs)
    assert not list(offers_of(none, fetched_at=NOW))


def test_a_region_without_words_is_read_by_its_code() -> None:
    (offer,) = offers_of(on_sale({"name": "us-west-1", "description": ""}), fetched_at=NOW)
    assert (offer.country, offer.location) == ("US", "us-west-1")


@pytest.mark.parametrize(
    ("words", "country", "region", "city"),
    [
        ("North Texas, USA", "US", "Texas", ""),
        ("Central Texas, USA", "US", "Texas", ""),
        ("Washington DC, USA", "US", "District of Columbia", ""),
        ("Frankfurt, Germany", "DE", "", "Frankfurt"),
        ("South Carolina, USA", "US", "South Carolina", ""),
    ],
)
def test_a_region_is_read_by_its_words(words: str, country: str, region: str, city: str) -> None:
    (offer,) = offers_of(on_sale({"name": "r", "description": words}), fetched_at=NOW)
    assert (offer.country, offer.region, offer.city) == (country, region, city)


@pytest.mark.parametrize("cents", [75, 129, 2392, 3999, 7])
def test_cents_are_dollars_exactly(cents: int) -> None:
    (offer,) = offers_of(on_sale(TEXAS, price_cents_per_hour=cents), fetched_at=NOW)
    assert offer.price == HourlyRate(cents * 10_000)


# Instances.


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("booting", InstanceStatus.BOOTING),
        ("active", InstanceStatus.RUNNING),
        ("unhealthy", InstanceStatus.UNKNOWN),
        ("terminating", InstanceStatus.STOPPING),
        ("preempted", InstanceStatus.STOPPED),
        ("something-new", InstanceStatus.UNKNOWN),
        ("", InstanceStatus.UNKNOWN),
    ],
)
def test_states_are_read_by_a_table_in_which_the_unknown_waits(
    said: str, status: InstanceStatus
) -> None:
    seen = instance_of(instance(status=said))
    assert seen is not None
    assert seen.status is status


def test_what_is_terminated_is_gone_by_the_clouds_own_word() -> None:
    assert instance_of(instance(status="terminated")) is None


def test_an_instance_is_read_whole() -> None:
    seen = instance_of(instance())
    assert seen is not None
    assert (seen.label, seen.mark) == ("gs1-a", "gs1-a")
    assert (seen.gpu_name, seen.gpu_count, seen.gpu_memory_mib) == (
        "H100 (80 GB SXM5)",
        8,
        80 * 1024,
    )
    assert seen.rate == rate("23.92")
    assert seen.endpoint == Endpoint(host="198.51.100.2", port=22, user="ubuntu")
    assert seen.billed_from is None


@pytest.mark.parametrize("ip", [None, "", "0.0.0.0"])
def test_active_without_an_address_is_still_on_its_way(ip: str | None) -> None:
    seen = instance_of(instance(ip=ip), billed_from=NOW)
    assert seen is not None
    assert (seen.status, seen.endpoint, seen.billed_from) == (InstanceStatus.BOOTING, None, None)


def test_an_address_counts_from_when_it_is_active() -> None:
    seen = instance_of(instance(status="booting"))
    assert seen is not None
    assert seen.endpoint is None


def test_a_lost_name_is_made_up_for_by_the_tag() -> None:
    seen = instance_of(instance(name=None))
    assert seen is not None
    assert (seen.label, seen.mark) == ("", "gs1-a")


def test_somebody_elses_machine_without_a_gpu_spoils_no_listing() -> None:
    specs = {"vcpus": 4, "memory_gib": 16, "storage_gib": 512, "gpus": 0}
    kind = {**H100, "name": "cpu_4x_general", "gpu_description": "N/A", "specs": specs}
    seen = instance_of(instance(instance_type=kind, name="theirs", tags=[]))
    assert seen is not None
    assert (seen.gpu_count, seen.gpu_memory_mib) == (0, 0)


# Orders.


def test_an_order_names_one_key_and_carries_the_label_twice() -> None:
    new = new_instance_of(order(ssh_public_keys=(KEY, "ssh-rsa AAAAother")), key_name="k", image="")

    assert (new.instance_type_name, new.region_name) == ("gpu_8x_h100_sxm5", "us-south-1")
    assert list(new.ssh_key_names) == ["k"]
    assert new.name == "gs1-a"
    assert [(tag.key, tag.value) for tag in new.tags] == [("gpu-shopper", "gs1-a")]
    assert new.user_data.startswith("#!/bin/sh\n")
    assert KEY in new.user_data
    assert "ssh-rsa AAAAother" in new.user_data
    assert "image" not in msgspec.json.decode(msgspec.json.encode(new))


@pytest.mark.parametrize(
    ("image", "meant"),
    [
        ("43336648-096d-4cba-9aa2-f9bb7727639d", {"id": "43336648-096d-4cba-9aa2-f9bb7727639d"}),
        ("ddaedf1b7a0e41ac981711504493b242", {"id": "ddaedf1b7a0e41ac981711504493b242"}),
        ("lambda-stack-24-04", {"family": "lambda-stack-24-04"}),
    ],
)
def test_an_image_is_named_by_its_id_or_its_family(image: str, meant: dict[str, str]) -> None:
    for new in (
        new_instance_of(order(image=image), key_name="k", image="other"),
        new_instance_of(order(), key_name="k", image=image),
    ):
        assert msgspec.json.decode(msgspec.json.encode(new))["image"] == meant


def test_more_disk_than_the_machine_has_is_refused_before_anything_is_sent() -> None:
    new_instance_of(order(disk_gb=22528), key_name="k", image="")
    with pytest.raises(BadOrder, match="22528 GB"):
        new_instance_of(order(disk_gb=22529), key_name="k", image="")


# Errors.

_LAUNCH = "instance-operations/launch"


@pytest.mark.parametrize(
    ("status", "code", "message", "due"),
    [
        (400, f"{_LAUNCH}/insufficient-capacity", "Not enough capacity.", NoCapacity),
        (400, f"{_LAUNCH}/file-system-in-wrong-region", "", BadOrder),
        (400, "global/quota-exceeded", "Quota exceeded.", QuotaReached),
        (400, "global/invalid-parameters", "Invalid request data.", BadOrder),
        (400, "global/duplicate", "", BadOrder),
        (400, "global/object-does-not-exist", "Instance type does not exist.", OfferGone),
        (404, "global/object-does-not-exist", "Region does not exist.", OfferGone),
        (404, "global/object-does-not-exist", "SSH key does not exist.", BadOrder),
        (404, "global/object-does-not-exist", "Image does not exist.", BadOrder),
        (401, "global/invalid-api-key", "API key was invalid.", Unauthorized),
        (403, "global/account-inactive", "Your account is inactive.", Unauthorized),
        (403, "global/invalid-address", "Your billing address is invalid.", Unauthorized),
        (403, "global/forbidden", "", Unauthorized),
        (429, "global/too-many-requests", "", RateLimited),
        (400, "global/unknown", "An unknown error occurred.", Ambiguous),
        (400, "global/internal-error", "", Ambiguous),
        (400, "provider/internal-unavailable", "Provider unavailable", Ambiguous),
        (409, "global/conflict", "", Ambiguous),
        (408, "global/anything", "", Ambiguous),
        (500, "global/internal-error", "", Ambiguous),
        (503, "provider/internal-unavailable", "", Ambiguous),
    ],
)
def test_each_error_of_a_launch_has_its_meaning(
    status: int, code: str, message: str, due: type[ProviderError]
) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    reply = HttpReply(status=status, headers={"content-type": "application/json"}, body=body)
    with pytest.raises(ProviderError) as raised:
        judge_launch(reply, DIALECT, what="create")
    assert type(raised.value) is due


@pytest.mark.parametrize("text", [b"error code: 1015", b"<html>busy</html>", b""])
def test_a_limit_told_by_whoever_stands_in_front_is_no_plain_no(text: bytes) -> None:
    reply = HttpReply(status=429, headers={"content-type": "text/plain"}, body=text)
    with pytest.raises(Ambiguous):
        judge_launch(reply, DIALECT, what="create")


def test_an_answer_that_makes_no_sense_may_still_name_what_was_bought() -> None:
    reply = HttpReply(status=200, headers={}, body=b'{"data":{"instance_ids":["abc"],"x":1}}')
    assert instance_in(reply, DIALECT) == "abc"
