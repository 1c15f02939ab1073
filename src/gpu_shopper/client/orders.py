"""What a caller wishes for, in a few plain words, and the body that says so."""

from typing import Literal, TypedDict

from gpu_shopper.wire.sessions import RequirementsBody, SessionOrder

WorkloadType = Literal["llm", "training", "batch", "interactive", "inference", "benchmark"]
RetryScope = Literal["same_gpu", "same_vram", "any"]


class Wish(TypedDict, total=False):
    """A session in plain words; what is left out does not matter. Money in USD per hour for the whole offer."""

    offer: str
    gpu: str | list[str]
    gpus: int
    min_vram: int
    min_cuda: str
    max_price: float
    provider: str | list[str]
    region: str | list[str]
    min_reliability: float
    min_disk: int
    min_ram: int
    min_vcpus: int
    min_inet_down: int
    interruptible: bool
    hours: int
    consumer: str
    workload: WorkloadType
    idle_minutes: int
    disk_gb: int
    image: str
    on_start: str
    ports: list[int]
    launch_mode: Literal["ssh", "entrypoint"]
    ssh_public_key: str
    auto_retry: bool
    max_retries: int
    retry_scope: RetryScope
    startup_minutes: int
    storage_policy: Literal["destroy", "preserve"]


class Filters(TypedDict, total=False):
    """What an offer must have to be listed; the names are the API's own."""

    provider: str | list[str]
    gpu_type: str | list[str]
    gpu_count: int
    min_gpu_count: int
    min_vram: int
    max_price: float
    location: str | list[str]
    region: str | list[str]
    country: str | list[str]
    min_reliability: float
    min_availability_confidence: float
    min_cuda: str
    min_disk: int
    min_ram: int
    min_vcpus: int
    min_inet_down: int
    interruptible: bool
    partial: bool
    hours: float
    disk_gb: int
    traffic_gb: int
    q: str
    sort: str
    facets: str | list[str]
    limit: int
    offset: int
    cursor: str


class NeedFilters(TypedDict, total=False):
    """What an offer is for: with any of them, it says what it costs in truth."""

    hours: float
    disk_gb: int
    traffic_gb: int


class FitFilters(TypedDict, total=False):
    """How a model is to be served, its shape if it is not a known one, and which offers come into question."""

    params: str
    layers: int
    kv_heads: int
    head_dim: int
    hidden: int
    heads: int
    vocab: int
    quant: str
    kv_quant: str
    context: str
    sequences: int
    runtime: str
    max_price: float
    gpu_type: str | list[str]
    provider: str | list[str]
    interruptible: bool
    limit: int


class AlternativesFilters(TypedDict, total=False):
    """Which offers may stand in for one; with `hours` or `disk_gb`, by what those cost in truth."""

    scope: Literal["same_gpu", "same_vram", "any"]
    max_price: float
    hours: float
    disk_gb: int
    limit: int


class HistoryFilters(TypedDict, total=False):
    """Which families' prices to tell, over how many hours up to now."""

    gpu_type: str | list[str]
    provider: str | list[str]
    gpu_count: int
    interruptible: bool
    country: str | list[str]
    hours: int
    limit: int
    cursor: str


class HourlyFilters(TypedDict, total=False):
    """Which hourly records to list; dates as 2026-01-31."""

    session_id: str
    consumer_id: str
    provider: str
    gpu_type: str
    period: Literal["daily", "monthly"]
    start_date: str
    end_date: str
    limit: int


def order_of(wish: Wish, *, consumer: str) -> SessionOrder:
    """Return the body for a wish. An offer by its id needs no further requirements."""
    offer = wish.get("offer")
    return SessionOrder(
        consumer_id=wish.get("consumer") or consumer,
        workload_type=wish.get("workload", "interactive"),
        reservation_hours=wish.get("hours", 1),
        offer_id=offer,
        requirements=None if offer else _requirements(wish),
        max_price_per_hour=wish.get("max_price"),
        auto_retry=wish.get("auto_retry", True),
        max_retries=wish.get("max_retries", 3),
        retry_scope=wish.get("retry_scope", "same_gpu"),
        ssh_public_key=wish.get("ssh_public_key"),
        idle_threshold_minutes=wish.get("idle_minutes", 0),
        storage_policy=wish.get("storage_policy", "destroy"),
        disk_gb=wish.get("disk_gb"),
        docker_image=wish.get("image"),
        on_start_cmd=wish.get("on_start"),
        exposed_ports=wish.get("ports", []),
        launch_mode=wish.get("launch_mode", "ssh"),
        startup_timeout_minutes=wish.get("startup_minutes"),
    )


def _requirements(wish: Wish) -> RequirementsBody:
    return RequirementsBody(
        gpu_types=_listed(wish.get("gpu")),
        gpu_count=wish.get("gpus"),
        min_vram_gb=wish.get("min_vram"),
        min_cuda=wish.get("min_cuda"),
        max_price_per_hour=wish.get("max_price"),
        providers=_listed(wish.get("provider")),
        regions=_listed(wish.get("region")),
        min_reliability=wish.get("min_reliability"),
        min_disk_gb=wish.get("min_disk"),
        min_ram_gb=wish.get("min_ram"),
        min_vcpus=wish.get("min_vcpus"),
        min_inet_down_mbps=wish.get("min_inet_down"),
        interruptible=wish.get("interruptible"),
    )


def _listed(given: str | list[str] | None) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)
