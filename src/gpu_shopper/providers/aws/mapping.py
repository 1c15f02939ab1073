"""Between EC2's rows and our nouns: pure, both ways."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gpu_shopper.domain.gpu_reading import GpuRead, read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import read_place
from gpu_shopper.domain.true_price import MONTH_HOURS
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import BadOrder
from gpu_shopper.providers.aws.api import InstanceRow, SpotRow, TypeRow
from gpu_shopper.providers.aws.prices import ADDRESS, storage_price

PROVIDER = ProviderName("aws")
# Offers are priced with a disk of this size, and instances get one where a request names none: the image takes half of it.
DEFAULT_DISK_GB = 100
MARK = "gpu-shopper"
DISK_TAG = "gpu-shopper-disk-gb"
# What the cloud takes as user data, before it is put into base64.
MOST_USER_DATA = 16 * 1024
END_COMMAND = "/usr/local/sbin/gpu-shopper-end"
_START = "/var/lib/gpu-shopper/start"
_LONGEST_TOKEN = 64
_MIB_PER_GB = 1024
# Its own promise for one instance is to be up for 99.5 % of a month; it tells no figures.
_RELIABILITY = 0.995
_SPOT = "-spot"
_MICRO = 1e-6
_PROVIDER_ID = re.compile(r"([a-z0-9-]+\.[a-z0-9-]+)@([a-z]{2}(?:-[a-z]+)+-\d+)(?:([a-z])-spot)?")
_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9.-]{1,253})(:(?P<port>\d{1,5}))?")
_SSH_PORT = 22
_ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d+)[a-z]")
_INSTANCE_ID = re.compile(r"(?:([a-z]{2}(?:-[a-z]+)+-\d+):)?(.*)", re.DOTALL)

# Which board it is stands in the name of the type, not in that of the GPU.
_BOARDS: Mapping[str, str] = {
    "p3": "V100 SXM2 16GB",
    "p3dn": "V100 SXM2 32GB",
    "p4d": "A100 SXM4 40GB",
    "p4de": "A100 SXM4 80GB",
    "p5": "H100 SXM5",
    "g7e": "RTX PRO 6000",
}
# Codes that name a part of a country only.
_PLACES: Mapping[str, str] = {
    "us-east-1": "Virginia, US",
    "us-east-2": "Ohio, US",
    "us-west-1": "California, US",
    "us-west-2": "Oregon, US",
}
_STATUSES: Mapping[str, InstanceStatus] = {
    "pending": InstanceStatus.BOOTING,
    "running": InstanceStatus.RUNNING,
    "shutting-down": InstanceStatus.STOPPING,
    "stopping": InstanceStatus.STOPPING,
    "stopped": InstanceStatus.STOPPED,
}
# It is shown for an hour yet, but holds and bills nothing any more.
ENDED = "terminated"
HELD = tuple(_STATUSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """What an offer is in the cloud's words; only spot instances are bought in one zone."""

    kind: str
    region: str
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the menu says, and instances do not: prices by region, or zone for spot, and type; and types by name."""

    prices: dict[tuple[str, str], float]
    kinds: dict[str, TypeRow] = field(default_factory=dict)


def good_of(provider_id: str) -> Good | None:
    """Return what an offer of ours sells, None if it is none of ours."""
    found = _PROVIDER_ID.fullmatch(provider_id)
    if found is None:
        return None
    kind, region, letter = found.groups()
    return Good(kind=kind, region=region, zone=f"{region}{letter}" if letter else "")


def region_of_zone(zone: str) -> str:
    """Return the region of a zone; empty for one that is no plain zone, but some city's or a telephone company's."""
    found = _ZONE.fullmatch(zone)
    return found[1] if found else ""


def split_id(instance_id: str) -> tuple[str, str]:
    """Return the region, empty if it does not say, and the cloud's own id."""
    found = _INSTANCE_ID.fullmatch(instance_id)
    assert found is not None, instance_id
    return found[1] or "", found[2]


def whole_id(region: str, own_id: str) -> InstanceId:
    """Return an id that says where to ask for it: the cloud's own are known in one region only."""
    return InstanceId(f"{region}:{own_id}")


def fits_us(row: TypeRow) -> bool:
    """Return whether the type has GPUs of the maker, and CPUs of the kind, that the images are for."""
    gpus = row.gpu_info.gpus if row.gpu_info else None
    makers = {gpu.manufacturer.upper() for gpu in gpus or ()}
    return makers == {"NVIDIA"} and "x86_64" in (row.processor_info.supported_architectures or ())


def on_demand_offer(
    row: TypeRow, prices: Mapping[tuple[str, str], float], *, region: str, fetched_at: datetime
) -> Offer:
    """Return a type of a region at its price.

    Raises:
        ValueError: nobody says what it costs there.
    """
    price = prices.get((region, row.instance_type))
    if price is None:
        raise ValueError(f"no on-demand price is known of {row.instance_type} in {region}")
    where = Good(kind=row.instance_type, region=region)
    return _offer(row, where, price, fetched_at=fetched_at)


def spot_offer(row: TypeRow, spot: SpotRow, *, fetched_at: datetime) -> Offer:
    """Return a type of a zone as a spot instance."""
    region = region_of_zone(spot.availability_zone)
    where = Good(kind=row.instance_type, region=region, zone=spot.availability_zone)
    return _offer(row, where, float(spot.spot_price), fetched_at=fetched_at)


def _offer(row: TypeRow, where: Good, price: float, *, fetched_at: datetime) -> Offer:
    gpu = _gpus_of(row)
    assert gpu is not None, row.instance_type
    place = read_place(_PLACES.get(where.region, where.region))
    provider_id = (
        f"{where.kind}@{where.zone}{_SPOT}" if where.zone else f"{where.kind}@{where.region}"
    )
    return Offer(
        id=OfferId(f"{PROVIDER}:{provider_id}"),
        provider=PROVIDER,
        provider_id=provider_id,
        machine_id=provider_id,
        gpu_type=gpu.gpu_type,
        gpu_count=gpu.gpu_count,
        gpu_fraction=gpu.gpu_fraction,
        vram_gb=gpu.vram_gb,
        price=rate_of(price, region=where.region, disk_gb=DEFAULT_DISK_GB),
        country=place.country,
        region=place.region,
        city=place.city,
        location=where.zone or where.region,
        reliability=_RELIABILITY,
        fetched_at=fetched_at,
        interruptible=bool(where.zone),
        vcpus=int(row.v_cpu_info.default_v_cpus),
        ram_gb=int(row.memory_info.size_in_mib) // _MIB_PER_GB,
        storage_price_per_gb_month=storage_price(where.region),
    )


def _gpus_of(row: TypeRow | None) -> GpuRead | None:
    gpus = row.gpu_info.gpus if row and row.gpu_info else None
    if row is None or not gpus:
        return None
    whole = sum(int(gpu.count) for gpu in gpus)
    # Of a part of a GPU there are none, by its own count.
    count = whole or float(gpus[0].gpu_partition_size or 1)
    name = _BOARDS.get(row.instance_type.partition(".")[0], gpus[0].name)
    return read_row(name, count, int(gpus[0].memory_info.size_in_mib) / _MIB_PER_GB)


def beside(region: str, disk_gb: int) -> float:
    """Return what is billed an hour beside the instance itself: its address and its disk."""
    return ADDRESS + disk_gb * storage_price(region) / MONTH_HOURS


def rate_of(price: float, *, region: str, disk_gb: int) -> HourlyRate:
    """Return what an instance costs an hour with all that comes with it."""
    return rate(f"{price + beside(region, disk_gb):.6f}")


def instance_of(row: InstanceRow, known: Known, *, region: str, user: str) -> Instance | None:
    """Return the row as an instance, None for one that has ended."""
    if row.instance_state.name == ENDED:
        return None
    tags = {tag.key: tag.value or "" for tag in row.tag_set or ()}
    zone = (row.placement.availability_zone if row.placement else None) or ""
    price = known.prices.get(
        (zone if row.instance_lifecycle == "spot" else region, row.instance_type)
    )
    gpus = _gpus_of(known.kinds.get(row.instance_type))
    disk = tags.get(DISK_TAG, "")
    disk_gb = int(disk) if re.fullmatch(r"[0-9]{1,6}", disk) else DEFAULT_DISK_GB
    return Instance(
        id=whole_id(region, row.instance_id),
        provider=PROVIDER,
        label=tags.get("Name", ""),
        mark=tags.get(MARK, ""),
        status=_STATUSES.get(row.instance_state.name, InstanceStatus.UNKNOWN),
        gpu_name=gpus.gpu_type if gpus else "",
        gpu_count=gpus.gpu_count if gpus else 0,
        rate=None if price is None else rate_of(price, region=region, disk_gb=disk_gb),
        endpoint=_endpoint(row.ip_address or "", user),
        billed_from=_moment(row.launch_time),
    )


def _endpoint(address: str, user: str) -> Endpoint | None:
    """Return where SSH answers. A port stands behind the address only where many machines share one, as simulated ones do."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    return Endpoint(host=found["host"], port=int(found["port"] or _SSH_PORT), user=user)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def ports_of(order: LaunchOrder) -> tuple[int, ...]:
    """Return the ports that must be reachable."""
    return tuple(sorted({22, *order.exposed_ports}))


def token_of(order: LaunchOrder) -> str:
    """Return what makes a launch happen once however often it is sent: it is the attempt's own, so no other has it."""
    plain = order.label.isascii() and len(order.label) <= _LONGEST_TOKEN
    return order.label if plain else hashlib.sha256(order.label.encode()).hexdigest()


def form_of(
    order: LaunchOrder, good: Good, *, settings: Mapping[str, str], group: str
) -> dict[str, str]:
    """Return the order in the cloud's words.

    Raises:
        BadOrder: what the node must be told is too long.
    """
    disk_gb = order.disk_gb or DEFAULT_DISK_GB
    form = {
        "ImageId": settings["image"],
        "InstanceType": good.kind,
        "MinCount": "1",
        "MaxCount": "1",
        "ClientToken": token_of(order),
        "UserData": base64.b64encode(user_data_of(order, user=settings["user"])).decode(),
        # So a node ends itself by shutting down, and leaves nothing behind that bills.
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions.HttpTokens": "required",
        "SecurityGroupId.1": group,
        "BlockDeviceMapping.1.DeviceName": settings["root_device"],
        "BlockDeviceMapping.1.Ebs.VolumeSize": str(disk_gb),
        "BlockDeviceMapping.1.Ebs.VolumeType": "gp3",
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination": "true",
    }
    tags = {"Name": order.label, MARK: order.label, DISK_TAG: str(disk_gb)}
    for number, kind in enumerate(("instance", "volume"), start=1):
        form[f"TagSpecification.{number}.ResourceType"] = kind
        for place, (key, value) in enumerate(tags.items(), start=1):
            form[f"TagSpecification.{number}.Tag.{place}.Key"] = key
            form[f"TagSpecification.{number}.Tag.{place}.Value"] = value
    return form | _spot_form(order, good, disk_gb) if good.zone else form


def _spot_form(order: LaunchOrder, good: Good, disk_gb: int) -> dict[str, str]:
    most = order.price_cap.micros * _MICRO - beside(good.region, disk_gb)
    return {
        "Placement.AvailabilityZone": good.zone,
        "InstanceMarketOptions.MarketType": "spot",
        "InstanceMarketOptions.SpotOptions.SpotInstanceType": "one-time",
        "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior": "terminate",
        "InstanceMarketOptions.SpotOptions.MaxPrice": f"{max(most, 0.0001):.6f}",
    }


def user_data_of(order: LaunchOrder, *, user: str) -> bytes:
    """Return what cloud-init does on the first start: keys, the way to end the node, and the start-up script as `user`.

    It is JSON, which is YAML too, so nothing in a script can reach beyond its place.

    Raises:
        BadOrder: it is longer than the cloud takes.
    """
    end = {
        "path": END_COMMAND,
        "permissions": "0755",
        "content": "#!/bin/sh\nexec shutdown -h now\n",
    }
    files = [end]
    run: list[list[str]] = []
    if order.on_start:
        files.append({"path": _START, "permissions": "0755", "content": order.on_start})
        given = [f"{name}={value}" for name, value in order.env.items()]
        run.append(["sudo", "-H", "-u", user, "env", *given, "sh", _START])
    config = {
        "ssh_authorized_keys": [key.strip() for key in order.ssh_public_keys],
        "write_files": files,
        "runcmd": run,
    }
    text = "#cloud-config\n" + json.dumps(config, separators=(",", ":"))
    data = text.encode()
    if len(data) > MOST_USER_DATA:
        raise BadOrder(f"{order.label}: {len(data)} bytes of user data, {MOST_USER_DATA} at most")
    return data
