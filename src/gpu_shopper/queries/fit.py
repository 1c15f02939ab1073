"""Which offers a language model fits on: the market is asked for each number of GPUs, by what each must have."""

from dataclasses import dataclass

from msgspec import json

from gpu_shopper.domain.conditions import EVERYTHING, AnyOf, Condition, Flag, joined
from gpu_shopper.domain.model_fit import (
    Estimate,
    Load,
    estimate,
    least_vram_gb,
    usable_bytes,
    with_room_for,
)
from gpu_shopper.domain.model_shape import ModelShape
from gpu_shopper.market.holder import Market
from gpu_shopper.market.silence import not_ready
from gpu_shopper.market.snapshot import MarketSnapshot, OfferQuery
from gpu_shopper.wire.offers import OfferBody

# Shown whether or not anybody sells so many; others only where an offer of them fits.
_SHOWN_COUNTS = (1, 2, 4, 8, 16)
MOST_GPUS = 16

_bodies = json.Decoder(OfferBody)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitQuestion:
    """What is to be served, what offers must fulfil beside having room, and how many of them to name."""

    shape: ModelShape
    load: Load
    condition: Condition = EVERYTHING
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnGpus:
    """The model on one number of GPUs: what each holds, how many offers fit, the cheapest of them."""

    estimate: Estimate
    min_vram_gb: int
    offers: int
    cheapest: OfferBody | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """An offer on which the model fits, with what it takes there and may take of each GPU."""

    offer: OfferBody
    estimate: Estimate
    usable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FitAnswer:
    """What the model takes on each number of GPUs, and the offers that fit, the cheapest first."""

    on_gpus: tuple[OnGpus, ...]
    offers: tuple[Fitting, ...]
    total: int


class FitQueries:
    """Asks the market for room for a model."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def fit(self, question: FitQuestion) -> FitAnswer:
        """Return what a model takes, and the offers that have it; those whose price is odd stand behind all others.

        Raises:
            MarketNotReady: no cloud has answered yet, so that no offer would mean nothing.
        """
        snapshot = self._market.snapshot
        if not snapshot.ready:
            raise not_ready(snapshot.providers)
        runtime = question.load.runtime
        found = [_on_gpus(snapshot, question, count) for count in range(1, MOST_GPUS + 1)]
        estimates = {each.estimate.gpu_count: each.estimate for each in found}
        on_sale = [each.estimate for each in found if each.offers]
        room = AnyOf(tuple(with_room_for(each, runtime) for each in on_sale))
        page = snapshot.query(OfferQuery(condition=_among(question, room), limit=question.limit))
        offers = map(_bodies.decode, page.rows)
        return FitAnswer(
            on_gpus=tuple(
                each for each in found if each.offers or each.estimate.gpu_count in _SHOWN_COUNTS
            ),
            offers=tuple(
                Fitting(
                    offer=offer,
                    estimate=estimates[offer.gpu_count],
                    usable=usable_bytes(
                        offer.gpu_type,
                        vram_gb=offer.vram_gb,
                        gpu_fraction=offer.gpu_fraction,
                        runtime=runtime,
                    ),
                )
                for offer in offers
            ),
            total=page.total,
        )


def _on_gpus(snapshot: MarketSnapshot, question: FitQuestion, count: int) -> OnGpus:
    runtime = question.load.runtime
    found = estimate(question.shape, question.load, count)
    room = with_room_for(found, runtime)
    page = snapshot.query(OfferQuery(condition=_among(question, room), limit=1))
    # What is odd stands last: if it is the first, there is nothing else.
    cheapest = next((row for row in map(_bodies.decode, page.rows) if not row.marks), None)
    return OnGpus(
        estimate=found,
        min_vram_gb=least_vram_gb(found.memory.total, runtime),
        offers=page.total,
        cheapest=cheapest,
    )


def _among(question: FitQuestion, room: Condition) -> Condition:
    return joined(question.condition, Flag("available"), room)
