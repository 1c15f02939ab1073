"""boto3, AWS's own client, against our simulator of EC2, and beside our adapter: both ways round."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from gpu_shopper.domain.money import rate
from gpu_shopper.providers.aws import MANIFEST
from gpu_shopper.providers.aws.mapping import beside
from gpu_shopper.testing.vendors.aws import build
from gpu_shopper.testing.vendors.listening import ListeningVendor
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.conformance.foreign import (
    KEY,
    LABEL,
    SSH_KEY,
    client_folder,
    differences_by_step,
    explained,
    flat,
    order_of,
    run,
    simulated,
    with_ours,
)

BEGIN = """
import base64, json, sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
def client(secret, region="us-east-1"):
    return boto3.client("ec2", endpoint_url=sys.argv[1], region_name=region, aws_access_key_id="AKIATEST",
        aws_secret_access_key=secret, config=Config(retries={"total_max_attempts": 1}))
def code_of(act, **given):
    try:
        act(**given)
    except ClientError as error:
        return error.response["Error"]["Code"]
there = client(sys.argv[2])
def tagged(*kinds, label=sys.argv[3]):
    tags = {"Name": label, "gpu-shopper": label, "gpu-shopper-disk-gb": "40"}
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} for kind in kinds]
end = {"path": "/usr/local/sbin/gpu-shopper-end", "permissions": "0755", "content": "#!/bin/sh\\nexec shutdown -h now\\n"}
data = "#cloud-config\\n" + json.dumps({"ssh_authorized_keys": [sys.argv[4]], "write_files": [end], "runcmd": []},
    separators=(",", ":"))
order = dict(ImageId="ami-0123456789abcdef0", InstanceType="g5.xlarge", MinCount=1, MaxCount=1, ClientToken=sys.argv[3],
    UserData=data, InstanceInitiatedShutdownBehavior="terminate", TagSpecifications=tagged("instance", "volume"),
    BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 40, "VolumeType": "gp3", "DeleteOnTermination": True}}])
"""


def boto3_does(there: ListeningVendor, home: Path, script: str) -> dict:
    python = client_folder("moto") / "bin" / "python"
    words = [python, "-c", BEGIN + script, there.url, KEY, LABEL, SSH_KEY]
    said = run(words, home=home, env={})
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout.splitlines()[-1])


LIFE = """
seen = {}
pages = there.get_paginator("describe_instance_types").paginate(Filters=[{"Name": "instance-type", "Values": ["g*", "p*"]}])
types = [each for page in pages for each in page["InstanceTypes"]]
seen["types"] = len(types)
seen["gpus"] = next(each["GpuInfo"]["Gpus"][0] for each in types if each["InstanceType"] == "p5.48xlarge")
seen["spot"] = sorted({row["AvailabilityZone"] for row in there.describe_spot_price_history(
    InstanceTypes=["g5.xlarge"], ProductDescriptions=["Linux/UNIX"])["SpotPriceHistory"]})
there.import_key_pair(KeyName="mine", PublicKeyMaterial=sys.argv[4].encode())
seen["twice"] = code_of(there.import_key_pair, KeyName="mine", PublicKeyMaterial=b"x")
seen["keys"] = [each["KeyName"] for each in there.describe_key_pairs()["KeyPairs"]]
seen["dry"] = code_of(there.run_instances, DryRun=True, **order)
made = there.run_instances(**order)["Instances"][0]
seen["again"] = there.run_instances(**order)["Instances"][0]["InstanceId"] == made["InstanceId"]
seen["other"] = code_of(there.run_instances, **{**order, "InstanceType": "g5.2xlarge"})
seen["at birth"] = made["State"]["Name"]
number = made["InstanceId"]
row = there.describe_instances(InstanceIds=[number])["Reservations"][0]["Instances"][0]
seen["tags"] = {tag["Key"]: tag["Value"] for tag in row["Tags"]}
found = there.describe_instances(Filters=[{"Name": "tag:Name", "Values": [sys.argv[3]]}])["Reservations"]
seen["found"] = [each["InstanceId"] for one in found for each in one["Instances"]] == [number]
seen["elsewhere"] = code_of(client(sys.argv[2], "us-west-2").describe_instances, InstanceIds=[number])
seen["disks"] = [disk["State"] for disk in there.describe_volumes()["Volumes"]]
there.terminate_instances(InstanceIds=[number])
there.terminate_instances(InstanceIds=[number])
seen["after"] = there.describe_instances(InstanceIds=[number])["Reservations"][0]["Instances"][0]["State"]["Name"]
seen["left"] = len(there.describe_volumes()["Volumes"])
seen["unknown"] = code_of(there.describe_instances, InstanceIds=["i-0123456789abcdef0"])
seen["malformed"] = code_of(there.terminate_instances, InstanceIds=["nothing"])
seen["thief"] = code_of(client("another").describe_instances)
seen["long"] = code_of(there.run_instances, **{**order, "ClientToken": "b", "UserData": "x" * 17000})
seen["low"] = code_of(there.run_instances, **{**order, "ClientToken": "c", "Placement": {"AvailabilityZone": "us-east-1b"},
    "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.01"}}})
seen["type"] = code_of(there.run_instances, **{**order, "ClientToken": "d", "InstanceType": "p9.huge"})
kept = {**order, "ClientToken": "e", "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "k"}]}],
    "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 40, "DeleteOnTermination": False}}]}
other = there.run_instances(**kept)["Instances"][0]["InstanceId"]
there.terminate_instances(InstanceIds=[other])
disk = there.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])["Volumes"]
seen["kept"] = len(disk)
there.delete_key_pair(KeyName="mine")
print(json.dumps(seen))
"""


def test_boto3_goes_through_a_whole_life_at_the_simulator(tmp_path: Path) -> None:
    client_folder("moto")
    with simulated(build, offers=300) as there:
        seen = boto3_does(there, tmp_path, LIFE)
        leftovers = there.vendor.leftovers()
        alive = there.vendor.model.alive(0)
    assert seen.pop("tags") == {
        "Name": LABEL, "gpu-shopper": LABEL, "gpu-shopper-disk-gb": "40",
    }  # fmt: skip
    assert seen.pop("gpus") == {
        "Name": "H100", "Manufacturer": "NVIDIA", "Count": 8, "MemoryInfo": {"SizeInMiB": 81920},
    }  # fmt: skip
    assert seen == {
        "types": 49,
        "spot": ["us-east-1a", "us-east-1b"],
        "twice": "InvalidKeyPair.Duplicate",
        "keys": ["mine"],
        "dry": "DryRunOperation",
        "again": True,
        "other": "IdempotentParameterMismatch",
        "at birth": "pending",
        "found": True,
        "elsewhere": "InvalidInstanceID.NotFound",
        "disks": ["in-use"],
        "after": "terminated",
        "left": 0,
        "unknown": "InvalidInstanceID.NotFound",
        "malformed": "InvalidInstanceID.Malformed",
        "thief": "AuthFailure",
        "long": "InvalidParameterValue",
        "low": "SpotMaxPriceTooLow",
        "type": "InvalidParameterValue",
        "kept": 1,
    }
    # The disk that was told to stay is what is left, and the ledger is empty.
    assert leftovers == {"volumes": 1, "key_pairs": 0}
    assert not alive


SAME = """
pages = there.get_paginator("describe_instance_types").paginate(
    Filters=[{"Name": "instance-type", "Values": ["g*", "p*"]}], PaginationConfig={"PageSize": 100})
types = [each["InstanceType"] for page in pages for each in page["InstanceTypes"]]
usable = sorted(each for each in types if not each.startswith(("g4ad", "g5g")))
there.describe_spot_price_history(InstanceTypes=usable, ProductDescriptions=["Linux/UNIX"], StartTime="2026-01-01T00:00:00Z", MaxResults=1000)
group = there.create_security_group(GroupName="gpu-shopper-22", Description="Nodes of Cloud GPU Shopper; may be deleted.")["GroupId"]
there.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
    "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
number = there.run_instances(SecurityGroupIds=[group], MetadataOptions={"HttpTokens": "required"}, **order)["Instances"][0]["InstanceId"]
there.describe_instances(InstanceIds=[number])
there.describe_instances(Filters=[{"Name": "tag:Name", "Values": [sys.argv[3]]}, {"Name": "instance-state-name",
    "Values": ["pending", "running", "shutting-down", "stopping", "stopped"]}], MaxResults=1000)
there.terminate_instances(InstanceIds=[number])
label = sys.argv[3] + "-s"
on_spot = {**order, "ClientToken": label, "TagSpecifications": tagged("instance", "volume", label=label)}
there.run_instances(SecurityGroupIds=[group], MetadataOptions={"HttpTokens": "required"}, Placement={"AvailabilityZone": "us-east-1b"},
    InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.500000", "SpotInstanceType": "one-time",
    "InstanceInterruptionBehavior": "terminate"}}, **on_spot)
there.delete_security_group(GroupId=group)
print("{}")
"""
STEPS = (
    ("types", "Action=DescribeInstanceTypes"),
    ("spot", "Action=DescribeSpotPriceHistory"),
    ("group", "Action=CreateSecurityGroup"),
    ("admit", "Action=AuthorizeSecurityGroupIngress"),
    ("create", "Action=RunInstances"),
    ("bid", "InstanceMarketOptions.MarketType=spot"),
    ("show", "Action=DescribeInstances&Version=2016-11-15&InstanceId.1"),
    ("find", "Action=DescribeInstances&Version=2016-11-15&"),
    ("destroy", "Action=TerminateInstances"),
)


def asked(heard: list[VendorRequest], begins: str) -> VendorRequest:
    """Return the first such call; `find` is the one that names no instance."""
    one = next(
        each
        for each in heard
        if begins in each.raw.decode() and (begins[-1] != "&" or b"InstanceId." not in each.raw)
    )
    return replace(one, body=dict(parse_qsl(one.raw.decode())))


@pytest.fixture
def compared(tmp_path: Path) -> list[str]:
    client_folder("moto")
    hide = (r"i-[0-9a-f]{17}", r"20\d\d-\d\d-\d\dT[0-9:]+Z")
    with simulated(build, offers=300) as there:
        boto3_does(there, tmp_path, SAME)
        theirs = [flat(asked(there.heard, begins), hide=hide) for _, begins in STEPS]
        # What it bought is forgotten, or the token would buy nothing again.
        there.vendor.forget_tokens()
        since = len(there.heard)

        async def ours(cloud) -> None:
            listing = await cloud.list_offers()
            offer = next(one for one in listing.offers if one.provider_id == "g5.xlarge@us-east-1")
            given = {"image": None, "env": {}, "on_start": ""}
            bought = await cloud.launch(order_of(offer, **given))
            name = "g5.xlarge@us-east-1b-spot"
            offer = next(one for one in listing.offers if one.provider_id == name)
            # Half a dollar, and what is billed beside it.
            cap = rate(0.5 + beside("us-east-1", 40))
            await cloud.launch(order_of(offer, label=f"{LABEL}-s", price_cap=cap, **given))
            await cloud.observe(bought.id)
            await cloud.find(LABEL)
            await cloud.destroy(bought.id)

        settings = {"key_id": "AKIATEST", "secret_key": KEY, "image": "ami-0123456789abcdef0"}
        with_ours(MANIFEST, there.url, ours, **settings)
        mine = [flat(asked(there.heard[since:], begins), hide=hide) for _, begins in STEPS]
    return differences_by_step(STEPS, theirs, mine)


def test_what_our_adapter_asks_differently_is_explained_line_by_line(compared: list[str]) -> None:
    assert sorted(compared) == sorted(explained("aws"))
