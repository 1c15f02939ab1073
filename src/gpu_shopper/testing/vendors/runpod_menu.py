"""The menu of the simulated RunPod: pools of one kind of GPU in one data centre, told kind by kind."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gpu_shopper.sandbox.catalogue import Catalogue, Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel, Tier
from gpu_shopper.sandbox.messages import Row

SECURE, COMMUNITY = "SECURE", "COMMUNITY"
CLOUDS = (SECURE, COMMUNITY)
LEVELS = ("HIGH", "MEDIUM", "LOW")
DISK_PRICE = 0.10
MONTH_HOURS = 730
_CENTERS: Mapping[str, tuple[str, str]] = {
    "US-KS-2": ("US Kansas 2", "US"),
    "US-CA-2": ("US California 2", "US"),
    "US-TX-3": ("US Texas 3", "US"),
    "CA-MTL-3": ("CA Montreal 3", "CA"),
    "EU-RO-1": ("EU Romania 1", "RO"),
    "EU-SE-1": ("EU Sweden 1", "SE"),
    "EU-CZ-1": ("EU Czechia 1", "CZ"),
    "EUR-IS-2": ("EU Iceland 2", "IS"),
    "EUR-NO-1": ("EU Norway 1", "NO"),
    "AP-JP-1": ("AP Japan 1", "JP"),
}
_DRIVERS = {"12.8": "570.172.08", "12.9": "575.57.08", "13.0": "580.95.05"}
_COMMUNITY_SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Machines of one kind in one data centre of one of the two clouds, as far as they have so many GPUs free."""

    gpu: str
    cloud: str
    center: str
    count: int
    cuda: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a look into the catalogue asks for."""

    availability: bool = False
    count: int = 1
    cloud: str = SECURE
    countries: frozenset[str] = frozenset()
    cuda: frozenset[str] = frozenset()
    least_cuda: tuple[int, ...] = ()


def goods(*, seed: int, size: int) -> list[Goods]:
    """Return pools with a price list that stands: every pool of a kind and cloud costs the same for each GPU."""
    chance = random.Random(f"runpod:{seed}")
    drawn = [
        _pool(
            model, Pool(gpu=model.driver_name, cloud=cloud, center=center, count=count, cuda=cuda)
        )
        for model in GPU_MODELS
        for cloud in (CLOUDS if model.tier is not Tier.DATACENTRE else (SECURE,))
        for center in sorted(chance.sample(sorted(_CENTERS), 4))
        for cuda in [chance.choice(sorted(_DRIVERS))]
        for count in range(1, model.most_per_machine + 1)
    ]
    kept = sorted(chance.sample(range(len(drawn)), min(size, len(drawn))))
    return [drawn[number] for number in kept]


def _pool(model: GpuModel, pool: Pool) -> Goods:
    name, country = _CENTERS[pool.center]
    count = pool.count
    dollars = model.prices[0] * (1.0 if pool.cloud == SECURE else _COMMUNITY_SHARE)
    offer = Offer(
        id="|".join((pool.gpu, pool.cloud, pool.center, str(count))),
        host_id="runpod",
        machine_id="",
        region=pool.center,
        city=name,
        country=country,
        gpu_name=pool.gpu,
        gpu_count=count,
        gpu_memory_mib=model.memory_mib,
        vcpus=8 * count,
        ram_gb=64 * count,
        disk_gb=4000,
        inet_down_mbps=5000,
        inet_up_mbps=5000,
        reliability=0.99,
        cuda_max=pool.cuda,
        driver=_DRIVERS[pool.cuda],
        interruptible=False,
        max_hours=0,
        storage_price_per_gb_month=DISK_PRICE,
        traffic_price_per_gb=0.0,
    )
    return Goods(offer=offer, model=model, price_micros=round(dollars * 100) * 10_000 * count)


class Shelf:
    """The pools of one catalogue, and the kinds that they are told by."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.pools = {offer.id: _pool_of(offer) for offer in catalogue.offers}
        self._kinds: dict[str, list[str]] = {}
        for offer_id, pool in self.pools.items():
            self._kinds.setdefault(pool.gpu, []).append(offer_id)

    def kinds(self) -> Sequence[str]:
        """Return the kinds of GPU that there are."""
        return list(self._kinds)

    def fitting(
        self, gpu: str, *, cloud: str, count: int, centers: Iterable[str], cuda: Question
    ) -> list[str]:
        """Return the pools out of which such a pod may come, by the model's names of them."""
        wanted = set(centers)
        return [
            offer_id
            for offer_id in self._kinds.get(gpu, ())
            if (pool := self.pools[offer_id]).cloud == cloud
            and pool.count == count
            and (not wanted or pool.center in wanted)
            and _has_cuda(pool, cuda)
        ]

    def row(self, gpu: str, question: Question, in_stock: frozenset[str]) -> Row:
        """Return a kind as the catalogue tells it; `in_stock` are the pools that are not empty."""
        offer_ids = self._kinds[gpu]
        number = self._catalogue.index_of(offer_ids[0])
        assert number is not None, gpu
        model = self._catalogue.gpu_model_of(number)
        maker = "NVIDIA" if "NVIDIA" in gpu or gpu.startswith("Tesla") else "UNKNOWN"
        return {
            "id": gpu,
            "name": model.spellings[0],
            "pool": None,
            "manufacturer": maker,
            "memory": round(model.memory_mib / 1024),
            "secure": any(self.pools[one].cloud == SECURE for one in offer_ids),
            "community": any(self.pools[one].cloud == COMMUNITY for one in offer_ids),
            "price": {cloud.lower(): self._price(offer_ids, cloud) for cloud in CLOUDS},
            "maxCount": {
                cloud.lower(): max(
                    (self.pools[one].count for one in offer_ids if self.pools[one].cloud == cloud),
                    default=0,
                )
                for cloud in CLOUDS
            },
            **(self._stock(offer_ids, question, in_stock) if question.availability else {}),
        }

    def _price(self, offer_ids: Sequence[str], cloud: str) -> float:
        for offer_id in offer_ids:
            number, pool = self._catalogue.index_of(offer_id), self.pools[offer_id]
            if number is not None and pool.cloud == cloud:
                return self._catalogue.price_micros(number, 0) / pool.count / 1_000_000
        return 0.0

    def _stock(self, offer_ids: Sequence[str], question: Question, in_stock: frozenset[str]) -> Row:
        asked = [
            pool
            for one in offer_ids
            if one in in_stock
            and (pool := self.pools[one]).cloud == question.cloud
            and pool.count == question.count
            and (not question.countries or _CENTERS[pool.center][1] in question.countries)
            and _has_cuda(pool, question)
        ]
        if not asked:
            return {"availability": "NONE"}
        centers = [
            {"id": pool.center, "name": _CENTERS[pool.center][0], "availability": _level(pool)}
            for pool in asked
        ]
        return {
            "availability": min((_level(pool) for pool in asked), key=LEVELS.index),
            "dataCenters": centers,
            "cudaVersions": [
                {"version": version, "available": True}
                for version in sorted({pool.cuda for pool in asked})
            ],
        }


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as it is compared."""
    return tuple(int(part) for part in version.split("."))


def _pool_of(offer: Offer) -> Pool:
    gpu, cloud, center, count = offer.id.split("|")
    return Pool(gpu=gpu, cloud=cloud, center=center, count=int(count), cuda=offer.cuda_max)


def _has_cuda(pool: Pool, wanted: Question) -> bool:
    return (not wanted.cuda or pool.cuda in wanted.cuda) and numbers(pool.cuda) >= wanted.least_cuda


def _level(pool: Pool) -> str:
    return LEVELS[sum(map(ord, pool.gpu + pool.center)) % len(LEVELS)]
