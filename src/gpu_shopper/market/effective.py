"""What offers cost for somebody's need, many at once: the arithmetic of `domain.true_price`, column by column.

A test compares the two, row by row.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.domain.true_price import (
    HOUR_SECONDS,
    MOST_MICROS,
    BillingTerms,
    Costing,
    Need,
    disk_months,
)
from gpu_shopper.market.bitmaps import in_pieces
from gpu_shopper.market.index import Index
from gpu_shopper.market.pieces import PIECE_ROWS, Pieces
from gpu_shopper.market.row_store import Codes
from gpu_shopper.market.rows import NOT_SERVED, costed_ending

Micros = NDArray[np.int64]

# So many needs' prices of the whole market are kept: people turn pages, and ask again.
_KEPT: Final = 4
# A price is multiplied by up to a year of seconds, in 64 bits; half a billion dollars an hour is enough.
_DEAREST: Final = float(1 << 49)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bills:
    """The parts of the price of each of some rows; `served` tells which can be had so at all."""

    use: Micros
    unused: Micros
    disk: Micros
    traffic: Micros
    exchange: Micros
    rounding: Micros
    total: Micros
    served: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Terms:
    """One value for each cloud, in the order of the index."""

    billed_s: Micros
    disk_months: NDArray[np.float64]
    exchange_fee: NDArray[np.float64]
    step: Micros


class Effective:
    """What the rows of one index cost, for whatever is needed."""

    def __init__(self, index: Index, *, piece: int = PIECE_ROWS) -> None:
        self._index = index
        self._piece = piece
        self._kept: OrderedDict[Costing, NDArray[np.float64]] = OrderedDict()

    def totals(self, costing: Costing, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the price of each of `rows` in micro-dollars; NaN where it cannot be had so."""
        kept = self._kept.get(costing)
        return self._sortable(costing, rows) if kept is None else kept[rows]

    def keeping(self, costing: Costing) -> Pieces[None]:
        """Reckon the totals of all rows, so that they need only be looked up."""
        if costing in self._kept:
            return
        column = np.full(self._index.size, np.nan)
        every = np.flatnonzero(self._index.source >= 0)
        for number, rows in enumerate(in_pieces(every, self._piece)):
            if number:
                yield
            column[rows] = self._sortable(costing, rows)
        # Two that ask at once both do the work; they come to the same.
        self._kept[costing] = column
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def hourly(
        self, costing: Costing, rows: NDArray[np.int64], totals: NDArray[np.float64], *, gpus: bool
    ) -> NDArray[np.float64]:
        """Return the totals of `rows` spread over the hours of use, and over their `gpus` too."""
        shares = self._gpus(rows) * costing.need.seconds if gpus else costing.need.seconds
        return np.rint(np.minimum(totals * HOUR_SECONDS / shares, MOST_MICROS))

    def bills(self, costing: Costing, rows: NDArray[np.int64]) -> Bills:
        """Return what each of `rows` costs, part by part."""
        number, terms, cloud = self._index.number, self._terms(costing), self._clouds(rows)
        price = self._prices(rows)
        billed = _charged(price, terms.billed_s, cloud)
        use = _charged(price, np.array([costing.need.seconds]), cloud)
        disk = _rounded(_wide(number("storage_price")[rows]) * _each(terms.disk_months, cloud))
        traffic = _rounded(_wide(number("traffic_price")[rows]) * costing.need.traffic_gb)
        before = billed + disk + traffic
        exchange = _rounded(before.astype(np.float64) * _each(terms.exchange_fee, cloud))
        rounding = -(before + exchange) % _each(terms.step, cloud)
        return Bills(
            use=use,
            unused=billed - use,
            disk=disk,
            traffic=traffic,
            exchange=exchange,
            rounding=rounding,
            total=before + exchange + rounding,
            served=self._served(costing.need, rows),
        )

    def _sortable(self, costing: Costing, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the total of each of `rows`: the same as of their bills, without what adds nothing."""
        number, terms, cloud = self._index.number, self._terms(costing), self._clouds(rows)
        total = _charged(self._prices(rows), terms.billed_s, cloud)
        if terms.disk_months.any():
            total += _rounded(
                _wide(number("storage_price")[rows]) * _each(terms.disk_months, cloud)
            )
        if costing.need.traffic_gb:
            total += _rounded(_wide(number("traffic_price")[rows]) * costing.need.traffic_gb)
        if terms.exchange_fee.any():
            total += _rounded(total.astype(np.float64) * _each(terms.exchange_fee, cloud))
        if (terms.step > 1).any():
            total += -total % _each(terms.step, cloud)
        return np.where(self._served(costing.need, rows), total, np.nan)

    def _clouds(self, rows: NDArray[np.int64]) -> Codes:
        return self._index.clouds_of(rows)

    def _prices(self, rows: NDArray[np.int64]) -> Micros:
        return np.minimum(self._index.number("price")[rows], _DEAREST).astype(np.int64)

    def _served(self, need: Need, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        number = self._index.number
        long_enough = need.seconds <= number("max_hours")[rows] * HOUR_SECONDS
        # A size that the cloud does not tell is NaN, and nothing is below or above it.
        too_small = number("disk")[rows] < need.disk_gb
        return np.asarray(long_enough & ~too_small)

    def endings(self, costing: Costing, positions: Sequence[int]) -> Iterator[bytes]:
        """Yield what closes each row: what it costs, as JSON."""
        rows, need = np.asarray(positions, dtype=np.int64), costing.need
        bills = self.bills(costing, rows)
        hourly = bills.total.astype(np.float64) * HOUR_SECONDS
        columns = (
            bills.served,
            _rounded(hourly / need.seconds),
            bills.use,
            bills.unused,
            bills.disk,
            bills.traffic,
            bills.exchange,
            bills.rounding,
            bills.total,
            _rounded(hourly / (need.seconds * self._gpus(rows))),
        )
        for served, per_hour, *parts in zip(*(each.tolist() for each in columns), strict=True):
            yield costed_ending(per_hour, parts) if served else NOT_SERVED

    def _gpus(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        number = self._index.number
        return _wide(number("count")[rows]) * _wide(number("fraction")[rows])

    def _terms(self, costing: Costing) -> _Terms:
        known = dict(costing.terms)
        each = [known.get(name, BillingTerms()) for name in self._index.providers]
        billed = [terms.billed_seconds(costing.need, started=costing.started) for terms in each]
        months = [
            disk_months(max(0, costing.need.disk_gb - terms.included_disk_gb), seconds)
            for terms, seconds in zip(each, billed, strict=True)
        ]
        return _Terms(
            np.array(billed, dtype=np.int64),
            np.array(months, dtype=np.float64),
            np.array([terms.exchange_fee for terms in each], dtype=np.float64),
            np.array([terms.step_micros for terms in each], dtype=np.int64),
        )


def _each(values: NDArray[Any], cloud: Codes) -> Any:
    """Return the value of each row's cloud, or the one that all clouds have."""
    return values[0] if len(values) and (values == values[0]).all() else values[cloud]


def _charged(price: Micros, seconds: Micros, cloud: Codes) -> Micros:
    """Return the price of so many seconds, rounded half up; whole hours apart, so that 64 bits are enough."""
    hours, rest = seconds // HOUR_SECONDS, seconds % HOUR_SECONDS
    charged: Micros = price * _each(hours, cloud)
    if rest.any():
        # Division of whole numbers is slow, and most people need whole hours.
        charged += (price * _each(rest, cloud) + HOUR_SECONDS // 2) // HOUR_SECONDS
    return charged


def _rounded(micros: NDArray[np.float64]) -> Micros:
    return np.rint(np.minimum(micros, MOST_MICROS)).astype(np.int64)


def _wide(column: NDArray[Any]) -> NDArray[np.float64]:
    return column.astype(np.float64)
