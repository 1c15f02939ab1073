"""The sandbox cloud's HTTP API, typed, in the cloud's own words; nothing of ours.

Which statuses mean what is told in `transport.answers`; what a row means is for `mapping` to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec

from gpu_shopper.ports.http import HttpDoor, HttpReply, HttpRequest
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    NoCapacity,
    OfferGone,
    QuotaReached,
    Unavailable,
)
from gpu_shopper.transport.answers import (
    NOT_MODIFIED,
    Dialect,
    ask,
    instance_in,
    judge_destroy,
    judge_launch,
    judge_read,
    order,
    says_gone,
)
from gpu_shopper.transport.decoding import decode

# A name that is longer is cut, and then never the cloud's own again.
LONGEST_REVISION = 200
DIALECT = Dialect(
    codes={
        "offer_gone": OfferGone,
        "price_changed": OfferGone,
        "no_capacity": NoCapacity,
        "insufficient_balance": QuotaReached,
    }
)

_Text = Annotated[str, msgspec.Meta(max_length=200)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
_Gpus = Annotated[int, msgspec.Meta(ge=1, le=1024)]
_Amount = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class OfferRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of the menu. Memory is that of one GPU; `max_hours` 0 is without limit."""

    id: _Name
    host_id: _Text
    machine_id: _Name
    region: _Text
    city: _Text
    country: _Text
    gpu_name: _Name
    gpu_count: _Gpus
    gpu_memory_mib: _Count
    price_per_hour: _Amount
    reliability: _Share
    vcpus: _Count = 0
    ram_gb: _Count = 0
    disk_gb: _Count = 0
    inet_down_mbps: _Count = 0
    inet_up_mbps: _Count = 0
    cuda_max: _Text = ""
    driver: _Text = ""
    interruptible: bool = False
    max_hours: _Count = 0
    storage_price_per_gb_month: _Amount = 0.0
    traffic_price_per_gb: _Amount = 0.0


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One instance. What the cloud may not know yet is null."""

    id: _Name
    name: _Text
    status: _Text
    tags: Mapping[_Text, _Text] = msgspec.field(default_factory=dict)
    offer_id: _Text = ""
    host_id: _Text = ""
    region: _Text = ""
    gpu_name: _Text = ""
    gpu_count: _Count = 0
    gpu_memory_mib: _Count = 0
    price_per_hour: _Amount | None = None
    created_at: str | None = None
    billed_from: str | None = None
    ssh_host: _Text | None = None
    ssh_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    ssh_user: _Text | None = None
    host_key: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    disk_gb: _Count | None = None
    expires_at: str | None = None


class OffersPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the menu; rows are left for later, each by itself."""

    offers: list[msgspec.Raw]
    next_cursor: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPage:
    """A page of the menu, and the cloud's name for the state of the whole."""

    rows: OffersPage
    revision: str


class InstancesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the account's instances; likewise."""

    instances: list[msgspec.Raw]
    next_cursor: str | None = None
    total: int | None = None


class NewInstance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a create call carries."""

    offer_id: str
    name: str
    image: str
    disk_gb: int
    ssh_keys: tuple[str, ...] = ()
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    on_start: str = ""
    max_price_per_hour: float | None = None
    expires_at: str | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account; a negative balance is a debt."""

    balance: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]


class SandboxApi:
    """The calls, each sent once."""

    def __init__(self, door: HttpDoor, *, url: str, key: str, timeout: float) -> None:
        self._door = door
        self._url = url.rstrip("/")
        self._key = key
        self._timeout = timeout

    async def offers(self, *, cursor: str | None, known: str = "") -> MenuPage | None:
        """Return a page of the menu; None if all of it is as it was at the revision `known`."""
        given = {"if-none-match": known} if known else {}
        reply = await self._get("/v1/offers", {"cursor": cursor}, headers=given)
        if reply.status == NOT_MODIFIED:
            return None
        rows = decode(reply, OffersPage, what="offers")
        return MenuPage(rows=rows, revision=reply.headers.get("etag", "")[:LONGEST_REVISION])

    async def instances(self, *, cursor: str | None, name: str | None) -> InstancesPage:
        """Return a page of the account's instances, or of those with that name."""
        reply = await self._get("/v1/instances", {"cursor": cursor, "name": name})
        return decode(reply, InstancesPage, what="instances")

    async def instance(self, instance_id: str) -> InstanceRow | None:
        """Return one instance, None if the cloud says that there is none."""
        what = f"instance {instance_id}"
        reply = await ask(self._door, self._request("GET", _path(instance_id)), what=what)
        if says_gone(reply, DIALECT):
            return None
        judge_read(reply, what=what)
        row = decode(reply, InstanceRow, what=what)
        if row.id != instance_id:
            raise Unavailable(f"{what}: the answer is about another one")
        return row

    async def create(self, new: NewInstance) -> InstanceRow:
        """Create an instance.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        what = f"create {new.name}"
        request = self._request("POST", "/v1/instances", body=msgspec.json.encode(new))
        reply = await order(self._door, request, what=what)
        judge_launch(reply, DIALECT, what=what)
        try:
            return decode(reply, InstanceRow, what=what)
        except Unavailable as error:
            raise Ambiguous(str(error), instance_id=instance_in(reply, DIALECT)) from error

    async def delete(self, instance_id: str) -> None:
        """Ask for the end of an instance; one that is not there is no error."""
        what = f"destroy {instance_id}"
        request = self._request("DELETE", _path(instance_id), urgent=True)
        reply = await ask(self._door, request, what=what)
        judge_destroy(reply, DIALECT, what=what)

    async def account(self) -> Account:
        """Return the account."""
        return decode(await self._get("/v1/account", {}), Account, what="account")

    async def _get(
        self,
        path: str,
        query: Mapping[str, str | None],
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> HttpReply:
        given = {name: value for name, value in query.items() if value is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        request = self._request("GET", target, headers=headers)
        reply = await ask(self._door, request, what=path)
        judge_read(reply, what=path, conditional="if-none-match" in headers)
        return reply

    def _request(
        self,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] = MappingProxyType({}),
        urgent: bool = False,
    ) -> HttpRequest:
        headers = {
            "authorization": f"Bearer {self._key}",
            "accept": "application/json",
            **headers,
        }
        if body:
            headers["content-type"] = "application/json"
        return HttpRequest(
            method=method,
            url=self._url + target,
            headers=headers,
            body=body,
            timeout=self._timeout,
            urgent=urgent,
        )


def _path(instance_id: str) -> str:
    return f"/v1/instances/{quote(instance_id, safe='')}"
