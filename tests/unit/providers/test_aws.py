"""How EC2's rows are read, and orders written."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gpu_shopper.bootstrap.clouds import with_defaults, with_vendors_variables
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import rate
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import (
    BadOrder,
    Unavailable,
)
from gpu_shopper.providers.aws import MANIFEST
from gpu_shopper.providers.aws.api import InstanceRow, TypeRow
from gpu_shopper.providers.aws.mapping import (
    Known,
    fits_us,
    form_of,
    good_of,
    instance_of,
    on_demand_offer,
    region_of_zone,
    split_id,
    token_of,
    user_data_of,
    whole_id,
)
from gpu_shopper.providers.aws.prices import AS_OF, ON_DEMAND, price_list
from gpu_shopper.settings import Settings

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def kind(name: str, gpu: str, count: int, mib: int, **more: object) -> TypeRow:
    row = {
        "instanceType": name,
        "gpuInfo": {
            "gpus": [
                {
                    "name": gpu,
                    "manufacturer": "NVIDIA",
                    "count": str(count),
                    "memoryInfo": {"sizeInMiB": str(mib)},
                }
            ]
        },
        "processorInfo": {"supportedArchitectures": ["x86_64"]},
        "vCpuInfo": {"defaultVCpus": "8"},
        "memoryInfo": {"sizeInMiB": "32768"},
    }
    return msgspec.convert({**row, **more}, TypeRow)


@pytest.mark.parametrize(
    ("name", "gpu", "count", "mib", "due"),
    [
        ("g4dn.xlarge", "T4", 1, 16384, ("T4", 1, 16, 1.0)),
        ("g5.48xlarge", "A10G", 8, 22888, ("A10G", 8, 24, 1.0)),
        ("g6e.xlarge", "L40S", 1, 45776, ("L40S", 1, 48, 1.0)),
        ("p3.2xlarge", "V100", 1, 16384, ("V100 16GB", 1, 16, 1.0)),
        ("p4d.24xlarge", "A100", 8, 40960, ("A100 40GB", 8, 40, 1.0)),
        ("p5.48xlarge", "H100", 8, 81920, ("H100 SXM", 8, 80, 1.0)),
        ("p5en.48xlarge", "H200", 8, 144384, ("H200", 8, 141, 1.0)),
        ("g7e.2xlarge", "RTX PRO Server 6000", 1, 98304, ("RTX PRO 6000", 1, 96, 1.0)),
        ("p6-b200.48xlarge", "B200", 8, 183359, ("B200", 8, 180, 1.0)),
    ],
)
def test_what_a_type_sells(name: str, gpu: str, count: int, mib: int, due: tuple) -> None:
    offer = on_demand_offer(
        kind(name, gpu, count, mib), ON_DEMAND, region="us-east-1", fetched_at=NOW
    )
    assert (offer.gpu_type, offer.gpu_count, offer.vram_gb, offer.gpu_fraction) == due
    assert (offer.country, offer.region) == ("US", "Virginia")


def test_a_price_holds_its_disk_and_its_address() -> None:
    offer = on_demand_offer(
        kind("g5.xlarge", "A10G", 1, 22888), ON_DEMAND, region="us-east-1", fetched_at=NOW
    )
    assert offer.price == rate(
        "1.021959"
    )  # 1.006, an address for 0.005, and 100 GB at 0.08 a month.
    assert AS_OF.year == 2026


def test_what_costs_nobody_knows_what_is_no_offer_and_a_setting_may_say_it() -> None:
    row = kind("g5.xlarge", "A10G", 1, 22888)
    with pytest.raises(ValueError, match="eu-west-3"):
        on_demand_offer(row, ON_DEMAND, region="eu-west-3", fetched_at=NOW)
    given = price_list("eu-west-3/g5.xlarge=1.5, us-east-1/g5.xlarge=0.9")
    assert on_demand_offer(row, given, region="eu-west-3", fetched_at=NOW).price > rate("1.5")
    assert given["us-east-1", "g5.xlarge"] == 0.9
    with pytest.raises(ValueError, match="not of the form"):
        price_list("g5.xlarge 1.5")


def test_other_makers_and_other_cpus_are_none_of_ours() -> None:
    assert fits_us(kind("g5.xlarge", "A10G", 1, 22888))
    arm = {"supportedArchitectures": ["arm64"]}
    assert not fits_us(kind("g5g.xlarge", "T4g", 1, 16384, processorInfo=arm))
    assert not fits_us(kind("m5.xlarge", "", 1, 0, gpuInfo=None))


def instance(state: str, **more: object) -> InstanceRow:
    row = {
        "instanceId": "i-0123456789abcdef0",
        "instanceType": "g5.xlarge",
        "instanceState": {"code": "0", "name": state},
        "launchTime": "2026-09-01T10:00:00.000Z",
        "placement": {"availabilityZone": "us-east-1a"},
        "tagSet": [{"key": "Name", "value": "a"}, {"key": "gpu-shopper", "value": "b"}],
    }
    return msgspec.convert({**row, **more}, InstanceRow)


@pytest.mark.parametrize(
    ("state", "due"),
    [
        ("pending", InstanceStatus.BOOTING),
        ("running", InstanceStatus.RUNNING),
        ("shutting-down", InstanceStatus.STOPPING),
        ("stopping", InstanceStatus.STOPPING),
        ("stopped", InstanceStatus.STOPPED),
        ("migrating", InstanceStatus.UNKNOWN),
    ],
)
def test_what_a_state_means(state: str, due: InstanceStatus) -> None:
    seen = instance_of(instance(state), Known(prices={}), region="us-east-1", user="ubuntu")
    assert seen is not None
    assert seen.status is due
    assert (seen.id, seen.label, seen.mark) == ("us-east-1:i-0123456789abcdef0", "a", "b")


def test_what_has_ended_is_gone_though_it_is_listed_for_an_hour() -> None:
    known = Known(prices={})
    assert instance_of(instance("terminated"), known, region="us-east-1", user="ubuntu") is None


def test_a_spot_instance_costs_what_its_zone_says() -> None:
    known = Known(prices={("us-east-1", "g5.xlarge"): 1.0, ("us-east-1a", "g5.xlarge"): 0.4})
    plain = instance_of(instance("running"), known, region="us-east-1", user="ubuntu")
    row = instance("running", instanceLifecycle="spot", ipAddress="192.0.2.7")
    spot = instance_of(row, known, region="us-east-1", user="ubuntu")
    assert plain is not None
    assert spot is not None
    assert (plain.rate, spot.rate) == (rate("1.015959"), rate("0.415959"))
    assert spot.endpoint is not None
    assert (spot.endpoint.host, spot.endpoint.port) == ("192.0.2.7", 22)
    assert plain.endpoint is None


def test_ids_say_where_to_ask() -> None:
    assert split_id(whole_id("eu-west-1", "i-0abc")) == ("eu-west-1", "i-0abc")
    assert split_id("i-0abc") == ("", "i-0abc")
    assert region_of_zone("eu-west-1b") == "eu-west-1"
    assert region_of_zone("us-west-2-lax-1a") == ""
    assert good_of("nothing-of-that-name") is None


def order(**changes: object) -> LaunchOrder:
    offer = on_demand_offer(
        kind("g5.xlarge", "A10G", 1, 22888), ON_DEMAND, region="us-east-1", fetched_at=NOW
    )
    given = LaunchOrder(
        offer=offer,
        label=Label("gs1-a-b"),
        ends_by=NOW + timedelta(hours=1),
        price_cap=offer.price,
        image=None,
        disk_gb=None,
        ssh_public_keys=("ssh-ed25519 AAAA someone",),
        env={"A": "b c"},
        on_start="#!/bin/sh\necho 'hi'\n",
    )
    return replace(given, **changes)


def settings_of(**given: str) -> dict[str, str]:
    return with_defaults(MANIFEST, {"key_id": "id", "secret_key": "secret", **given})


def test_a_node_gets_its_keys_its_end_and_its_script_as_json() -> None:
    text = user_data_of(order(), user="ubuntu").decode()
    head, _, body = text.partition("\n")
    config = json.loads(body)
    assert head == "#cloud-config"
    assert config["ssh_authorized_keys"] == ["ssh-ed25519 AAAA someone"]
    assert [each["content"] for each in config["write_files"]] == [
        "#!/bin/sh\nexec shutdown -h now\n",
        "#!/bin/sh\necho 'hi'\n",
    ]
    assert config["runcmd"] == [
        ["sudo", "-H", "-u", "ubuntu", "env", "A=b c", "sh", "/var/lib/gpu-shopper/start"]
    ]


def test_a_node_without_a_script_gets_its_keys_all_the_same() -> None:
    config = json.loads(user_data_of(order(on_start=""), user="ubuntu").partition(b"\n")[2])
    assert config["runcmd"] == []
    assert len(config["write_files"]) == 1


def test_the_largest_script_that_we_say_we_take_fits() -> None:
    most = MANIFEST.quirks.start_script_limit
    keys = tuple(f"ssh-ed25519 {'A' * 68} key-{number}" for number in range(20))
    data = user_data_of(order(on_start="'\"\n" * (most // 3), ssh_public_keys=keys), user="ubuntu")
    assert len(data) <= 16 * 1024
    with pytest.raises(BadOrder):
        user_data_of(order(on_start="x" * 17_000), user="ubuntu")


def test_an_order_is_the_same_each_time_and_leaves_nothing_behind() -> None:
    good = good_of("g5.xlarge@us-east-1")
    assert good is not None
    form = form_of(order(), good, settings=settings_of(), group="sg-1")
    assert form == form_of(order(), good, settings=settings_of(), group="sg-1")
    assert form["ClientToken"] == "gs1-a-b"
    assert form["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert form["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"
    assert form["TagSpecification.1.Tag.1.Value"] == "gs1-a-b"
    assert form["TagSpecification.2.ResourceType"] == "volume"
    assert not [name for name in form if name.startswith("InstanceMarketOptions")]
    long = token_of(order(label=Label("x" * 65)))
    assert len(long) == 64
    assert long != token_of(order(label=Label("x" * 66)))


def test_the_cap_on_the_price_goes_with_a_spot_order() -> None:
    good = good_of("g5.xlarge@us-east-1b-spot")
    assert good is not None
    form = form_of(order(price_cap=rate("0.515959")), good, settings=settings_of(), group="sg-1")
    assert form["InstanceMarketOptions.SpotOptions.MaxPrice"] == "0.500000"
    assert form["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time"
    assert form["Placement.AvailabilityZone"] == "us-east-1b"


def test_both_halves_of_a_key_configure_it_and_one_does_not() -> None:
    half = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_REGION": "eu-west-1"}
    assert "aws" not in with_vendors_variables(Settings(), half).providers
    whole = with_vendors_variables(Settings(), {**half, "AWS_SECRET_ACCESS_KEY": "s"}).providers
    assert whole["aws"] == {"key_id": "AKIA", "secret_key": "s", "regions": "eu-west-1"}


class Regions:
    """A door behind which some regions answer with an empty listing, and others not at all."""

    def __init__(self, silent: set[str]) -> None:
        self.silent = silent
        self.asked: list[HttpRequest] = []

    async def request(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request)
        if any(region in request.url for region in self.silent):
            raise NoAnswer("silence")
        body = b"<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"
        return HttpReply(status=200, headers={}, body=body)

    async def aclose(self) -> None:
        pass


class Clock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        pass


def test_a_silent_region_makes_a_listing_incomplete_and_all_of_them_make_it_fail() -> None:
    settings = settings_of(regions="us-east-1, eu-west-1")
    door = Regions({"eu-west-1"})
    cloud = MANIFEST.connect(settings, door, Clock())

    listing = asyncio.run(cloud.list_all())

    assert not listing.complete
    assert listing.trouble
    assert {request.url for request in door.asked} == {
        "https://ec2.us-east-1.amazonaws.com/",
        "https://ec2.eu-west-1.amazonaws.com/",
    }
    with pytest.raises(Unavailable):
        asyncio.run(cloud.find(Label("gs1-a-b")))
    door.silent = {"us-east-1", "eu-west-1"}
    with pytest.raises(Unavailable):
        asyncio.run(cloud.list_all())
