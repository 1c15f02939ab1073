"""DigitalOcean's HTTP API, typed, in its own words; nothing of ours.

Its list of droplets leaves out those with GPUs unless asked for them. The same status, 422, says that an order makes no
sense, that nothing is left, and that something else is going on: `DIALECT` says which words mean what.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from gpu_shopper.ports.provider_errors import (
    NoCapacity,
    OfferGone,
    QuotaReached,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.transport.answers import (
    Dialect,
)
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.listing import Page

PAGE = 100
DIALECT = Dialect(
    codes={"Unauthorized": Unauthorized, "unauthorized": Unauthorized},
    # All of these come as 422 `unprocessable_entity`, as plain mistakes do.
    phrases={
        "droplet limit": QuotaReached,
        "gpu limit": QuotaReached,
        "will exceed": QuotaReached,
        "currently restricted": QuotaReached,
        "payment": QuotaReached,
        "account is locked": QuotaReached,
        "at capacity": NoCapacity,
        "no capacity": NoCapacity,
        "not available": OfferGone,
        "unavailable": OfferGone,
        "unable to authenticate": Unauthorized,
    },
    # An error's `id` is its kind; that of a droplet lies deeper.
    code_fields=("id",),
    text_fields=("id", "message"),
    id_fields=("droplet.id",),
)

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Id = Annotated[int, msgspec.Meta(ge=1, le=1 << 62)]


class Vram(msgspec.Struct, frozen=True, kw_only=True):
    """Memory of all its GPUs together."""

    amount: _Number = 0.0
    unit: _Text = "gib"


class GpuInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The GPUs of a size or a droplet."""

    count: Annotated[int, msgspec.Meta(ge=0, le=1024)]
    model: _Text
    vram: Vram | None = None


class SizeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One size, with the regions in which it can be had. Memory is in MB, disk in GB."""

    slug: _Text
    price_hourly: _Number
    regions: Sequence[_Text] = ()
    available: bool = True
    description: _Text | None = None
    memory: _Number = 0.0
    vcpus: Annotated[int, msgspec.Meta(ge=0, le=65_536)] = 0
    disk: _Number = 0.0
    gpu_info: GpuInfo | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a droplet, `public` or `private`."""

    ip_address: _Text
    type: _Text


class Networks(msgspec.Struct, frozen=True, kw_only=True):
    """Its addresses; none while it is new."""

    v4: Sequence[Address] = ()


class DropletRow(msgspec.Struct, frozen=True, kw_only=True):
    """One droplet."""

    id: _Id
    name: _Text
    status: _Text
    size_slug: _Text = ""
    size: SizeRow | None = None
    gpu_info: GpuInfo | None = None
    networks: Networks | None = None
    tags: Sequence[_Text] | None = None
    created_at: _Text | None = None


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """Where the other pages are."""

    next: _Text | None = None


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to a page; empty where there is only one."""

    pages: Pages | None = None


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are on all pages."""

    total: Annotated[int, msgspec.Meta(ge=0)] | None = None


class SizesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of sizes; rows are left for later, each by itself."""

    sizes: list[msgspec.Raw]
    links: Links | None = None


class DropletsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of droplets; likewise."""

    droplets: list[msgspec.Raw]
    links: Links | None = None
    meta: Meta | None = None


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """How many things bear a tag."""

    count: Annotated[int, msgspec.Meta(ge=0)]


class TagRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tag of the account."""

    name: _Text
    resources: Resources


class TagsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of tags; rows are left for later."""

    tags: list[msgspec.Raw]
    links: Links | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One droplet, shown or just bought."""

    droplet: DropletRow


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed so far, in dollars; below zero it is credit."""

    month_to_date_balance: _Text


class NewDroplet(msgspec.Struct, frozen=True, kw_only=True):
    """What a create call carries."""

    name: str
    region: str
    size: str
    image: str | int
    ssh_keys: Sequence[str | int]
    tags: Sequence[str]
    user_data: str


class DigitalOceanApi:
    """The calls, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def sizes(self, *, cursor: str | None) -> Page:
        """Return a page of what is on the price list, with and without GPUs."""
        query = _paged(cursor)
        call = Call(path="/v2/sizes", query=query, what="offers")
        page = await self._caller.show(call, SizesPage)
        return Page(rows=page.sizes, next_cursor=_next(page.links, cursor, what="offers"))

    async def create(self, new: NewDroplet) -> DropletRow:
        """Buy a droplet; return it.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        call = Call(method="POST", path="/v2/droplets", body=new, what=f"create {new.name}")
        return (await self._caller.buy(call, Shown)).droplet

    async def droplets(self, cursor: str | None) -> Page:
        """Return a page of the account's droplets with GPUs."""
        query = {"type": "gpus", **_paged(cursor)}
        call = Call(path="/v2/droplets", query=query, what="instances")
        page = await self._caller.show(call, DropletsPage)
        return Page(
            rows=page.droplets,
            next_cursor=_next(page.links, cursor, what="instances"),
            total=None if page.meta is None else page.meta.total,
        )

    async def droplet(self, droplet_id: str) -> DropletRow | None:
        """Return one droplet, None if the cloud says that there is none."""
        call = Call(path=_path(droplet_id), what=f"instance {droplet_id}")
        found = await self._caller.one(call, Shown, lambda said: str(said.droplet.id) == droplet_id)
        return None if found is None else found.droplet

    async def delete(self, droplet_id: str) -> None:
        """Ask for the end of a droplet, its disk included; one that is not there is no error."""
        call = Call(
            method="DELETE", path=_path(droplet_id), what=f"destroy {droplet_id}", urgent=True
        )
        await self._caller.end(call)

    async def tags(self, *, cursor: str | None) -> Page:
        """Return a page of the account's tags."""
        call = Call(path="/v2/tags", query=_paged(cursor), what="tags")
        page = await self._caller.show(call, TagsPage)
        return Page(rows=page.tags, next_cursor=_next(page.links, cursor, what="tags"))

    async def delete_tag(self, tag: str) -> None:
        """Drop a tag, from the account and from all that bears it; one that is not there is no error."""
        what = f"tag {tag}"
        path = f"/v2/tags/{quote(tag, safe='')}"
        call = Call(method="DELETE", path=path, what=what)
        await self._caller.end(call)

    async def balance(self) -> Balance:
        """Return the account's balance."""
        call = Call(path="/v2/customers/my/balance", what="account")
        return await self._caller.show(call, Balance)


def _path(droplet_id: str) -> str:
    return f"/v2/droplets/{quote(droplet_id, safe='')}"


def _paged(cursor: str | None) -> Mapping[str, str | int | None]:
    return {"per_page": PAGE, "page": cursor or "1"}


def _next(links: Links | None, cursor: str | None, *, what: str) -> str | None:
    """Return the number of the next page, which stands in its address; None where this is the last.

    Raises:
        Unavailable: there is one, and it does not lead onwards.
    """
    if links is None or links.pages is None or not links.pages.next:
        return None
    number = parse_qs(urlsplit(links.pages.next).query).get("page", [""])[0]
    if not number.isascii() or not number.isdigit() or int(number[:9]) <= int(cursor or "1"):
        raise Unavailable(f"{what}: the next page is no page")
    return number[:9]
