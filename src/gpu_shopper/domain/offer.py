"""What a cloud will sell now, in one vocabulary, and what a consumer looks for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing on sale. `id` is ours and stable (`<provider>:<provider_id>`); prices are for the whole offer.

    Units: memory and disk in GB as sold, network in Mbps, times in UTC, `max_duration_hours` 0 for unlimited. A
    `gpu_fraction` below 1 is a part of one GPU (an eighth, a MIG slice); `vram_gb` is then the memory of that part.
    `marks` say what is odd about its price (see `domain.odd_prices`): the market sets them, who holds it against others.
    """

    id: OfferId
    provider: ProviderName
    provider_id: str
    machine_id: str
    gpu_type: str
    gpu_count: int
    vram_gb: int
    price: HourlyRate
    country: str
    region: str
    location: str
    reliability: float
    fetched_at: datetime
    available: bool = True
    availability_confidence: float = 1.0
    max_duration_hours: int = 0
    cuda_version: str = ""
    interruptible: bool = False
    vcpus: int = 0
    ram_gb: int = 0
    disk_gb: int = 0
    inet_down_mbps: int = 0
    inet_up_mbps: int = 0
    storage_price_per_gb_month: float = 0.0
    traffic_price_per_gb: float = 0.0
    gpu_fraction: float = 1.0
    city: str = ""
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that are none, and prices that would pay who buys: no true price could be reckoned with them.

        Raises:
            ValueError: a number is infinite or none, or the price of disk or traffic is below 0.
        """
        storage, traffic = self.storage_price_per_gb_month, self.traffic_price_per_gb
        # One sum, for there are many offers: it is finite only where all of them are.
        if not isfinite(storage + traffic + self.reliability + self.gpu_fraction):
            message = f"{self.id}: a number is infinite, or none"
            raise ValueError(message)
        if storage < 0 or traffic < 0:
            message = f"{self.id}: a price is below 0"
            raise ValueError(message)

    @property
    def price_per_gpu(self) -> HourlyRate:
        """The price of one GPU of the offer, rounded to a micro-dollar."""
        return HourlyRate(round(self.price.micros / self.gpu_count))


class RetryScope(StrEnum):
    """Which other offers may stand in for one that failed."""

    SAME_GPU = "same_gpu"
    SAME_VRAM = "same_vram"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What an offer must have; empty and None mean that it does not matter.

    `gpu_types` are canonical names: aliases are understood at the edge.
    """

    gpu_types: frozenset[str] = frozenset()
    gpu_count: int | None = None
    min_gpu_count: int | None = None
    min_vram_gb: int | None = None
    min_cuda: str | None = None
    max_price: HourlyRate | None = None
    providers: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    min_reliability: float | None = None
    min_availability_confidence: float | None = None
    min_disk_gb: int | None = None
    min_ram_gb: int | None = None
    min_vcpus: int | None = None
    min_inet_down_mbps: int | None = None
    interruptible: bool | None = None
    partial: bool | None = None
