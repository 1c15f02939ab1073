"""The menu of the simulated Verda: kinds of machines, and at which locations each can be had at a price or as spot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from gpu_shopper.sandbox.catalogue import Catalogue, Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel
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
IMAGE_IDS: Mapping[str, str] = {
    "ubuntu-20.04": "2004f580-0000-1111-82b3-f199fb9b701b",
    "ubuntu-22.04-cuda-12.0-docker": "2088da25-bb0d-41cc-a191-dccae45d96fd",
    "ubuntu-22.04-cuda-12.4-docker": "2204f580-1240-1111-82b3-f199fb9b701b",
    "ubuntu-24.04": "2404f580-0000-1111-82b3-f199fb9b701b",
    "ubuntu-24.04-cuda-12.8-open-docker": "2404f580-1280-1111-82b3-f199fb9b701b",
    "ubuntu-24.04-cuda-13.0-open-docker": "2404f580-1300-1111-82b3-f199fb9b701b",
}
_OLD_CARDS = ("V100", "A6000")
_COUNTS = (1, 2, 4, 8)
_SPOT_SHARE = 0.4
_RAM_GB = 120


@dataclass(frozen=True, slots=True)
class _Card:
    """A GPU in the vendor's words: in a machine's name and in full, its memory in GB, and cores that come with each."""

    code: str
    words: str
    gb: int
    cores: int


# What it sells, by the driver's name.
_CARDS: Mapping[str, _Card] = {
    "NVIDIA RTX A6000": _Card("A6000", "RTX A6000 48GB", 48, 10),
    "NVIDIA RTX 6000 Ada Generation": _Card("RTX6000ADA", "RTX 6000 Ada 48GB", 48, 10),
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": _Card("RTXPRO6000", "RTX PRO 6000 96GB", 96, 30),
    "NVIDIA L40S": _Card("L40S", "L40S 48GB", 48, 20),
    "Tesla V100-SXM2-16GB": _Card("V100", "Tesla V100 16GB", 16, 6),
    "NVIDIA A100-SXM4-80GB": _Card("A100", "A100 SXM4 80GB", 80, 22),
    "NVIDIA H100 80GB HBM3": _Card("H100.80S", "H100 SXM5 80GB", 80, 30),
    "NVIDIA H200": _Card("H200.141S", "H200 SXM5 141GB", 141, 44),
    "NVIDIA B200": _Card("B200", "B200 SXM6 180GB", 180, 30),
}  # fmt: skip
_MODELS = [model for model in GPU_MODELS if model.driver_name in _CARDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of machine: a model, how many of it, and its price an hour at a price and as spot, in micro-dollars."""

    name: str
    model: GpuModel
    count: int
    price_micros: int
    spot_micros: int

    @property
    def card(self) -> str:
        """What the vendor calls its GPU."""
        return _CARDS[self.model.driver_name].words

    @property
    def cores(self) -> int:
        """How many cores it has."""
        return _CARDS[self.model.driver_name].cores * self.count

    @property
    def images(self) -> Sequence[str]:
        """What it can start with."""
        is_old = any(word in self.card for word in _OLD_CARDS)
        return OLD_IMAGES if is_old else IMAGES

    def starts_with(self, image: str) -> bool:
        """Return whether it can start with an image, which goes by its type or its id."""
        return any(image in {name, IMAGE_IDS[name]} for name in self.images)

    def row(self) -> Row:
        """Return it as the vendor shows it: prices are texts, the memory of its GPUs is of all together."""
        card, gb = self.card, _CARDS[self.model.driver_name].gb
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
            "cpu": {"description": f"{self.cores} CPU", "number_of_cores": self.cores},
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
    **Kind(name="", model=_MODELS[0], count=1, price_micros=30_000, spot_micros=10_000).row(),
    "id": "kind-CPU.8V.32G",
    "instance_type": "CPU.8V.32G",
    "model": "EPYC",
    "name": "AMD EPYC",
    "display_name": "AMD EPYC",
    "manufacturer": "AMD",
    "cpu": {"description": "8 CPU", "number_of_cores": 8},
    "memory": {"description": "32GB RAM", "size_in_gigabytes": 32},
    "gpu": {"description": "", "number_of_gpus": 0},
    "gpu_memory": {"description": "", "size_in_gigabytes": 0},
}


def kinds(*, seed: int) -> dict[str, Kind]:
    """Return all kinds of machines, by name."""
    chance = Random(f"verda:{seed}")
    found = {}
    for model in _MODELS:
        card = _CARDS[model.driver_name]
        middle, low, high = model.prices
        each = round(chance.triangular(low, high, middle), 3)
        for count in (number for number in _COUNTS if number <= model.most_per_machine):
            name = f"{count}{card.code}.{card.cores * count}V"
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
        gpu_name=kind.card,
        gpu_count=kind.count,
        gpu_memory_mib=kind.model.memory_mib,
        vcpus=kind.cores,
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
