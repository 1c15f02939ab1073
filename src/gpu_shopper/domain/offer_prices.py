"""The prices of an offer that follow from others: of a part of it, and of somebody's need; None where one isn't known.

In micro-dollars, per hour where nothing else is said.
"""

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.odds import expected_micros
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.true_price import Costing


def per_gpu(offer: Offer) -> float:
    """Return the price of one whole GPU."""
    return offer.price.micros / (offer.gpu_count * offer.gpu_fraction)


def per_tflops(offer: Offer) -> float | None:
    """Return the price of one dense 16-bit TFLOPS."""
    model = MODELS.get(offer.gpu_type)
    tflops = None if model is None else model.tflops
    return None if not tflops else per_gpu(offer) / tflops


def per_vram(offer: Offer) -> float | None:
    """Return the price of one GB of memory, of all its GPUs together."""
    return None if not offer.vram_gb else offer.price.micros / (offer.vram_gb * offer.gpu_count)


def untold(_: Offer) -> float | None:
    """Return what is known where nobody said what is needed: nothing."""
    return None


def effective(offer: Offer, costing: Costing) -> float | None:
    """Return what an hour of the need costs."""
    price = costing.price(offer)
    return None if price is None else price.per_hour.micros


def effective_per_gpu(offer: Offer, costing: Costing) -> float | None:
    """Return what an hour of the need costs per whole GPU."""
    price = costing.price(offer)
    return None if price is None else price.per_gpu_hour.micros


def expected(offer: Offer, costing: Costing) -> float | None:
    """Return what the need is expected to cost, with the starts that fail before one works."""
    price = costing.price(offer)
    if price is None:
        return None
    return expected_micros(
        offer.price.micros,
        hours=costing.need.hours,
        confidence=offer.availability_confidence,
        bill=float(price.total.micros),
    )


def expected_of_an_hour(offer: Offer) -> float:
    """Return the same of an hour at the list price."""
    return expected_micros(offer.price.micros, hours=1.0, confidence=offer.availability_confidence)
