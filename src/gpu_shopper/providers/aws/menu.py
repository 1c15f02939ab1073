"""The menu of one region: its types at the price list's prices, and the same as spot instances, zone by zone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.providers.aws.api import Ec2Api, SpotRow, TypeRow
from gpu_shopper.providers.aws.mapping import (
    Known,
    fits_us,
    on_demand_offer,
    region_of_zone,
    spot_offer,
)
from gpu_shopper.transport.listing import MOST_PAGES, Menu

Rows = Sequence[msgspec.Raw]


class RegionMenu:
    """Reads into `menu`, and notes in `known` what the types are, and what spot instances cost just now."""

    def __init__(
        self,
        menu: Menu,
        known: Known,
        *,
        region: str,
        fetched_at: datetime,
    ) -> None:
        self._menu = menu
        self._known = known
        self._region = region
        self._fetched_at = fetched_at
        self._on_spot: dict[str, TypeRow] = {}

    async def read(self, api: Ec2Api) -> None:
        """Read all of it."""

        async def types(token: str | None) -> tuple[Rows, str | None]:
            page = await api.types(token)
            return page.instance_type_set or (), page.next_token

        async def spots(token: str | None) -> tuple[Rows, str | None]:
            page = await api.spot_prices(sorted(self._on_spot), since=since, token=token)
            return page.spot_price_history_set or (), page.next_token

        async for rows in _pages(types):
            await self._menu.take(rows, TypeRow, self._on_demand)
        since = self._fetched_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if self._on_spot:
            async for rows in _pages(spots):
                await self._menu.take(rows, SpotRow, self._spot)

    def _on_demand(self, row: TypeRow) -> Sequence[Offer]:
        if not fits_us(row):
            return ()
        self._known.kinds[row.instance_type] = row
        classes = row.supported_usage_classes or ()
        if "spot" in classes:
            self._on_spot[row.instance_type] = row
        if "on-demand" not in classes:
            return ()
        offer = on_demand_offer(
            row, self._known.prices, region=self._region, fetched_at=self._fetched_at
        )
        return (offer,)

    def _spot(self, row: SpotRow) -> Sequence[Offer]:
        kind = self._on_spot.get(row.instance_type)
        if kind is None or region_of_zone(row.availability_zone) != self._region:
            return ()
        self._known.prices[row.availability_zone, row.instance_type] = float(row.spot_price)
        return (spot_offer(kind, row, fetched_at=self._fetched_at),)


async def _pages(
    fetch: Callable[[str | None], Awaitable[tuple[Rows, str | None]]],
) -> AsyncIterator[Rows]:
    token: str | None = None
    for _ in range(MOST_PAGES):
        rows, token = await fetch(token)
        yield rows
        if token is None:
            return
    raise Unavailable(f"offers: no end after {MOST_PAGES} pages")
