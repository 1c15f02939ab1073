"""The menu of the simulated Verda: kinds of machines, and at which locations each can be had at a price or as spot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from gpu_shopper.sandbox.catalogue import Catalogue, Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel, Tier
from gpu_shopper.sandbox.messages import Row

LOCATIONS: Mapping[str, tuple[str, str]] = {
    "FIN-01": ("Finland 1", "FI"),
    "FIN-02": ("Finland 2", "FI"),
    "FIN-03": ("Finland 3", "FI"),
    "ICE-01": ("Iceland 1", "IS"),
}
VOLUME_PRICES: Mapping[str, float] = {"NVMe": 0.2, "HDD": 0.05, "NVMe_Shared": 0.2}
MONTH_HOURS = 730
IMAGES = (
    "ubuntu-22.04-cuda-12.4-docker",
    "ubuntu-24.04-cuda-12.8-open-docker",
    "ubuntu-24.04-cuda-13.0-open-docker",
    "ubuntu-24.04",
)
# What was built before drivers with an open kernel module does not start with them.
OLD_IMAGES = ("ubuntu-20.04", "ubuntu-22.04-cuda-12.0-docker", "ubuntu-22.04-cuda-12.4-docker")
_OLD_CARDS = ("V100", "A6000")
_COUNTS = (1, 2, 4, 8)
_SPOT_SHARE = 0.4
_CORES, _RAM_GB = 22, 120
_MIB_PER_GB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of machine: a model, how many of it, and its price an hour at a price and as spot, in micro-dollars."""

    name: str
    model: GpuModel
    count: int
    price_micros: int
    spot_micros: int

    @property
    def images(self) -> Sequence[str]:
        """What it can start with."""
        is_old = any(word in self.model.spellings[0] for word in _OLD_CARDS)
        return OLD_IMAGES if is_old else IMAGES

    def row(self) -> Row:
        """Return it as the vendor shows it: prices are texts, the memory of its GPUs is of all together."""
        gb = round(self.model.memory_mib / _MIB_PER_GB)
        card = self.model.spellings[0]
        return {
            "id": f"kind-{self.name}",
            "instance_type": self.name,
            "model": card.partition(" ")[0],
            "name": card,
            "display_name": card,
            "manufacturer": "NVIDIA",
            "description": "Dedicated Hardware Instance",
            "best_for": ["Large model inference"],
            "p2p": f"{300 * (self.count > 1)} GB/s",
            "cpu": {"description": f"{_CORES * self.count} CPU", "number_of_cores": _CORES * self.count},
            "gpu": {"description": f"{self.count}x {card}", "number_of_gpus": self.count},
            "memory": {"description": f"{_RAM_GB * self.count}GB RAM", "size_in_gigabytes": _RAM_GB * self.count},
            "gpu_memory": {"description": f"{gb * self.count}GB GPU RAM", "size_in_gigabytes": gb * self.count},
            "storage": {"description": "dynamic"},
            "price_per_hour": f"{self.price_micros / 1_000_000:.4f}",
            "spot_price": f"{self.spot_micros / 1_000_000:.4f}",
            "dynamic_price": f"{self.price_micros / 1_000_000:.4f}",
            "max_dynamic_price": f"{self.price_micros * 1.5 / 1_000_000:.4f}",
            "serverless_price": None,
            "serverless_spot_price": None,
            "deploy_warning": None,
            "supported_os": list(self.images),
            "currency": "usd",
        }  # fmt: skip


# It rents processors alone as well.
CPU_ONLY: Row = {
    **Kind(name="", model=GPU_MODELS[0], count=1, price_micros=30_000, spot_micros=10_000).row(),
    "id": "kind-CPU.8V.32G",
    "instance_type": "CPU.8V.32G",
    "model": "EPYC",
    "name": "AMD EPYC",
    "display_name": "AMD EPYC",
    "manufacturer": "AMD",
    "gpu": {"description": "", "number_of_gpus": 0},
    "gpu_memory": {"description": "", "size_in_gigabytes": 0},
}


def kinds(*, seed: int) -> dict[str, Kind]:
    """Return all kinds of machines, by name."""
    chance = Random(f"verda:{seed}")
    found = {}
    for model in GPU_MODELS:
        if model.tier is Tier.CONSUMER:
            continue
        middle, low, high = model.prices
        each = round(chance.triangular(low, high, middle), 3)
        for count in (number for number in _COUNTS if number <= model.most_per_machine):
            letters = "".join(filter(str.isalnum, model.spellings[0])).upper()
            name = f"{count}{letters}.{_CORES * count}V"
            price = round(each * count * 1_000_000)
            spot = round(price * _SPOT_SHARE / 100) * 100
            found[name] = Kind(
                name=name, model=model, count=count, price_micros=price, spot_micros=spot
            )
    return found


def goods(kinds_: Mapping[str, Kind], *, seed: int, size: int) -> list[Goods]:
    """Return what is on sale: each kind at some of the locations, at a price and as spot."""
    chance = Random(f"verda:{seed}:where")
    everything = [
        (kind, location, is_spot)
        for kind in kinds_.values()
        for location in LOCATIONS
        for is_spot in (False, True)
    ]
    chosen = chance.sample(everything, min(size, len(everything)))
    return [_goods(number, *one) for number, one in enumerate(chosen)]


def offer_id(kind: str, location: str, *, is_spot: bool) -> str:
    """Return the model's name of an offer."""
    return f"{kind}@{location}{'-spot' if is_spot else ''}"


def disk_price(disk_gb: int) -> float:
    """Return what the volume that an instance starts from costs an hour."""
    return disk_gb * VOLUME_PRICES["NVMe"] / MONTH_HOURS


def place_of(offer: Offer) -> tuple[str, str, bool]:
    """Return the kind, the location, and whether it is spot."""
    return offer.id.partition("@")[0], offer.region, offer.interruptible


def on_sale(catalogue: Catalogue, rows: Sequence[Row]) -> list[tuple[str, str, bool]]:
    """Return the places of the rows of the model's menu."""
    found = (catalogue.index_of(str(row["id"])) for row in rows)
    return [place_of(catalogue.offers[index]) for index in found if index is not None]


def _goods(number: int, kind: Kind, location: str, is_spot: bool) -> Goods:
    name, country = LOCATIONS[location]
    offer = Offer(
        id=offer_id(kind.name, location, is_spot=is_spot),
        host_id="verda",
        machine_id=f"m{number:05d}",
        region=location,
        city=name,
        country=country,
        gpu_name=kind.model.spellings[0],
        gpu_count=kind.count,
        gpu_memory_mib=kind.model.memory_mib,
        vcpus=_CORES * kind.count,
        ram_gb=_RAM_GB * kind.count,
        disk_gb=10_000,
        inet_down_mbps=10_000,
        inet_up_mbps=10_000,
        reliability=0.99,
        cuda_max="12.8",
        driver="570.172.08",
        interruptible=is_spot,
        max_hours=0,
        storage_price_per_gb_month=VOLUME_PRICES["NVMe"],
        traffic_price_per_gb=0.0,
    )
    price = kind.spot_micros if is_spot else kind.price_micros
    return Goods(offer=offer, model=kind.model, price_micros=price)
