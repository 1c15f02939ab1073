"""What Verda's rows and answers mean to us, line by line."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import rate
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.verda.api import InstanceRow, TypeRow
from gpu_shopper.providers.verda.mapping import (
    image_for,
    instance_of,
    label_in,
    new_instance_of,
    offers_of,
    script_of,
    split_offer,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
INSTANCE_ID = "0123456789abcdef0123456789abcdef"
KIND = {
    "id": "x", "instance_type": "2H100.80S.80V", "price_per_hour": "4.58", "spot_price": "1.80", "currency": "usd",
    "name": "H100 SXM5 80GB", "model": "H100", "cpu": {"number_of_cores": 80}, "gpu": {"number_of_gpus": 2},
    "memory": {"size_in_gigabytes": 370}, "gpu_memory": {"size_in_gigabytes": 160}, "supported_os": ["a"],
    "storage": {"description": "dynamic"}, "something_new": {},
}  # fmt: skip


def kind(**changes: object) -> TypeRow:
    return msgspec.convert({**KIND, **changes}, TypeRow)


def instance(**changes: object) -> InstanceRow:
    row = {
        "id": INSTANCE_ID, "status": "running", "description": "gs1-a", "hostname": "gs1-a", "ip": "203.0.113.7",
        "price_per_hour": 4.58, "created_at": "2026-01-01T11:00:00.000Z", "storage": {"size_in_gigabytes": 100},
        "gpu": {"description": "2x H100 SXM5 80GB", "number_of_gpus": 2}, "gpu_memory": {"size_in_gigabytes": 160},
        **changes,
    }  # fmt: skip
    return msgspec.convert(row, InstanceRow)


PLACES = (("FIN-03", False), ("ICE-01", True))


def test_a_kind_of_machine_becomes_an_offer_at_each_place() -> None:
    fixed, spot = offers_of(kind(), PLACES, gb_month=0.2, fetched_at=NOW)

    assert (fixed.id, spot.id) == ("verda:2H100.80S.80V@FIN-03", "verda:2H100.80S.80V@ICE-01-spot")
    assert (fixed.gpu_type, fixed.gpu_count, fixed.vram_gb) == ("H100 SXM", 2, 80)
    assert fixed.price == rate(f"{4.58 + 50 * 0.2 / 730:.6f}")
    assert spot.price == rate(f"{1.80 + 50 * 0.2 / 730:.6f}")
    assert (fixed.country, spot.country) == ("FI", "IS")
    assert (fixed.interruptible, spot.interruptible) == (False, True)
    assert (fixed.vcpus, fixed.ram_gb, fixed.storage_price_per_gb_month) == (80, 370, 0.2)


def test_what_has_no_gpu_or_no_price_is_no_offer() -> None:
    def offers(**changes: object) -> int:
        return len(list(offers_of(kind(**changes), PLACES, gb_month=0.2, fetched_at=NOW)))

    assert offers(gpu={"number_of_gpus": 0}) == 0
    assert offers(spot_price=None) == 1
    assert offers(spot_price="0") == 1
    for wrong in ({"price_per_hour": "dear"}, {"currency": "eur"}):
        with pytest.raises(ValueError, match=r"dear|eur"):
            offers(**wrong)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1H100.80S.30V@FIN-01", ("1H100.80S.30V", "FIN-01", False)),
        ("1H100.80S.30V@FIN-01-spot", ("1H100.80S.30V", "FIN-01", True)),
        ("1H100.80S.30V@", None),
        ("@FIN-01", None),
        ("nothing-of-that-name", None),
        ("", None),
    ],
)
def test_an_offer_says_what_to_order_and_where(
    name: str, expected: tuple[str, str, bool] | None
) -> None:
    assert split_offer(name) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("new", InstanceStatus.BOOTING),
        ("ordered", InstanceStatus.BOOTING),
        ("pending", InstanceStatus.BOOTING),
        ("provisioning", InstanceStatus.BOOTING),
        ("validating", InstanceStatus.BOOTING),
        ("restoring", InstanceStatus.BOOTING),
        ("running", InstanceStatus.RUNNING),
        ("deleting", InstanceStatus.STOPPING),
        ("starting_hibernation", InstanceStatus.STOPPING),
        ("hibernating", InstanceStatus.STOPPED),
        ("offline", InstanceStatus.STOPPED),
        ("error", InstanceStatus.BROKEN),
        ("installation_failed", InstanceStatus.BROKEN),
        ("no_capacity", InstanceStatus.BROKEN),
        ("unknown", InstanceStatus.UNKNOWN),
        ("notfound", InstanceStatus.UNKNOWN),
        ("a state of next year", InstanceStatus.UNKNOWN),
        ("", InstanceStatus.UNKNOWN),
        ("discontinued", None),
    ],
)
def test_a_state_by_its_table(status: str, expected: InstanceStatus | None) -> None:
    made = instance_of(instance(status=status), gb_month=0.2)
    assert (None if made is None else made.status) == expected


def test_an_instance_in_our_units() -> None:
    made = instance_of(instance(), gb_month=0.73)

    assert made is not None
    assert (made.label, made.mark, made.gpu_count) == ("gs1-a", "gs1-a", 2)
    assert (made.gpu_name, made.gpu_memory_mib) == ("H100 SXM", 80 * 1024), (
        "what was granted is held against what was sold"
    )
    assert made.rate == rate("4.68")
    assert made.billed_from == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"storage": None}, "4.58684932"),
        ({"storage": {"description": "dynamic"}}, "4.58684932"),
        ({"price_per_hour": "4.58"}, "4.594"),
        ({"price_per_hour": None}, None),
        ({"currency": "eur"}, None),
    ],
)
def test_a_price_is_told_with_the_disk_in_dollars_or_not_at_all(
    changes: dict[str, object], expected: str | None
) -> None:
    made = instance_of(instance(**changes), gb_month=0.1022 if "storage" not in changes else 0.1)
    assert made is not None
    assert made.rate == (None if expected is None else rate(expected))


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("203.0.113.7", ("203.0.113.7", 22)),
        ("127.0.0.1:40022", ("127.0.0.1", 40022)),
        (None, None),
        ("", None),
        ("0.0.0.0", None),
        ("not an address", None),
    ],
)
def test_it_runs_once_its_address_is_known(
    ip: str | None, expected: tuple[str, int] | None
) -> None:
    made = instance_of(instance(ip=ip), gb_month=0.2)
    wanted = None if expected is None else Endpoint(host=expected[0], port=expected[1], user="root")
    assert made is not None
    assert made.endpoint == wanted
    assert made.status is (InstanceStatus.RUNNING if wanted else InstanceStatus.BOOTING)


@pytest.mark.parametrize("moment", [None, "", "whenever", "2026-13-01T00:00:00Z"])
def test_a_birth_that_cannot_be_read_is_not_made_up(moment: str | None) -> None:
    made = instance_of(instance(created_at=moment), gb_month=0.2)
    assert made is not None
    assert made.billed_from is None


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("1x RTX A6000 48GB", "RTX A6000"),
        ("1x A card of next year", "A card of next year"),
        (None, ""),
    ],
)
def test_a_gpu_is_named_without_its_number(description: str | None, expected: str) -> None:
    row = instance(gpu={"description": description, "number_of_gpus": 1}, gpu_memory=None)
    made = instance_of(row, gb_month=0.2)
    assert made is not None
    assert made.gpu_name == expected


def test_somebody_elses_machine_without_a_gpu_is_an_instance_all_the_same() -> None:
    row = instance(gpu=None, gpu_memory=None, description=None, hostname="db")
    made = instance_of(row, gb_month=0.2)
    assert made is not None
    assert (made.label, made.gpu_count, made.gpu_memory_mib) == ("db", 0, 0)


@pytest.mark.parametrize(
    ("supported", "expected"),
    [
        ([], "ubuntu-24.04-cuda-12.8-open-docker"),
        (["ubuntu-24.04-cuda-12.8-open-docker", "x"], "ubuntu-24.04-cuda-12.8-open-docker"),
        (["ubuntu-20.04", "ubuntu-22.04-cuda-12.0-docker", "ubuntu-22.04-cuda-12.4"], "ubuntu-22.04-cuda-12.0-docker"),
        (["ubuntu-20.04", "ubuntu-22.04-cuda-12.0"], "ubuntu-22.04-cuda-12.0"),
        (["jupyter"], "jupyter"),
    ],
)  # fmt: skip
def test_the_image_is_one_that_the_machine_takes(supported: list[str], expected: str) -> None:
    assert image_for("ubuntu-24.04-cuda-12.8-open-docker", supported) == expected


def order(**changes: object) -> LaunchOrder:
    (offer,) = offers_of(
        kind(), ((("FIN-03", changes.pop("spot", False)),)), gb_month=0.2, fetched_at=NOW
    )
    given = {
        "offer": offer, "label": Label("gs1-a"), "ends_by": NOW, "price_cap": offer.price, "image": None,
        "disk_gb": None, "ssh_public_keys": (), "env": {}, "on_start": "", **changes,
    }  # fmt: skip
    return LaunchOrder(**given)


@pytest.mark.parametrize(
    ("wanted", "disk_gb", "on_spot", "pricing"),
    [
        ({}, 50, None, "FIXED_PRICE"),
        ({"disk_gb": 20}, 50, None, "FIXED_PRICE"),
        ({"disk_gb": 500, "spot": True}, 500, "delete_permanently", None),
    ],
)
def test_an_order_in_the_clouds_words(
    wanted: dict[str, object], disk_gb: int, on_spot: str | None, pricing: str | None
) -> None:
    new = new_instance_of(
        order(**wanted), kind="K", location="FIN-03", image="I", key_ids=["k"], script_id="s"
    )

    assert (new.hostname, new.description, new.os_volume.name) == ("gs1-a", "gs1-a", "gs1-a")
    assert (new.os_volume.size, new.os_volume.on_spot_discontinue) == (disk_gb, on_spot)
    assert (new.pricing, new.is_spot) == (pricing, on_spot is not None)


@pytest.mark.parametrize(
    ("env", "on_start", "expected"),
    [
        ({}, "", ""),
        ({}, "echo hi", "echo hi"),
        ({"A": "it's"}, "echo hi", "#!/bin/sh\nexport A='it'\"'\"'s'\necho hi"),
        ({"A": "b"}, "#!/bin/bash\necho hi\n", "#!/bin/bash\nexport A=b\necho hi\n"),
        ({"A": "b"}, "", "#!/bin/sh\nexport A=b\n"),
    ],
)
def test_variables_stand_at_the_head_of_the_script(
    env: dict[str, str], on_start: str, expected: str
) -> None:
    assert script_of(order(env=env, on_start=on_start)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gs1-a-b.key1", "gs1-a-b"), ("gs1-a-b", "gs1-a-b"), ("mine.key1", None), ("gs1", None)],
)
def test_what_is_made_for_an_attempt_is_known_by_its_name(name: str, expected: str | None) -> None:
    assert label_in(name) == expected
