"""Between the sandbox cloud's rows and our nouns: pure, both ways."""

from datetime import UTC, datetime

from gpu_shopper.domain.countries import country_of
from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.sandbox.api import InstanceRow, NewInstance, OfferRow

PROVIDER = ProviderName("sandbox")
DEFAULT_IMAGE = "ubuntu-24.04"
DEFAULT_DISK_GB = 20
_MARK = "gpu-shopper"
_MIB_PER_GB = 1024

# Whatever the cloud may say one day and is not here is unknown, and unknown is never gone.
_STATUSES = {
    "creating": InstanceStatus.BOOTING,
    "booting": InstanceStatus.BOOTING,
    "running": InstanceStatus.RUNNING,
    "stopping": InstanceStatus.STOPPING,
    "stopped": InstanceStatus.STOPPED,
    "error": InstanceStatus.BROKEN,
}


def offer_of(row: OfferRow, *, fetched_at: datetime, provider: ProviderName = PROVIDER) -> Offer:
    """Return the row as an offer. A GPU that nobody knows keeps its own name, so that its offer is not lost."""
    gpu = read_row(row.gpu_name, row.gpu_count, row.gpu_memory_mib / _MIB_PER_GB)
    return Offer(
        id=OfferId(f"{provider}:{row.id}"),
        provider=provider,
        provider_id=row.id,
        machine_id=row.machine_id,
        gpu_type=gpu.gpu_type,
        gpu_count=gpu.gpu_count,
        gpu_fraction=gpu.gpu_fraction,
        vram_gb=gpu.vram_gb,
        price=rate(row.price_per_hour),
        country=country_of(row.country),
        region=row.region,
        city=row.city.strip(),
        location=f"{row.city}, {row.country}"
        if row.city and row.country
        else row.city or row.country,
        reliability=row.reliability,
        fetched_at=fetched_at,
        max_duration_hours=row.max_hours,
        cuda_version=row.cuda_max,
        interruptible=row.interruptible,
        vcpus=row.vcpus,
        ram_gb=row.ram_gb,
        disk_gb=row.disk_gb,
        inet_down_mbps=row.inet_down_mbps,
        inet_up_mbps=row.inet_up_mbps,
        storage_price_per_gb_month=row.storage_price_per_gb_month,
        traffic_price_per_gb=row.traffic_price_per_gb,
    )


def instance_of(row: InstanceRow, *, provider: ProviderName = PROVIDER) -> Instance:
    """Return the row as an instance.

    Raises:
        ValueError: one of its times is none.
    """
    endpoint = None
    if row.ssh_host and row.ssh_port and row.ssh_user:
        endpoint = Endpoint(host=row.ssh_host, port=row.ssh_port, user=row.ssh_user)
    return Instance(
        id=InstanceId(row.id),
        provider=provider,
        label=row.name,
        mark=row.tags.get(_MARK, ""),
        status=_STATUSES.get(row.status, InstanceStatus.UNKNOWN),
        gpu_name=row.gpu_name,
        gpu_count=row.gpu_count,
        gpu_memory_mib=row.gpu_memory_mib,
        rate=None if row.price_per_hour is None else rate(row.price_per_hour),
        endpoint=endpoint,
        host_key=row.host_key,
        billed_from=_moment(row.billed_from or row.created_at),
        ends_by=_moment(row.expires_at),
    )


def new_instance_of(order: LaunchOrder) -> NewInstance:
    """Return the order in the cloud's words; the label is the instance's name, from birth, and stands in a tag once more."""
    return NewInstance(
        offer_id=order.offer.provider_id,
        name=order.label,
        image=order.image or DEFAULT_IMAGE,
        disk_gb=order.disk_gb or min(DEFAULT_DISK_GB, order.offer.disk_gb or DEFAULT_DISK_GB),
        ssh_keys=order.ssh_public_keys,
        env=order.env,
        tags={_MARK: order.label},
        on_start=order.on_start,
        max_price_per_hour=order.price_cap.dollars,
        expires_at=order.ends_by.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = "a time without a zone"
        raise ValueError(message)
    return moment.astimezone(UTC)
