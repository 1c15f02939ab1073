"""What DigitalOcean's rows and errors mean to us, line by line, and what a droplet does at its first boot."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money, rate
from gpu_shopper.domain.offer import Offer
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
    Unavailable,
)
from gpu_shopper.providers.digitalocean.api import DIALECT, Balance, DropletRow, SizeRow
from gpu_shopper.providers.digitalocean.mapping import (
    credit_of,
    first_boot_script,
    instance_of,
    new_droplet_of,
    offers_of,
)
from gpu_shopper.transport.answers import instance_in, judge_destroy, judge_launch

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone"
SIZE = {
    "slug": "gpu-h100x8-640gb", "memory": 1_966_080, "vcpus": 160, "disk": 2046, "transfer": 60.0, "price_monthly": 16_074.24,
    "price_hourly": 23.92, "regions": ["tor1", "nyc2"], "available": True, "description": "H100 GPU - 8X",
    "gpu_info": {"count": 8, "model": "nvidia_h100", "vram": {"amount": 640, "unit": "gib"}},
    "disk_info": [{"type": "scratch", "size": {"amount": 40_960, "unit": "gib"}}],
}  # fmt: skip
PUBLIC = {"ip_address": "203.0.113.7", "netmask": "255.255.255.0", "gateway": "203.0.113.1", "type": "public"}  # fmt: skip
PRIVATE = {"ip_address": "10.128.0.5", "netmask": "255.255.0.0", "gateway": None, "type": "private"}
DROPLET = {
    "id": 448_543_583, "name": "gs1-a", "status": "active", "size_slug": "gpu-h100x8-640gb", "size": SIZE,
    "gpu_info": SIZE["gpu_info"], "networks": {"v4": [PRIVATE, PUBLIC], "v6": []}, "tags": ["team:ml", "gs1-a"],
    "created_at": "2026-01-01T11:00:00Z", "locked": False, "kernel": None,
}  # fmt: skip


def offers(**changes: object) -> list[Offer]:
    return list(offers_of(msgspec.convert({**SIZE, **changes}, SizeRow), fetched_at=NOW))


def droplet(**changes: object) -> DropletRow:
    return msgspec.convert({**DROPLET, **changes}, DropletRow)


def order(**changes: object) -> LaunchOrder:
    offer = offers()[0]
    plain = LaunchOrder(
        offer=offer, label=Label("gs1-a"), ends_by=NOW + timedelta(hours=2), price_cap=offer.price, image=None, disk_gb=None,
        ssh_public_keys=(KEY,), env={}, on_start="#!/bin/sh\ntrue\n",
    )  # fmt: skip
    return replace(plain, **changes)


def test_a_size_is_an_offer_in_each_of_its_regions() -> None:
    one, other = offers()

    assert (one.id, one.provider_id) == (
        "digitalocean:gpu-h100x8-640gb.tor1",
        "gpu-h100x8-640gb.tor1",
    )
    assert (one.gpu_count, one.vram_gb, one.gpu_type.split()[0]) == (8, 80, "H100")
    assert (one.price, one.vcpus, one.ram_gb, one.disk_gb) == (rate("23.92"), 160, 1920, 2046)
    assert (one.country, one.city, one.location) == ("CA", "Toronto", "Toronto (tor1)")
    assert (other.country, other.region) == ("US", "New York")
    assert (one.interruptible, one.storage_price_per_gb_month) == (False, 0.0)


@pytest.mark.parametrize(
    "changes",
    [{"available": False}, {"regions": []}, {"gpu_info": None, "slug": "s-1vcpu-1gb"}, {"gpu_info": {"count": 0, "model": ""}}],
)  # fmt: skip
def test_what_cannot_be_had_or_has_no_gpu_is_no_offer(changes: dict[str, object]) -> None:
    assert offers(**changes) == []


def test_a_size_that_costs_nothing_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="costs nothing"):
        offers(price_hourly=0.0)


@pytest.mark.parametrize(
    ("slug", "gpu", "count", "vram"),
    [
        ("gpu-h100x1-80gb", "H100", 1, 80),
        ("gpu-h100x8-640gb", "H100", 8, 80),
        ("gpu-h100x8-640gb-contracted", "H100", 8, 80),
        ("gpu-h200x8-1128gb", "H200", 8, 141),
        ("gpu-l40sx1-48gb", "L40S", 1, 48),
        ("gpu-4000adax1-20gb", "RTX 4000 Ada", 1, 20),
        ("gpu-6000adax1-48gb", "RTX 6000 Ada", 1, 48),
        ("gpu-mi300x1-192gb", "MI300X", 1, 192),
        ("gpu-mi300x8-1536gb", "MI300X", 8, 192),
        ("gpu-mi325x8-2048gb", "MI325X", 8, 256),
    ],
)
def test_a_slug_says_what_the_row_does_not(slug: str, gpu: str, count: int, vram: int) -> None:
    offer = offers(slug=slug, gpu_info=None)[0]

    assert offer.gpu_type.startswith(gpu), offer.gpu_type
    assert (offer.gpu_count, offer.vram_gb) == (count, vram)


@pytest.mark.parametrize(
    ("region", "country", "city"),
    [
        ("tor1", "CA", "Toronto"), ("nyc1", "US", "New York"), ("nyc3", "US", "New York"), ("atl1", "US", "Atlanta"),
        ("ric1", "US", "Richmond"), ("sfo3", "US", "San Francisco"), ("ams3", "NL", "Amsterdam"),
        ("fra1", "DE", "Frankfurt"), ("lon1", "GB", "London"), ("sgp1", "SG", "Singapore"), ("blr1", "IN", "Bangalore"),
        ("syd1", "AU", "Sydney"), ("xyz9", "", ""),
    ],
)  # fmt: skip
def test_its_regions_are_places(region: str, country: str, city: str) -> None:
    offer = offers(regions=[region])[0]

    assert (offer.country, offer.city) == (country, city)
    assert offer.location == (f"{city} ({region})" if city else region)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "new"}, InstanceStatus.BOOTING),
        ({"status": "active"}, InstanceStatus.RUNNING),
        ({"status": "active", "networks": {"v4": []}}, InstanceStatus.BOOTING),
        ({"status": "active", "networks": {"v4": [PRIVATE]}}, InstanceStatus.BOOTING),
        ({"status": "active", "networks": None}, InstanceStatus.BOOTING),
        ({"status": "off"}, InstanceStatus.STOPPED),
        ({"status": "archive"}, InstanceStatus.UNKNOWN),
        ({"status": "a state of next year"}, InstanceStatus.UNKNOWN),
    ],
)
def test_a_state_by_its_table(changes: dict[str, object], expected: InstanceStatus) -> None:
    assert instance_of(droplet(**changes)).status is expected


def test_a_droplet_is_an_instance() -> None:
    seen = instance_of(droplet())

    assert (seen.id, seen.label, seen.mark) == ("448543583", "gs1-a", "gs1-a")
    assert (seen.gpu_name, seen.gpu_count, seen.gpu_memory_mib) == ("nvidia_h100", 8, 80 * 1024)
    assert seen.rate == rate("23.92")
    assert seen.endpoint == Endpoint(host="203.0.113.7", port=22, user="root")
    assert seen.billed_from == datetime(2026, 1, 1, 11, tzinfo=UTC)


def test_a_droplet_of_somebody_else_may_say_little() -> None:
    seen = instance_of(DropletRow(id=7, name="web-1", status="active"))

    assert (seen.label, seen.mark, seen.gpu_count, seen.rate) == ("web-1", "", 0, None)
    with pytest.raises(ValueError, match="zone"):
        instance_of(droplet(created_at="2026-01-01T11:00:00"))


def test_an_order_in_the_clouds_words() -> None:
    new = new_droplet_of(order(), image="", ssh_key="")

    assert (new.name, new.size, new.region) == ("gs1-a", "gpu-h100x8-640gb", "tor1")
    assert (new.image, new.ssh_keys, new.tags) == ("gpu-h100x8-base", [], ["gs1-a"])
    assert KEY in new.user_data
    assert new.user_data.startswith("#!")
    assert new_droplet_of(order(), image="", ssh_key="512189").ssh_keys == [512_189]
    assert new_droplet_of(order(), image="", ssh_key="3b:16:e4").ssh_keys == ["3b:16:e4"]
    assert new_droplet_of(order(), image="166407044", ssh_key="").image == 166_407_044
    assert new_droplet_of(order(image="ubuntu-24-04-x64"), image="7", ssh_key="").image == (
        "ubuntu-24-04-x64"
    )


@pytest.mark.parametrize(
    ("slug", "image"),
    [
        ("gpu-h100x1-80gb", "gpu-h100x1-base"),
        ("gpu-l40sx1-48gb", "gpu-h100x1-base"),
        ("gpu-h200x8-1128gb", "gpu-h100x8-base"),
        ("gpu-mi300x1-192gb", "gpu-amd-base"),
        ("gpu-mi300x8-1536gb", "gpu-amd-base"),
    ],
)
def test_the_image_has_drivers_for_the_gpus(slug: str, image: str) -> None:
    offer = offers(slug=slug, gpu_info=None)[0]

    assert new_droplet_of(order(offer=offer), image="", ssh_key="").image == image


@pytest.mark.parametrize(
    "changes",
    [
        {"disk_gb": 2047},
        {"image": "pytorch/pytorch:2.4.0"},
        {"on_start": "#!/bin/sh\n" + "x" * 65_536},
        {"env": {"NOT A NAME": "x"}},
    ],
)
def test_what_a_droplet_cannot_do_is_refused_before_anything_is_sent(
    changes: dict[str, object],
) -> None:
    with pytest.raises(BadOrder):
        new_droplet_of(order(**changes), image="", ssh_key="")
    assert new_droplet_of(order(disk_gb=2046), image="", ssh_key="")


def boot(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a first-boot script with the programs that change passwords replaced by such as would tell."""
    tools = home / "tools"
    tools.mkdir()
    for name in ("usermod", "chage"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >>{home}/passwords\n', encoding="utf-8")
        tool.chmod(0o755)
    env = {"HOME": str(home), "PATH": f"{tools}:{os.environ['PATH']}"}
    path = home / "user-data"
    path.write_text(script, encoding="utf-8")
    return subprocess.run(
        ["sh", path], env=env, capture_output=True, text=True, check=False, timeout=30
    )


def test_the_first_boot_admits_the_keys_and_becomes_the_start_up_script(tmp_path: Path) -> None:
    on_start = "#!/bin/sh\ncat <<'END_OF_START'\nEND_OF_START\necho \"$A $B $(pwd) $(umask)\"\n"
    script = first_boot_script(
        keys=(KEY, KEY + "2\n"), env={"A": "it's", "B": "$(x)"}, on_start=on_start
    )

    said = boot(script, tmp_path)

    assert said.stdout == f"it's $(x) {tmp_path} 0022\n", said.stderr
    keys = (tmp_path / ".ssh" / "authorized_keys").read_text(encoding="utf-8").split("\n")
    assert [line for line in keys if line] == [KEY, KEY + "2"]
    assert (tmp_path / ".ssh" / "authorized_keys").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "passwords").exists(), "only root's own home has a password to take away"


def test_a_script_without_an_interpreter_is_run_by_sh(tmp_path: Path) -> None:
    assert boot(first_boot_script(keys=(), env={}, on_start="echo hi"), tmp_path).stdout == "hi\n"


def test_without_a_start_up_script_only_the_keys_are_admitted(tmp_path: Path) -> None:
    said = boot(first_boot_script(keys=(KEY,), env={"A": "b"}, on_start=""), tmp_path)

    assert (said.returncode, said.stdout) == (0, "")
    assert KEY in (tmp_path / ".ssh" / "authorized_keys").read_text(encoding="utf-8")


def test_the_mailed_password_of_root_is_taken_away(tmp_path: Path) -> None:
    script = first_boot_script(keys=(KEY,), env={}, on_start="echo hi")
    # Root's home is elsewhere here, since nothing may be changed on this machine.
    moved = script.replace("/root", str(tmp_path))

    boot(moved, tmp_path)

    said = (tmp_path / "passwords").read_text(encoding="utf-8").splitlines()
    today = datetime.now(UTC).date()
    assert said[0] == "usermod -p * root"
    assert said[1] in {f"chage -d {today - timedelta(days=back)} -M -1 root" for back in (-1, 0, 1)}


def entity(message: str) -> dict[str, object]:
    return {"id": "unprocessable_entity", "message": message, "request_id": "4d9d8375"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (422, entity("Size is not available in this region."), OfferGone),
        (422, entity("Region is not available"), OfferGone),
        (422, entity("This size is unavailable"), OfferGone),
        (422, entity("The region is at capacity for this size."), NoCapacity),
        (422, entity("creating this/these droplet(s) will exceed your droplet limit"), QuotaReached),
        (422, entity("You have reached your GPU limit"), QuotaReached),
        (422, entity("This size is currently restricted, please send an additional payment to unlock."), QuotaReached),
        (422, entity("512190 are invalid key identifiers for Droplet creation."), BadOrder),
        (422, entity("You specified an invalid image for Droplet creation."), BadOrder),
        (422, entity("Droplet already has a pending event."), BadOrder),
        (400, {"id": "bad_request", "message": "no JSON"}, BadOrder),
        (401, {"id": "Unauthorized", "message": "Unable to authenticate you"}, Unauthorized),
        (401, {"id": "unauthorized", "message": "Unable to authenticate you."}, Unauthorized),
        (403, {"id": "forbidden", "message": "You do not have access for the attempted action."}, Unauthorized),
        (429, {"id": "too_many_requests", "message": "API rate limit exceeded."}, RateLimited),
        (500, {"id": "server_error", "message": "Unexpected server-side error"}, Ambiguous),
        (404, {"id": "not_found", "message": "The resource you were accessing could not be found."}, Ambiguous),
        (422, {"droplet": {"id": 12}, **entity("Size is not available in this region.")}, Ambiguous),
        (409, {"id": "conflict", "message": "x"}, Ambiguous),
        (503, "<html>later</html>", Ambiguous),
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


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (204, "", None),
        (404, {"id": "not_found", "message": "The resource you were accessing could not be found."}, None),
        (404, "<html>not here</html>", Unavailable),
        (422, entity("Droplet already has a pending event."), Unavailable),
        (401, {"id": "Unauthorized", "message": "Unable to authenticate you"}, Unauthorized),
        (429, {"id": "too_many_requests", "message": "API rate limit exceeded."}, RateLimited),
        (500, {"id": "server_error", "message": "x"}, Unavailable),
    ],
)  # fmt: skip
def test_what_the_answer_to_a_destroy_means(
    status: int, body: object, expected: type[ProviderError] | None
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    reply = HttpReply(status=status, headers={}, body=text.encode())

    if expected is None:
        judge_destroy(reply, DIALECT, what="destroy")
        return
    with pytest.raises(expected) as raised:
        judge_destroy(reply, DIALECT, what="destroy")
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    ("owed", "left"), [("-12.23", Money(12_230_000)), ("0.00", None), ("23.44", None)]
)
def test_only_credit_is_money_that_is_left(owed: str, left: Money | None) -> None:
    assert credit_of(Balance(month_to_date_balance=owed)) == left
