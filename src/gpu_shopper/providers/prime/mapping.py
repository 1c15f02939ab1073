"""Between Prime Intellect's rows and our nouns: pure, both ways."""

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import floor

from gpu_shopper.domain.gpu_reading import GpuRead, read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import Place, read_place
from gpu_shopper.domain.true_price import MONTH_HOURS
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import BadOrder
from gpu_shopper.providers.prime.api import NewOrder, NewPod, OfferRow, PodRow, Resource

PROVIDER = ProviderName("prime")
DEFAULT_IMAGE = "ubuntu_22_cuda_12"
# Offers are priced with a disk of this size, or the nearest that they have; pods get it where a request names none.
DEFAULT_DISK_GB = 100
_SOLD_OUT = frozenset({"unavailable", "out of stock", "out_of_stock", "none"})
_INSTALLED = frozenset({"FINISHED", "COMPLETE", "COMPLETED"})
_FAILED = frozenset({"FAILED", "ERROR"})
_GONE = "TERMINATED"
_SSH = re.compile(r"(?:ssh\s+)?(?P<user>[^\s@]+)@(?P<host>[^\s@:]+)(?:\s+-p\s*(?P<port>\d{1,5}))?")
_NO_GPU = "CPU_NODE"
_TWO_LETTERS = re.compile(r"[A-Z]{2}")
_COUNTRIES = {"UK": "GB", "EU": ""}

# What is not known here means to keep waiting; an error upstream may still hold, and bill, a machine.
_STATUSES: Mapping[str | None, InstanceStatus] = {
    None: InstanceStatus.BOOTING,
    "PROVISIONING": InstanceStatus.BOOTING,
    "PENDING": InstanceStatus.BOOTING,
    "INSTALLING": InstanceStatus.BOOTING,
    "ACTIVE": InstanceStatus.RUNNING,
    "STOPPED": InstanceStatus.STOPPED,
    "ERROR": InstanceStatus.BROKEN,
    "DELETING": InstanceStatus.STOPPING,
    _GONE: InstanceStatus.STOPPING,
    "UNKNOWN": InstanceStatus.UNKNOWN,
}


# Offers.


def offer_of(row: OfferRow, *, fetched_at: datetime) -> Offer | None:
    """Return a row as an offer, priced with its default disk, cores and memory; None for one that sells no GPU by the hour.

    Raises:
        ValueError: a price that is none, or in another currency.
    """
    if not is_sold(row):
        return None
    gpu = _gpu_of(row.gpu_type, row.socket, row.gpu_count, row.gpu_memory)
    place = _place_of(row)
    provider_id = id_of(row)
    return Offer(
        id=OfferId(f"{PROVIDER}:{provider_id}"),
        provider=PROVIDER,
        provider_id=provider_id,
        # Of the machines behind nothing is told.
        machine_id="",
        gpu_type=gpu.gpu_type,
        gpu_count=gpu.gpu_count,
        gpu_fraction=gpu.gpu_fraction,
        vram_gb=gpu.vram_gb,
        price=rate(f"{price_of(row):.6f}"),
        country=place.country,
        region=place.region,
        city=place.city,
        location=" ".join(filter(None, (row.provider, row.data_center or row.country))),
        # Neither: it tells nothing of how dependable they are.
        reliability=0.0,
        fetched_at=fetched_at,
        interruptible=bool(row.is_spot),
        vcpus=floor(row.vcpu.default_count or 0),
        ram_gb=floor(row.memory.default_count or 0),
        disk_gb=floor(row.disk.max_count or row.disk.default_count or 0),
        inet_down_mbps=floor(row.internet_speed or 0),
        inet_up_mbps=floor(row.internet_speed or 0),
        storage_price_per_gb_month=(row.disk.price_per_unit or 0.0) * MONTH_HOURS,
    )


def is_sold(row: OfferRow) -> bool:
    """Return whether the row sells GPUs that can be had by the hour: what is paid for in advance is a bill that no end ends."""
    return (
        row.gpu_type != _NO_GPU
        and row.gpu_count > 0
        and not row.prepaid_time
        and (row.stock_status or "").strip().lower() not in _SOLD_OUT
    )


def id_of(row: OfferRow) -> str:
    """Return what names this row, the same in each reading: the cloud has no ids of offers."""
    what = (
        row.provider, row.cloud_id, row.gpu_type, row.socket, row.gpu_count, row.data_center, row.country,
        row.security, bool(row.is_spot), row.vcpu.default_count, row.memory.default_count,
    )  # fmt: skip
    digest = hashlib.sha256("\n".join(map(str, what)).encode()).hexdigest()[:12]
    plain = re.sub(r"[^a-z0-9]+", "-", f"{row.provider or ''}-{row.gpu_type}".lower()).strip("-")
    return f"{plain[:60]}-{row.gpu_count}x-{digest}"


def price_of(row: OfferRow) -> float:
    """Return what it costs an hour with all that is ordered where a request asks for no more.

    Raises:
        ValueError: it says none, or not in dollars.
    """
    prices = row.prices
    if (prices.currency or "USD").upper() != "USD":
        raise ValueError(f"{row.gpu_type}: prices are in {prices.currency}")
    kinds = (prices.on_demand, prices.community_price)
    listed = kinds[::-1] if row.security == "community_cloud" else kinds
    price = next((one for one in listed if one is not None), None)
    if not price:
        raise ValueError(f"{row.gpu_type}: there is no price")
    disk = _cost(row.disk, disk_of(row, None))
    return (
        price
        + disk
        + _cost(row.vcpu, row.vcpu.default_count)
        + _cost(row.memory, row.memory.default_count)
    )


def disk_of(row: OfferRow, wanted_gb: int | None) -> int | None:
    """Return the least size of a disk that can be had and is no smaller than wanted; None where none is said.

    Raises:
        BadOrder: so large a one can't be had.
    """
    disk = row.disk
    least, most = disk.min_count, disk.max_count
    if least is None or most is None:
        # It has one size, or says none.
        if (wanted_gb or 0) > (disk.default_count or 0):
            raise BadOrder(f"{row.gpu_type}: its disk has one size, and {wanted_gb} GB is more")
        return _whole(disk.default_count)
    if (wanted_gb or 0) > most:
        raise BadOrder(f"{row.gpu_type}: a disk of {wanted_gb} GB can't be had")
    size = max(float(wanted_gb or DEFAULT_DISK_GB), least)
    if disk.step:
        size = least + math.ceil((size - least) / disk.step) * disk.step
    return floor(min(size, most))


def _cost(resource: Resource, count: float | None) -> float:
    """Return what so much of it costs an hour, beyond what is in the price."""
    included = (resource.default_count or 0.0) if resource.default_included_in_price else 0.0
    return max(0.0, (count or 0.0) - included) * (resource.price_per_unit or 0.0)


def _gpu_of(name: str, socket: str | None, count: float | None, memory: float | None) -> GpuRead:
    """Read the GPU by its name and its socket, where the two together name one that is known."""
    both = read_row(f"{name} {socket or ''}".strip(), count, memory)
    return both if both.known else read_row(name, count, memory)


def _place_of(row: OfferRow) -> Place:
    """Return the country that the row names, in ISO letters, and what the name of the site adds to it."""
    named = (row.country or "").strip().upper()
    country = _COUNTRIES.get(named, named)
    by_site = read_place(row.data_center or "")
    if not _TWO_LETTERS.fullmatch(country):
        return by_site
    return by_site if by_site.country == country else Place(country=country, region="", city="")


# Pods.


def instance_of(row: PodRow) -> Instance | None:
    """Return the row as an instance; None for one that the cloud itself calls terminated."""
    if row.status == _GONE:
        return None
    status = _status_of(row)
    gpu = f"{row.gpu_name} {row.socket or ''}".strip() if row.gpu_name else ""
    return Instance(
        id=InstanceId(row.id),
        provider=PROVIDER,
        label=row.name or "",
        status=status,
        gpu_name=gpu if gpu and read_row(gpu, 1).known else row.gpu_name or "",
        gpu_count=row.gpu_count or 0,
        rate=None if row.price_hr is None else rate(f"{row.price_hr:.6f}"),
        endpoint=_endpoint_of(row) if status is InstanceStatus.RUNNING else None,
        billed_from=_moment(row.created_at),
    )


def _status_of(row: PodRow) -> InstanceStatus:
    status = _STATUSES.get(row.status, InstanceStatus.UNKNOWN)
    if status is not InstanceStatus.RUNNING:
        return status
    if row.installation_failure or row.installation_status in _FAILED:
        return InstanceStatus.BROKEN
    named = row.installation_status is not None and row.installation_status not in _INSTALLED
    half_way = row.installation_progress is not None and row.installation_progress < 100
    return InstanceStatus.BOOTING if named or half_way else status


def _endpoint_of(row: PodRow) -> Endpoint | None:
    """Return where SSH answers; of several nodes, the first."""
    told = row.ssh_connection if isinstance(row.ssh_connection, list) else [row.ssh_connection]
    for text in told:
        found = _SSH.fullmatch((text or "").strip())
        if found is not None and 0 < int(found["port"] or 22) < 65_536:
            return Endpoint(host=found["host"], port=int(found["port"] or 22), user=found["user"])
    return None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    # Without a zone it is UTC, as all its times.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# Orders and keys.


def new_order_of(
    order: LaunchOrder, row: OfferRow, *, key_id: str, image: str, team: str
) -> NewOrder:
    """Return the order in the cloud's words.

    Raises:
        BadOrder: it asks for what the cloud does not take, which nobody should have to find out by its lack.
    """
    if order.on_start or order.env or order.exposed_ports or order.image:
        raise BadOrder(f"create {order.label}: it takes no script, variables, ports or image")
    pod = NewPod(
        name=order.label,
        cloud_id=row.cloud_id,
        gpu_type=row.gpu_type,
        socket=row.socket,
        gpu_count=row.gpu_count,
        disk_size=disk_of(row, order.disk_gb),
        vcpus=_whole(row.vcpu.default_count),
        memory=_whole(row.memory.default_count),
        image=_image_of(row, image),
        data_center_id=row.data_center,
        country=row.country,
        security=row.security,
        max_price=order.price_cap.dollars,
        ssh_key_id=key_id,
    )
    return NewOrder(
        pod=pod,
        provider={"type": row.provider} if row.provider else {},
        team={"teamId": team} if team else None,
    )


def _image_of(row: OfferRow, wanted: str) -> str | None:
    return wanted if not row.images or wanted in row.images else row.images[0]


def _whole(count: float | None) -> int | None:
    return None if count is None else floor(count)
