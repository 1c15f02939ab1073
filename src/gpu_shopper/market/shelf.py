"""One cloud's offers, as last heard, in columns and rows: made once when the cloud is heard (see `market.stocking`).

A column has its values by position (see `market.layout`). A number that a cloud does not tell is NaN, a text that it does
not tell is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.odd_prices import Mark
from gpu_shopper.market.bitmaps import Words
from gpu_shopper.market.layout import Layout, Numbers
from gpu_shopper.market.row_store import Codes, RowStore
from gpu_shopper.market.spread import Spread

NUMBERS: Final = (
    "count",
    "fraction",
    "price_per_gpu",
    "vram",
    "vcpus",
    "ram",
    "disk",
    "down",
    "up",
    "reliability",
    "confidence",
    "max_hours",
    "storage_price",
    "traffic_price",
    "cuda",
)
FLAGS: Final = ("interruptible", "available")
TEXTS: Final = ("country", "region", "city", "location")


@dataclass(frozen=True, slots=True)
class Text:
    """A column of texts: the distinct ones, in order, and for each position the number of its own, -1 for none."""

    values: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shelf:
    """One cloud's offers. `machines` and `prints` are hashes, in the order of the rows; `flags` are bitmaps.

    A row's print is that of what the cloud said of it; 0 where nobody knows.

    `lowest` and `highest` are the prices of one whole GPU of each model, infinite and 0 where none has a price. `marks` are
    those that need no other cloud to be seen.
    """

    provider: ProviderName
    rows: RowStore
    layout: Layout
    numbers: Mapping[str, Numbers]
    flags: Mapping[str, Words]
    texts: Mapping[str, Text]
    machines: NDArray[np.int64]
    prints: NDArray[np.int64]
    marks: Mapping[Mark, Words]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    spread: Spread

    def __len__(self) -> int:
        return len(self.rows)

    def number(self, name: str) -> NDArray[np.floating[Any]]:
        """Return a column of numbers; prices are infinite where there is no row."""
        return self.layout.prices if name == "price" else self.numbers[name]

    def find(self, offer_id: str) -> int | None:
        """Return the position of the offer of that id on this shelf; None if it is not there."""
        last = self.rows.ids_up_to(offer_id) - 1
        if last < 0 or self.rows.id_at(last) != offer_id:
            return None
        return int(self.layout.position_of[last])
