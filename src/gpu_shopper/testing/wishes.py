"""What consumers of the simulation order: drawn from the seed, around one offer that they saw."""

import math

from gpu_shopper.domain.session import MAX_RESERVATION_HOURS
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.wire.offers import OfferBody
from gpu_shopper.wire.sessions import RequirementsBody, SessionOrder

_KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFillerFillerFillerFillerFillerFiller someone"


def draw_order(
    offer: OfferBody, consumer: str, *, minutes: float, chance: SeededChance
) -> SessionOrder:
    """Return an order for this offer, or for any of its kind, for so long."""
    by_offer, with_cap = chance.uniform() < 0.5, chance.uniform() < 0.5
    cap = offer.price_per_hour * (100 + chance.below(60)) / 100
    idle_minutes = 10 + chance.below(20)
    return SessionOrder(
        consumer_id=consumer,
        workload_type="training",
        reservation_hours=min(MAX_RESERVATION_HOURS, max(1, math.ceil(minutes / 60))),
        offer_id=offer.id if by_offer else None,
        requirements=None if by_offer else RequirementsBody(gpu_types=[offer.gpu_type]),
        max_price_per_hour=max(cap, offer.price_per_hour) if with_cap else None,
        auto_retry=chance.uniform() < 0.9,
        max_retries=chance.below(5),
        retry_scope=("same_gpu", "same_vram", "any")[chance.below(3)],
        ssh_public_key=_KEY_LINE if chance.uniform() < 0.9 else None,
        idle_threshold_minutes=idle_minutes if chance.uniform() < 0.2 else 0,
        startup_timeout_minutes=(5, 15, None, None)[chance.below(4)],
    )
