"""TensorDock's HTTP API (v2), typed, in its own words; nothing of ours.

Errors have no codes, and may come with a status of 200 whose body tells the real one: `DIALECT` goes by the words. Lists
and single rows have come in several wrappings; what stands in them is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, TypeVar
from urllib.parse import quote

import msgspec

from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.transport.answers import (
    Dialect,
    instance_in,
    judge_destroy,
    judge_error_body,
    judge_launch,
    judge_read,
    says_gone,
)
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode, object_in

DIALECT = Dialect(
    phrases={
        "unauthorized": Unauthorized,
        "invalid api": Unauthorized,
        "invalid token": Unauthorized,
        "too many requests": RateLimited,
        "rate limit": RateLimited,
        # Its menu is old: most orders that fail fail so.
        "no available node": NoCapacity,
        "no available public ip": NoCapacity,
        "hostnode unavailable": NoCapacity,
        "insufficient capacity": NoCapacity,
        "out of stock": NoCapacity,
        "at capacity": NoCapacity,
        "quota exceeded": QuotaReached,
        "need at least": QuotaReached,
        "balance": QuotaReached,
        "insufficient funds": QuotaReached,
        "location not found": OfferGone,
        "gpu not found": OfferGone,
        "must be forwarded": BadOrder,
        "ssh key": BadOrder,
        "ssh_key": BadOrder,
    },
    statuses={404: OfferGone},
    gone_phrases=("not found",),
    code_fields=(),
    text_fields=(
        "error",
        "message",
        "error.message",
        "error.0.message",
        "errors.0.title",
        "errors.0.detail",
    ),
    id_fields=("data.id", "id"),
)

T = TypeVar("T")
_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_Price = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class Most(msgspec.Struct, frozen=True, kw_only=True):
    """The most that one machine there can have; memory and disk in GB."""

    max_vcpus: _Count
    max_ram_gb: _Count
    max_storage_gb: _Count


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What everything beside the GPUs costs, in dollars an hour."""

    per_vcpu_hr: _Price
    per_gb_ram_hr: _Price
    per_gb_storage_hr: _Price


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """How a machine there can be reached."""

    dedicated_ip_available: bool = False
    port_forwarding_available: bool = True


class GpuRow(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of GPU in a location. The price is that of one GPU alone; `max_count` go into one machine."""

    v0_name: Annotated[_Text, msgspec.Meta(min_length=1)] = msgspec.field(name="v0Name")
    display_name: _Text = msgspec.field(name="displayName", default="")
    max_count: _Count
    price_per_hr: _Price
    resources: Most
    pricing: Parts
    network_features: Network = Network()


class LocationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A location, and what it sells; each GPU's row is read for itself."""

    id: _Id
    city: _Text = ""
    stateprovince: _Text = ""
    country: _Text = ""
    tier: _Count = 0
    gpus: list[msgspec.Raw] = []


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """A port of the machine, and that at its host which leads there: assigned, not as it was asked for."""

    internal_port: _Count
    external_port: _Count


class GpuCount(msgspec.Struct, frozen=True, kw_only=True):
    """So many GPUs of a kind."""

    count: _Count = 0
    v0_name: _Text = msgspec.field(name="v0Name", default="")


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine has, as far as its row tells."""

    gpus: dict[str, GpuCount] = {}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a row tells of a machine. It tells its address some time after its birth."""

    name: _Text | None = None
    status: _Text | None = None
    ip_address: _Text | None = msgspec.field(name="ipAddress", default=None)
    port_forwards: list[Forward] | None = msgspec.field(name="portForwards", default=None)
    rate_hourly: _Price | None = msgspec.field(name="rateHourly", default=None)
    resources: Resources | None = None
    created_at: _Text | None = None


class InstanceRow(Facts, frozen=True, kw_only=True):
    """One machine. Some lists put what they tell into `attributes`."""

    id: _Id
    attributes: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What it tells, wherever that stands."""
        return self if self.attributes is None else self.attributes


class _Attributes(msgspec.Struct, frozen=True, kw_only=True):
    instances: list[msgspec.Raw] | None = None


class _Wrapping(msgspec.Struct, frozen=True, kw_only=True):
    """Where a list has been seen to lie."""

    instances: list[msgspec.Raw] | None = None
    attributes: _Attributes = _Attributes()


class _Enveloped(msgspec.Struct, frozen=True, kw_only=True):
    data: msgspec.Raw = msgspec.Raw()


class _Locations(msgspec.Struct, frozen=True, kw_only=True):
    locations: list[msgspec.Raw]


class _Created(msgspec.Struct, frozen=True, kw_only=True):
    id: _Id


class NewResources(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine is to have: processors in steps of 2, memory in steps of 8 GB, 100 GB of disk at least."""

    vcpu_count: int
    ram_gb: int
    storage_gb: int
    gpus: Mapping[str, Mapping[str, int]]


class CloudInit(msgspec.Struct, frozen=True, kw_only=True):
    """Commands for the first boot, run as root."""

    runcmd: Sequence[str]


class NewInstance(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"use_dedicated_ip": "useDedicatedIp"}
):  # fmt: skip
    """What a create carries: port 22 forwarded, or an address of its own; one key, and a machine that may not install it."""

    name: str
    image: str
    location_id: str
    resources: NewResources
    ssh_key: str
    cloud_init: CloudInit
    port_forwards: Sequence[Forward] = ()
    use_dedicated_ip: bool = False


class TensordockApi:
    """The calls, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def locations(self) -> list[msgspec.Raw]:
        """Return all locations, each for itself to be read: there are no pages."""
        reply = await self._read(Call(path="/locations", what="offers"))
        return _within(reply, _Locations, what="offers").locations

    async def create(self, new: NewInstance) -> str:
        """Buy one machine; return its id.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        what = f"create {new.name}"
        attributes = {"type": "virtualmachine", **msgspec.to_builtins(new)}
        body = {"data": {"type": "virtualmachine", "attributes": attributes}}
        call = Call(method="POST", path="/instances", body=body, what=what)
        reply = _as_object(await self._caller.order(call))
        judge_launch(reply, DIALECT, what=what)
        if _tells_error(reply):
            # Only words that we know are a plain no here: the status that such a body tells may be anybody's.
            judge_error_body(reply, DIALECT, what=what)
        try:
            return _within(reply, _Created, what=what).id
        except Unavailable as error:
            raise Ambiguous(str(error), instance_id=instance_in(reply, DIALECT)) from error

    async def instances(self) -> list[msgspec.Raw]:
        """Return all of the account's machines: there are no pages, and no count."""
        reply = await self._read(Call(path="/instances", what="instances"))
        data = decode(reply, _Enveloped, what="instances").data
        if bytes(data).lstrip()[:1] == b"[":
            return _within(reply, list[msgspec.Raw], what="instances")
        found = _within(reply, _Wrapping, what="instances")
        rows = found.attributes.instances if found.instances is None else found.instances
        if rows is None:
            raise Unavailable("instances: the answer holds no list")
        return rows

    async def instance(self, instance_id: str) -> InstanceRow | None:
        """Return one machine, None if the cloud says that there is no such thing."""
        what = f"instance {instance_id}"
        reply = _as_told(await self._caller.ask(Call(path=_path(instance_id), what=what)))
        if says_gone(reply, DIALECT):
            return None
        judge_read(reply, what=what, dialect=DIALECT)
        row = _within(reply, InstanceRow, what=what)
        if row.id != instance_id:
            raise Unavailable(f"{what}: the answer is about another one")
        return row

    async def delete(self, instance_id: str) -> None:
        """Ask for the end of a machine; one that is not there is no error."""
        what = f"destroy {instance_id}"
        call = Call(method="DELETE", path=_path(instance_id), what=what, urgent=True)
        judge_destroy(_as_told(await self._caller.ask(call)), DIALECT, what=what)

    async def _read(self, call: Call) -> HttpReply:
        reply = _as_told(await self._caller.ask(call))
        judge_read(reply, what=call.what, dialect=DIALECT)
        return reply


def _within(reply: HttpReply, kind: type[T], *, what: str) -> T:
    """Return what stands in `data`; or the whole body, where there is no such envelope."""
    data = decode(reply, _Enveloped, what=what).data
    return decode(replace(reply, body=bytes(data)) if bytes(data) else reply, kind, what=what)


class _Fault(msgspec.Struct, frozen=True, kw_only=True):
    message: str = ""
    path: list[str | int] = []


def _as_object(reply: HttpReply) -> HttpReply:
    """Return the answer with a list of faults as all other errors are: the first in words, with the field that it is about."""
    if reply.status < 400 or reply.body.lstrip()[:1] != b"[":
        return reply
    try:
        faults = msgspec.json.decode(reply.body, type=list[_Fault])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return reply
    words = [f"{'.'.join(map(str, fault.path))}: {fault.message}" for fault in faults[:1]]
    return replace(reply, body=msgspec.json.encode({"error": "".join(words)}))


def _as_told(reply: HttpReply) -> HttpReply:
    """Return the answer with the status that its body tells: an error may come as a 200."""
    reply = _as_object(reply)
    if reply.status // 100 != 2 or not _tells_error(reply):
        return reply
    return replace(reply, status=_status_in(object_in(reply.body) or {}) or 500)


def _tells_error(reply: HttpReply) -> bool:
    said = object_in(reply.body) or {}
    return bool(said.get("error") or said.get("errors")) or _status_in(said) is not None


def _status_in(said: Mapping[str, object]) -> int | None:
    """Return the status of an error that a body tells; that of a machine is a word."""
    told = said.get("status")
    return told if isinstance(told, int) and 400 <= told < 600 else None


def _path(instance_id: str) -> str:
    return f"/instances/{quote(instance_id, safe='')}"
