"""What Prime Intellect's rows and errors mean to us, line by line."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
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
from gpu_shopper.providers.prime.api import DIALECT, OfferRow, PodRow
from gpu_shopper.providers.prime.mapping import disk_of, instance_of, offer_of, price_of
from gpu_shopper.transport.answers import instance_in, judge_launch

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DISK = {"minCount": 80, "defaultCount": 80, "maxCount": 1000, "pricePerUnit": 0.00014, "step": 1}
ROW = {
    "cloudId": "NVIDIA H100 80GB HBM3", "gpuType": "H100_80GB", "socket": "SXM5", "provider": "upstream", "region": "eu",
    "dataCenter": "EU-RO-1", "country": "RO", "gpuCount": 2, "gpuMemory": 80,
    "disk": {**DISK, "defaultIncludedInPrice": False, "additionalInfo": None},
    "vcpu": {"defaultCount": 16, "pricePerUnit": None}, "memory": {"defaultCount": 251},
    "stockStatus": "Low", "security": "secure_cloud", "images": ["ubuntu_22_cuda_12"], "isSpot": False, "prepaidTime": None,
    "prices": {"onDemand": 2.69, "communityPrice": None, "isVariable": True, "currency": "USD"}, "something_new": {},
}  # fmt: skip


def row(**changes: object) -> OfferRow:
    return msgspec.convert({**ROW, **changes}, OfferRow)


def offered(**changes: object) -> Offer | None:
    return offer_of(row(**changes), fetched_at=NOW)


# Offers.


def test_a_row_becomes_an_offer_in_our_units_with_its_disk_in_the_price() -> None:
    offer = offered()

    assert offer is not None
    assert offer.id == f"prime:{offer.provider_id}"
    assert offer.provider_id.startswith("upstream-h100-80gb-2x-")
    assert (offer.gpu_type, offer.gpu_count, offer.vram_gb) == ("H100 SXM", 2, 80)
    assert offer.price == rate(f"{2.69 + 100 * 0.00014:.6f}")
    assert (offer.country, offer.location) == ("RO", "upstream EU-RO-1")
    assert (offer.vcpus, offer.ram_gb, offer.disk_gb) == (16, 251, 1000)
    assert round(offer.storage_price_per_gb_month, 4) == round(0.00014 * 730, 4)
    assert not offer.interruptible


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({"disk": {**DISK, "defaultIncludedInPrice": True}}, 2.69 + 20 * 0.00014),
        ({"disk": {**DISK, "minCount": 250, "defaultCount": 250}}, 2.69 + 250 * 0.00014),
        ({"disk": {"defaultCount": 900, "defaultIncludedInPrice": True, "pricePerUnit": 0.1}}, 2.69),
        ({"disk": {}}, 2.69),
        ({"disk": {}, "vcpu": {"defaultCount": 10, "pricePerUnit": 0.01}}, 2.79),
        ({"disk": {}, "vcpu": {"defaultCount": 10, "pricePerUnit": 0.01, "defaultIncludedInPrice": True}}, 2.69),
        ({"disk": {}, "memory": {"defaultCount": 100, "pricePerUnit": 0.001, "defaultIncludedInPrice": False}}, 2.79),
        ({"disk": {}, "prices": {"onDemand": None, "communityPrice": 1.5, "currency": None}}, 1.5),
        ({"disk": {}, "prices": {"onDemand": 2.0, "communityPrice": 1.5}}, 2.0),
        ({"disk": {}, "prices": {"onDemand": 2.0, "communityPrice": 1.5}, "security": "community_cloud"}, 1.5),
    ],
)  # fmt: skip
def test_the_true_price_holds_all_that_is_ordered(changes: dict[str, Any], price: float) -> None:
    assert price_of(row(**changes)) == pytest.approx(price)


@pytest.mark.parametrize(
    "prices",
    [{"onDemand": None, "communityPrice": None}, {"onDemand": 0.0}, {"onDemand": 2.0, "currency": "EUR"}],
)  # fmt: skip
def test_a_row_without_a_price_in_dollars_makes_no_sense(prices: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no price|EUR"):
        offered(prices=prices)


@pytest.mark.parametrize(
    "changes",
    [
        {"gpuType": "CPU_NODE"}, {"gpuCount": 0}, {"prepaidTime": 168}, {"stockStatus": "Unavailable"},
        {"stockStatus": "Out of Stock"},
    ],
)  # fmt: skip
def test_what_sells_no_gpu_by_the_hour_is_no_offer(changes: dict[str, Any]) -> None:
    assert offered(**changes) is None


@pytest.mark.parametrize(
    ("disk", "wanted", "size"),
    [
        (DISK, None, 100),
        (DISK, 20, 80),
        (DISK, 1000, 1000),
        ({**DISK, "step": 50}, 90, 130),
        ({**DISK, "step": 50, "maxCount": 120}, 90, 120),
        ({**DISK, "maxCount": 90}, None, 90),
        ({"defaultCount": 500}, None, 500),
        ({"defaultCount": 500}, 400, 500),
        ({}, None, None),
    ],
)
def test_a_disk_is_the_least_that_is_no_smaller_than_wanted(
    disk: dict[str, Any], wanted: int | None, size: int | None
) -> None:
    assert disk_of(row(disk=disk), wanted) == size


@pytest.mark.parametrize("disk", [DISK, {"defaultCount": 500}, {}])
def test_a_disk_that_can_not_be_had_is_no_smaller_one(disk: dict[str, Any]) -> None:
    with pytest.raises(BadOrder):
        disk_of(row(disk=disk), 1001)


@pytest.mark.parametrize(
    ("name", "socket", "gpu"),
    [
        ("H100_80GB", "PCIe", "H100 PCIe"),
        ("RTX4090_24GB", "PCIe", "RTX 4090"),
        ("A100_80GB", "SXM4", "A100 80GB"),
        ("GH200_96GB", "Grace", "GH200"),
        ("H100_80GB", None, "H100 PCIe"),
    ],
)
def test_the_socket_says_which_board_it_is(name: str, socket: str | None, gpu: str) -> None:
    offer = offered(gpuType=name, socket=socket, gpuMemory=None)
    assert offer is not None
    assert offer.gpu_type == gpu


@pytest.mark.parametrize(
    ("site", "country", "place"),
    [
        ("US-KS-2", "US", ("US", "Kansas")),
        ("CANADA-1", "CA", ("CA", "")),
        ("somewhere", "NO", ("NO", "")),
        ("US-KS-2", "NO", ("NO", "")),
        (None, None, ("", "")),
    ],
)
def test_the_country_outweighs_the_site(
    site: str | None, country: str | None, place: tuple[str, str]
) -> None:
    offer = offered(dataCenter=site, country=country)
    assert offer is not None
    assert (offer.country, offer.region) == place


# Pods.


def pod(**changes: object) -> PodRow:
    given = {
        "id": "p1",
        "name": "gs1-a",
        "status": "ACTIVE",
        "installationStatus": "FINISHED",
        **changes,
    }
    return msgspec.convert(given, PodRow)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": None}, InstanceStatus.BOOTING),
        ({"status": "PROVISIONING"}, InstanceStatus.BOOTING),
        ({"status": "PENDING"}, InstanceStatus.BOOTING),
        ({}, InstanceStatus.RUNNING),
        ({"installationStatus": "COMPLETE", "installationProgress": 100}, InstanceStatus.RUNNING),
        ({"installationStatus": None}, InstanceStatus.RUNNING),
        ({"installationStatus": None, "installationProgress": 60}, InstanceStatus.BOOTING),
        ({"installationStatus": "PENDING"}, InstanceStatus.BOOTING),
        ({"installationStatus": "a word of next year"}, InstanceStatus.BOOTING),
        ({"installationStatus": "FAILED"}, InstanceStatus.BROKEN),
        ({"installationFailure": "no driver"}, InstanceStatus.BROKEN),
        ({"status": "STOPPED"}, InstanceStatus.STOPPED),
        ({"status": "ERROR"}, InstanceStatus.BROKEN),
        ({"status": "DELETING"}, InstanceStatus.STOPPING),
        ({"status": "UNKNOWN"}, InstanceStatus.UNKNOWN),
        ({"status": "a state of next year"}, InstanceStatus.UNKNOWN),
    ],
)
def test_a_state_by_its_table(changes: dict[str, Any], expected: InstanceStatus) -> None:
    seen = instance_of(pod(**changes))
    assert seen is not None
    assert seen.status is expected


def test_a_pod_that_is_called_terminated_is_gone() -> None:
    assert instance_of(pod(status="TERMINATED")) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("root@203.0.113.7 -p 4022", ("root", "203.0.113.7", 4022)),
        ("ubuntu@203.0.113.7", ("ubuntu", "203.0.113.7", 22)),
        ("ssh root@pod.example -p 1", ("root", "pod.example", 1)),
        (["root@203.0.113.7 -p 4022", "root@203.0.113.8 -p 4022"], ("root", "203.0.113.7", 4022)),
        ([None, "root@203.0.113.8 -p 22"], ("root", "203.0.113.8", 22)),
        ([None], None),
        ([], None),
        (None, None),
        ("", None),
        ("root@203.0.113.7 -p 99999", None),
        ("-oProxyCommand=x root@host", None),
    ],
)
def test_where_ssh_answers_is_one_text_or_several(
    told: object, expected: tuple[str, str, int] | None
) -> None:
    seen = instance_of(pod(sshConnection=told))
    assert seen is not None
    wanted = (
        None if expected is None else Endpoint(user=expected[0], host=expected[1], port=expected[2])
    )
    assert seen.endpoint == wanted


def test_there_is_no_address_until_its_installation_is_over() -> None:
    seen = instance_of(pod(sshConnection="root@203.0.113.7 -p 22", installationProgress=99))
    assert seen is not None
    assert seen.endpoint is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01T12:00:00Z", NOW),
        ("2026-01-01T12:00:00", NOW),
        ("2026-01-01T14:00:00+02:00", NOW),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_are_utc(text: str | None, moment: datetime | None) -> None:
    seen = instance_of(pod(createdAt=text))
    assert seen is not None
    assert seen.billed_from == moment


# Errors.


@pytest.mark.parametrize(
    ("status", "said", "meaning"),
    [
        (401, {"detail": "Invalid API key"}, Unauthorized),
        (403, {"detail": "Could not validate credentials"}, Unauthorized),
        (402, {"detail": "Payment required"}, QuotaReached),
        (400, {"detail": "Insufficient balance"}, QuotaReached),
        (400, {"detail": "Quota exceeded for this GPU"}, QuotaReached),
        (404, {"detail": "The requested configuration is no longer available"}, OfferGone),
        (404, {"detail": "Not Found"}, OfferGone),
        (400, {"detail": "Requested GPU is not available"}, OfferGone),
        (400, {"detail": "Current price is above maxPrice"}, OfferGone),
        (400, {"detail": "The requested GPU is out of stock"}, NoCapacity),
        (409, {"detail": "conflict"}, NoCapacity),
        (422, {"detail": [{"loc": ["body", "pod", "image"], "msg": "unknown image", "type": "value_error"}]}, BadOrder),
        (404, {"detail": "SSH key not found"}, BadOrder),
        (429, {"detail": "Too many requests"}, RateLimited),
        (400, {"detail": "something new"}, BadOrder),
        (408, {"detail": "timeout"}, Ambiguous),
        (500, {"detail": "Provider error: no capacity"}, Ambiguous),
        (503, {"detail": "The requested GPU is out of stock"}, Ambiguous),
        (502, None, Ambiguous),
        (400, None, Ambiguous),
        (400, {"detail": "no longer available", "id": "p1"}, Ambiguous),
    ],
)  # fmt: skip
def test_an_error_of_a_create_by_its_table(
    status: int, said: object, meaning: type[ProviderError]
) -> None:
    body = b"<html>" if said is None else msgspec.json.encode(said)
    reply = HttpReply(status=status, headers={}, body=body)

    with pytest.raises(ProviderError) as caught:
        judge_launch(reply, DIALECT, what="create")

    assert type(caught.value) is meaning
    assert getattr(caught.value, "instance_id", None) == instance_in(reply, DIALECT)
