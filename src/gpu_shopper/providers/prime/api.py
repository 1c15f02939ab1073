"""Prime Intellect's HTTP API, typed, in its own words; nothing of ours.

What is told of an error is text in `detail`, or a list of what is wrong with the request; `DIALECT` says which words
mean what. Texts of a 5xx never count as a no: the cloud behind may have sold.
"""

from typing import Annotated
from urllib.parse import quote

import msgspec

from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import (
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    RateLimited,
    Unauthorized,
)
from gpu_shopper.transport.answers import (
    Dialect,
    judge_destroy,
    judge_read,
)
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode

PAGE = 100
MENU_PAGE = 100
DIALECT = Dialect(
    # In this order: an "insufficient balance" is no lack of machines, nor is a limit of the account.
    phrases={
        "invalid api key": Unauthorized,
        "could not validate credentials": Unauthorized,
        "too many requests": RateLimited,
        "insufficient balance": QuotaReached,
        "insufficient funds": QuotaReached,
        "quota exceeded": QuotaReached,
        "limit exceeded": QuotaReached,
        "maxprice": OfferGone,
        "price has changed": OfferGone,
        "no longer available": OfferGone,
        "not available": OfferGone,
        "out of stock": NoCapacity,
        "no capacity": NoCapacity,
        "insufficient capacity": NoCapacity,
        "ssh key": BadOrder,
    },
    statuses={404: OfferGone, 409: NoCapacity},
    gone_codes=frozenset(),
    gone_phrases=("pod not found",),
    code_fields=(),
    text_fields=("detail", "detail.0.msg", "message", "error"),
    id_fields=("id", "podId", "pod.id"),
)
_KEYS = Dialect(gone_codes=frozenset(), gone_phrases=("not found",), text_fields=("detail",))

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class Resource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """How much of something can be had, and at what price an hour and unit; disk and memory in GB.

    `default_included_in_price` says whether so much as the default is in the price; of what is not said, nothing is.
    """

    min_count: _Number | None = None
    default_count: _Number | None = None
    max_count: _Number | None = None
    price_per_unit: _Number | None = None
    step: _Number | None = None
    default_included_in_price: bool | None = None


class Prices(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Dollars an hour for the whole thing."""

    on_demand: _Number | None = None
    community_price: _Number | None = None
    is_variable: bool | None = None
    currency: _Text | None = None


class OfferRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that a cloud behind sells here."""

    cloud_id: _Name
    gpu_type: _Name
    socket: _Text | None = None
    provider: _Text | None = None
    data_center: _Text | None = None
    country: _Text | None = None
    gpu_count: Annotated[int, msgspec.Meta(ge=0, le=1024)]
    gpu_memory: _Number | None = None
    disk: Resource
    vcpu: Resource
    memory: Resource
    internet_speed: _Number | None = None
    stock_status: _Text | None = None
    security: _Text | None = None
    prices: Prices
    images: list[_Text] | None = None
    is_spot: bool | None = None
    prepaid_time: _Number | None = None


class PodRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One pod; what is not known yet is null, or a list with a null in it."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: _Text | None = None
    gpu_name: _Text | None = None
    gpu_count: _Count | None = None
    socket: _Text | None = None
    status: _Text | None = None
    created_at: _Text | None = None
    installation_status: _Text | None = None
    installation_failure: _Text | None = None
    installation_progress: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    ssh_connection: _Text | list[_Text | None] | None = None
    price_hr: _Number | None = None


class NewPod(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is asked of the cloud behind. `max_price` is in dollars an hour."""

    name: str
    cloud_id: str
    gpu_type: str
    socket: str | None
    gpu_count: int
    disk_size: int | None
    vcpus: int | None
    memory: int | None
    image: str | None
    data_center_id: str | None
    country: str | None
    security: str | None
    max_price: float
    ssh_key_id: str
    auto_restart: bool = False
    env_vars: tuple[()] = ()


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a create call carries."""

    pod: NewPod
    provider: dict[str, str]
    team: dict[str, str] | None


class KeyRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An SSH key that the account keeps."""

    id: _Name
    name: _Text | None = None
    public_key: _Text | None = None


class MenuPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of what is on sale; rows are left for later, each by itself."""

    items: list[msgspec.Raw]
    total_count: _Count


class PodsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of pods."""

    data: list[msgspec.Raw]
    total_count: _Count


class PastPod(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A pod that is over: what it was called, and what it cost in all."""

    id: str
    name: _Text | None = None
    total_billed_price: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None


class PastPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of pods that are over."""

    data: list[PastPod]
    total_count: _Count


class KeysPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of SSH keys."""

    data: list[KeyRow]
    total_count: _Count | None = None


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """The money of the account, or of the team."""

    balance_usd: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class PrimeApi:
    """The calls, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def menu(self, page: int) -> MenuPage:
        """Return a page of what is on sale, from 1 on; clusters of several machines are elsewhere."""
        query = {"page": page, "page_size": MENU_PAGE}
        call = Call(path="/api/v1/availability/gpus", query=query, what="offers")
        return await self._caller.show(call, MenuPage)

    async def create(self, new: NewOrder) -> str:
        """Order a pod; return its id.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        call = Call(method="POST", path="/api/v1/pods", body=new, what=f"create {new.pod.name}")
        return (await self._caller.buy(call, _Named)).id

    async def pods(self, offset: int) -> PodsPage:
        """Return a page of the account's pods, of all clouds behind."""
        query = {"offset": offset, "limit": PAGE}
        call = Call(path="/api/v1/pods", query=query, what="pods")
        return await self._caller.show(call, PodsPage)

    async def pod(self, pod_id: str) -> PodRow | None:
        """Return one pod, None if the cloud says that there is none."""
        call = Call(path=_path(pod_id), what=f"pod {pod_id}")
        return await self._caller.one(call, PodRow, lambda row: row.id == pod_id)

    async def delete(self, pod_id: str) -> None:
        """Ask for the end of a pod; one that is not there is no error."""
        call = Call(method="DELETE", path=_path(pod_id), what=f"destroy {pod_id}", urgent=True)
        await self._caller.end(call)

    async def past(self, offset: int) -> PastPage:
        """Return a page of the pods that are over, the latest first."""
        query: dict[str, str | int | None] = {
            "offset": offset,
            "limit": PAGE,
            "sort_by": "terminatedAt",
            "sort_order": "desc",
        }
        call = Call(path="/api/v1/pods/history", query=query, what="history")
        return await self._caller.show(call, PastPage)

    async def keys(self, offset: int) -> KeysPage:
        """Return a page of the account's SSH keys."""
        query = {"offset": offset, "limit": PAGE}
        call = Call(path="/api/v1/ssh_keys/", query=query, what="SSH keys")
        return await self._caller.show(call, KeysPage)

    async def add_key(self, *, name: str, public_key: str) -> KeyRow:
        """Let the account keep an SSH key; return it.

        Raises:
            BadOrder: it does not take this key.
        """
        what = f"SSH key {name}"
        body = {"name": name, "publicKey": public_key}
        call = Call(method="POST", path="/api/v1/ssh_keys/", body=body, what=what)
        reply = await self._caller.ask(call)
        if reply.status in {400, 409, 422}:
            raise BadOrder(f"{what}: refused ({reply.status})")
        judge_read(reply, what=what, dialect=DIALECT)
        key_id = decode(reply, _Named, what=what).id
        return KeyRow(id=key_id, name=name, public_key=public_key)

    async def delete_key(self, key_id: str) -> None:
        """Let the account forget an SSH key; one that is not there is no error."""
        path = f"/api/v1/ssh_keys/{quote(key_id, safe='')}"
        call = Call(method="DELETE", path=path, what=f"SSH key {key_id}")
        reply: HttpReply = await self._caller.ask(call)
        judge_destroy(reply, _KEYS, what=call.what)

    async def wallet(self, team: str) -> Wallet:
        """Return the money left."""
        query: dict[str, str | int | None] = {"limit": 1, "offset": 0, "teamId": team or None}
        call = Call(path="/api/v1/billing/wallet", query=query, what="wallet")
        return await self._caller.show(call, Wallet)


def _path(pod_id: str) -> str:
    return f"/api/v1/pods/{quote(pod_id, safe='')}"
