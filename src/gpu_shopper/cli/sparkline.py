"""A price over time in one line of text."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from gpu_shopper.wire.figures import lowest_prices

if TYPE_CHECKING:
    from gpu_shopper.wire.history import PricePoint

WIDTH = 28
_STEPS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"


def sparkline(
    points: Sequence["PricePoint"], *, since: datetime, hours: int, width: int = WIDTH
) -> str:
    """Return one bar for each part of so many hours: the lowest price in it, from the lowest of all to the highest.

    A part of which nothing is known is a dot; where the price never changed, all bars are of middle height.
    """
    width = min(width, hours)
    lowest = lowest_prices(points, since=since, hours=hours, parts=width)
    known_prices = [price for price in lowest if price is not None]
    bottom, top = min(known_prices, default=0.0), max(known_prices, default=0.0)
    return "".join(_bar(price, bottom, top) for price in lowest)


def _bar(price: float | None, bottom: float, top: float) -> str:
    if price is None:
        return _UNKNOWN
    if bottom == top:
        return _STEPS[len(_STEPS) // 2 - 1]
    return _STEPS[round((price - bottom) / (top - bottom) * (len(_STEPS) - 1))]
