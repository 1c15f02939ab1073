"""Between Vast.ai's rows and our nouns: pure, both ways."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import floor

from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import read_city_and_country
from gpu_shopper.domain.true_price import MONTH_HOURS
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.vast.api import AskRow, InstanceRow, NewInstance

PROVIDER = ProviderName("vast")
# It has Python, which the node agent needs, and CUDA.
DEFAULT_IMAGE = "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime"
# Offers are priced with a disk of this size, and instances get one where a request names none.
DEFAULT_DISK_GB = 20
BID = "-bid"
_MB_PER_GB = 1024
_SSH = "22/tcp"
_BROKEN = "OCI runtime create failed"

# What stands here as unknown may come back: a host that is offline for a minute holds, and bills, all the same.
_STATUSES: Mapping[str | None, InstanceStatus] = {
    None: InstanceStatus.BOOTING,
    "": InstanceStatus.BOOTING,
    "created": InstanceStatus.BOOTING,
    "creating": InstanceStatus.BOOTING,
    "loading": InstanceStatus.BOOTING,
    "rebooting": InstanceStatus.BOOTING,
    "running": InstanceStatus.RUNNING,
    "stopped": InstanceStatus.STOPPED,
    "exited": InstanceStatus.STOPPED,
    "frozen": InstanceStatus.UNKNOWN,
    "offline": InstanceStatus.UNKNOWN,
    "unknown": InstanceStatus.UNKNOWN,
}


def offer_of(row: AskRow, *, fetched_at: datetime, is_bid: bool) -> Offer:
    """Return an ask as an offer, priced with its default disk.

    Raises:
        ValueError: an ask for bids that names no least one.
    """
    gpu = read_row(row.gpu_name, row.num_gpus, row.gpu_ram / _MB_PER_GB)
    place = read_city_and_country(row.geolocation or "")
    storage = row.storage_cost or 0.0
    price = row.dph_total
    if is_bid:
        if row.min_bid is None:
            raise ValueError(f"ask {row.id} takes bids and names no least one")
        price = row.min_bid + disk_price(storage)
    provider_id = f"{row.id}{BID}" if is_bid else str(row.id)
    return Offer(
        id=OfferId(f"{PROVIDER}:{provider_id}"),
        provider=PROVIDER,
        provider_id=provider_id,
        machine_id=str(row.machine_id),
        gpu_type=gpu.gpu_type,
        gpu_count=gpu.gpu_count,
        gpu_fraction=gpu.gpu_fraction,
        vram_gb=gpu.vram_gb,
        price=rate(f"{price:.6f}"),
        country=place.country,
        region=place.region,
        city=place.city,
        location=(row.geolocation or "").strip(", "),
        reliability=row.reliability2 or 0.0,
        fetched_at=fetched_at,
        max_duration_hours=max(1, floor(row.duration / 3600)) if row.duration else 0,
        cuda_version=f"{row.cuda_max_good:.1f}" if row.cuda_max_good else "",
        interruptible=is_bid,
        vcpus=floor(row.cpu_cores_effective or 0),
        ram_gb=floor((row.cpu_ram or 0) * _share(row) / _MB_PER_GB),
        disk_gb=floor(row.disk_space or 0),
        inet_down_mbps=floor(row.inet_down or 0),
        inet_up_mbps=floor(row.inet_up or 0),
        storage_price_per_gb_month=storage,
        # In and out have prices of their own; what is downloaded is most of it.
        traffic_price_per_gb=max(row.inet_up_cost or 0.0, row.inet_down_cost or 0.0),
    )


def _share(row: AskRow) -> float:
    """Return which part of the machine the ask is: of its GPUs, or of its cores, if that is less or all that is told."""
    told = [1.0] if row.gpu_frac is None else [row.gpu_frac]
    if row.cpu_cores and row.cpu_cores_effective is not None:
        told.append(row.cpu_cores_effective / row.cpu_cores)
    return min(told)


def disk_price(storage_cost: float) -> float:
    """Return what the default disk costs an hour, of its price per GB and month."""
    return DEFAULT_DISK_GB * storage_cost / MONTH_HOURS


def instance_of(row: InstanceRow) -> Instance:
    """Return the row as an instance."""
    return Instance(
        id=InstanceId(str(row.id)),
        provider=PROVIDER,
        label=row.label or "",
        status=_status_of(row),
        gpu_name=row.gpu_name or "",
        gpu_count=floor(row.num_gpus or 0),
        gpu_memory_mib=floor(row.gpu_ram or 0),
        rate=None if row.dph_total is None else rate(f"{row.dph_total:.6f}"),
        endpoint=_endpoint_of(row),
        billed_from=None if row.start_date is None else datetime.fromtimestamp(row.start_date, UTC),
    )


def _status_of(row: InstanceRow) -> InstanceStatus:
    if row.actual_status == "created" and _BROKEN in (row.status_msg or ""):
        return InstanceStatus.BROKEN
    if row.cur_state == row.intended_status == row.next_state == "stopped":
        # Outbid, where nobody asked for it; its disk bills on.
        return InstanceStatus.STOPPED
    return _STATUSES.get(row.actual_status, InstanceStatus.UNKNOWN)


def _endpoint_of(row: InstanceRow) -> Endpoint | None:
    """Return where SSH answers: straight where the machine has a port for it, else by the cloud's own relay."""
    bound = (row.ports or {}).get(_SSH) or []
    if row.public_ipaddr and bound and bound[0].HostPort.isdigit():
        return Endpoint(host=row.public_ipaddr.strip(), port=int(bound[0].HostPort), user="root")
    if row.ssh_host and row.ssh_port:
        return Endpoint(host=row.ssh_host, port=row.ssh_port, user="root")
    return None


def new_instance_of(order: LaunchOrder, *, image: str) -> NewInstance:
    """Return the order in the cloud's words. Ports are asked for among the variables, as its own clients do."""
    ports = {f"-p {port}:{port}": "1" for port in order.exposed_ports}
    return NewInstance(
        image=order.image or image,
        disk=float(order.disk_gb or DEFAULT_DISK_GB),
        label=order.label,
        onstart=order.on_start or _keys_script(order.ssh_public_keys),
        env={**order.env, **ports},
        price=_bid(order.offer) if order.offer.interruptible else None,
    )


def _bid(offer: Offer) -> float:
    """Return the least bid, which is what was shown less the disk in it; never a micro-dollar below it."""
    return round(offer.price.dollars - disk_price(offer.storage_price_per_gb_month) + 1e-6, 6)


def _keys_script(keys: tuple[str, ...]) -> str | None:
    """Return a script that admits these keys: a key in the create call itself does not always arrive."""
    if not keys:
        return None
    lines = "\n".join(key.strip() for key in keys)
    return (
        "umask 077; mkdir -p ~/.ssh; cat >>~/.ssh/authorized_keys <<'END_OF_KEYS'\n"
        f"\n{lines}\nEND_OF_KEYS\n"
    )
