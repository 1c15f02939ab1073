"""How what stands in a body is said to people: the same figures and words on a terminal and on a page.

What a cloud or a node wrote is shown as it is, but it can steer nothing: see `printable`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu_shopper.wire.fit import FitSplit, FittingOffer
    from gpu_shopper.wire.history import PricePoint
    from gpu_shopper.wire.offers import MarketSource, OfferBody

_GIB = 1024**3
_HOUR = timedelta(hours=1)


def money(amount: float | None, *, digits: int = 4) -> str:
    """Return an amount in USD as people read it."""
    return "" if amount is None else f"{amount:.{digits}f}"


def gib(amount: int) -> str:
    """Return so many bytes in GiB."""
    return f"{amount / _GIB:.2f}"


def printable(text: str) -> str:
    """Return a text in which nothing can steer a terminal, or turn the letters beside it around."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def notes_on(offer: "OfferBody") -> Iterator[str]:
    """Yield what a buyer must know: that it may be taken away, is a part of a GPU, has an odd price."""
    if offer.interruptible:
        yield "spot"
    if offer.gpu_fraction < 1:
        yield f"{offer.gpu_fraction:g} of a GPU"
    yield from offer.marks


def trouble_of(source: "MarketSource") -> str:
    """Return what is amiss with a cloud's part of the menu; empty where nothing is."""
    if source.ok:
        return ""
    age = "never answered" if source.age_s is None else f"last answered {source.age_s:.0f} s ago"
    return f"{source.name}: {age}: {source.error or 'no answer'}"


def way_of(split: "FitSplit | FittingOffer") -> str:
    """Return how a model is spread over several GPUs."""
    ways = [("tensor", split.tensor_parallel), ("pipeline", split.pipeline_parallel)]
    return " × ".join(f"{name} {count}" for name, count in ways if count > 1) or "whole"


def lowest_prices(
    points: Sequence["PricePoint"], *, since: datetime, hours: int, parts: int
) -> list[float | None]:
    """Return the lowest price in each of so many parts of the hours since then; None where none is known."""
    lowest: list[float | None] = [None] * parts
    for point in points:
        first = (point.at - since) // _HOUR
        for hour in range(max(0, first), min(hours, first + point.hours)):
            part = hour * parts // hours
            known = lowest[part]
            lowest[part] = point.lowest if known is None else min(known, point.lowest)
    return lowest
