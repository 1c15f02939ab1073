"""The menu of the simulated Prime Intellect: what clouds behind it sell, with prices for disk and cores beside the GPU's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.sandbox.catalogue import Catalogue, Goods, Offer
from gpu_shopper.sandbox.messages import Json, Row

IMAGES = ("ubuntu_22_cuda_12", "cuda_12_4_pytorch_2_5")
LEAST_DISK_GB = 80
DISK_STEP_GB = 10
_DISK_PRICE = 0.00014
_MONTH_HOURS = 730
# Of the price, in offers whose cores are paid for beside it.
_CORES_SHARE = 0.2


def goods(*, seed: int, size: int) -> list[Goods]:
    """Return machines of the clouds behind; those with a disk of any size have a price for it."""
    drawn = Catalogue(seed=seed, size=size)
    return [
        Goods(
            offer=msgspec.structs.replace(
                offer,
                disk_gb=max(offer.disk_gb, 500),
                storage_price_per_gb_month=0.0
                if _has_one_disk(index)
                else _DISK_PRICE * _MONTH_HOURS,
                max_hours=0,
            ),
            model=drawn.gpu_model_of(index),
            price_micros=drawn.price_micros(index, 0),
        )
        for index, offer in enumerate(drawn.offers)
    ]


def _has_one_disk(index: int) -> bool:
    return index % 5 == 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """One offer of a cloud behind, as a create has to name it."""

    offer_id: str
    row: Row


class Market:
    """All offers of one catalogue, in the vendor's words."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def rows(self, model_rows: Sequence[Row]) -> list[Row]:
        """Return all that is on sale, and at the front what no GPU can be had of by the hour."""
        sold = [self._row(row) for row in model_rows]
        odd: list[Row] = [
            {"gpuType": "CPU_NODE", "gpuMemory": 0, "cloudId": "cpu-8"},
            {"prepaidTime": 168, "cloudId": "reserved-week"},
            {"stockStatus": "Unavailable", "cloudId": "all-gone"},
        ]
        return [{**sold[0], **changes} for changes in odd if sold] + sold

    def named(self, order: Mapping[str, Json], model_rows: Sequence[Row]) -> Behind | None:
        """Return the offer that a create names: by cloud, machine, GPU, number and site."""
        provider = order.get("provider")
        upstream = provider.get("type") if isinstance(provider, dict) else None
        pod = order.get("pod")
        for model_row in model_rows:
            row = self._row(model_row)
            same = isinstance(pod, dict) and all(
                pod.get(theirs) == row[ours]
                for theirs, ours in (
                    ("cloudId", "cloudId"),
                    ("gpuType", "gpuType"),
                    ("socket", "socket"),
                    ("gpuCount", "gpuCount"),
                    ("dataCenterId", "dataCenter"),
                )
            )
            if same and upstream == row["provider"]:
                return Behind(offer_id=str(model_row["id"]), row=row)
        return None

    def hardware(self, offer_id: str) -> Row:
        """Return what a pod tells of its machine."""
        index = self._catalogue.index_of(offer_id)
        if index is None:
            return {
                "providerType": "unknown",
                "socket": None,
                "isSpot": False,
                "gpuName": "unknown",
            }
        offer = self._catalogue.offers[index]
        name, socket = self._gpu(index)
        return {
            "providerType": offer.host_id,
            "gpuName": name,
            "socket": socket,
            "isSpot": offer.interruptible,
        }

    def is_as_sold(self, model_row: Row) -> bool:
        """Return whether an instance is shown with the GPU of its offer."""
        index = self._catalogue.index_of(str(model_row.get("offer_id", "")))
        return (
            index is not None
            and model_row.get("gpu_name") == self._catalogue.offers[index].gpu_name
        )

    def _gpu(self, index: int) -> tuple[str, str]:
        offer, model = self._catalogue.offers[index], self._catalogue.gpu_model_of(index)
        read = read_row(model.spellings[0], 1, offer.gpu_memory_mib / 1024)
        known = MODELS.get(read.gpu_type)
        memory = known.memory_gb if known else round(offer.gpu_memory_mib / 1024)
        plain = read.gpu_type.removesuffix(f" {memory}GB")
        for board, socket in ((" SXM", "SXM5"), (" NVL", "NVL"), (" PCIe", "PCIe")):
            if plain.endswith(board):
                return f"{plain.removesuffix(board).replace(' ', '')}_{memory}GB", socket
        return f"{plain.replace(' ', '')}_{memory}GB", "PCIe"

    def _row(self, model_row: Row) -> Row:
        index = self._catalogue.index_of(str(model_row["id"]))
        assert index is not None, model_row
        offer = self._catalogue.offers[index]
        name, socket = self._gpu(index)
        price = model_row["price_per_hour"]
        cores = _resource(offer.vcpus)
        shown: Json = price
        if isinstance(price, float):
            shown = self._shown_price(index, offer, price)
            if index % 7 == 3:
                share = round(price * _CORES_SHARE / offer.vcpus, 6)
                cores |= {"pricePerUnit": share, "defaultIncludedInPrice": False}
                shown = round(float(str(shown)) - share * offer.vcpus, 6)
        community = index % 4 == 0
        return {
            "cloudId": offer.id,
            "gpuType": name,
            "socket": socket,
            "provider": offer.host_id,
            "region": offer.region,
            "dataCenter": offer.region.upper(),
            "country": offer.country,
            "gpuCount": offer.gpu_count,
            "gpuMemory": int(name.rpartition("_")[2].removesuffix("GB")),
            "disk": _disk(index, offer),
            "vcpu": cores,
            "memory": _resource(offer.ram_gb),
            "internetSpeed": float(offer.inet_down_mbps),
            "interconnect": None,
            "interconnectType": None,
            "provisioningTime": 300,
            "stockStatus": ("Available", "Low", "High", "Medium")[index % 4],
            "security": "community_cloud" if community else "secure_cloud",
            "prices": {
                "onDemand": None if community else shown,
                "communityPrice": shown if community else None,
                "isVariable": index % 6 == 5,
                "currency": "USD",
            },
            "images": list(IMAGES),
            "isSpot": offer.interruptible,
            "prepaidTime": None,
        }

    def _shown_price(self, index: int, offer: Offer, price: float) -> float:
        """Return the price with so much of the disk as is in it."""
        disk = _disk(index, offer)
        if not disk["defaultIncludedInPrice"] or disk["pricePerUnit"] is None:
            return price
        return round(price + _DISK_PRICE * LEAST_DISK_GB, 6)


def _disk(index: int, offer: Offer) -> Row:
    if _has_one_disk(index):
        return _resource(offer.disk_gb)
    return {
        "minCount": LEAST_DISK_GB,
        "defaultCount": LEAST_DISK_GB,
        "maxCount": offer.disk_gb,
        "pricePerUnit": _DISK_PRICE,
        "step": DISK_STEP_GB,
        "defaultIncludedInPrice": index % 3 == 1,
        "additionalInfo": None,
    }


def _resource(count: int) -> Row:
    return {
        "minCount": None,
        "defaultCount": count,
        "maxCount": None,
        "pricePerUnit": None,
        "step": None,
        "defaultIncludedInPrice": True,
        "additionalInfo": None,
    }
