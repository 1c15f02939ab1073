"""Everything that can be asked of an offer, in one table: its names, kind, unit and meaning.

The query language, the index of the market, the orders of a list and the documentation are made from it, so that a
field which is added here can be asked for, sorted by and read about everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gpu_shopper.domain.gpu import MODELS, GpuModel
from gpu_shopper.domain.money import MICROS
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_prices import (
    effective,
    effective_per_gpu,
    expected,
    expected_of_an_hour,
    per_gpu,
    per_tflops,
    per_vram,
    untold,
)
from gpu_shopper.domain.true_price import Costing

Value = float | str | bool | None

PATCHES = 1_000


class Kind(StrEnum):
    """How a field is asked: numbers and versions compared, texts named, flags by a bare word."""

    NUMBER = "number"
    VERSION = "version"
    TEXT = "text"
    GPU = "gpu"
    FLAG = "flag"


class Direction(StrEnum):
    """Which end of an order comes first; what is unknown comes last in both."""

    LOWEST = "asc"
    HIGHEST = "desc"


@dataclass(frozen=True, slots=True)
class Order:
    """An order of offers: by the values of a field, from one end. Ties are broken by id."""

    field: str
    direction: Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that can be asked of an offer.

    `value` returns it as it is kept, None if the cloud does not tell; `scale` times what people write (dollars) is what
    is kept (micro-dollars). What follows from the GPU's model alone has `of_model` as well; what depends on somebody's
    need has `of_need`, and if nothing can be said without one, `only_of_need` is set.
    """

    name: str
    kind: Kind
    means: str
    value: Callable[[Offer], Value]
    aliases: tuple[str, ...] = ()
    unit: str = ""
    scale: float = 1
    first: Direction = Direction.HIGHEST
    of_model: Callable[[GpuModel], Value] | None = None
    of_need: Callable[[Offer, Costing], Value] | None = None
    only_of_need: bool = False

    def told(self, offer: Offer, costing: Costing | None) -> Value:
        """Return its value for whoever needs what `costing` says, or says nothing."""
        if costing is None or self.of_need is None:
            return self.value(offer)
        return self.of_need(offer, costing)

    @property
    def sortable(self) -> bool:
        """Whether offers can be put in its order."""
        return self.kind in (Kind.NUMBER, Kind.VERSION)

    @property
    def best_first(self) -> Order:
        """The order in which the best comes first."""
        return Order(self.name, self.first)


def version_number(text: str) -> float | None:
    """Return a version such as "12.4" as a number that compares rightly; None for what is none."""
    parts = [int(part) for part in text.split(".")[:3] if part.isascii() and part.isdigit()]
    if not parts:
        return None
    major, minor, patch = (*parts, 0, 0)[:3]
    return float((major * PATCHES + minor) * PATCHES + patch)


def known(value: float) -> float | None:
    """Return an amount, of which 0 means that the cloud does not tell."""
    return value or None


def told_by_model(gpu_type: str, ask: Callable[[GpuModel], Value]) -> Value:
    """Return what follows from a GPU's model; None where the model is not known."""
    model = MODELS.get(gpu_type)
    return None if model is None else ask(model)


def _text(name: str, means: str, value: Callable[[Offer], Value], *aliases: str) -> Field:
    return Field(name=name, kind=Kind.TEXT, means=means, value=value, aliases=aliases)


def _flag(name: str, means: str, value: Callable[[Offer], Value], *aliases: str) -> Field:
    return Field(name=name, kind=Kind.FLAG, means=means, value=value, aliases=aliases)


def _amount(
    name: str, unit: str, means: str, value: Callable[[Offer], Value], *aliases: str
) -> Field:
    return Field(name=name, kind=Kind.NUMBER, unit=unit, means=means, value=value, aliases=aliases)


def _price(
    name: str, unit: str, means: str, value: Callable[[Offer], Value], *aliases: str
) -> Field:
    return Field(
        name=name,
        kind=Kind.NUMBER,
        unit=unit,
        means=means,
        value=value,
        aliases=aliases,
        scale=MICROS,
        first=Direction.LOWEST,
    )


def _model(
    name: str, means: str, ask: Callable[[GpuModel], Value], *, kind: Kind, unit: str = ""
) -> Field:
    return Field(
        name=name,
        kind=kind,
        unit=unit,
        means=means,
        value=lambda offer: told_by_model(offer.gpu_type, ask),
        of_model=ask,
    )


_PRICES = (
    _price(
        "price",
        "USD/h",
        "price of the whole offer",
        lambda offer: offer.price.micros,
        "price_per_hour",
    ),
    _price(
        "price_per_gpu",
        "USD/h",
        "price of one whole GPU",
        per_gpu,
        "price/gpu",
        "price_per_gpu_hour",
    ),
    _price(
        "price_per_tflops",
        "USD/h",
        "price of one dense 16-bit TFLOPS",
        per_tflops,
        "price/tflops",
        "price_per_tflops_hour",
    ),
    _price(
        "price_per_vram",
        "USD/h",
        "price of one GB of GPU memory",
        per_vram,
        "price/vram",
        "price/gb",
        "price_per_gb_vram_hour",
    ),
    replace(
        _price(
            "effective_price",
            "USD/h",
            "what an hour of what you need costs, all that is billed included; asked beside `hours`, `disk_gb` or `traffic_gb`",
            untold,
            "effective_price_per_hour",
            "true_price",
        ),
        of_need=effective,
        only_of_need=True,
    ),
    replace(
        _price(
            "effective_price_per_gpu",
            "USD/h",
            "the same for one whole GPU",
            untold,
            "effective_price/gpu",
            "effective_price_per_gpu_hour",
        ),
        of_need=effective_per_gpu,
        only_of_need=True,
    ),
    replace(
        _price(
            "expected_cost",
            "USD",
            "what work is expected to cost, with the starts that fail before one works; an hour at the list price, or what you need",
            expected_of_an_hour,
        ),
        of_need=expected,
    ),
    _price(
        "storage_price",
        "USD/GB/month",
        "price of disk",
        lambda offer: offer.storage_price_per_gb_month * MICROS,
        "storage_price_per_gb_month",
    ),
    _price(
        "traffic_price",
        "USD/GB",
        "price of traffic",
        lambda offer: offer.traffic_price_per_gb * MICROS,
        "traffic_price_per_gb",
    ),
)
_GPUS = (
    Field(
        name="gpu",
        kind=Kind.GPU,
        means="model of the GPU; aliases and families are understood",
        value=lambda offer: offer.gpu_type,
        aliases=("gpu_type", "model"),
    ),
    _model("vendor", "maker of the GPU", lambda model: model.vendor, kind=Kind.TEXT),
    _model(
        "architecture", "architecture of the GPU", lambda model: model.architecture, kind=Kind.TEXT
    ),
    _model(
        "memory_type", "kind of GPU memory", lambda model: model.memory_type or None, kind=Kind.TEXT
    ),
    _model(
        "interconnect",
        "how GPUs of the model reach each other",
        lambda model: model.interconnect or None,
        kind=Kind.TEXT,
    ),
    _model(
        "tflops",
        "dense 16-bit throughput of one GPU",
        lambda model: model.tflops,
        kind=Kind.NUMBER,
        unit="TFLOPS",
    ),
    _model(
        "fp8_tflops",
        "dense 8-bit throughput of one GPU",
        lambda model: model.fp8_tflops,
        kind=Kind.NUMBER,
        unit="TFLOPS",
    ),
    _model(
        "bandwidth",
        "memory bandwidth of one GPU",
        lambda model: model.bandwidth_gbs,
        kind=Kind.NUMBER,
        unit="GB/s",
    ),
    _model(
        "year",
        "year in which the GPU was launched",
        lambda model: model.launch_year,
        kind=Kind.NUMBER,
    ),
    _model(
        "capability",
        "CUDA compute capability",
        lambda model: version_number(model.compute_capability or ""),
        kind=Kind.VERSION,
    ),
    _model(
        "fp8", "the GPU computes in FP8", lambda model: model.fp8_tflops is not None, kind=Kind.FLAG
    ),
    _amount("count", "", "number of GPUs", lambda offer: offer.gpu_count, "gpu_count", "gpus"),
    _amount(
        "fraction",
        "",
        "share of one GPU that is sold; 1 for whole ones",
        lambda offer: offer.gpu_fraction,
        "gpu_fraction",
    ),
    _amount(
        "vram",
        "GB",
        "memory of each GPU",
        lambda offer: known(offer.vram_gb),
        "vram_gb",
        "gpu_memory",
    ),
    _amount(
        "total_vram",
        "GB",
        "memory of all its GPUs together",
        lambda offer: known(offer.vram_gb * offer.gpu_count),
        "total_vram_gb",
    ),
    _flag("partial", "a part of a GPU", lambda offer: offer.gpu_fraction < 1),
)
_PLACES = (
    _text("provider", "the cloud that sells it", lambda offer: offer.provider, "cloud"),
    _text("country", "ISO 3166 code of two letters", lambda offer: offer.country or None),
    _text("region", "region, as the cloud calls it", lambda offer: offer.region or None),
    _text("city", "city", lambda offer: offer.city or None),
    _text("location", "place, in words", lambda offer: offer.location or None, "place"),
)
_MACHINES = (
    _amount("vcpus", "", "virtual CPUs", lambda offer: known(offer.vcpus), "vcpu", "cpus"),
    _amount("ram", "GB", "main memory", lambda offer: known(offer.ram_gb), "ram_gb"),
    _amount(
        "disk", "GB", "most disk that it can have", lambda offer: known(offer.disk_gb), "disk_gb"
    ),
    _amount(
        "down",
        "Mbps",
        "speed of its network, inbound",
        lambda offer: known(offer.inet_down_mbps),
        "inet_down",
        "inet_down_mbps",
    ),
    _amount(
        "up",
        "Mbps",
        "speed of its network, outbound",
        lambda offer: known(offer.inet_up_mbps),
        "inet_up",
        "inet_up_mbps",
    ),
    Field(
        name="cuda",
        kind=Kind.VERSION,
        means="newest CUDA version that its driver allows",
        value=lambda offer: version_number(offer.cuda_version),
        aliases=("cuda_version",),
    ),
)
_TERMS = (
    _amount("reliability", "0 to 1", "how reliable its cloud says it is", lambda offer: offer.reliability),
    _amount("confidence", "0 to 1", "how likely it is to be had and to work", lambda offer: offer.availability_confidence, "availability_confidence"),
    _amount("max_hours", "h", "how long it can be rented", lambda offer: float(offer.max_duration_hours or "inf"), "max_duration_hours"),
    _flag("interruptible", "may be taken away at any time", lambda offer: offer.interruptible, "spot"),
    _flag("available", "on sale now", lambda offer: offer.available),
    _flag("odd", "something is odd about its price", lambda offer: bool(offer.marks)),
)  # fmt: skip

FIELDS: Mapping[str, Field] = {
    field.name: field for field in (*_PRICES, *_GPUS, *_PLACES, *_MACHINES, *_TERMS)
}
# Every word that means a field, in small letters.
WORDS: Mapping[str, Field] = {
    word: field for field in FIELDS.values() for word in (field.name, *field.aliases)
}


def read_order(text: str) -> Order:
    """Return the order that a word such as "price", "-vram" or "+reliability" names; without a sign, the best first.

    Raises:
        ValueError: there is no such order; the message says which there are.
    """
    word = text.strip().lower()
    field = WORDS.get(word.lstrip("+-"))
    if field is None or not field.sortable:
        sortable = sorted(field.name for field in FIELDS.values() if field.sortable)
        message = f"{text[:64]!r} is no order; known are: {', '.join(sortable)}"
        raise ValueError(message)
    match word[0]:
        case "+":
            return Order(field.name, Direction.LOWEST)
        case "-":
            return Order(field.name, Direction.HIGHEST)
        case _:
            return field.best_first


CHEAPEST_FIRST = FIELDS["price"].best_first
# The order in which offers are bought.
LIKELY_CHEAPEST_FIRST = FIELDS["expected_cost"].best_first
# What an offer costs for somebody's need (see `domain.true_price`).
EFFECTIVE = "effective_price"
OF_NEED = frozenset(name for name, field in FIELDS.items() if field.of_need is not None)
