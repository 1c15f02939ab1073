"""What is odd about prices, row by row: exactly what `domain.odd_prices` finds when it looks at all offers."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.odd_prices import LEAST_SAMPLES, TIMES_OFF, Mark
from gpu_shopper.market.bitmaps import WORD, Words, packed
from gpu_shopper.market.layout import Layout
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.shelf import Numbers

# The medians of so many GPUs are found before others are let in.
_PIECE = 32


def marking(
    layout: Layout, numbers: Mapping[str, Numbers], spot_above: Words
) -> Pieces[dict[str, Words]]:
    """Return a bitmap for each mark that any row bears, in the order of `Mark`."""
    price = numbers["price"]
    per_gpu = price / (numbers["count"].astype(np.float64) * numbers["fraction"])
    priced = price > 0
    yield
    typical = yield from _medians(layout, per_gpu, priced)
    usual = np.repeat(typical[layout.gpu_of_word], WORD)
    yield
    found = {
        Mark.NO_PRICE.value: packed(price <= 0),
        Mark.SPOT_ABOVE.value: spot_above,
        Mark.FAR_BELOW.value: packed(priced & (per_gpu * TIMES_OFF < usual)),
        Mark.FAR_ABOVE.value: packed(priced & (per_gpu > usual * TIMES_OFF)),
    }
    return {mark: words for mark, words in found.items() if words.any()}


def _medians(
    layout: Layout, per_gpu: Numbers, priced: NDArray[np.bool_]
) -> Pieces[NDArray[np.float64]]:
    """Return the median price of one whole GPU of each model; NaN, with which nothing compares, where few are on sale."""
    edges = np.append(layout.first_word, layout.size // WORD) * WORD
    medians = np.full(len(layout.gpus), np.nan)
    for number, (first, end) in enumerate(pairwise(edges)):
        prices = per_gpu[first:end][priced[first:end]]
        if len(prices) >= LEAST_SAMPLES:
            medians[number] = np.median(prices)
        if number % _PIECE == 0:
            yield
    return medians
