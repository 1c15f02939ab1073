"""Prime Intellect as a `CloudProvider`: its API and the mapping put together. It decides nothing.

A pod is given one key of those that the account keeps.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import PREFIX
from gpu_shopper.domain.money import Money, money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.billing import BillLine
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.ports.provider_errors import (
    OfferGone,
    Unavailable,
)
from gpu_shopper.providers.account import Account, seen
from gpu_shopper.providers.keys import dropped_if_refused, key_for, keys_left
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.prime.api import (
    DIALECT,
    PAGE,
    KeyRow,
    OfferRow,
    PastPod,
    PodRow,
    PrimeApi,
)
from gpu_shopper.providers.prime.mapping import (
    PROVIDER,
    id_of,
    instance_of,
    is_sold,
    new_order_of,
    offer_of,
)
from gpu_shopper.transport.calling import clearing_away
from gpu_shopper.transport.listing import MOST_PAGES, Menu, Page

_SWEEP_PERIOD = timedelta(hours=1)
# So far back the history is looked through for the name of a pod: whatever was ended since has pushed it down.
_PAST_PAGES = 10


class PrimeProvider(Account):
    """One account there."""

    provider = PROVIDER

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._image = self._settings["image"]
        self._team = self._settings["team"]
        # What was last on sale: an order names all of it, and an offer's id only which.
        self._rows: Mapping[str, OfferRow] = {}
        # Of pods that were launched since the start: their label, and the key that they were given.
        self._keys_of: dict[str, tuple[str, KeyRow]] = {}
        self._swept_at: datetime | None = None
        self._api = PrimeApi(self._caller(DIALECT, without="/api/v1"))

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, of all clouds behind."""
        del known
        return await self._read_menu()

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside; `Refused` only where nothing was bought for certain."""
        row = await self._row_of(order)
        # A bad order shall leave no key.
        new_order_of(order, row, key_id="", image=self._image, team=self._team)
        key = await key_for(
            order,
            add=lambda public: self._api.add_key(name=order.label, public_key=public),
            known=self._keys,
        )
        is_own = key.name == order.label
        async with dropped_if_refused(partial(self._api.delete_key, key.id) if is_own else None):
            new = new_order_of(order, row, key_id=key.id, image=self._image, team=self._team)
            pod_id = await self._api.create(new)
        self._keys_of[pod_id] = (order.label, key)
        return self._bought(pod_id, order)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        row = await self._api.pod(instance_id)
        return seen(row, instance_of, instance_id=instance_id)

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""

        async def fetch(cursor: str | None) -> Page:
            offset = int(cursor or 0)
            page = await self._api.pods(offset)
            end = offset + len(page.data)
            more = bool(page.data) and end < page.total_count
            return Page(
                rows=page.data, next_cursor=str(end) if more else None, total=page.total_count
            )

        return await self._whole(fetch, PodRow, instance_of)

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of a pod, then drop its key; may be called any number of times."""
        await self._api.delete(instance_id)
        with clearing_away():
            await self._clear_keys(instance_id)
        # Until no key is left of it, this fails, and is called again.
        self._keys_of.pop(instance_id, None)

    async def _clear_keys(self, instance_id: InstanceId) -> None:
        now, given = self._clock.now(), self._keys_of.get(instance_id)
        if given is None:
            await self._sweep_keys(await self._name_of(instance_id), now)
        elif self._swept_at is None or now >= self._swept_at + _SWEEP_PERIOD:
            await self._sweep_keys(given[0], now)
        elif given[1].name == given[0]:
            # Many that end at once shall not each read all keys: what others left is looked for now and then.
            await self._api.delete_key(given[1].id)

    async def bills(self, instance_id: InstanceId, *, since: datetime) -> tuple[BillLine, ...]:
        """Return what a pod that is over has cost in all."""
        del since
        past = await self._past(instance_id)
        if past is None or past.total_billed_price is None:
            return ()
        return (BillLine(amount=money(past.total_billed_price), words="the pod's whole price"),)

    async def balance(self) -> Money | None:
        """Return the money left on the account, or on the team's."""
        return money((await self._api.wallet(self._team)).balance_usd)

    async def _read_menu(self) -> OfferListing:
        menu, fetched_at, seen = Menu(self._clock), self._clock.now(), 0
        rows: dict[str, OfferRow] = {}

        def make(row: OfferRow) -> tuple[Offer, ...]:
            return _sold(rows, row, fetched_at)

        for number in range(1, MOST_PAGES):
            page = await self._api.menu(number)
            await menu.take(page.items, OfferRow, make)
            seen += len(page.items)
            if not page.items or seen >= page.total_count:
                self._rows = rows
                return menu.listing()
        raise Unavailable(f"offers: no end after {MOST_PAGES} pages")

    async def _row_of(self, order: LaunchOrder) -> OfferRow:
        """Return what the order is for, as it was last seen; after a restart the menu is read first."""
        if not self._rows:
            await self._read_menu()
        row = self._rows.get(order.offer.provider_id)
        if row is None:
            raise OfferGone(f"create {order.label}: {order.offer.provider_id} is not on sale")
        return row

    async def _name_of(self, pod_id: str) -> str:
        """Return the name of a pod, even of one that is over; empty where nobody knows it."""
        row = await self._api.pod(pod_id)
        if row is not None:
            return row.name or ""
        past = await self._past(pod_id)
        return "" if past is None else past.name or ""

    async def _past(self, pod_id: str) -> PastPod | None:
        """Return a pod that is over, from the latest pages of the history."""
        offset = 0
        for _ in range(_PAST_PAGES):
            page = await self._api.past(offset)
            found = next((one for one in page.data if one.id == pod_id), None)
            if found is not None:
                return found
            offset += len(page.data)
            if not page.data or offset >= page.total_count:
                break
        return None

    async def _sweep_keys(self, label: str, now: datetime) -> None:
        """Drop the key of a pod, and what its deployment left before; nothing for a name that is no label."""
        if not label.startswith(f"{PREFIX}-"):
            return
        for key in keys_left(await self._keys(), own={label}, label=label, now=now):
            await self._api.delete_key(key.id)
        self._swept_at = now

    async def _keys(self) -> list[KeyRow]:
        found: list[KeyRow] = []
        for _ in range(MOST_PAGES):
            page = await self._api.keys(len(found))
            found += page.data
            total = len(found) if page.total_count is None else page.total_count
            if len(page.data) < PAGE and len(found) >= total:
                break
            if not page.data:
                break
        return found


def _sold(rows: dict[str, OfferRow], row: OfferRow, fetched_at: datetime) -> tuple[Offer, ...]:
    offer = offer_of(row, fetched_at=fetched_at) if is_sold(row) else None
    if offer is None:
        return ()
    rows[id_of(row)] = row
    return (offer,)
