"""Lambda Cloud's HTTP API, typed, in its own words; nothing of ours.

Errors have a code that means something and a message that may change; `DIALECT` says which codes are a plain no. What
comes from a service behind it (`provider/…`), or is unknown to itself, is none.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Generic, TypeVar
from urllib.parse import quote

import msgspec

from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    Unauthorized,
)
from gpu_shopper.transport.answers import (
    Dialect,
    judge_destroy,
    judge_read,
)
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode, object_in

DIALECT = Dialect(
    codes={
        "instance-operations/launch/insufficient-capacity": NoCapacity,
        "instance-operations/launch/file-system-in-wrong-region": BadOrder,
        "global/quota-exceeded": QuotaReached,
        "global/invalid-parameters": BadOrder,
        "global/duplicate": BadOrder,
        "global/invalid-api-key": Unauthorized,
        "global/account-inactive": Unauthorized,
        "global/invalid-address": Unauthorized,
        "global/forbidden": Unauthorized,
        "global/unknown": Ambiguous,
        "global/internal-error": Ambiguous,
        "global/conflict": Ambiguous,
    },
    # It does not say by its code which of the things that an order names is not there.
    phrases={
        "provider/": Ambiguous,
        "ssh key": BadOrder,
        "image": BadOrder,
        "global/object-does-not-exist": OfferGone,
        "global/not-found": OfferGone,
    },
    # Where it is not the instance that is not there, it is the path: that says nothing.
    gone_codes=frozenset({"global/object-does-not-exist"}),
    code_fields=("error.code",),
    text_fields=("error.code", "error.message"),
    id_fields=("data.instance_ids.0",),
)

T = TypeVar("T")
_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Enveloped(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What every answer is wrapped in."""

    data: T


class RegionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A region: its code, and where it is in words."""

    name: _Text
    description: _Text = ""


class Specs(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine has; memory and disk in GiB."""

    vcpus: _Count = 0
    memory_gib: _Count = 0
    storage_gib: _Count = 0
    gpus: _Count = 0


class TypeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of machine; the price is for all of it."""

    name: _Text
    gpu_description: _Text = ""
    price_cents_per_hour: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    specs: Specs


class TypeOnSale(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of machine, and the regions that have one left."""

    instance_type: TypeRow
    regions_with_capacity_available: list[RegionRow]


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A key and a value: `^[a-z][a-z0-9-:]+$` with 55 characters at most, and 128 of anything."""

    key: str
    value: str


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One instance. It has an address some time after its birth, which it does not tell."""

    id: _Id
    name: _Text | None = None
    ip: _Text | None = None
    status: _Text
    ssh_key_names: list[_Text] = []
    region: RegionRow | None = None
    instance_type: TypeRow | None = None
    tags: list[Tag] = []


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An SSH key that the account keeps."""

    id: _Id
    name: _Text
    public_key: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


class Image(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An image by its id, or the newest of a family."""

    id: str | None = None
    family: str | None = None


class NewInstance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a launch carries. It must name exactly one key."""

    region_name: str
    instance_type_name: str
    ssh_key_names: Sequence[str]
    name: str
    tags: Sequence[Tag]
    user_data: str
    image: Image | None = None


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch is answered with."""

    instance_ids: list[_Id]


class Terminated(msgspec.Struct, frozen=True, kw_only=True):
    """What a terminate call is answered with."""

    terminated_instances: list[InstanceRow]


class LambdaApi:
    """The calls, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def instance_types(self) -> Mapping[str, msgspec.Raw]:
        """Return all kinds of machines, by name, each for itself to be read."""
        call = Call(path="/api/v1/instance-types", what="offers")
        return (await self._caller.show(call, Enveloped[dict[str, msgspec.Raw]])).data

    async def launch(self, new: NewInstance) -> str:
        """Buy one machine; return its id.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        what = f"create {new.name}"
        call = Call(method="POST", path="/api/v1/instance-operations/launch", body=new, what=what)
        ids = (await self._caller.buy(call, Enveloped[Launched])).data.instance_ids
        if not ids:
            raise Ambiguous(f"{what}: the answer names no instance")
        return ids[0]

    async def instances(self) -> list[msgspec.Raw]:
        """Return all of the account's instances: there are no pages."""
        return (
            await self._caller.show(
                Call(path="/api/v1/instances", what="instances"), Enveloped[list[msgspec.Raw]]
            )
        ).data

    async def instance(self, instance_id: str) -> InstanceRow | None:
        """Return one instance, None if the cloud says that there is none."""
        call = Call(path=_path("instances", instance_id), what=f"instance {instance_id}")
        found = await self._caller.one(
            call, Enveloped[InstanceRow], lambda said: said.data.id == instance_id
        )
        return None if found is None else found.data

    async def terminate(self, instance_id: str) -> InstanceRow | None:
        """Ask for the end of an instance; return it as it ends, None if the cloud says that there is none."""
        call = Call(
            method="POST",
            path="/api/v1/instance-operations/terminate",
            body={"instance_ids": [instance_id]},
            what=f"destroy {instance_id}",
            urgent=True,
        )
        found = await self._caller.one(
            call, Enveloped[Terminated], lambda said: bool(_ended(said.data, instance_id))
        )
        return None if found is None else _ended(found.data, instance_id)[0]

    async def keys(self) -> list[KeyRow]:
        """Return all keys that the account keeps."""
        return (
            await self._caller.show(
                Call(path="/api/v1/ssh-keys", what="keys"), Enveloped[list[KeyRow]]
            )
        ).data

    async def add_key(self, *, name: str, public_key: str) -> KeyRow:
        """Let the account keep a key.

        Raises:
            BadOrder: the cloud says that it does not take it, be it for its name or for the key itself.
            Unavailable, Unauthorized: it may be there or not.
        """
        what = f"key {name}"
        body = {"name": name, "public_key": public_key}
        reply = await self._caller.ask(
            Call(method="POST", path="/api/v1/ssh-keys", body=body, what=what)
        )
        if reply.status in {400, 409, 422} and object_in(reply.body) is not None:
            raise BadOrder(f"{what}: the cloud does not take it ({reply.status})")
        judge_read(reply, what=what, dialect=DIALECT)
        return decode(reply, Enveloped[KeyRow], what=what).data

    async def delete_key(self, key_id: str) -> None:
        """Let the account forget a key; one that is not there is no error."""
        what = f"drop key {key_id}"
        reply = await self._caller.ask(
            Call(method="DELETE", path=_path("ssh-keys", key_id), what=what)
        )
        if reply.status != 404:
            judge_destroy(reply, DIALECT, what=what)


def _ended(said: Terminated, instance_id: str) -> list[InstanceRow]:
    return [row for row in said.terminated_instances if row.id == instance_id]


def _path(kind: str, name: str) -> str:
    return f"/api/v1/{kind}/{quote(name, safe='')}"
