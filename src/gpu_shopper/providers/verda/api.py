"""Verda's HTTP API, typed, in its own words; nothing of ours.

Every call bears a token that is had for a client id and its secret, and lasts for a while. What is made is answered with
its bare id, not with JSON; prices are texts. That something is not there, or may not be ended yet, is said in words.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

import msgspec

from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.verda.login import Login
from gpu_shopper.transport.answers import (
    Dialect,
    instance_in,
    is_page,
    judge_launch,
    judge_read,
)
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode, object_in

DIALECT = Dialect(
    codes={"insufficient_funds": QuotaReached, "unauthorized_request": Unauthorized},
    # Its other codes say only what kind of mistake it was.
    phrases={
        "no capacity": NoCapacity,
        "not enough": NoCapacity,
        "not available": NoCapacity,
        "insufficient funds": QuotaReached,
        "balance": QuotaReached,
        "limit": QuotaReached,
        "quota": QuotaReached,
        "operating system": BadOrder,
        "instance type": OfferGone,
        "instance_type": OfferGone,
    },
    # It forbids an account to do something; a key that it does not know is a 401.
    statuses={403: QuotaReached, 404: OfferGone},
    text_fields=("message", "code"),
    code_fields=("code",),
)
_GONE_WORDS = ("invalid instance id", "invalid volume id", "discontinue a discontinued")
_NOT_NOW = "can't discontinue"
_NOT_THERE = "not_found"
_INSTANCE_ID = re.compile(r"[0-9A-Fa-f-]{32,36}")
_THING_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]
_Size = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Price = Annotated[str, msgspec.Meta(max_length=40)] | _Size


class Cores(msgspec.Struct, frozen=True, kw_only=True):
    """How many cores of a processor."""

    number_of_cores: _Count = 0


class Gpus(msgspec.Struct, frozen=True, kw_only=True):
    """Which GPUs, and how many."""

    description: _Text | None = None
    number_of_gpus: _Count = 0


class Gigabytes(msgspec.Struct, frozen=True, kw_only=True):
    """How much memory or disk; that of GPUs is of all together."""

    size_in_gigabytes: _Size | None = None


class TypeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of machine; where it can be had is told elsewhere."""

    instance_type: _Text
    price_per_hour: _Price
    spot_price: _Price | None = None
    currency: _Text | None = None
    name: _Text | None = None
    model: _Text | None = None
    cpu: Cores = Cores()
    gpu: Gpus = Gpus()
    memory: Gigabytes = Gigabytes()
    gpu_memory: Gigabytes = Gigabytes()
    supported_os: list[_Text] | None = None


class AvailableRow(msgspec.Struct, frozen=True, kw_only=True):
    """What can be had at one location."""

    location_code: _Text
    availabilities: list[_Text]


class VolumePrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a gigabyte costs a month."""

    price_per_month_per_gb: _Price
    currency: _Text | None = None


class VolumeType(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of volume."""

    type: _Text
    price: VolumePrice


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One instance; what is not known yet is null."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    status: _Text
    instance_type: _Text | None = None
    price_per_hour: _Price | None = None
    currency: _Text | None = None
    hostname: _Text | None = None
    description: _Text | None = None
    created_at: _Text | None = None
    ip: _Text | None = None
    os_volume_id: _Text | None = None
    gpu: Gpus | None = None
    gpu_memory: Gigabytes | None = None
    storage: Gigabytes | None = None


class VolumeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One volume; `instance_id` is null where it is attached to nothing."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: _Text
    status: _Text
    instance_id: _Text | None = None
    created_at: _Text | None = None
    base_hourly_cost: _Size | None = None
    currency: _Text | None = None


class NamedRow(msgspec.Struct, frozen=True, kw_only=True):
    """An SSH key or a start-up script, without what a script says."""

    id: _Text
    name: _Text
    key: _Text | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The money left."""

    amount: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
    currency: _Text


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an action on one of several instances."""

    status: _Text = ""
    error: _Text | None = None


class OsVolume(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The volume that an instance starts from; a spot machine that is taken away takes it along."""

    name: str
    size: int
    on_spot_discontinue: str | None = None


class NewInstance(msgspec.Struct, frozen=True, kw_only=True):
    """What a create call carries."""

    instance_type: str
    image: str
    hostname: str
    description: str
    location_code: str
    os_volume: OsVolume
    is_spot: bool
    ssh_key_ids: Sequence[str]
    startup_script_id: str | None
    pricing: str | None
    volumes: tuple[str, ...] = ()
    existing_volumes: tuple[str, ...] = ()


class VerdaApi:
    """The calls, each sent once; one that is refused for its token alone is sent again with a new one."""

    def __init__(self, caller: Caller, login: Login) -> None:
        self._caller = caller
        self._login = login

    async def types(self) -> list[msgspec.Raw]:
        """Return all kinds of machines."""
        return await self._rows("instance-types", what="offers", currency="usd")

    async def available(self, *, is_spot: bool) -> list[AvailableRow]:
        """Return what can be had where, just now."""
        query = {"isSpot": "true" if is_spot else "false"}
        call = Call(path="/v1/instance-availability", query=query, what="offers")
        return decode(await self._read(call), list[AvailableRow], what="offers")

    async def volume_types(self) -> list[VolumeType]:
        """Return what volumes cost."""
        call = Call(path="/v1/volume-types", what="offers")
        return decode(await self._read(call), list[VolumeType], what="offers")

    async def create(self, new: NewInstance) -> str:
        """Buy; return the id of the instance.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        what = f"create {new.description}"
        call = Call(method="POST", path="/v1/instances", body=new, what=what)
        reply = await self._send(self._caller.order, call)
        judge_launch(reply, DIALECT, what=what)
        bought = _text_in(reply, _INSTANCE_ID) or instance_in(reply, DIALECT)
        if bought is None:
            raise Ambiguous(f"{what}: the answer names no instance")
        return bought

    async def instances(self) -> list[msgspec.Raw]:
        """Return all instances that are not discontinued."""
        return await self._rows("instances", what="instances")

    async def instance(
        self, instance_id: str, *, urgent: bool = False, patience: float | None = None
    ) -> InstanceRow | None:
        """Return one instance, None if the cloud says that there never was one."""
        what = f"instance {instance_id}"
        path = f"/v1/instances/{quote(instance_id, safe='')}"
        reply = await self._ask(Call(path=path, what=what, urgent=urgent, patience=patience))
        if _says_gone(reply):
            return None
        judge_read(reply, what=what, dialect=DIALECT)
        row = decode(reply, InstanceRow, what=what)
        if row.id != instance_id:
            raise Unavailable(f"{what}: the answer is about another one")
        return row

    async def delete(self, instance_id: str, *, volume_ids: Sequence[str] | None) -> None:
        """Ask for the end of an instance and of these volumes; one that is not there is no error.

        Raises:
            Unavailable: not while it is provisioned, or no answer.
        """
        body = {
            "id": [instance_id],
            "action": "delete",
            "volume_ids": volume_ids,
            "delete_permanently": True,
        }
        await self._act("instances", body, what=f"destroy {instance_id}")

    async def volumes(self, *, urgent: bool = False) -> list[msgspec.Raw]:
        """Return all volumes that are not deleted."""
        return await self._rows("volumes", what="volumes", urgent=urgent)

    async def volume(self, volume_id: str) -> VolumeRow | None:
        """Return one volume, None if the cloud says that there is none."""
        what = f"volume {volume_id}"
        path = f"/v1/volumes/{quote(volume_id, safe='')}"
        reply = await self._ask(Call(path=path, what=what))
        if _says_gone(reply):
            return None
        judge_read(reply, what=what, dialect=DIALECT)
        return decode(reply, VolumeRow, what=what)

    async def delete_volumes(self, volume_ids: Sequence[str]) -> None:
        """Delete volumes for good; one that is not there is no error."""
        body = {"id": volume_ids, "action": "delete", "is_permanent": True}
        await self._act("volumes", body, what="delete volumes")

    async def named(self, kind: str, *, urgent: bool = False) -> list[NamedRow]:
        """Return all `sshkeys` or `scripts` of the account."""
        call = Call(path=f"/v1/{kind}", what=kind, urgent=urgent)
        return decode(await self._read(call), list[NamedRow], what=kind)

    async def add(self, kind: str, body: Mapping[str, str]) -> str:
        """Make an SSH key or a start-up script; return its id.

        Raises:
            BadOrder: it is refused.
        """
        what = f"{kind} {body['name']}"
        reply = await self._ask(Call(method="POST", path=f"/v1/{kind}", body=body, what=what))
        said = object_in(reply.body)
        if reply.status in {400, 409, 413, 422} and said is not None:
            raise BadOrder(f"{what}: {_message(said)[:200]}")
        judge_read(reply, what=what, dialect=DIALECT)
        made = _text_in(reply, _THING_ID) or instance_in(reply, DIALECT)
        if made is None:
            raise Unavailable(f"{what}: the answer names nothing")
        return made

    async def drop(self, kind: str, ids: Sequence[str]) -> None:
        """Delete SSH keys or start-up scripts."""
        field = {"sshkeys": "keys", "scripts": "scripts"}[kind]
        call = Call(method="DELETE", path=f"/v1/{kind}", body={field: ids}, what=kind, urgent=True)
        reply = await self._ask(call)
        if not _says_gone(reply):
            judge_read(reply, what=kind, dialect=DIALECT)

    async def balance(self) -> Balance:
        """Return the money left."""
        reply = await self._read(Call(path="/v1/balance", what="account"))
        return decode(reply, Balance, what="account")

    async def _rows(
        self, kind: str, *, what: str, urgent: bool = False, **query: str
    ) -> list[msgspec.Raw]:
        call = Call(path=f"/v1/{kind}", query=query, what=what, urgent=urgent)
        return decode(await self._read(call), list[msgspec.Raw], what=what)

    async def _act(self, kind: str, body: Mapping[str, object], *, what: str) -> None:
        call = Call(method="PUT", path=f"/v1/{kind}", body=body, what=what, urgent=True)
        reply = await self._ask(call)
        refusals = [words for words in _refusals(reply) if not _means_gone(words)]
        if refusals and (reply.status // 100 == 2 or _NOT_NOW in refusals[0].lower()):
            raise Unavailable(f"{what}: {refusals[0][:200]}")
        if not _says_gone(reply):
            judge_read(reply, what=what, dialect=DIALECT)

    async def _read(self, call: Call) -> HttpReply:
        reply = await self._ask(call)
        judge_read(reply, what=call.what, dialect=DIALECT)
        return reply

    async def _ask(self, call: Call) -> HttpReply:
        return await self._send(self._caller.ask, call)

    async def _send(self, send: Callable[[Call], Awaitable[HttpReply]], call: Call) -> HttpReply:
        token = await self._login.token()
        reply = await send(_with(call, token))
        if reply.status == 401 and not is_page(reply):
            # Nobody was let in, so nothing was done: the token may have ended before its time.
            reply = await send(_with(call, await self._login.token(stale=token)))
        return reply


def _with(call: Call, token: str) -> Call:
    return replace(call, headers={**call.headers, "authorization": f"Bearer {token}"})


def _text_in(reply: HttpReply, form: re.Pattern[str]) -> str | None:
    """Return the id that an answer consists of, be it in quotes; None if it is anything else."""
    text = reply.body[:300].decode("utf-8", "replace").strip().strip('"')
    return text if form.fullmatch(text) and not is_page(reply) else None


def _message(said: Mapping[str, object]) -> str:
    words = said.get("message")
    return words if isinstance(words, str) and words.isprintable() else "refused"


def _means_gone(words: str) -> bool:
    return any(known in words.lower() for known in _GONE_WORDS)


def _refusals(reply: HttpReply) -> list[str]:
    """Return why something was not done, in the cloud's words: it may say so of one instance in an answer that is no error."""
    said = object_in(reply.body)
    if reply.status // 100 == 4 and said is not None:
        return [_message(said)]
    if reply.status // 100 != 2 or not reply.body.lstrip().startswith(b"["):
        return []
    outcomes = decode(reply, list[Outcome], what="action")
    return [one.error or one.status for one in outcomes if one.error or one.status == "error"]


def _says_gone(reply: HttpReply) -> bool:
    """Return whether the cloud itself says that it holds no such thing."""
    said = object_in(reply.body)
    if said is None or reply.status not in {400, 403, 404, 410}:
        return False
    return _means_gone(_message(said)) or (reply.status == 404 and said.get("code") == _NOT_THERE)
