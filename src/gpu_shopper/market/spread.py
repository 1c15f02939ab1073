"""How the prices of each GPU are spread: how many lie in which small range, so that a median is bracketed without a look at any."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.row_store import Codes

# A range is a sixteenth of an octave: what a float has before its last 48 bits.
_SHIFT: Final = 48
_OCTAVES_BELOW_ONE: Final = 4
_FIRST: Final = (1023 - _OCTAVES_BELOW_ONE) << 4
# From a sixteenth of a micro-dollar to seventeen thousand dollars an hour; what is beyond is in the first or the last.
BINS: Final = 38 * 16


class Spread(NamedTuple):
    """Of one shelf: each range of each GPU in which there are prices (`gpu * BINS + range`), and how many are in it."""

    keys: Codes
    counts: Codes


def spread_of(gpus: Codes, per_gpu: NDArray[np.float64]) -> Spread:
    """Return how the prices of one whole GPU are spread; what has no price counts for nothing."""
    priced = per_gpu > 0
    if not priced.any():
        return Spread(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))
    counts = np.bincount(gpus[priced] * BINS + bins_of(per_gpu[priced]))
    (keys,) = counts.nonzero()
    return Spread(keys.astype(np.int32), counts[keys].astype(np.int32))


def bins_of(prices: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return in which range each price is, all of them 0 or more."""
    bins: NDArray[np.int64] = (prices.view(np.int64) >> _SHIFT) - _FIRST
    return np.clip(bins, 0, BINS - 1)


def begin_of(bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return where each range begins; that of the last one's successor is infinite."""
    edges = ((bins + _FIRST) << _SHIFT).view(np.float64)
    return np.where(bins <= 0, 0.0, np.where(bins >= BINS, np.inf, edges))
