"""What the simulated TensorDock sells: kinds of GPUs in locations, in parts, each at its own price."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from gpu_shopper.sandbox.catalogue import Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel
from gpu_shopper.sandbox.messages import Row

LEAST_DISK_GB = 100
VCPU_STEP = 2
RAM_STEP_GB = 8


@dataclass(frozen=True, slots=True)
class Location:
    """Where hosts are; the higher its tier, the better they are kept."""

    id: str
    city: str
    state: str
    country: str
    code: str
    tier: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of GPU: the driver's name, the vendor's two names, and the price of one alone, in dollars."""

    v0_name: str
    shown: str
    driver_name: str
    price: float


@dataclass(frozen=True, slots=True)
class Lot:
    """A kind of GPU in a location: so many of them fit into one machine, with so much beside them."""

    location: Location
    kind: Kind
    most: int
    vcpus: int
    ram_gb: int
    disk_gb: int
    forwards: bool
    dedicated: bool
    per_vcpu: float = 0.003
    per_gb_ram: float = 0.002
    per_gb_disk: float = 0.00005

    def hourly(self, *, count: int, vcpus: int, ram_gb: int, disk_gb: int) -> float:
        """Return what such a machine costs an hour, in dollars."""
        beside = vcpus * self.per_vcpu + ram_gb * self.per_gb_ram + disk_gb * self.per_gb_disk
        return count * self.kind.price + beside


LOCATIONS: Sequence[Location] = (
    Location("a4f1c7d2-0c3e-4b52-9d0e-5b1f6f6a1101", "Austin", "Texas", "United States", "US", 3),
    Location(
        "a4f1c7d2-0c3e-4b52-9d0e-5b1f6f6a1102", "Manassas", "Virginia", "United States", "US", 2
    ),
    Location("a4f1c7d2-0c3e-4b52-9d0e-5b1f6f6a1103", "Chubbuck", "Idaho", "United States", "US", 1),
    Location(
        "a4f1c7d2-0c3e-4b52-9d0e-5b1f6f6a1104", "Orlando", "Florida", "United States", "US", 4
    ),
    Location("a4f1c7d2-0c3e-4b52-9d0e-5b1f6f6a1105", "Mumbai", "Maharashtra", "India", "IN", 0),
    Location("a4f1c7d2-0c3e-4b52-9d0e-5b1f6f6a1106", "London", "England", "United Kingdom", "GB", 3),
)  # fmt: skip
_KINDS: Sequence[Kind] = (
    Kind("h100-sxm5-80gb", "H100 SXM5 80GB", "NVIDIA H100 80GB HBM3", 2.20),
    Kind("a100-pcie-80gb", "A100 PCIe 80GB", "NVIDIA A100 80GB PCIe", 1.10),
    Kind("l40-pcie-48gb", "L40 PCIe 48GB", "NVIDIA L40", 0.60),
    Kind("rtxa6000-pcie-48gb", "RTX A6000 PCIe 48GB", "NVIDIA RTX A6000", 0.40),
    Kind("rtxa4000-pcie-16gb", "RTX A4000 PCIe 16GB", "NVIDIA RTX A4000", 0.10),
    Kind("geforcertx5090-pcie-32gb", "GeForce RTX 5090 PCIe 32GB", "NVIDIA GeForce RTX 5090", 0.50),
    Kind("geforcertx4090-pcie-24gb", "GeForce RTX 4090 PCIe 24GB", "NVIDIA GeForce RTX 4090", 0.34),
)
_MODELS = {model.driver_name: model for model in GPU_MODELS}
# What our own machines are made of is the vendor's choice no less than ours: a size beside each GPU that most ask for.
_USUAL_VCPUS, _USUAL_RAM_GB = 8, 32


def lots(*, seed: int) -> list[Lot]:
    """Return what hosts have put on sale: some kinds in each location; one in seven has no ports to forward."""
    chance = random.Random(f"tensordock:{seed}")
    found = []
    for location in LOCATIONS:
        for kind in chance.sample(_KINDS, 5):
            most = min(chance.choice((1, 2, 4, 8)), _model(kind).most_per_machine)
            forwards = chance.random() > 1 / 7
            found.append(
                Lot(
                    location,
                    kind,
                    most,
                    vcpus=most * chance.choice((8, 14, 16)),
                    ram_gb=most * chance.choice((32, 46, 64)),
                    disk_gb=chance.choice((500, 1000, 2000)),
                    forwards=forwards,
                    dedicated=not forwards or chance.random() < 1 / 2,
                )
            )
    return found


def offer_id_of(location: str, v0_name: str, count: int) -> str:
    """Return the model's name for so many GPUs of a kind in a location."""
    return f"{count}x{v0_name}.{location}"


def goods(every: Sequence[Lot], *, size: int) -> list[Goods]:
    """Return one thing for sale for each number of GPUs of each lot, `size` at most."""
    found = []
    for count in range(1, 9):
        for lot in every:
            if count <= lot.most:
                shape = usual(lot, count)
                micros = round(lot.hourly(count=count, **shape) * 1_000_000)
                made = Goods(
                    offer=_offer(lot, count, shape), model=_model(lot.kind), price_micros=micros
                )
                found.append(made)
    return found[:size]


def usual(lot: Lot, count: int) -> dict[str, int]:
    """Return what a machine with so many GPUs has beside them, where nobody asks for anything else."""
    return {
        "vcpus": min(_USUAL_VCPUS * count, lot.vcpus) // VCPU_STEP * VCPU_STEP,
        "ram_gb": min(_USUAL_RAM_GB * count, lot.ram_gb) // RAM_STEP_GB * RAM_STEP_GB,
        "disk_gb": LEAST_DISK_GB,
    }


def location_rows(every: Sequence[Lot], on_sale: set[str]) -> list[Row]:
    """Return the locations as the API lists them, with what is left there."""
    rows: list[Row] = []
    for location in LOCATIONS:
        gpus = [
            gpu_row(lot, left)
            for lot in every
            if lot.location == location and (left := _left(lot, on_sale))
        ]
        rows.append(
            {
                "id": location.id,
                "city": location.city,
                "stateprovince": location.state,
                "country": location.country,
                "tier": location.tier,
                "gpus": gpus,
            }
        )
    return rows


def gpu_row(lot: Lot, left: int) -> Row:
    """Return one kind of GPU in a location as the API writes it."""
    return {
        "v0Name": lot.kind.v0_name,
        "displayName": lot.kind.shown,
        "max_count": left,
        "price_per_hr": lot.kind.price,
        "resources": {
            "max_vcpus": lot.vcpus,
            "max_ram_gb": lot.ram_gb,
            "max_storage_gb": lot.disk_gb,
        },
        "pricing": {
            "per_vcpu_hr": lot.per_vcpu,
            "per_gb_ram_hr": lot.per_gb_ram,
            "per_gb_storage_hr": lot.per_gb_disk,
        },
        "network_features": {
            "dedicated_ip_available": lot.dedicated,
            "port_forwarding_available": lot.forwards,
            "network_storage_available": False,
        },
    }


def _left(lot: Lot, on_sale: set[str]) -> int:
    counts = (
        count
        for count in range(1, lot.most + 1)
        if offer_id_of(lot.location.id, lot.kind.v0_name, count) in on_sale
    )
    return max(counts, default=0)


def _model(kind: Kind) -> GpuModel:
    return _MODELS[kind.driver_name]


def _offer(lot: Lot, count: int, shape: dict[str, int]) -> Offer:
    return Offer(
        id=offer_id_of(lot.location.id, lot.kind.v0_name, count),
        host_id="tensordock",
        machine_id=f"{lot.kind.v0_name}.{lot.location.id}",
        region=lot.location.state,
        city=lot.location.city,
        country=lot.location.code,
        gpu_name=lot.kind.v0_name,
        gpu_count=count,
        gpu_memory_mib=_model(lot.kind).memory_mib,
        vcpus=shape["vcpus"],
        ram_gb=shape["ram_gb"],
        disk_gb=lot.disk_gb,
        inet_down_mbps=1_000,
        inet_up_mbps=1_000,
        reliability=1.0,
        cuda_max="12.8",
        driver="570.172.08",
        interruptible=False,
        max_hours=0,
        storage_price_per_gb_month=0.0,
        traffic_price_per_gb=0.0,
    )
