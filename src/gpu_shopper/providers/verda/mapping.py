"""Between Verda's rows and our nouns: pure, both ways."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil

from gpu_shopper.domain.gpu_reading import UNNAMED, read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.label import PREFIX
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import read_place
from gpu_shopper.domain.true_price import MONTH_HOURS
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.verda.api import InstanceRow, NewInstance, OsVolume, TypeRow, VolumeRow
from gpu_shopper.providers.virtual_machines import read_address

PROVIDER = ProviderName("verda")
DEFAULT_IMAGE = "ubuntu-24.04-cuda-12.8-open-docker"
# No image fits on less. Offers are priced with a volume of this size, and instances get one where a request names none.
DEFAULT_DISK_GB = 50
VOLUME = "volume:"
GONE = "discontinued"
_SPOT = "-spot"
_USER = "root"
_MIB_PER_GB = 1024
_VOLUME_GONE = frozenset({"deleted"})

# What stands here as unknown may come back, and whatever is not discontinued is held, and billed in full.
_STATUSES: Mapping[str, InstanceStatus] = {
    "new": InstanceStatus.BOOTING,
    "ordered": InstanceStatus.BOOTING,
    "pending": InstanceStatus.BOOTING,
    "provisioning": InstanceStatus.BOOTING,
    "validating": InstanceStatus.BOOTING,
    "restoring": InstanceStatus.BOOTING,
    "running": InstanceStatus.RUNNING,
    "deleting": InstanceStatus.STOPPING,
    "starting_hibernation": InstanceStatus.STOPPING,
    "hibernating": InstanceStatus.STOPPED,
    "offline": InstanceStatus.STOPPED,
    "error": InstanceStatus.BROKEN,
    "installation_failed": InstanceStatus.BROKEN,
    "no_capacity": InstanceStatus.BROKEN,
    "unknown": InstanceStatus.UNKNOWN,
    "notfound": InstanceStatus.UNKNOWN,
}


def offers_of(
    row: TypeRow, places: Sequence[tuple[str, bool]], *, gb_month: float, fetched_at: datetime
) -> Iterator[Offer]:
    """Yield a kind of machine once for each location, and whether as spot, where it can be had; one without a GPU never.

    Prices are with the default volume, of which a gigabyte costs `gb_month` dollars a month.

    Raises:
        ValueError: its price is no number, or not in dollars.
    """
    if row.gpu.number_of_gpus == 0:
        return
    if (row.currency or "usd").lower() != "usd":
        raise ValueError(f"{row.instance_type} has its price in {row.currency}")
    name = row.name or row.gpu.description or row.model or row.instance_type
    gpu = read_row(name, row.gpu.number_of_gpus, row.gpu_memory.size_in_gigabytes)
    for location, is_spot in places:
        dollars = float(row.spot_price or 0.0) if is_spot else float(row.price_per_hour)
        if dollars <= 0:
            continue
        place = read_place(location)
        provider_id = f"{row.instance_type}@{location}{_SPOT if is_spot else ''}"
        yield Offer(
            id=OfferId(f"{PROVIDER}:{provider_id}"),
            provider=PROVIDER,
            provider_id=provider_id,
            machine_id=f"{row.instance_type}@{location}",
            gpu_type=gpu.gpu_type,
            gpu_count=gpu.gpu_count,
            gpu_fraction=gpu.gpu_fraction,
            vram_gb=gpu.vram_gb,
            price=_with_disk(dollars, DEFAULT_DISK_GB, gb_month),
            country=place.country,
            region=place.region,
            city=place.city,
            location=location,
            # It tells none; what becomes of orders is weighed elsewhere.
            reliability=1.0,
            fetched_at=fetched_at,
            interruptible=is_spot,
            vcpus=row.cpu.number_of_cores,
            ram_gb=int(row.memory.size_in_gigabytes or 0),
            storage_price_per_gb_month=gb_month,
        )


def split_offer(provider_id: str) -> tuple[str, str, bool] | None:
    """Return the kind of machine, its location, and whether it is spot; None for what is no offer's id."""
    kind, _, place = provider_id.partition("@")
    location = place.removesuffix(_SPOT)
    return (kind, location, place != location) if kind and location else None


def image_for(wanted: str, supported: Sequence[str]) -> str:
    """Return the image that is wanted, where that kind of machine takes it; else its newest one with drivers for GPUs."""
    if not supported or wanted in supported:
        return wanted
    ubuntu = [name for name in supported if name.startswith("ubuntu-") and "cuda" in name]
    with_docker = [name for name in ubuntu if name.endswith("docker")]
    return max(with_docker or ubuntu or supported)


def new_instance_of(
    order: LaunchOrder,
    *,
    kind: str,
    location: str,
    image: str,
    key_ids: Sequence[str],
    script_id: str | None,
) -> NewInstance:
    """Return the order in the cloud's words: the label is its description, its host name and its volume's name."""
    is_spot = order.offer.interruptible
    return NewInstance(
        instance_type=kind,
        image=image,
        hostname=order.label,
        description=order.label,
        location_code=location,
        os_volume=OsVolume(
            name=order.label,
            size=max(order.disk_gb or DEFAULT_DISK_GB, DEFAULT_DISK_GB),
            on_spot_discontinue="delete_permanently" if is_spot else None,
        ),
        is_spot=is_spot,
        ssh_key_ids=key_ids,
        startup_script_id=script_id,
        # A dynamic price would move after the order, above what it may cost.
        pricing=None if is_spot else "FIXED_PRICE",
    )


def script_of(order: LaunchOrder) -> str:
    """Return the start-up script, with the order's variables at its head; empty where there is neither."""
    if not order.env:
        return order.on_start
    exports = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in order.env.items())
    head, _, rest = order.on_start.partition("\n")
    if not head.startswith("#!"):
        return f"#!/bin/sh\n{exports}{order.on_start}"
    return f"{head}\n{exports}{rest}"


def thing_name(label: str, part: str) -> str:
    """Return what a key or a script that is made for an attempt is called. No label has a full stop."""
    return f"{label}.{part}"


def label_in(name: str) -> str | None:
    """Return the label that the name of a key, a script or a volume has in it; None for what is not of that form."""
    label = name.partition(".")[0]
    return label if label.startswith(f"{PREFIX}-") else None


def label_of(row: InstanceRow) -> str:
    """Return the label of an instance, from wherever it is left."""
    return row.description or row.hostname or ""


def labels_of(row: InstanceRow) -> list[str]:
    """Return all labels that an instance bears: one of two places may have lost it, or a part of it."""
    found = (label_in(text or "") for text in (row.hostname, row.description))
    return list(dict.fromkeys(label for label in found if label is not None))


def instance_of(row: InstanceRow, *, gb_month: float) -> Instance | None:
    """Return the row as an instance; None for a discontinued one, of which the cloud says that it has ended.

    Raises:
        ValueError: its price is no number.
    """
    if row.status == GONE:
        return None
    status = _STATUSES.get(row.status, InstanceStatus.UNKNOWN)
    # A port stands behind it only where machines share an address, as simulated ones do.
    endpoint = read_address(row.ip, user=_USER)
    if status is InstanceStatus.RUNNING and endpoint is None:
        status = InstanceStatus.BOOTING
    memory = None if row.gpu_memory is None else row.gpu_memory.size_in_gigabytes
    name, count, each_gb = "", 0, 0
    if row.gpu is not None and row.gpu.number_of_gpus:
        # Its text counts them, too: "2x H100 SXM5 80GB".
        gpu = read_row(row.gpu.description or "", row.gpu.number_of_gpus, memory)
        name = "" if gpu.gpu_type == UNNAMED else gpu.gpu_type
        count, each_gb = row.gpu.number_of_gpus, gpu.vram_gb
    return Instance(
        id=InstanceId(row.id),
        provider=PROVIDER,
        label=label_of(row),
        mark=row.hostname or "",
        status=status,
        gpu_name=name,
        gpu_count=count,
        gpu_memory_mib=each_gb * _MIB_PER_GB,
        rate=_rate_of(row, gb_month),
        endpoint=endpoint if status is InstanceStatus.RUNNING else None,
        billed_from=_moment(row.created_at),
    )


def is_left(volume: VolumeRow) -> bool:
    """Return whether a volume is held while no instance has it."""
    return volume.instance_id is None and volume.status not in _VOLUME_GONE


def made_before(volume: VolumeRow, moment: datetime) -> bool:
    """Return whether a volume was made before that moment; False where it does not say."""
    made_at = _moment(volume.created_at)
    return made_at is not None and made_at < moment


def volume_as_instance(volume: VolumeRow, *, instance_id: str | None = None) -> Instance:
    """Return what is left of an instance as one that is stopped: it is held and billed until it is destroyed."""
    in_dollars = (volume.currency or "usd").lower() == "usd"
    cost = volume.base_hourly_cost if in_dollars else None
    return Instance(
        id=InstanceId(instance_id or f"{VOLUME}{volume.id}"),
        provider=PROVIDER,
        label=label_in(volume.name) or "",
        status=InstanceStatus.STOPPED,
        rate=None if cost is None else rate(f"{cost:.6f}"),
    )


def _rate_of(row: InstanceRow, gb_month: float) -> HourlyRate | None:
    """Return what it costs with its volume, which is billed beside it; None where it is not told in dollars."""
    if row.price_per_hour is None or (row.currency or "usd").lower() != "usd":
        return None
    told = None if row.storage is None else row.storage.size_in_gigabytes
    disk_gb = DEFAULT_DISK_GB if told is None else ceil(told)
    return _with_disk(float(row.price_per_hour), disk_gb, gb_month)


def _with_disk(dollars: float, disk_gb: int, gb_month: float) -> HourlyRate:
    return rate(f"{dollars + disk_gb * gb_month / MONTH_HOURS:.6f}")


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
