"""Prices that cannot be right: what is marked is shown, behind all others, and never chosen silently.

An offer is held against the same thing on demand, and against the median of its model over the whole market.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.offer import Offer

TIMES_OFF = 100
# Of fewer offers the median says nothing: one mistake among three would mark the two that are right.
LEAST_SAMPLES = 5

# What makes two offers of one cloud the same machine, spot or not.
Thing = tuple[str | int | float, ...]


class Mark(StrEnum):
    """What is odd about a price."""

    NO_PRICE = "no_price"
    SPOT_ABOVE = "spot_above"
    FAR_BELOW = "far_below"
    FAR_ABOVE = "far_above"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualPrices:
    """What a market asks, in micro-dollars per hour: the median of one whole GPU by model, and the least on demand by thing."""

    per_gpu: Mapping[str, float]
    on_demand: Mapping[Thing, int]


def usual_prices(offers: Iterable[Offer]) -> UsualPrices:
    """Return what is usual among `offers`, which should be those of all clouds; what has no price counts for nothing."""
    by_model: dict[str, list[float]] = {}
    on_demand: dict[Thing, int] = {}
    for offer in offers:
        if offer.price.micros > 0:
            by_model.setdefault(offer.gpu_type, []).append(_per_gpu(offer))
            add_on_demand(on_demand, (offer,))
    return UsualPrices(
        per_gpu={
            model: median(prices)
            for model, prices in by_model.items()
            if len(prices) >= LEAST_SAMPLES
        },
        on_demand=on_demand,
    )


def add_on_demand(on_demand: dict[Thing, int], offers: Iterable[Offer]) -> None:
    """Note what is the least that each thing among `offers` costs on demand."""
    for offer in offers:
        if not offer.interruptible and offer.price.micros > 0:
            thing = _thing(offer)
            on_demand[thing] = min(offer.price.micros, on_demand.get(thing, offer.price.micros))


def is_spot_above(offer: Offer, on_demand: Mapping[Thing, int]) -> bool:
    """Return whether `offer` may be taken away and yet costs more than the same thing on demand."""
    whole = on_demand.get(_thing(offer)) if offer.interruptible else None
    return whole is not None and offer.price.micros > whole


def marks_of(offer: Offer, usual: UsualPrices) -> tuple[str, ...]:
    """Return what is odd about the offer's price, as the codes of `Mark`, in their order; nothing for most."""
    if offer.price.micros <= 0:
        return (Mark.NO_PRICE.value,)
    typical = usual.per_gpu.get(offer.gpu_type)
    is_so = {
        Mark.SPOT_ABOVE: is_spot_above(offer, usual.on_demand),
        Mark.FAR_BELOW: typical is not None and _per_gpu(offer) * TIMES_OFF < typical,
        Mark.FAR_ABOVE: typical is not None and _per_gpu(offer) > typical * TIMES_OFF,
    }
    return tuple(mark.value for mark, so in is_so.items() if so)


def odd_prices(offers: Iterable[Offer]) -> dict[OfferId, tuple[str, ...]]:
    """Return the marks of those among `offers` whose price is odd."""
    market = list(offers)
    usual = usual_prices(market)
    return {offer.id: marks for offer in market if (marks := marks_of(offer, usual))}


def _per_gpu(offer: Offer) -> float:
    return offer.price.micros / (offer.gpu_count * offer.gpu_fraction)


def _thing(offer: Offer) -> Thing:
    """Return what makes two offers of one cloud the same machine, spot or not."""
    return (
        offer.provider,
        offer.machine_id,
        offer.region,
        offer.gpu_type,
        offer.gpu_count,
        offer.gpu_fraction,
        offer.vram_gb,
        offer.vcpus,
        offer.ram_gb,
    )
