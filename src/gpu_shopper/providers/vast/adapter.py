"""Vast.ai as a `CloudProvider`: its API and the mapping put together. It decides nothing."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from math import inf, nextafter

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money, money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.billing import BillLine
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import ProviderError, Unavailable
from gpu_shopper.providers.account import Account, found_in, seen
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.vast.api import (
    DIALECT,
    MOST_FOUND,
    AskRow,
    Charge,
    InstanceRow,
    VastApi,
)
from gpu_shopper.providers.vast.mapping import (
    BID,
    DEFAULT_DISK_GB,
    PROVIDER,
    instance_of,
    new_instance_of,
    offer_of,
)
from gpu_shopper.transport.decoding import decode_rows
from gpu_shopper.transport.listing import MOST_PAGES, Menu, Page

# A search that shows no more than this has shown the end, wherever its limit is just now.
FEW_FOUND = MOST_FOUND // 2


class VastProvider(Account):
    """One account there."""

    provider = PROVIDER

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        self._verified_only = self._settings["unverified"] != "true"
        self._api = VastApi(self._caller(DIALECT))

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, at a price or for a bid."""
        del known
        menu = Menu(self._clock)
        fetched_at = self._clock.now()
        for is_bid in (False, True):
            await self._read_by_price(menu, is_bid=is_bid, fetched_at=fetched_at)
        return menu.listing()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        ask = order.offer.provider_id.removesuffix(BID)
        instance_id = await self._api.create(ask, new_instance_of(order, image=self._image))
        for key in order.ssh_public_keys:
            # The keys stand in the start-up script as well: this only brings them sooner.
            with suppress(ProviderError):
                await self._api.attach_key(instance_id, key)
        return self._bought(instance_id, order)

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label; None only if a complete listing lacks it."""
        listing = await self._list(label=label)
        return found_in(listing, label)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.instance(instance_id)
        return seen(row, instance_of, instance_id=instance_id)

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""
        return await self._list(label=None)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance, disk included; may be called any number of times."""
        await self._api.delete(instance_id)

    async def bills(self, instance_id: InstanceId, *, since: datetime) -> tuple[BillLine, ...]:
        """Return what was charged for an instance so far, among the charges of all days since then."""
        found: list[BillLine] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._api.charges(since=since, until=self._clock.now(), cursor=cursor)
            rows = decode_rows(page.results, Charge).good
            found += [
                BillLine(amount=money(row.amount), words=row.description or "instance")
                for row in rows
                if row.source == f"instance-{instance_id}"
            ]
            cursor = page.next_token
            if not cursor:
                break
        return tuple(found)

    async def balance(self) -> Money | None:
        """Return the money left on the account."""
        return money((await self._api.user()).credit)

    async def _list(self, *, label: str | None) -> Listing:
        async def fetch(cursor: str | None) -> Page:
            page = await self._api.instances(cursor=cursor, label=label)
            return Page(
                rows=page.instances, next_cursor=page.next_token, total=page.total_instances
            )

        return await self._whole(fetch, InstanceRow, instance_of)

    async def _read_by_price(self, menu: Menu, *, is_bid: bool, fetched_at: datetime) -> None:
        """Read all asks of a kind. A search shows 64 or so, so the next one begins at the price where the last one ended.

        Where it shows nothing new any more, there may be more asks of that one price: they are read by their numbers.
        """

        def make(row: AskRow) -> Sequence[Offer]:
            return (offer_of(row, fetched_at=fetched_at, is_bid=is_bid),)

        seen: set[int] = set()
        where: dict[str, object] = {}
        for _ in range(MOST_PAGES):
            found = (await self._api.search({**self._wanted(is_bid=is_bid), **where})).offers
            rows = decode_rows(found, AskRow).good
            if found and not rows:
                raise Unavailable("offers: none of a whole page can be read")
            fresh = [row for row in rows if row.id not in seen]
            await menu.take(found, AskRow, make, alike=f"{is_bid=}")
            seen.update(row.id for row in fresh)
            if "id" not in where and len(found) <= FEW_FOUND:
                return
            where = _onwards(where, fresh or rows, is_news=bool(fresh))
        raise Unavailable(f"offers: no end after {MOST_PAGES} pages")

    def _wanted(self, *, is_bid: bool) -> dict[str, object]:
        verified = {"verified": {"eq": True}} if self._verified_only else {}
        return {
            **verified,
            "external": {"eq": False},
            "rentable": {"eq": True},
            "order": [["dph_total", "asc"], ["id", "asc"]],
            "type": "bid" if is_bid else "on-demand",
            "limit": MOST_FOUND,
            "allocated_storage": float(DEFAULT_DISK_GB),
        }


def _onwards(
    where: Mapping[str, object], rows: Sequence[AskRow], *, is_news: bool
) -> dict[str, object]:
    """Return where to look next: from the dearest on, or through all that cost the same, and then above them."""
    if not rows:
        price = where["dph_total"]
        assert isinstance(price, dict), where
        return {"dph_total": {"gte": nextafter(price["eq"], inf)}}
    dearest = max(row.dph_total for row in rows)
    if "id" not in where and is_news:
        return {"dph_total": {"gte": dearest}}
    last = max(row.id for row in rows if row.dph_total == dearest)
    return {"dph_total": {"eq": dearest}, "id": {"gt": last}}
