"""What a family has cost, drawn as a line: made here, so that the page needs no script."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from gpu_shopper.dashboard.markup import Html, el
from gpu_shopper.wire.figures import lowest_prices, money
from gpu_shopper.wire.history import PriceFamily

_PARTS = 168
_HEIGHT = 60
_MARGIN = 6


def price_line(family: PriceFamily, *, since: datetime, hours: int) -> Html:
    """Return the lowest price over so many hours as a line, with what it means in words."""
    parts = min(_PARTS, hours)
    prices = lowest_prices(family.points, since=since, hours=hours, parts=parts)
    summary = family.summary
    drawing = el(
        "svg", el("title", summary.says), el("path", d=_path(prices)),
        viewBox=f"0 0 {parts} {_HEIGHT}", preserveAspectRatio="none", role="img",
    )  # fmt: skip
    told = [
        ("Now", money(summary.now) or "–"),
        ("Lowest", money(summary.lowest)),
        ("Median", money(summary.median)),
        ("Highest", money(summary.highest)),
        ("Hours known", str(summary.hours)),
    ]
    facts = el("dl", ((el("dt", name), el("dd", figure)) for name, figure in told))
    return el("div", el("p", summary.says), el("div", drawing, facts, class_="history"))


def _path(prices: Sequence[float | None]) -> str:
    known = [price for price in prices if price is not None]
    bottom, top = min(known, default=0.0), max(known, default=0.0)
    return "".join(_steps(prices, bottom, top))


def _steps(prices: Sequence[float | None], bottom: float, top: float) -> Iterator[str]:
    """Yield a step for each part; what is not known is a gap."""
    drawing = False
    for at, price in enumerate(prices):
        if price is None:
            drawing = False
            continue
        share = (price - bottom) / (top - bottom) if top > bottom else 0.5
        height = _HEIGHT - _MARGIN - share * (_HEIGHT - 2 * _MARGIN)
        yield f"V{height:.1f}H{at + 1}" if drawing else f"M{at} {height:.1f}H{at + 1}"
        drawing = True
