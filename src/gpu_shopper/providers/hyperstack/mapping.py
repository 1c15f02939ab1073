"""Between Hyperstack's rows and our nouns: pure, both ways."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.label import PREFIX
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import NOWHERE, read_place
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import BadOrder, OfferGone
from gpu_shopper.providers.hyperstack.rows import (
    Environment,
    FlavorRow,
    NewVm,
    Price,
    Region,
    Rule,
    Stock,
    VmRow,
)
from gpu_shopper.providers.virtual_machines import SSH_PORT, first_boot_script, read_address

PROVIDER = ProviderName("hyperstack")
USER = "ubuntu"
# The longest name that anything may have there; a label of ours is longer, and stands whole among the labels.
LONGEST_NAME = 50
_MIB_PER_GB = 1024
_SPOT = "-spot"
_ADDRESS = "publicip"
_ATTACHED = frozenset({None, "", "attached", "active"})
_IMAGE = re.compile(r"Ubuntu Server (\d+)\.(\d+) LTS R(\d+) CUDA (\d+)\.(\d+)")

# Stopped and hibernated ones still bill, a stopped one in full. A state that is not here says nothing.
_STATUSES: Mapping[str, InstanceStatus] = {
    "creating": InstanceStatus.BOOTING,
    "build": InstanceStatus.BOOTING,
    "starting": InstanceStatus.BOOTING,
    "restoring": InstanceStatus.BOOTING,
    "rebooting": InstanceStatus.BOOTING,
    "hard_rebooting": InstanceStatus.BOOTING,
    "active": InstanceStatus.RUNNING,
    "stopping": InstanceStatus.STOPPING,
    "hibernating": InstanceStatus.STOPPING,
    "deleting": InstanceStatus.STOPPING,
    "shutoff": InstanceStatus.STOPPED,
    "hibernated": InstanceStatus.STOPPED,
    "error": InstanceStatus.BROKEN,
}


@dataclass(frozen=True, slots=True)
class PriceList:
    """What a GPU of each name costs an hour, and the public address that every machine of ours has."""

    gpus: Mapping[str, Decimal]
    address: Decimal

    def of(self, gpu: str, count: int) -> HourlyRate | None:
        """Return what a machine with so many of these GPUs costs; None where the list does not name them."""
        each = self.gpus.get(_plain(gpu))
        return None if each is None or not count else rate(f"{each * count + self.address:.6f}")


def price_list_of(prices: Iterable[Price]) -> PriceList:
    """Return the price list; what has no price that can be read is not in it."""
    read = {_plain(price.name): _amount(price.value) for price in prices}
    known = {name: amount for name, amount in read.items() if amount is not None}
    return PriceList(known, known.get(_ADDRESS, Decimal(0)))


def _plain(name: str) -> str:
    return name.strip().lower()


def _amount(value: str | float | None) -> Decimal | None:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < 10**6 else None


@dataclass(frozen=True, slots=True)
class Market:
    """What stands beside the flavors: prices, what is left of which, and which regions have public addresses."""

    prices: PriceList
    left: Mapping[tuple[str, str, str], int]
    regions: Mapping[str, Region]


def market_of(
    prices: Iterable[Price], stocks: Iterable[Stock], regions: Iterable[Region]
) -> Market:
    """Put them together."""
    left = {
        (stock.region, _plain(model.model), size): number
        for stock in stocks
        for model in stock.models
        for size, number in (model.configurations or {}).items()
        if number is not None
    }
    return Market(price_list_of(prices), left, {region.name: region for region in regions})


def offers_of(
    row: FlavorRow, *, group_region: str, market: Market, fetched_at: datetime
) -> Sequence[Offer]:
    """Return a flavor as an offer; none if it has no GPU, is sold out, or could not be reached from outside.

    Raises:
        ValueError: its GPU stands on no price list.
    """
    region, gpu_name, count = row.region_name or group_region, row.gpu or "", row.gpu_count
    left = market.left.get((region, _plain(gpu_name), f"{count}x"), 1)
    if not gpu_name or not count or row.stock_available is False or left == 0:
        return ()
    known = market.regions.get(region)
    if known is not None and (known.features or {}).get("floating_ip") is False:
        return ()
    price = market.prices.of(gpu_name, count)
    if price is None or price <= HourlyRate(0):
        raise ValueError(f"no price for {gpu_name}")
    gpu = read_row(_without_spot(gpu_name), count)
    place = read_place(region)
    if place == NOWHERE and known is not None:
        place = read_place(known.country or "")
    provider_id = f"{row.name}.{region}"
    offer = Offer(
        id=OfferId(f"{PROVIDER}:{provider_id}"),
        provider=PROVIDER,
        provider_id=provider_id,
        machine_id=provider_id,
        gpu_type=gpu.gpu_type,
        gpu_count=gpu.gpu_count,
        gpu_fraction=gpu.gpu_fraction,
        vram_gb=gpu.vram_gb,
        price=price,
        country=place.country,
        region=place.region,
        city=place.city,
        location=region,
        # It tells none; what becomes of orders is weighed elsewhere.
        reliability=1.0,
        fetched_at=fetched_at,
        interruptible=_is_spot(row.name) or _is_spot(gpu_name),
        vcpus=row.cpu or 0,
        ram_gb=int(row.ram or 0),
        # The second disk is none that a home is on.
        disk_gb=row.disk or 0,
    )
    return (offer,)


def _is_spot(name: str) -> bool:
    return name.lower().endswith(_SPOT)


def _without_spot(gpu: str) -> str:
    return gpu[: -len(_SPOT)] if _is_spot(gpu) else gpu


def instance_of(row: VmRow, prices: PriceList | None) -> Instance:
    """Return the row as an instance. It is ready only once its public address is attached."""
    status = _STATUSES.get((row.status or "").strip().lower(), InstanceStatus.UNKNOWN)
    attached = (row.floating_ip_status or "").strip().lower() in _ATTACHED
    endpoint = read_address(row.floating_ip, user=USER) if attached else None
    if status is InstanceStatus.RUNNING and endpoint is None:
        status = InstanceStatus.BOOTING
    gpu_name = "" if row.flavor is None else row.flavor.gpu or ""
    count = 0 if row.flavor is None else row.flavor.gpu_count or 0
    gpu = read_row(_without_spot(gpu_name), count) if gpu_name and count else None
    return Instance(
        id=InstanceId(str(row.id)),
        provider=PROVIDER,
        label=label_of(row),
        status=status,
        gpu_name=_without_spot(gpu_name),
        gpu_count=count,
        gpu_memory_mib=0 if gpu is None else gpu.vram_gb * _MIB_PER_GB,
        rate=None if prices is None else prices.of(gpu_name, count),
        endpoint=None if status is InstanceStatus.BOOTING else endpoint,
        billed_from=_moment(row.created_at),
    )


def label_of(row: VmRow) -> str:
    """Return our label, which stands whole among the machine's labels; else its name, which may be the beginning of one."""
    ours = (label for label in row.labels or () if label.startswith(f"{PREFIX}-"))
    return next(ours, row.name or "")


def launch_label_of(row: VmRow) -> str | None:
    """Return the label of the launch that this machine is of, or its beginning; its key has the name where nothing else does."""
    told = (label_of(row), row.name, None if row.keypair is None else row.keypair.name)
    return next((text for text in told if text and text.startswith(f"{PREFIX}-")), None)


def _moment(text: str | None) -> datetime | None:
    """Return a moment as it is written there, with or without a zone; without one it is UTC."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parts_of(offer: Offer) -> tuple[str, str]:
    """Return the flavor's name and its region.

    Raises:
        OfferGone: it is none of this cloud's.
    """
    flavor, _, region = offer.provider_id.rpartition(".")
    if not flavor or not region:
        raise OfferGone(f"there is no offer {offer.provider_id}")
    return flavor, region


def new_vm_of(
    order: LaunchOrder, *, flavor: str, environment: str, key_name: str, image: str
) -> NewVm:
    """Return the order in the cloud's words.

    Raises:
        BadOrder: the offer has less disk than the order wants.
    """
    if order.disk_gb is not None and 0 < order.offer.disk_gb < order.disk_gb:
        raise BadOrder(f"{flavor} has {order.offer.disk_gb} GB of disk, and no other size")
    ports = dict.fromkeys((SSH_PORT, *order.exposed_ports))
    return NewVm(
        name=short_name(order.label),
        environment_name=environment,
        flavor_name=flavor,
        image_name=image,
        key_name=key_name,
        labels=[order.label],
        user_data=first_boot_script(
            user=USER, keys=order.ssh_public_keys, env=order.env, on_start=order.on_start
        ),
        security_rules=[Rule(port_range_min=port, port_range_max=port) for port in ports],
    )


def short_name(label: str) -> str:
    """Return as much of a label as a name may hold: it still says of which attempt."""
    return label[:LONGEST_NAME]


def newest_image(names: Iterable[str]) -> str | None:
    """Return the newest Ubuntu with a driver and CUDA and nothing else; newer GPUs do not run with older drivers."""
    found = [(match, name) for name in names if (match := _IMAGE.fullmatch(name.strip()))]
    # The driver decides, then Ubuntu: the image that most is tried with comes with the newest of both.
    ranked = [((int(m[3]), int(m[4]), int(m[5]), int(m[1]), int(m[2])), name) for m, name in found]
    return max(ranked)[1] if ranked else None


def usual_environment(region: str) -> str:
    """Return the name of the environment that an account has in a region from the start."""
    return f"default-{region}"


def own_environment(label: str, region: str) -> str:
    """Return the name of the environment that this deployment makes where there is none."""
    deployment = "-".join(label.split("-")[:2])
    return f"{deployment}-{region}"[:LONGEST_NAME]


def is_own_environment(environment: Environment | None, label: str) -> bool:
    """Return whether this deployment made it."""
    if environment is None or not environment.region or not label.startswith(f"{PREFIX}-"):
        return False
    return environment.name == own_environment(label, environment.region)
