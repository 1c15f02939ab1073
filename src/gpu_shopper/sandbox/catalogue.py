"""The market that the sandbox sells: some thousand offers, made from a seed, drifting with time.

The same seed makes the same offers, and a price is a pure function of seed, offer and period, so two
catalogues of one seed agree for ever without talking. The list is cheap: what does not change about
an offer is laid out once, and the prices of a period are worked out once.
"""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import msgspec

from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel
from gpu_shopper.sandbox.hosts import HOSTS, Host
from gpu_shopper.sandbox.messages import Row, SoldGpus

DRIVERS = (
    ("550.163.01", "12.4"),
    ("560.35.05", "12.6"),
    ("570.172.08", "12.8"),
    ("580.95.05", "13.0"),
)
_MASK = (1 << 64) - 1
_COUNTS = (1, 1, 1, 1, 2, 2, 4, 8)
_LARGE_DISKS_GB = (500, 1000, 2000)
_VCPUS_PER_GPU = (6, 8, 12, 16, 24)
_LEAST_CUDA_OF_BLACKWELL = (
    2  # Index into DRIVERS: older drivers do not know compute capability 10 and up.
)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One thing for sale, without its price of the hour."""

    id: str
    host_id: str
    machine_id: str
    region: str
    city: str
    country: str
    gpu_name: str
    gpu_count: int
    gpu_memory_mib: int
    vcpus: int
    ram_gb: int
    disk_gb: int
    inet_down_mbps: int
    inet_up_mbps: int
    reliability: float
    cuda_max: str
    driver: str
    interruptible: bool
    max_hours: int
    storage_price_per_gb_month: float
    traffic_price_per_gb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """One thing for sale with the GPU model behind its spelling, and what it costs an hour on average, in micro-dollars."""

    offer: Offer
    model: GpuModel
    price_micros: int


class Catalogue:
    """All offers of one seed, and what each costs in each period.

    Without `goods` they are drawn, with GPUs of these `models`. `drifts` says whether prices move with time: a cloud with
    a price list has none that do.
    """

    def __init__(
        self,
        *,
        seed: int,
        size: int = 3000,
        models: Sequence[GpuModel] = GPU_MODELS,
        goods: Sequence[Goods] | None = None,
        drifts: bool = True,
    ) -> None:
        self._seed = seed
        self._drifts = drifts
        self._models_of = {
            host.host_id: [model for model in models if model.tier in host.tiers] for host in HOSTS
        }
        self._models: list[GpuModel] = []
        self._bases: list[int] = []
        offers = self._drawn(size) if goods is None else [one.offer for one in goods]
        for one in goods or ():
            self._models.append(one.model)
            self._bases.append(one.price_micros)
        self.offers: Sequence[Offer] = tuple(offers)
        self._index = {offer.id: index for index, offer in enumerate(self.offers)}
        self._rows: list[Row] = [msgspec.to_builtins(offer) for offer in self.offers]
        self._swings = [self._swing(index) for index in range(len(self.offers))]
        self._priced: tuple[int, list[Row]] | None = None

    def index_of(self, offer_id: str) -> int | None:
        """Return where this offer stands in the market's order, None if there never was one."""
        return self._index.get(offer_id)

    def gpu_model_of(self, index: int) -> GpuModel:
        """Return the GPU model behind the offer's spelling."""
        return self._models[index]

    def gpus_of(self, index: int) -> SoldGpus:
        """Return the GPUs that the offer's machine really has."""
        offer = self.offers[index]
        return sold_gpus(
            self._models[index], count=offer.gpu_count, driver=offer.driver, cuda=offer.cuda_max
        )

    def price_micros(self, index: int, period: int) -> int:
        """Return the price of the whole offer per hour in that period, in micro-dollars."""
        if not self._drifts:
            return self._bases[index]
        pace, phase, height = self._swings[index]
        noise = _mix(self._seed ^ _mix(index) ^ _mix(period + (1 << 40))) / _MASK - 0.5
        factor = 1.0 + height * math.sin(phase + period * pace) + 0.03 * noise
        # Markets quote in steps: a hundredth of a cent.
        return max(100, round(self._bases[index] * factor / 100) * 100)

    def is_absent(self, index: int, period: int, *, share: float) -> bool:
        """Tell whether the offer is missing from the market in that period."""
        return share > 0 and _mix(self._seed + 1 ^ _mix(index) ^ _mix(period)) / _MASK < share

    def rows(self, period: int) -> list[Row]:
        """Return every offer as a JSON row with its price; worked out once per period."""
        if self._priced is None or self._priced[0] != period:
            rows = [
                {**row, "price_per_hour": self.price_micros(index, period) / 1_000_000}
                for index, row in enumerate(self._rows)
            ]
            self._priced = (period, rows)
        return self._priced[1]

    def etag(self, period: int, full: Iterable[str]) -> str:
        """Return the name of one state of the whole list: the same on each of its pages."""
        state = f"{self._seed} {len(self.offers)} {period} {' '.join(sorted(full))}"
        return f'"{crc32(state.encode()):08x}-{period:x}"'

    def _drawn(self, size: int) -> list[Offer]:
        hosts = [host for host in HOSTS if self._models_of[host.host_id]]
        shares = [host.share for host in hosts]
        chance = random.Random(f"catalogue:{self._seed}")
        offers: list[Offer] = []
        while len(offers) < size:
            host = chance.choices(hosts, weights=shares)[0]
            self._add_machine(offers, host, chance)
        del offers[size:], self._models[size:], self._bases[size:]
        return offers

    def _swing(self, index: int) -> tuple[float, float, float]:
        draw = _mix(self._seed * 31 + index)
        pace = 2 * math.pi / (24 + draw % 145)
        phase = (draw >> 16) % 6283 / 1000
        return pace, phase, 0.02 + (draw >> 32) % 80 / 1000

    def _add_machine(self, offers: list[Offer], host: Host, chance: random.Random) -> None:
        """Add one machine: whole, and sometimes in smaller parts as well."""
        models = self._models_of[host.host_id]
        model = chance.choices(models, weights=[model.weight for model in models])[0]
        region = chance.choice(host.regions)
        most = min(chance.choice(_COUNTS), model.most_per_machine)
        blackwell = float(model.compute_cap) >= 10
        driver, cuda = chance.choice(DRIVERS[_LEAST_CUDA_OF_BLACKWELL if blackwell else 0 :])
        machine_id = f"m{len(offers):05d}"
        spelling = model.spellings[
            (host.spelling + (chance.random() < 0.15)) % len(model.spellings)
        ]
        vcpus = chance.choice(_VCPUS_PER_GPU)
        ram_gb = max(16, 8 * round(model.memory_mib / 1024 * chance.uniform(1.0, 2.5) / 8))
        disk_gb = chance.choice(_LARGE_DISKS_GB)
        down = chance.randint(*host.inet_mbps)
        reliability = round(chance.uniform(*host.reliability), 4)
        interruptible = chance.random() < host.interruptible_share
        middle, low, high = model.prices
        price = (
            chance.triangular(low, high, middle)
            * host.price_factor
            * (0.55 if interruptible else 1.0)
        )
        counts = {most, 1} if chance.random() < 0.4 else {most}
        for count in sorted(counts):
            self._models.append(model)
            self._bases.append(round(price * count * 1_000_000))
            offers.append(
                Offer(
                    id=f"{host.host_id}-{machine_id}-{count}x",
                    host_id=host.host_id,
                    machine_id=machine_id,
                    region=region.name,
                    city=region.city,
                    country=region.country,
                    gpu_name=spelling,
                    gpu_count=count,
                    gpu_memory_mib=model.memory_mib,
                    vcpus=vcpus * count,
                    ram_gb=ram_gb * count,
                    disk_gb=disk_gb,
                    inet_down_mbps=down,
                    inet_up_mbps=max(20, down // 2),
                    reliability=reliability,
                    cuda_max=cuda,
                    driver=driver,
                    interruptible=interruptible,
                    max_hours=chance.choice(host.max_hours),
                    # Disk and traffic are in the price: the sandbox bills nothing beside it.
                    storage_price_per_gb_month=0.0,
                    traffic_price_per_gb=0.0,
                )
            )


def sold_gpus(model: GpuModel, *, count: int, driver: str, cuda: str) -> SoldGpus:
    """Return what the driver of a machine with these GPUs reports."""
    return SoldGpus(
        model=model.spellings[0],
        driver_name=model.driver_name,
        count=count,
        memory_mib=model.memory_mib,
        driver=driver,
        cuda=cuda,
        compute_cap=model.compute_cap,
        power_w=model.power_w,
    )


def _mix(value: int) -> int:
    """Scatter a number over 64 bits; the same on every machine, unlike `hash`."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
