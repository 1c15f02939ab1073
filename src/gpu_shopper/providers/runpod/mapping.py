"""Between RunPod's rows and our nouns: pure, both ways."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import quote_plus, unquote_plus

from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import read_place
from gpu_shopper.domain.true_price import MONTH_HOURS
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.runpod.api import CudaStock, GpuRow, NewPod, PodRow, WantedGpu

PROVIDER = ProviderName("runpod")
SECURE, COMMUNITY = "SECURE", "COMMUNITY"
# It starts an SSH server with the keys of `PUBLIC_KEY`, and has Python, which the node agent needs.
DEFAULT_IMAGE = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"
_CUDA_OF_DEFAULT_IMAGE = "12.8"
# Offers are priced with a disk of this size, and pods get one where a request names none.
DEFAULT_DISK_GB = 20
# Dollars per GB and month of a running pod's own disk: the catalogue does not tell it.
DISK_PRICE = 0.10
# Where the label stands a second time.
MARK = "GPU_SHOPPER_LABEL"
_SSH = "22/tcp"

# A level of the stock is a word, and these are guesses of what it is worth.
_ODDS: Mapping[str, float] = {"HIGH": 0.95, "MEDIUM": 0.8, "LOW": 0.5}
_STATUSES: Mapping[str | None, InstanceStatus] = {
    None: InstanceStatus.BOOTING,
    "PROVISIONING": InstanceStatus.BOOTING,
    "STARTING": InstanceStatus.BOOTING,
    "RUNNING": InstanceStatus.RUNNING,
    "EXITED": InstanceStatus.STOPPED,
    "ERROR": InstanceStatus.BROKEN,
}
# What the cloud calls a pod that is no more, where it shows it at all.
_GONE = "TERMINATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """What an offer's id says: everything that a create call needs of it. Without a data centre, any will do."""

    gpu: str
    count: int
    cloud: str
    data_center: str = ""

    @classmethod
    def read(cls, provider_id: str) -> Self | None:
        """Return what an id of ours says; None if it is none."""
        count, gpu, cloud, data_center = [*provider_id.split(":"), "", "", ""][:4]
        if not count.removesuffix("x").isdecimal() or not gpu or not cloud:
            return None
        return cls(
            gpu=unquote_plus(gpu),
            count=int(count.removesuffix("x")),
            cloud=cloud.upper(),
            data_center=data_center,
        )

    @property
    def provider_id(self) -> str:
        """The id, such as `1x:NVIDIA+L40S:secure:US-KS-2`."""
        parts = (f"{self.count}x", quote_plus(self.gpu), self.cloud.lower(), self.data_center)
        return ":".join(part for part in parts if part)


def offers_of(row: GpuRow, *, cloud: str, count: int, fetched_at: datetime) -> Sequence[Offer]:
    """Return what can be had of a kind: an offer for each data centre, or one for any where none is named."""
    is_secure = cloud == SECURE
    price = row.price.secure if is_secure else row.price.community
    if price <= 0 or not (row.secure if is_secure else row.community):
        return ()
    return tuple(
        _offer(row, price, goods, confidence=level, fetched_at=fetched_at)
        for goods, level in _stock(row, cloud, count)
    )


def _stock(row: GpuRow, cloud: str, count: int) -> Iterator[tuple[Goods, float]]:
    whole = Goods(gpu=row.id, count=count, cloud=cloud)
    if not row.data_centers and row.availability in _ODDS:
        yield whole, _ODDS[row.availability]
    for center in row.data_centers or ():
        if center.availability in _ODDS:
            goods = Goods(gpu=row.id, count=count, cloud=cloud, data_center=center.id)
            yield goods, _ODDS[center.availability]


def _offer(
    row: GpuRow, price: float, goods: Goods, *, confidence: float, fetched_at: datetime
) -> Offer:
    gpu = read_row(row.id, goods.count, row.memory)
    place = read_place(goods.data_center)
    return Offer(
        id=OfferId(f"{PROVIDER}:{goods.provider_id}"),
        provider=PROVIDER,
        provider_id=goods.provider_id,
        # It sells kinds, not machines.
        machine_id="",
        gpu_type=gpu.gpu_type,
        gpu_count=gpu.gpu_count,
        gpu_fraction=gpu.gpu_fraction,
        vram_gb=gpu.vram_gb,
        price=with_disk(price * goods.count, DEFAULT_DISK_GB),
        country=place.country,
        region=place.region,
        city=place.city,
        location=goods.data_center or goods.cloud.lower(),
        # It states none; what becomes of launches will tell.
        reliability=1.0,
        availability_confidence=confidence,
        fetched_at=fetched_at,
        cuda_version=_least(row.cuda_versions or ()),
        storage_price_per_gb_month=DISK_PRICE,
    )


def _least(versions: Sequence[CudaStock]) -> str:
    """Return the version that every machine has which is free: no more than that can be promised."""
    free = [each.version for each in versions if each.available]
    return min(free, key=_numbers, default="")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def with_disk(dollars: float, disk_gb: float) -> HourlyRate:
    """Return the price of an hour with that much disk: neither the catalogue nor a pod's `cost` has it in it."""
    return rate(f"{dollars + disk_gb * DISK_PRICE / MONTH_HOURS:.6f}")


def instance_of(row: PodRow) -> Instance | None:
    """Return the row as an instance; None of one that is no more."""
    if row.status == _GONE:
        return None
    endpoint = _endpoint_of(row)
    status = _STATUSES.get(row.status, InstanceStatus.UNKNOWN)
    if status is InstanceStatus.RUNNING and endpoint is None:
        # So it is called from its first second on; whoever waits for it waits for an address.
        status = InstanceStatus.BOOTING
    return Instance(
        id=InstanceId(row.id),
        provider=PROVIDER,
        label=row.name or "",
        status=status,
        gpu_name="" if row.gpu is None else row.gpu.id,
        gpu_count=0 if row.gpu is None else row.gpu.count,
        # Nothing while nothing runs, which is no price.
        rate=with_disk(row.cost, row.disk or 0) if row.cost else None,
        endpoint=endpoint,
        billed_from=row.created_at,
        mark=(row.env or {}).get(MARK, ""),
    )


def _endpoint_of(row: PodRow) -> Endpoint | None:
    direct = None if row.ssh is None else row.ssh.direct
    if direct is None or not direct.host:
        return None
    return Endpoint(host=direct.host, port=direct.port, user=direct.username or "root")


def new_pod_of(order: LaunchOrder, goods: Goods, *, image: str) -> NewPod:
    """Return the order in the cloud's words. Keys go in the variable that its images read: the account's list stays as it is."""
    own = {"PUBLIC_KEY": "\n".join(key.strip() for key in order.ssh_public_keys)}
    keys = own if order.ssh_public_keys else {}
    ports = dict.fromkeys([_SSH, *(f"{port}/tcp" for port in order.exposed_ports)])
    chosen = order.image or image
    return NewPod(
        name=order.label,
        image=chosen,
        gpu=WantedGpu(
            id=goods.gpu, count=goods.count, min_cuda=_cuda_for(chosen, order.offer.cuda_version)
        ),
        cloud=goods.cloud,
        disk=order.disk_gb or DEFAULT_DISK_GB,
        ports=tuple(ports),
        env={**order.env, MARK: order.label, **keys},
        start_ssh=bool(keys),
        data_centers=(goods.data_center,) if goods.data_center else (),
    )


def _cuda_for(image: str, promised: str) -> str | None:
    """Return the least CUDA that will do: what was promised, and what our own image needs; None where nobody tells any."""
    if not promised:
        return None
    needed = _CUDA_OF_DEFAULT_IMAGE if image == DEFAULT_IMAGE else promised
    return max(promised, needed, key=_numbers)
