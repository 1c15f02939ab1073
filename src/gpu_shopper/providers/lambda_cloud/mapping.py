"""Between Lambda Cloud's rows and our nouns: pure, both ways."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.label import PREFIX, Label
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import NOWHERE, Place, read_place
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import BadOrder
from gpu_shopper.providers.lambda_cloud.api import (
    Image,
    InstanceRow,
    NewInstance,
    RegionRow,
    Tag,
    TypeOnSale,
)
from gpu_shopper.providers.virtual_machines import first_boot_script, read_address

PROVIDER = ProviderName("lambda")
USER = "ubuntu"
_MARK = "gpu-shopper"
_MIB_PER_GB = 1024
_IMAGE_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PART_OF_A_STATE = re.compile(r"^(North|South|East|West|Central) (?=Texas|California)")

GONE = "terminated"
# An unhealthy one may come back, and bills all the same. What is preempted does not.
_STATUSES: Mapping[str, InstanceStatus] = {
    "booting": InstanceStatus.BOOTING,
    "active": InstanceStatus.RUNNING,
    "unhealthy": InstanceStatus.UNKNOWN,
    "terminating": InstanceStatus.STOPPING,
    "preempted": InstanceStatus.STOPPED,
}


def offers_of(row: TypeOnSale, *, fetched_at: datetime) -> Iterator[Offer]:
    """Yield a kind of machine as an offer in each region that has one left; one without a GPU is none."""
    kind = row.instance_type
    if kind.specs.gpus == 0:
        return
    gpu = read_row(kind.gpu_description or kind.name, kind.specs.gpus)
    for region in row.regions_with_capacity_available:
        place = _place_of(region)
        provider_id = f"{kind.name}.{region.name}"
        yield Offer(
            id=OfferId(f"{PROVIDER}:{provider_id}"),
            provider=PROVIDER,
            provider_id=provider_id,
            machine_id=provider_id,
            gpu_type=gpu.gpu_type,
            gpu_count=gpu.gpu_count,
            gpu_fraction=gpu.gpu_fraction,
            vram_gb=gpu.vram_gb,
            price=rate(f"{kind.price_cents_per_hour / 100:.2f}"),
            country=place.country,
            region=place.region,
            city=place.city,
            location=f"{region.description} ({region.name})" if region.description else region.name,
            # It tells none; what becomes of orders is weighed elsewhere.
            reliability=1.0,
            fetched_at=fetched_at,
            vcpus=kind.specs.vcpus,
            ram_gb=kind.specs.memory_gib,
            disk_gb=kind.specs.storage_gib,
        )


def _place_of(region: RegionRow) -> Place:
    """Return where a region is: by its words, of which "North Texas, USA" is Texas, else by its code."""
    place = read_place(_PART_OF_A_STATE.sub("", region.description))
    return read_place(region.name) if place == NOWHERE else place


def instance_of(row: InstanceRow, *, billed_from: datetime | None = None) -> Instance | None:
    """Return the row as an instance; None for one of which the cloud itself says that it has ended.

    The address counts once it is active: until then nobody answers there.
    """
    if row.status == GONE:
        return None
    status = _STATUSES.get(row.status, InstanceStatus.UNKNOWN)
    endpoint = read_address(row.ip, user=USER)
    if status is InstanceStatus.RUNNING and endpoint is None:
        # It is called active before its address is known.
        status = InstanceStatus.BOOTING
    kind = row.instance_type
    # Somebody else's machine may have none.
    gpus = 0 if kind is None else kind.specs.gpus
    gpu = read_row(kind.gpu_description or kind.name, gpus) if kind is not None and gpus else None
    return Instance(
        id=InstanceId(row.id),
        provider=PROVIDER,
        label=row.name or "",
        mark=next((tag.value for tag in row.tags if tag.key == _MARK), ""),
        status=status,
        gpu_name="" if kind is None else kind.gpu_description,
        gpu_count=gpus,
        gpu_memory_mib=0 if gpu is None else gpu.vram_gb * _MIB_PER_GB,
        rate=None if kind is None else rate(f"{kind.price_cents_per_hour / 100:.2f}"),
        endpoint=None if status is InstanceStatus.BOOTING else endpoint,
        billed_from=billed_from if status is InstanceStatus.RUNNING else None,
    )


def new_instance_of(order: LaunchOrder, *, key_name: str, image: str) -> NewInstance:
    """Return the order in the cloud's words; the label is the name, and stands in a tag once more.

    Raises:
        BadOrder: the offer has less disk than the order wants.
    """
    kind, _, region = order.offer.provider_id.rpartition(".")
    if order.disk_gb is not None and 0 < order.offer.disk_gb < order.disk_gb:
        raise BadOrder(f"{kind} has {order.offer.disk_gb} GB of disk, and no other size")
    wanted = order.image or image
    return NewInstance(
        region_name=region,
        instance_type_name=kind,
        ssh_key_names=[key_name],
        name=order.label,
        tags=[Tag(key=_MARK, value=order.label)],
        user_data=first_boot_script(
            user=USER, keys=order.ssh_public_keys, env=order.env, on_start=order.on_start
        ),
        image=None if not wanted else _image_of(wanted),
    )


def _image_of(name: str) -> Image:
    return Image(id=name) if _IMAGE_ID.fullmatch(name) else Image(family=name)


def label_of(row: InstanceRow) -> Label | None:
    """Return our label as it stands on an instance, in its name or in its tag; None where there is none."""
    marks = [tag.value for tag in row.tags if tag.key == _MARK]
    found = (text for text in (*marks, row.name or "") if text.startswith(f"{PREFIX}-"))
    return next((Label(text) for text in found), None)
