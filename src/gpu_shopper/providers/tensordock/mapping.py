"""Between TensorDock's rows and our nouns: pure, both ways.

It sells parts: a location has kinds of GPUs, and a machine is any number of one of them with processors, memory and disk
to be chosen, each at its own price. One size for each number of GPUs is our offer.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus
from gpu_shopper.domain.money import MICROS, HourlyRate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import read_city_and_country
from gpu_shopper.domain.true_price import MONTH_HOURS
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import BadOrder, NoCapacity, OfferGone
from gpu_shopper.providers.tensordock.api import (
    CloudInit,
    Facts,
    Forward,
    GpuRow,
    InstanceRow,
    LocationRow,
    NewInstance,
    NewResources,
)
from gpu_shopper.providers.virtual_machines import SSH_PORT, first_boot_script, read_address

PROVIDER = ProviderName("tensordock")
USER = "user"
LEAST_DISK_GB = 100
DISK_STEP_GB = 50
# What its documents ask for from 20000 on; it gives what it has.
FIRST_PORT = 20_000
_VCPUS_PER_GPU, _VCPU_STEP = 8, 2
_RAM_GB_PER_GPU, _RAM_STEP_GB = 32, 8
_MOST_GPUS = 16
_MIB_PER_GB = 1024
# Of every ten orders that its menu led to, somebody counted three for which there was nothing left.
_CONFIDENCE = 0.7
# Where no ports are forwarded, a machine has to have an address of its own, which its offer says.
_OWN_ADDRESS = "~ip"
_OFFER = re.compile(r"(?P<count>\d{1,2})x(?P<gpu>[!-~]+)\.(?P<location>[^.~]+)(?P<ip>~ip)?")

GONE = frozenset({"terminated", "deleted"})
_STATUSES: Mapping[str, InstanceStatus] = {
    "queued": InstanceStatus.BOOTING,
    "pending": InstanceStatus.BOOTING,
    "creating": InstanceStatus.BOOTING,
    "provisioning": InstanceStatus.BOOTING,
    "deploying": InstanceStatus.BOOTING,
    "starting": InstanceStatus.BOOTING,
    "running": InstanceStatus.RUNNING,
    "stopping": InstanceStatus.STOPPING,
    "deleting": InstanceStatus.STOPPING,
    "terminating": InstanceStatus.STOPPING,
    "stopped": InstanceStatus.STOPPED,
    # Stopped, and its GPUs are given back: it may never start again, and its disk bills.
    "stoppeddisassociated": InstanceStatus.STOPPED,
    "error": InstanceStatus.BROKEN,
    "failed": InstanceStatus.BROKEN,
}


def offers_of(location: LocationRow, row: GpuRow, *, fetched_at: datetime) -> Iterator[Offer]:
    """Yield a kind of GPU in a location as an offer for each number of them that one machine can have.

    What cannot be reached by SSH, or has not the least of disk, memory or processors, is none.
    """
    reach, most = row.network_features, row.resources
    if not reach.port_forwarding_available and not reach.dedicated_ip_available:
        return
    if most.max_storage_gb < LEAST_DISK_GB:
        return
    text = ", ".join(filter(None, (location.city, location.stateprovince, location.country)))
    place = read_city_and_country(text)
    for count in range(1, min(row.max_count, _MOST_GPUS) + 1):
        vcpus = _size(_VCPUS_PER_GPU * count, most.max_vcpus, step=_VCPU_STEP)
        ram_gb = _size(_RAM_GB_PER_GPU * count, most.max_ram_gb, step=_RAM_STEP_GB)
        if not vcpus or not ram_gb:
            return
        price = hourly(row, count=count, vcpus=vcpus, ram_gb=ram_gb, disk_gb=LEAST_DISK_GB)
        if not price.micros:
            raise ValueError(f"{row.v0_name} in {location.id} costs nothing")
        gpu = read_row(row.display_name or row.v0_name, count)
        kind = f"{row.v0_name}.{location.id}"
        provider_id = f"{count}x{kind}{'' if reach.port_forwarding_available else _OWN_ADDRESS}"
        yield Offer(
            id=OfferId(f"{PROVIDER}:{provider_id}"),
            provider=PROVIDER,
            provider_id=provider_id,
            # It does not say which of its hosts it will be.
            machine_id=kind,
            gpu_type=gpu.gpu_type,
            gpu_count=gpu.gpu_count,
            gpu_fraction=gpu.gpu_fraction,
            vram_gb=gpu.vram_gb,
            price=price,
            country=place.country,
            region=place.region,
            city=place.city,
            location=f"{text} (tier {location.tier})" if text else location.id,
            # It tells none of a location; what becomes of orders is weighed elsewhere.
            reliability=1.0,
            fetched_at=fetched_at,
            availability_confidence=_CONFIDENCE,
            vcpus=vcpus,
            ram_gb=ram_gb,
            disk_gb=most.max_storage_gb,
            storage_price_per_gb_month=row.pricing.per_gb_storage_hr * MONTH_HOURS,
        )


def hourly(row: GpuRow, *, count: int, vcpus: int, ram_gb: int, disk_gb: int) -> HourlyRate:
    """Return what such a machine costs, all its parts together."""
    dollars = (
        row.price_per_hr * count
        + row.pricing.per_vcpu_hr * vcpus
        + row.pricing.per_gb_ram_hr * ram_gb
        + row.pricing.per_gb_storage_hr * disk_gb
    )
    return HourlyRate(round(dollars * MICROS))


def _size(wanted: int, most: int, *, step: int) -> int:
    return min(wanted, most) // step * step


def instance_of(row: InstanceRow, *, ordered_at: datetime | None = None) -> Instance | None:
    """Return the row as an instance; None for one of which the cloud itself says that it has ended.

    `ordered_at` is when we ordered it, if that is known: where the row does not tell, it is billed from then on at the
    earliest.
    """
    facts = row.facts
    state = re.sub(r"[^a-z]", "", (facts.status or "").lower())
    if state in GONE:
        return None
    status = _STATUSES.get(state, InstanceStatus.UNKNOWN)
    endpoint = endpoint_of(facts)
    if status is InstanceStatus.RUNNING and endpoint is None:
        # It is called running from the create on; its address comes later.
        status = InstanceStatus.BOOTING
    gpu_name, gpu_count = _gpus_of(facts)
    gpu = read_row(gpu_name, gpu_count) if gpu_count else None
    return Instance(
        id=InstanceId(row.id),
        provider=PROVIDER,
        label=facts.name or "",
        status=status,
        gpu_name=gpu_name,
        gpu_count=gpu_count,
        gpu_memory_mib=0 if gpu is None else gpu.vram_gb * _MIB_PER_GB,
        rate=None if facts.rate_hourly is None else HourlyRate(round(facts.rate_hourly * MICROS)),
        endpoint=None if status is InstanceStatus.BOOTING else endpoint,
        billed_from=_moment(facts.created_at) or ordered_at,
    )


def endpoint_of(facts: Facts) -> Endpoint | None:
    """Return where SSH answers: at the port of the host that leads to 22, or at an address of its own; None while it is not told."""
    forwards = {each.internal_port: each.external_port for each in facts.port_forwards or ()}
    port = forwards.get(SSH_PORT, 0 if forwards else SSH_PORT)
    if not 0 < port < 65_536:
        return None
    return read_address(facts.ip_address, user=USER, port=port)


def _gpus_of(facts: Facts) -> tuple[str, int]:
    held = facts.resources.gpus if facts.resources is not None else {}
    named = [(each.v0_name or name, each.count) for name, each in held.items() if each.count]
    return named[0] if len(named) == 1 else ("", 0)


def _moment(text: str | None) -> datetime | None:
    try:
        told = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return told if told is None or told.tzinfo is not None else told.replace(tzinfo=UTC)


def new_instance_of(order: LaunchOrder, *, image: str) -> NewInstance:
    """Return the order in the cloud's words; the label is the name.

    Raises:
        OfferGone: it is no offer of this cloud's.
        NoCapacity: the location has no disk so large.
        BadOrder: there is no key.
    """
    offer = order.offer
    matched = _OFFER.fullmatch(offer.provider_id)
    if matched is None:
        raise OfferGone(f"create {order.label}: there is no offer {offer.provider_id}")
    if not order.ssh_public_keys:
        raise BadOrder(f"create {order.label}: a launch needs an SSH key")
    disk_gb = disk_of(order.disk_gb)
    if 0 < offer.disk_gb < disk_gb:
        raise NoCapacity(f"create {order.label}: {disk_gb} GB of disk, {offer.disk_gb} at most")
    ports = dict.fromkeys((SSH_PORT, *order.exposed_ports))
    return NewInstance(
        name=order.label,
        image=order.image or image,
        location_id=matched["location"],
        resources=NewResources(
            vcpu_count=offer.vcpus,
            ram_gb=offer.ram_gb,
            storage_gb=disk_gb,
            gpus={matched["gpu"]: {"count": int(matched["count"])}},
        ),
        ssh_key=order.ssh_public_keys[0].strip(),
        cloud_init=CloudInit(runcmd=(first_command(order),)),
        port_forwards=()
        if matched["ip"]
        else [
            Forward(internal_port=port, external_port=FIRST_PORT + number)
            for number, port in enumerate(ports)
        ],
        use_dedicated_ip=bool(matched["ip"]),
    )


def disk_of(wanted_gb: int | None) -> int:
    """Return the disk that is ordered for one that is wanted: the least, or the next step."""
    return max(LEAST_DISK_GB, -(-(wanted_gb or 0) // DISK_STEP_GB) * DISK_STEP_GB)


def first_command(order: LaunchOrder) -> str:
    """Return the one command of the first boot: a script in a form that no quoting can spoil.

    Files that cloud-init is to write come too early there, and their encoding is passed over.
    """
    script = first_boot_script(
        user=USER, keys=order.ssh_public_keys, env=order.env, on_start=order.on_start
    )
    packed = base64.b64encode(script.encode()).decode()
    return f'f=$(mktemp) && echo {packed} | base64 -d >"$f" && sh "$f"; rm -f "$f"'
