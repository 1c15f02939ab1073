"""The menu of the simulated Vast: its asks, and the search that finds at most 64 of them at a time."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gpu_shopper.sandbox.catalogue import Catalogue, Goods
from gpu_shopper.sandbox.gpu_models import GpuModel
from gpu_shopper.sandbox.messages import Json, Row

MOST_FOUND = 64
MONTH_HOURS = 730
_FIRST_ASK = 7_000_000
_DAY_S = 86_400
_MB_PER_GB = 1024


# How it writes models that it writes as nobody else does; memory is told beside the name.
_NAMES: Mapping[str, str] = {
    "NVIDIA RTX 4000 Ada Generation": "RTX 4000Ada",
    "NVIDIA RTX 5000 Ada Generation": "RTX 5000Ada",
    "NVIDIA RTX 6000 Ada Generation": "RTX 6000Ada",
    "Tesla T4": "Tesla T4",
    "Tesla V100-SXM2-16GB": "Tesla V100",
    "Tesla V100-SXM2-32GB": "Tesla V100",
    "NVIDIA A100-PCIE-40GB": "A100 PCIE",
    "NVIDIA A100 80GB PCIe": "A100 PCIE",
    "NVIDIA A100-SXM4-80GB": "A100 SXM4",
    "NVIDIA H100 PCIe": "H100 PCIE",
}


class BadSearchError(Exception):
    """The search says something that makes no sense."""


def goods(*, seed: int, size: int) -> list[Goods]:
    """Return machines as hosts offer them there: with disk and traffic at a price of their own, and an end of the offer."""
    drawn = Catalogue(seed=seed, size=size)
    return [
        Goods(
            offer=msgspec.structs.replace(
                offer,
                gpu_name=name_of(drawn.gpu_model_of(index)),
                storage_price_per_gb_month=round(0.08 + index % 8 * 0.04, 2),
                traffic_price_per_gb=round(0.002 * (index % 5), 3),
                max_hours=offer.max_hours or 24 * 30,
            ),
            model=drawn.gpu_model_of(index),
            price_micros=drawn.price_micros(index, 0),
        )
        for index, offer in enumerate(drawn.offers)
    ]


def name_of(model: GpuModel) -> str:
    """Return what it calls a model."""
    return _NAMES.get(model.driver_name, model.spellings[0])


class Asks:
    """All asks of one catalogue, by number: what the vendor calls an offer."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._numbers = {
            offer.id: _FIRST_ASK + index for index, offer in enumerate(catalogue.offers)
        }
        self._offer_ids = {number: offer_id for offer_id, number in self._numbers.items()}

    def offer_id(self, number: int) -> str | None:
        """Return the model's name of an ask."""
        return self._offer_ids.get(number)

    def is_bid(self, offer_id: str) -> bool:
        """Return whether this ask takes bids, instead of having a price."""
        index = self._catalogue.index_of(offer_id)
        return index is not None and self._catalogue.offers[index].interruptible

    def row(self, model_row: Row, *, disk_gb: float) -> Row:
        """Return a row of the model's menu as an ask, priced with that much disk."""
        index = self._catalogue.index_of(str(model_row["id"]))
        assert index is not None, model_row
        offer = self._catalogue.offers[index]
        base, count = model_row["price_per_hour"], offer.gpu_count
        storage = offer.storage_price_per_gb_month
        total = base + disk_gb * storage / MONTH_HOURS if isinstance(base, float) else base
        number = self._numbers[offer.id]
        return {
            "id": number,
            "ask_contract_id": number,
            "bundle_id": number,
            **hardware(self._catalogue, index),
            "gpu_name": offer.gpu_name,
            "dph_base": base,
            "dph_total": total,
            "min_bid": base,
            "storage_cost": storage,
            "inet_up_cost": offer.traffic_price_per_gb,
            "inet_down_cost": offer.traffic_price_per_gb,
            "duration": float(offer.max_hours * 3600),
            "start_date": 1_760_000_000.0,
            "end_date": 1_760_000_000.0 + 365 * _DAY_S,
            "rentable": True,
            "rented": False,
            "external": False,
            "verified": index % 11 != 0,
            "verification": "verified" if index % 11 else "unverified",
            "score": round(100 * count / max(0.01, float(str(model_row.get("reliability", 1)))), 3),
            "dlperf": round(20.0 * count, 2),
            "dlperf_per_dphtotal": 40.0,
            "flops_per_dphtotal": 100.0,
            "is_bid": offer.interruptible,
            "allocated_storage": disk_gb,
        }


def hardware(catalogue: Catalogue, index: int) -> Row:
    """Return what asks and instances both say of a machine."""
    offer, model = catalogue.offers[index], catalogue.gpu_model_of(index)
    # Every third is a whole machine, the others the half of one: processors and memory are told of the whole.
    halves = 1 if index % 3 == 0 else 2
    return {
        "machine_id": int(offer.machine_id.removeprefix("m")) + 10_000,
        "host_id": sum(map(ord, offer.host_id)) + 50_000,
        "num_gpus": offer.gpu_count,
        "gpu_ram": offer.gpu_memory_mib,
        "gpu_total_ram": offer.gpu_memory_mib * offer.gpu_count,
        "gpu_frac": 1 / halves,
        "compute_cap": round(float(model.compute_cap) * 100),
        "cpu_arch": "amd64",
        "cpu_cores": offer.vcpus * halves,
        "cpu_cores_effective": float(offer.vcpus),
        "cpu_ram": offer.ram_gb * _MB_PER_GB * halves,
        "disk_space": float(offer.disk_gb),
        "disk_bw": 2000.0,
        "inet_up": float(offer.inet_up_mbps),
        "inet_down": float(offer.inet_down_mbps),
        "reliability": offer.reliability,
        "reliability2": offer.reliability,
        "cuda_max_good": float(offer.cuda_max),
        "driver_version": offer.driver,
        "direct_port_count": 100,
        "geolocation": f"{offer.city}, {offer.country}",
        "static_ip": False,
        "public_ipaddr": "127.0.0.1",
    }


_Compare = Callable[[Any, Any], bool]
_COMPARISONS: Mapping[str, _Compare] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, wanted: value in wanted,
    "notin": lambda value, wanted: value not in wanted,
}
# What stands beside the conditions in a search.
_NO_CONDITIONS = {"order", "limit", "type", "allocated_storage", "offset"}


def search(asks: Sequence[Row], query: Mapping[str, Json]) -> list[Row]:
    """Return what a search finds, in its order, and never more than 64, however many it asks for.

    Raises:
        BadSearchError: a condition that does not exist, or a field that nobody knows.
    """
    wants_bids = query.get("type") in {"bid", "interruptible"}
    found = [ask for ask in asks if ask["is_bid"] == wants_bids]
    for field, condition in query.items():
        if field in _NO_CONDITIONS:
            continue
        wanted = condition if isinstance(condition, Mapping) else {"eq": condition}
        found = [ask for ask in found if _fits(ask, field, wanted)]
    for field, way in reversed(_order(query)):
        found.sort(key=lambda ask: _sortable(ask.get(field)), reverse=way == "desc")
    limit = query.get("limit")
    most = int(limit) if isinstance(limit, int | float) and limit >= 1 else MOST_FOUND
    return found[: min(most, MOST_FOUND)]


def _fits(ask: Row, field: str, condition: Mapping[str, Json]) -> bool:
    if field not in ask:
        raise BadSearchError(f"unknown field {field}")
    for word, wanted in condition.items():
        compare = _COMPARISONS.get(word)
        if compare is None:
            raise BadSearchError(f"unknown operator {word}")
        value = ask[field]
        try:
            if not compare(value, _like(value, wanted)):
                return False
        except TypeError as error:
            raise BadSearchError(f"{field} cannot be compared so") from error
    return True


def _like(value: Json, wanted: Json) -> Json:
    """Return what is wanted in the kind of what there is: callers write numbers as text."""
    if isinstance(wanted, list):
        return [_like(value, each) for each in wanted]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(wanted, str):
        return wanted
    try:
        return float(wanted)
    except ValueError as error:
        raise BadSearchError(f"{wanted!r} is not a number") from error


def _order(query: Mapping[str, Json]) -> list[tuple[str, str]]:
    given = query.get("order") or [["score", "desc"]]
    if not isinstance(given, list):
        raise BadSearchError("order must be a list")
    pairs = []
    for each in given:
        if not (isinstance(each, list | tuple) and len(each) == 2):
            raise BadSearchError("order must hold pairs")
        pairs.append((str(each[0]), str(each[1])))
    return pairs


def _sortable(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
