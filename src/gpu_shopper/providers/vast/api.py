"""Vast.ai's HTTP API, typed, in its own words; nothing of ours.

Searches show at most 64 asks, so the whole menu is read by price. The same error comes with several statuses, and
a bid that is too low is an error that names what was bought; `DIALECT` says which words mean what.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec

from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    OfferGone,
    QuotaReached,
    RateLimited,
    Unauthorized,
)
from gpu_shopper.transport.answers import (
    Dialect,
    judge_error_body,
)
from gpu_shopper.transport.calling import Call, Caller

MOST_FOUND = 64
PAGE = 25
MOST_CHARGES = 100
_DAY_S = 86_400
DIALECT = Dialect(
    codes={
        "no_such_ask": OfferGone,
        "invalid_price": OfferGone,
        "insufficient_credit": QuotaReached,
        "auth_error": Unauthorized,
        "search_quota_exceeded": RateLimited,
        "no_ssh_key_for_vm": BadOrder,
    },
    # The code of an ask that is gone may be `invalid_args`, and its own word stand in the text.
    phrases={
        "no_such_ask": OfferGone,
        "is not available": OfferGone,
        "invalid user key": Unauthorized,
        "lacks credit": QuotaReached,
        "insufficient credit": QuotaReached,
    },
    statuses={404: OfferGone, 410: OfferGone},
    gone_codes=frozenset({"no_such_instance"}),
    text_fields=("error", "msg", "detail"),
    id_fields=("new_contract",),
)

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Id = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class AskRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ask. Memory is in MB, that of GPUs each; `duration` is for how many seconds it can be had at most.

    `cpu_ram` and `cpu_cores` are the whole machine's, of which the ask has the part that it has of its GPUs.
    """

    id: _Id
    machine_id: _Id
    gpu_name: _Text
    num_gpus: Annotated[float, msgspec.Meta(gt=0, le=1024)]
    gpu_ram: _Number
    dph_total: _Number
    min_bid: _Number | None = None
    storage_cost: _Number | None = None
    inet_up_cost: _Number | None = None
    inet_down_cost: _Number | None = None
    duration: _Number | None = None
    reliability2: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    cuda_max_good: _Number | None = None
    geolocation: _Text | None = None
    gpu_frac: _Number | None = None
    cpu_cores: _Number | None = None
    cpu_cores_effective: _Number | None = None
    cpu_ram: _Number | None = None
    disk_space: _Number | None = None
    inet_up: _Number | None = None
    inet_down: _Number | None = None


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """Where a port of the container is reached from outside."""

    HostPort: _Text


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One instance; what is not known yet is null."""

    id: _Id
    label: _Text | None = None
    actual_status: _Text | None = None
    intended_status: _Text | None = None
    cur_state: _Text | None = None
    next_state: _Text | None = None
    status_msg: _Text | None = None
    gpu_name: _Text | None = None
    num_gpus: Annotated[float, msgspec.Meta(ge=0, le=1024)] | None = None
    gpu_ram: _Number | None = None
    dph_total: _Number | None = None
    start_date: Annotated[float, msgspec.Meta(ge=0, le=1e11)] | None = None
    ssh_host: _Text | None = None
    ssh_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    public_ipaddr: _Text | None = None
    ports: Mapping[str, list[Port] | None] | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found."""

    offers: list[msgspec.Raw]


class InstancesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of instances; rows are left for later, each by itself."""

    instances: list[msgspec.Raw]
    next_token: str | None = None
    total_instances: int | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One instance, or the word that there is none."""

    instances: InstanceRow | None


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """What a purchase is answered with."""

    success: bool = False
    new_contract: _Id | None = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """The account."""

    credit: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What was charged for one thing; `source` is `instance-` and a number for an instance."""

    amount: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
    source: _Text | None = None
    description: _Text | None = None


class ChargesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of charges; rows are left for later, each by itself."""

    results: list[msgspec.Raw]
    next_token: str | None = None


class NewInstance(msgspec.Struct, frozen=True, kw_only=True):
    """What a create call carries; `price` is a bid in dollars an hour, None where the ask has a price."""

    image: str
    disk: float
    label: str
    onstart: str | None
    env: Mapping[str, str]
    price: float | None
    client_id: str = "me"
    runtype: str = "ssh_direc ssh_proxy"
    cancel_unavail: bool = True
    force: bool = False


class VastApi:
    """The calls, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def search(self, query: Mapping[str, object]) -> Found:
        """Return what a search finds: at most 64."""
        call = Call(method="POST", path="/api/v0/bundles/", body=query, what="offers")
        return await self._caller.show(call, Found)

    async def create(self, ask: str, new: NewInstance) -> str:
        """Accept an ask; return the id of the instance.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        what = f"create {new.label}"
        path = f"/api/v0/asks/{quote(ask, safe='')}/"
        reply = await self._caller.order(Call(method="PUT", path=path, body=new, what=what))
        bought = self._caller.bought(reply, Bought, what=what)
        if not bought.success:
            judge_error_body(reply, DIALECT, what=what)
        if bought.new_contract is None:
            raise Ambiguous(f"{what}: the answer names no instance")
        return str(bought.new_contract)

    async def attach_key(self, instance_id: str, ssh_key: str) -> None:
        """Let whoever holds this SSH key log in."""
        call = Call(
            method="POST",
            path=f"{_path(instance_id)}ssh/",
            body={"ssh_key": ssh_key},
            what=f"key of {instance_id}",
        )
        await self._caller.read(call)

    async def instances(self, *, cursor: str | None, label: str | None) -> InstancesPage:
        """Return a page of the account's instances, or of those with that label."""
        filters = {} if label is None else {"label": {"in": [label]}}
        query: dict[str, str | int | None] = {
            "select_filters": json.dumps(filters, separators=(",", ":")),
            "order_by": '[{"col":"id","dir":"asc"}]',
            "limit": PAGE,
            "after_token": cursor,
        }
        return await self._caller.show(
            Call(path="/api/v1/instances/", query=query, what="instances"), InstancesPage
        )

    async def instance(self, instance_id: str) -> InstanceRow | None:
        """Return one instance, None if the cloud says that there is none."""
        call = Call(path=_path(instance_id), query={"owner": "me"}, what=f"instance {instance_id}")
        found = await self._caller.one(
            call,
            Shown,
            lambda said: said.instances is None or str(said.instances.id) == instance_id,
        )
        return None if found is None else found.instances

    async def delete(self, instance_id: str) -> None:
        """Ask for the end of an instance, its disk included; one that is not there is no error."""
        call = Call(
            method="DELETE",
            path=_path(instance_id),
            body={},
            what=f"destroy {instance_id}",
            urgent=True,
        )
        await self._caller.end(call)

    async def charges(self, *, since: datetime, until: datetime, cursor: str | None) -> ChargesPage:
        """Return a page of what was charged on the days between, the latest first."""
        days = {"gte": int(since.timestamp()) // _DAY_S * _DAY_S, "lte": int(until.timestamp())}
        query: dict[str, str | int | None] = {
            "select_filters": json.dumps({"day": days}, separators=(",", ":")),
            "latest_first": "true",
            "format": "table",
            "limit": MOST_CHARGES,
            "after_token": cursor,
        }
        call = Call(path="/api/v0/charges/", query=query, what="charges")
        return await self._caller.show(call, ChargesPage)

    async def user(self) -> User:
        """Return the account."""
        return await self._caller.show(Call(path="/api/v0/users/current/", what="account"), User)


def _path(instance_id: str) -> str:
    return f"/api/v0/instances/{quote(instance_id, safe='')}/"
