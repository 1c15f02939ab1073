"""Our adapter of AWS EC2 against moto, a simulator that nobody here wrote; and our signatures against botocore's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    NoCapacity,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.aws import MANIFEST
from gpu_shopper.providers.aws.signing import Credentials, signed
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.transport.door import AiohttpDoor
from tests.conformance.foreign import client_folder, order_of, run
from tests.conformance.moto_server import MotoFaults, moto

Act = Callable[[CloudProvider, MotoFaults], Awaitable[Any]]


@pytest.fixture(scope="module")
def url():
    with moto() as there:
        yield there


def on_moto(url: str, act: Act, *, regions: str = "us-east-1,us-west-2") -> Any:
    async def go() -> Any:
        faults = MotoFaults(AiohttpDoor())
        given = {
            "key_id": "id", "secret_key": "secret", "url": url, "regions": regions, "image": "ami-12c6146b",
        }  # fmt: skip
        try:
            cloud = MANIFEST.connect(with_defaults(MANIFEST, given), faults, RealClock())
            return await act(cloud, faults)
        finally:
            await faults.aclose()

    return asyncio.run(go())


async def order_for(cloud: CloudProvider, name: str, label: str) -> Any:
    listing = await cloud.list_offers()
    offer = next(one for one in listing.offers if one.provider_id == name)
    return order_of(offer, label=Label(label), image=None)


def test_all_types_that_it_knows_with_our_gpus_are_read(url: str) -> None:
    async def act(cloud: CloudProvider, faults: MotoFaults) -> Any:
        return await cloud.list_offers()

    listing = on_moto(url, act)
    on_demand = [offer for offer in listing.offers if not offer.interruptible]
    types = {offer.provider_id.partition("@")[0] for offer in on_demand}
    # The type that only comes in reserved blocks has no price on demand.
    assert listing.rejected == 2
    assert "p5e.48xlarge" in listing.example
    assert len(types) == 58
    assert len(on_demand) == 2 * len(types)
    assert not [name for name in types if name.startswith(("g5g", "g4ad"))]
    parts = {offer.provider_id: offer.gpu_fraction for offer in on_demand if offer.gpu_fraction < 1}
    assert parts["g6f.large@us-east-1"] == 0.125
    assert parts["gr6f.4xlarge@us-east-1"] == 0.5
    assert any(offer.interruptible for offer in listing.offers)


@pytest.mark.parametrize(
    ("name", "zone"), [("g5.xlarge@us-east-1", ""), ("g5.xlarge@us-west-2b-spot", "us-west-2b")]
)
def test_a_whole_life(url: str, name: str, zone: str) -> None:
    async def act(cloud: CloudProvider, faults: MotoFaults) -> None:
        order = await order_for(cloud, name, f"gs1-life-{len(zone)}")
        bought = await cloud.launch(order)
        seen = await cloud.observe(bought.id)
        found = await cloud.find(order.label)
        listing = await cloud.list_all()

        assert seen is not None
        assert seen == found
        assert seen.status is InstanceStatus.RUNNING
        assert (seen.label, seen.mark) == (order.label, order.label)
        assert (seen.gpu_name, seen.gpu_count) == ("A10G", 1)
        assert seen.rate is not None
        assert seen.endpoint is not None
        assert listing.complete
        assert bought.id in {one.id for one in listing.instances}

        await cloud.destroy(bought.id)
        await cloud.destroy(bought.id)
        assert await cloud.observe(bought.id) is None
        assert await cloud.find(order.label) is None

    on_moto(url, act)


def test_what_it_kept_of_an_order(url: str, tmp_path: Path) -> None:
    async def act(cloud: CloudProvider, faults: MotoFaults) -> str:
        return (await cloud.launch(await order_for(cloud, "g5.xlarge@us-east-1", "gs1-kept"))).id

    own_id = on_moto(url, act).partition(":")[2]
    script = """
import json, sys
import boto3
there = boto3.client("ec2", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
one = there.describe_instances(InstanceIds=[sys.argv[2]])["Reservations"][0]["Instances"][0]
disks = there.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [sys.argv[2]]}])["Volumes"]
group = there.describe_security_groups(GroupIds=[one["SecurityGroups"][0]["GroupId"]])["SecurityGroups"][0]
ending = there.describe_instance_attribute(InstanceId=sys.argv[2], Attribute="instanceInitiatedShutdownBehavior")
user_data = there.describe_instance_attribute(InstanceId=sys.argv[2], Attribute="userData")
there.terminate_instances(InstanceIds=[sys.argv[2]])
left = there.describe_volumes(Filters=[{"Name": "tag:gpu-shopper", "Values": ["gs1-kept"]}])["Volumes"]
print(json.dumps({
    "token": one.get("ClientToken"), "tags": {tag["Key"]: tag["Value"] for tag in one["Tags"]},
    "sizes": [disk["Size"] for disk in disks], "left": len(left),
    "ports": [rule["FromPort"] for rule in group["IpPermissions"]],
    "ending": ending["InstanceInitiatedShutdownBehavior"]["Value"], "data": user_data["UserData"].get("Value"),
}))
"""
    python = client_folder("moto") / "bin" / "python"
    said = run([python, "-c", script, url, own_id], home=tmp_path, env={})
    assert said.returncode == 0, said.stderr
    kept = json.loads(said.stdout)
    assert kept["token"] == "gs1-kept"
    assert kept["tags"] == {
        "Name": "gs1-kept", "gpu-shopper": "gs1-kept", "gpu-shopper-disk-gb": "40",
    }  # fmt: skip
    assert kept["sizes"] == [40]
    assert kept["left"] == 0
    assert kept["ports"] == [22]
    assert kept["ending"] == "terminate"
    assert kept["data"]


def test_a_lost_answer_is_ambiguous_and_the_token_makes_it_one_instance(url: str) -> None:
    async def act(cloud: CloudProvider, faults: MotoFaults) -> None:
        order = await order_for(cloud, "g5.xlarge@us-east-1", "gs1-lost")
        faults.trouble = {"RunInstances": (0, MotoFaults.LOST)}
        with pytest.raises(Ambiguous):
            await cloud.launch(order)
        faults.trouble = {}
        again = await cloud.launch(order)
        found = await cloud.find(order.label)
        listing = await cloud.list_all()

        assert found is not None
        assert found.id == again.id
        assert [one.id for one in listing.instances if one.label == order.label] == [again.id]
        other = order_of(order.offer, label=order.label, image=None, disk_gb=50)
        with pytest.raises(Ambiguous):
            await cloud.launch(other)
        await cloud.destroy(again.id)

    on_moto(url, act)


@pytest.mark.parametrize(
    ("status", "code", "due"),
    [
        (500, "InsufficientInstanceCapacity", NoCapacity),
        (400, "VcpuLimitExceeded", QuotaReached),
        (400, "MaxSpotInstanceCountExceeded", QuotaReached),
        (503, "RequestLimitExceeded", RateLimited),
        (403, "UnauthorizedOperation", Unauthorized),
        (500, "InternalError", Ambiguous),
    ],
)
def test_troubles_that_moto_does_not_make(url: str, status: int, code: str, due: type) -> None:
    async def act(cloud: CloudProvider, faults: MotoFaults) -> None:
        order = await order_for(cloud, "g5.xlarge@us-east-1", f"gs1-{code}")
        faults.trouble = {"RunInstances": (status, code)}
        with pytest.raises(due):
            await cloud.launch(order)
        faults.trouble = {}
        assert await cloud.find(order.label) is None

    on_moto(url, act)


def test_what_is_not_shown_yet_is_seen_later_and_a_silent_cloud_proves_nothing(url: str) -> None:
    async def act(cloud: CloudProvider, faults: MotoFaults) -> None:
        bought = await cloud.launch(await order_for(cloud, "g5.xlarge@us-east-1", "gs1-lag"))
        faults.trouble = {"DescribeInstances": (400, "InvalidInstanceID.NotFound")}
        assert await cloud.observe(bought.id) is None
        faults.trouble = {"DescribeInstances": (503, "Unavailable")}
        with pytest.raises(Unavailable):
            await cloud.observe(bought.id)
        with pytest.raises(Unavailable):
            await cloud.list_all()
        faults.trouble = {}
        assert await cloud.observe(bought.id) is not None
        await cloud.destroy(bought.id)

    on_moto(url, act)


def test_botocore_signs_as_we_do(tmp_path: Path) -> None:
    at = datetime(2026, 9, 1, 10, 11, 12, tzinfo=UTC)
    request = HttpRequest(
        method="POST",
        url="http://127.0.0.1:8080/",
        headers={"accept": "text/xml", "content-type": "application/x-www-form-urlencoded"},
        body=b"Action=RunInstances&UserData=a%2Bb%3D&Filter.1.Value.1=g%2A",
    )
    key = Credentials(key_id="AKIA", secret_key="s/e+c", session_token="token==")
    ours = signed(request, key, region="eu-west-1", service="ec2", now=at)
    script = """
import json, sys
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
given = json.loads(sys.argv[1])
request = AWSRequest(method="POST", url=given["url"], headers=given["headers"], data=given["body"].encode())
auth = botocore.auth.SigV4Auth(Credentials("AKIA", "s/e+c", "token=="), "ec2", "eu-west-1")
request.context["timestamp"] = given["headers"]["x-amz-date"]
whole = auth.canonical_request(request)
print(auth.signature(auth.string_to_sign(request, whole), request))
"""
    headers = {name: value for name, value in ours.headers.items() if name != "authorization"}
    given = {"url": request.url, "headers": headers, "body": request.body.decode()}
    python = client_folder("moto") / "bin" / "python"
    said = run([python, "-c", script, json.dumps(given)], home=tmp_path, env={})
    assert said.returncode == 0, said.stderr
    assert ours.headers["authorization"].rpartition("=")[2] == said.stdout.strip()
