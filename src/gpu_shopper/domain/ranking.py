"""Which of several offers to buy: the one from which a working session is expected to cost least.

A cheap offer that seldom starts is dear: each failed start wastes some of its price, and time. Among near-equals a draw
decides, so that many requests at once don't all run after the same machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer, RetryScope
from gpu_shopper.domain.offer_health import OfferHealth

NEAR = 1.025
# A start that fails is noticed after some minutes, all of them billed, and somebody waits meanwhile.
_WASTED_HOURS = 0.2
_WAITING_MICROS = 50_000
_LEAST_ODDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """What is not to be bought again: offers, and machines, which have their names from their cloud."""

    offers: frozenset[OfferId] = frozenset()
    machines: frozenset[tuple[ProviderName, str]] = frozenset()

    def covers(self, offer: Offer) -> bool:
        """Return whether `offer` is excluded, itself or by the machine that it stands on."""
        on_machine = bool(offer.machine_id) and (offer.provider, offer.machine_id) in self.machines
        return offer.id in self.offers or on_machine


def choose(offers: Iterable[Offer], *, hours: float, draw: float, health: OfferHealth) -> Offer:
    """Return the offer to buy for `hours`; `draw`, in [0, 1), decides among those within 2.5 % of the best.

    Offers that are not available, that end before the session does, or that are suppressed, are passed over.

    Raises:
        NothingMatches: none is left.
    """
    assert 0 <= draw < 1, draw
    costs = sorted(
        (expected_micros(offer, hours=hours, confidence=health.confidence(offer)), offer.id, offer)
        for offer in offers
        if _lasts(offer, hours) and health.suppressed_until(offer) is None
    )
    if not costs:
        raise NothingMatches(
            "no offer that matches is free of recent failures and lasts long enough",
            hint="ask for more kinds of GPU, a higher price or fewer hours, or try again in some minutes",
        )
    best, _, _ = costs[0]
    near = [offer for cost, _, offer in costs if cost <= best * NEAR]
    return near[int(draw * len(near))]


def expected_micros(offer: Offer, *, hours: float, confidence: float) -> float:
    """Return the expected cost, in micro-dollars, of getting `hours` of work done on `offer`.

    The starts that fail before one works are paid for too: with odds p of working there are (1 - p) / p of them.
    """
    odds = max(
        _LEAST_ODDS, min(1.0, offer.reliability * offer.availability_confidence * confidence)
    )
    wasted = offer.price.micros * _WASTED_HOURS + _WAITING_MICROS
    return offer.price.micros * hours + wasted * (1 - odds) / odds


def comparable(
    failed: Offer,
    candidates: Iterable[Offer],
    scope: RetryScope,
    *,
    cap: HourlyRate,
    excluded: Excluded,
) -> tuple[Offer, ...]:
    """Return the candidates that may stand in for `failed`, cheapest first.

    They cost at most `cap`, have at least as many GPUs, are not interruptible unless it was, and are neither `failed`
    itself nor excluded. Their memory is at least that of `failed`: per GPU, or in all where any GPU will do.
    """
    found = [
        offer
        for offer in candidates
        if offer.price.micros <= cap.micros
        and _in_scope(offer, failed, scope)
        and offer.available
        and offer.id != failed.id
        and not excluded.covers(offer)
    ]
    return tuple(sorted(found, key=lambda offer: (offer.price.micros, offer.id)))


def _in_scope(offer: Offer, failed: Offer, scope: RetryScope) -> bool:
    if offer.gpu_count < failed.gpu_count or (offer.interruptible and not failed.interruptible):
        return False
    match scope:
        case RetryScope.SAME_GPU:
            return offer.gpu_type == failed.gpu_type and offer.vram_gb >= failed.vram_gb
        case RetryScope.SAME_VRAM:
            return offer.vram_gb >= failed.vram_gb
        case RetryScope.ANY:
            return offer.vram_gb * offer.gpu_count >= failed.vram_gb * failed.gpu_count


def _lasts(offer: Offer, hours: float) -> bool:
    return offer.available and (offer.max_duration_hours == 0 or offer.max_duration_hours >= hours)
