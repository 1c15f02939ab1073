"""Which of several offers to buy: the one from which a working session is expected to cost least.

A cheap offer that seldom starts is dear: each failed start wastes some of its price, and time. Among near-equals a draw
decides, so that many requests at once don't all run after the same machine.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from gpu_shopper.domain.conditions import (
    Comparator,
    Compare,
    Condition,
    Flag,
    Not,
    OneOf,
    joined,
)
from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.odds import expected_micros, odds
from gpu_shopper.domain.offer import Offer, RetryScope
from gpu_shopper.domain.offer_health import OfferHealth

NEAR = 1.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """What is not to be bought again: offers, and machines, which have their names from their cloud."""

    offers: frozenset[OfferId] = frozenset()
    machines: frozenset[tuple[ProviderName, str]] = frozenset()

    def covers(self, offer: Offer) -> bool:
        """Return whether `offer` is excluded, itself or by the machine that it stands on."""
        on_machine = bool(offer.machine_id) and (offer.provider, offer.machine_id) in self.machines
        return offer.id in self.offers or on_machine


def choose(
    offers: Iterable[Offer],
    *,
    hours: float,
    draw: float,
    health: OfferHealth,
    bill: Callable[[Offer], float] | None = None,
) -> Offer:
    """Return the offer to buy for `hours`; `draw`, in [0, 1), decides among those within 2.5 % of the best.

    `bill` says in micro-dollars what those hours of an offer cost in truth, never less than at the list price, which
    stands in for it. Each machine has one lot, however many offers stand on it: a broken one with many must not catch everybody.
    `offers` come cheapest first, and no more of them are looked at than can be the best or near it. Those that are not
    available, that end before the session does, or that are suppressed, are passed over.

    Raises:
        NothingMatches: none is left.
    """
    assert 0 <= draw < 1, draw
    costs: list[tuple[float, OfferId, Offer]] = []
    best = inf
    for offer in offers:
        # What is expected is never less than the price itself.
        if offer.price.micros * hours > best * NEAR:
            break
        if _lasts(offer, hours) and health.suppressed_until(offer) is None:
            likely = odds(offer, health).confidence
            cost = expected_micros(
                offer.price.micros,
                hours=hours,
                confidence=likely,
                bill=None if bill is None else bill(offer),
            )
            best = min(best, cost)
            costs.append((cost, offer.id, offer))
    if not costs:
        raise NothingMatches(
            "no offer that matches is free of recent failures and lasts long enough",
            hint="ask for more kinds of GPU, a higher price or fewer hours, or try again in some minutes",
        )
    near: dict[str, Offer] = {}
    for cost, _, offer in sorted(costs):
        if cost <= best * NEAR:
            near.setdefault(f"{offer.provider}/{offer.machine_id or offer.id}", offer)
    return [*near.values()][int(draw * len(near))]


def comparable_to(offer: Offer, scope: RetryScope, *, cap: HourlyRate) -> Condition:
    """Return what another offer must fulfil to stand in for `offer`: the one meaning of it, for retries and for people.

    It costs at most `cap`, has at least as many GPUs, as large a part of each, is not interruptible unless `offer` is,
    and nothing is odd about its price. Its memory is at least that of `offer`: per GPU, or in all where any GPU will do.
    """
    least = {"count": float(offer.gpu_count), "fraction": offer.gpu_fraction}
    if scope is RetryScope.ANY:
        least["total_vram"] = offer.vram_gb * offer.gpu_count
    else:
        least["vram"] = offer.vram_gb
    parts: list[Condition] = [
        Compare("price", Comparator.AT_MOST, cap.micros),
        *(Compare(field, Comparator.AT_LEAST, value) for field, value in least.items() if value),
        *fit_to_buy(),
    ]
    if scope is RetryScope.SAME_GPU:
        parts.append(OneOf("gpu", frozenset({offer.gpu_type.lower()})))
    if not offer.interruptible:
        parts.append(Not(Flag("interruptible")))
    return joined(*parts)


def fit_to_buy() -> tuple[Condition, ...]:
    """Return what is asked of every offer that nobody chose by its id: it is on sale, and nothing is odd about it."""
    return Flag("available"), Not(Flag("odd"))


def lasting(hours: float) -> Condition:
    """Return that an offer can be rented for so long."""
    return Compare("max_hours", Comparator.AT_LEAST, hours)


def roomy(disk_gb: int) -> Condition:
    """Return that an offer can have such a disk, as far as its cloud tells: many sell any size, and name no most."""
    return Not(Compare("disk", Comparator.LESS, disk_gb))


def _lasts(offer: Offer, hours: float) -> bool:
    return offer.available and (offer.max_duration_hours == 0 or offer.max_duration_hours >= hours)
