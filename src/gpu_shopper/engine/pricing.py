"""Pricing: what each cloud's offers cost, written down once an hour, so that a price can be told to be a good one."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from operator import itemgetter

from gpu_shopper.domain.cost import hour_of
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.price_history import KEPT, Family, HourPrice, Tally
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import Book, BookUnavailable

# So many offers are gathered before others are let in: about a millisecond's work.
_PIECE = 100
# A large cloud has thousands of families, and there is one writer: nobody's order waits behind more than these.
_WRITTEN_AT_A_TIME = 100


class Pricing:
    """Keeps prices."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: dict[ProviderName, datetime] = {}
        # One at a time: there is one writer, and what a large cloud's families cost takes memory while it lasts.
        self._keeping = asyncio.Lock()

    async def keep(self, provider: ProviderName, *, at: datetime) -> None:
        """Write down what a listing of `at`, on the market by now, says of prices: once in an hour."""
        hour, before = hour_of(at), self._kept.get(provider)
        if hour == before or not self._desk.keeps_prices:
            return
        async with self._keeping:
            await self._keep(provider, hour=hour, before=before)

    async def _keep(
        self, provider: ProviderName, *, hour: datetime, before: datetime | None
    ) -> None:
        snapshot = self._desk.market.snapshot
        tally, offers = Tally(odd=snapshot.odd_ones(provider)), snapshot.offers_of(provider)
        while piece := list(islice(offers, _PIECE)):
            tally.add(piece)
            await self._desk.clock.sleep(0)
        prices = sorted(tally.prices().items(), key=itemgetter(0))
        if not prices:
            return
        try:
            if before is None or before.date() != hour.date():
                await self._desk.books.write(
                    lambda book: book.prices.prune(oldest=hour - KEPT, newest=hour)
                )
            for start in range(0, len(prices), _WRITTEN_AT_A_TIME):
                some = dict(prices[start : start + _WRITTEN_AT_A_TIME])
                await self._record(provider, some, hour=hour)
        except BookUnavailable:
            # The next listing tries again; no menu waits for its history.
            return
        self._kept[provider] = hour

    async def _record(
        self, provider: ProviderName, prices: Mapping[Family, HourPrice], *, hour: datetime
    ) -> None:
        def write(book: Book) -> None:
            book.prices.record(provider, prices, hour=hour)

        await self._desk.books.write(write)
