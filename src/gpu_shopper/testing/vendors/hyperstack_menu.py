"""The flavors of the simulated Hyperstack, its regions, its price list, and what is left of which."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from gpu_shopper.sandbox.catalogue import Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel
from gpu_shopper.sandbox.messages import Row

# By name: country, and whether machines there can have a public address.
REGIONS = {
    "NORWAY-1": ("NO", True),
    "CANADA-1": ("CA", True),
    "US-1": ("US", True),
    "CANADA-2": ("CA", False),
}
SPOT = "-spot"
# An account has an environment in each region from the start, but for this one.
WITHOUT_ENVIRONMENT = "US-1"
ADDRESS_PRICE = "0.006720430"
IMAGES = (
    "Ubuntu Server 22.04 LTS R535 CUDA 12.2",
    "Ubuntu Server 22.04 LTS R570 CUDA 12.8",
    "Ubuntu Server 24.04 LTS R570 CUDA 12.8",
    "Ubuntu Server 24.04 LTS R570 CUDA 12.8 with Docker",
    "Ubuntu Server 24.04 LTS (Noble Numbat)",
    "Windows Server 2022",
)


@dataclass(frozen=True, slots=True)
class Flavor:
    """One kind of machine: the driver's name of its GPU, and the list's own words and figures; memory and disks in GB."""

    name: str
    gpu: str
    driver_name: str
    count: int
    cpu: int
    ram: int
    disk: int
    ephemeral: int
    price: str

    @property
    def price_micros(self) -> int:
        """The price of the machine an hour, its public address included."""
        return round((float(self.price) * self.count + float(ADDRESS_PRICE)) * 1_000_000)


_A100, _H100 = "NVIDIA A100 80GB PCIe", "NVIDIA H100 PCIe"
_KINDS = (
    ("A4000", "RTX-A4000", "NVIDIA RTX A4000", "0.150000000", (1, 2, 4, 8), (6, 21, 100, 0)),
    ("RTX-A6000", "RTX-A6000", "NVIDIA RTX A6000", "0.500000000", (1, 2, 4, 8), (28, 58, 100, 0)),
    ("RTX-A6000", "RTX-A6000-spot", "NVIDIA RTX A6000", "0.400000000", (1,), (28, 58, 100, 0)),
    ("L40", "L40", "NVIDIA L40", "1.000000000", (1, 2, 4, 8), (28, 58, 100, 290)),
    ("A100", "A100-80G-PCIe", _A100, "1.350000000", (1, 2, 4, 8), (28, 120, 100, 750)),
    ("A100-NVLink", "A100-80G-PCIe-NVLink", _A100, "1.400000000", (8,), (31, 180, 100, 750)),
    ("H100", "H100-80G-PCIe", _H100, "2.500000000", (1, 2, 4, 8), (28, 180, 100, 750)),
    ("H100", "H100-80G-PCIe-spot", _H100, "2.000000000", (1,), (28, 180, 100, 750)),
    ("H100-SXM5", "H100-80G-SXM5", "NVIDIA H100 80GB HBM3", "3.200000000", (8,), (24, 240, 100, 4000)),
    ("H200-SXM5", "H200-141G-SXM5", "NVIDIA H200", "3.990000000", (8,), (22, 225, 100, 4000)),
)  # fmt: skip
FLAVORS: Sequence[Flavor] = tuple(
    Flavor(f"n3-{name}x{count}{SPOT if gpu.endswith(SPOT) else ''}", gpu, driver, count, cpu * count, ram * count, disk, ephemeral * count, price)
    for name, gpu, driver, price, counts, (cpu, ram, disk, ephemeral) in _KINDS
    for count in counts
)  # fmt: skip
FLAVOR_OF = {flavor.name: flavor for flavor in FLAVORS}
_MODELS = {model.driver_name: model for model in GPU_MODELS}


def offer_id_of(flavor: str, region: str) -> str:
    """Return the model's name for a flavor in a region."""
    return f"{flavor}.{region}"


def parts_of(offer_id: str) -> tuple[str, str]:
    """Return flavor and region of what the model calls an offer."""
    flavor, _, region = offer_id.rpartition(".")
    return flavor, region


def goods(*, seed: int, size: int) -> list[Goods]:
    """Return what is in stock at all: some of the flavors in some of the regions, and never more than there are."""
    every = [(flavor, region) for flavor in FLAVORS for region in REGIONS]
    drawn = set(
        random.Random(f"hyperstack:{seed}").sample(range(len(every)), min(size, len(every)))
    )
    return [
        Goods(offer=_offer(flavor, region), model=_model(flavor), price_micros=flavor.price_micros)
        for number, (flavor, region) in enumerate(every)
        if number in drawn
    ]


def flavor_groups(on_sale: set[str]) -> list[Row]:
    """Return all flavors by GPU and region, as the API lists them: those that are sold out as well, and one without a GPU."""
    groups: list[Row] = []
    for region in REGIONS:
        for gpu in dict.fromkeys(flavor.gpu for flavor in FLAVORS):
            rows = [
                flavor_row(flavor, region, is_left=offer_id_of(flavor.name, region) in on_sale)
                for flavor in FLAVORS
                if flavor.gpu == gpu
            ]
            groups.append({"gpu": gpu, "region_name": region, "flavors": rows})
        small = Flavor("n1-cpu-small", "", "", 0, 4, 4, 100, 0, "0")
        none = flavor_row(small, region, is_left=True)
        groups.append({"gpu": "", "region_name": region, "flavors": [none]})
    return groups


def flavor_row(flavor: Flavor, region: str, *, is_left: bool) -> Row:
    """Return one flavor as the API writes it."""
    return {
        "id": 100 + 10 * [*FLAVOR_OF, flavor.name].index(flavor.name) + [*REGIONS].index(region),
        "name": flavor.name,
        "display_name": flavor.name,
        "region_name": region,
        "cpu": flavor.cpu,
        "ram": float(flavor.ram),
        "disk": flavor.disk,
        "ephemeral": flavor.ephemeral,
        "gpu": flavor.gpu,
        "gpu_count": flavor.count,
        "stock_available": is_left,
        "created_at": "2024-01-01T00:00:00",
        "labels": [],
        "features": {"no_hibernation": False},
    }


def stocks(on_sale: set[str]) -> list[Row]:
    """Return what is left in each region, by GPU and number of GPUs; how many in all is a text."""
    rows: list[Row] = []
    for region in REGIONS:
        models: list[Row] = []
        for gpu in dict.fromkeys(flavor.gpu for flavor in FLAVORS):
            left = {
                f"{flavor.count}x": int(offer_id_of(flavor.name, region) in on_sale) * 4
                for flavor in FLAVORS
                if flavor.gpu == gpu
            }
            models.append(
                {
                    "model": gpu,
                    "available": "10+" if any(left.values()) else "0",
                    "planned_7_days": "0",
                    "planned_30_days": "0",
                    "planned_100_days": "0",
                    "configurations": {**dict.fromkeys(("1x", "2x", "4x", "8x", "10x"), 0), **left},
                }
            )
        rows.append({"region": region, "stock-type": "GPU", "models": models})
    return rows


def pricebook() -> list[Row]:
    """Return the price list."""
    prices = dict.fromkeys(("vCPU", "RAM", "hypervisor-local-storage"), "0")
    prices |= {"Cloud-SSD": "0.000096774", "PublicIP": ADDRESS_PRICE}
    prices |= {flavor.gpu: flavor.price for flavor in FLAVORS}
    return [
        {
            "id": number,
            "name": name,
            "value": float(value),
            "original_value": float(value),
            "discount_applied": False,
            "start_time": None,
            "end_time": None,
        }
        for number, (name, value) in enumerate(prices.items(), start=1)
    ]


def _model(flavor: Flavor) -> GpuModel:
    return _MODELS[flavor.driver_name]


def _offer(flavor: Flavor, region: str) -> Offer:
    name = offer_id_of(flavor.name, region)
    return Offer(
        id=name,
        host_id="hyperstack",
        machine_id=name,
        region=region,
        city="",
        country=REGIONS[region][0],
        gpu_name=flavor.gpu,
        gpu_count=flavor.count,
        gpu_memory_mib=_model(flavor).memory_mib,
        vcpus=flavor.cpu,
        ram_gb=flavor.ram,
        disk_gb=flavor.disk,
        inet_down_mbps=10_000,
        inet_up_mbps=10_000,
        reliability=1.0,
        cuda_max="12.8",
        driver="570.172.08",
        interruptible=flavor.gpu.endswith(SPOT),
        max_hours=0,
        storage_price_per_gb_month=0.0,
        traffic_price_per_gb=0.0,
    )
