"""RunPod's REST API, version 2, typed, in its own words; nothing of ours.

Errors are problem documents without a code of their own: only their text tells a machine that is not to be had from a
request that is wrong, and `DIALECT` says which words mean what.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import msgspec

from gpu_shopper.ports.provider_errors import (
    NoCapacity,
    OfferGone,
    QuotaReached,
)
from gpu_shopper.transport.answers import (
    Dialect,
)
from gpu_shopper.transport.calling import Call, Caller

DIALECT = Dialect(
    phrases={
        "spend limit": QuotaReached,
        "spending limit": QuotaReached,
        "insufficient balance": QuotaReached,
        "insufficient funds": QuotaReached,
        "no longer any instances available": NoCapacity,
        "no instances currently available": NoCapacity,
        "does not have the resources": NoCapacity,
        "not enough free gpus": NoCapacity,
        # A 403 for one kind of GPU says nothing against the key.
        "requested pool": OfferGone,
    },
    # A body that breaks the contract is a 422. What else a 400 says, the next offer may not: so its makers advise.
    statuses={400: NoCapacity, 404: OfferGone},
    gone_codes=frozenset(),
    gone_phrases=("pod not found", "resource not found"),
    code_fields=(),
    text_fields=("detail", "errors.0"),
    id_fields=("id",),
)

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1024)]
_PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class CloudPrices(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars an hour for a single GPU, in each of the two clouds."""

    secure: _Number = 0.0
    community: _Number = 0.0


class CloudCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The most GPUs of a pod, in each of the two clouds."""

    secure: _Count = 0
    community: _Count = 0


class DataCenterStock(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much of a kind a data centre has."""

    id: _Name
    availability: _Text = "NONE"


class CudaStock(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether machines with this version of CUDA are free."""

    version: Annotated[str, msgspec.Meta(pattern=r"^\d{1,3}\.\d{1,3}$")]
    available: bool = False


class GpuRow(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of GPU, as it is to be had with the count and the cloud that was asked about. Memory is in GB."""

    id: _Name
    memory: _Number = 0.0
    manufacturer: _Text = ""
    secure: bool = False
    community: bool = False
    price: CloudPrices
    # A ceiling, not a stock.
    max_count: CloudCounts = msgspec.field(name="maxCount", default=CloudCounts())
    availability: _Text = "NONE"
    data_centers: Sequence[DataCenterStock] | None = msgspec.field(name="dataCenters", default=None)
    cuda_versions: Sequence[CudaStock] | None = msgspec.field(name="cudaVersions", default=None)


class SshEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where SSH answers."""

    host: _Text
    port: _PortNumber
    username: _Text


class PodSsh(msgspec.Struct, frozen=True, kw_only=True):
    """The ways in by SSH. The proxy carries a shell for people and nothing else; `direct` is null until there is a port."""

    direct: SshEndpoint | None = None


class PodGpu(msgspec.Struct, frozen=True, kw_only=True):
    """The GPUs of a pod."""

    id: _Text
    count: _Count = 1


class PodRow(msgspec.Struct, frozen=True, kw_only=True):
    """One pod. `cost` is dollars an hour, 0 while nothing runs; `disk` is in GB."""

    id: _Name
    name: _Text | None = None
    status: _Text | None = None
    cost: _Number | None = None
    disk: _Number | None = None
    gpu: PodGpu | None = None
    ssh: PodSsh | None = None
    env: Mapping[str, str] | None = None
    created_at: datetime | None = msgspec.field(name="createdAt", default=None)


class Gpus(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue; rows are left for later, each by itself."""

    gpus: list[msgspec.Raw]


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Where the next page begins, in answers that have pages."""

    next_cursor: _Text | None = msgspec.field(name="nextCursor", default=None)


class Pods(msgspec.Struct, frozen=True, kw_only=True):
    """Pods of the account; rows are left for later, each by itself."""

    pods: list[msgspec.Raw]
    pagination: Paging | None = None


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """What of a new pod has to be known at once."""

    id: _Name


class WantedGpu(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The GPUs that a pod shall have, and the least CUDA of its machine, if that matters."""

    id: str
    count: int
    min_cuda: str | None = msgspec.field(name="minCudaVersion", default=None)


class NewPod(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a create call carries; a field that it does not know is refused there."""

    name: str
    image: str
    gpu: WantedGpu
    cloud: str
    disk: int
    ports: Sequence[str]
    env: Mapping[str, str]
    start_ssh: bool = msgspec.field(name="startSsh", default=False)
    data_centers: Sequence[str] = msgspec.field(name="dataCenterIds", default=())


class BillingRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a pod was charged within one hour, in dollars."""

    start_time: _Text
    pod_id: _Text
    total_amount: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class BillingRecords(msgspec.Struct, frozen=True, kw_only=True):
    """What was charged, hour by hour."""

    records: list[BillingRecord]


class RunpodApi:
    """The calls, each sent once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def gpus(self, *, cloud: str, count: int) -> Gpus:
        """Return the catalogue with what is in stock for pods of `count` GPUs in that cloud."""
        query: Mapping[str, str | int | None] = {
            "include": "AVAILABILITY",
            "product": "POD",
            "count": count,
            "cloud": cloud,
        }
        return await self._caller.show(
            Call(path="/v2/catalog/gpus", query=query, what="offers"), Gpus
        )

    async def create(self, new: NewPod) -> str:
        """Buy a pod; return its id.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        call = Call(method="POST", path="/v2/pods", body=new, what=f"create {new.name}")
        return (await self._caller.buy(call, Created)).id

    async def pods(self, *, cursor: str | None) -> Pods:
        """Return a page of the account's pods, those of clusters too."""
        # So far it has no pages, and what it does not know it may refuse: a cursor is sent only if it gave one.
        query: Mapping[str, str | int | None] = {"includeClusterPods": "true", "cursor": cursor}
        return await self._caller.show(Call(path="/v2/pods", query=query, what="pods"), Pods)

    async def pod(self, pod_id: str) -> PodRow | None:
        """Return one pod, None if the cloud says that there is none."""
        call = Call(path=_path(pod_id), what=f"pod {pod_id}")
        return await self._caller.one(call, PodRow, lambda row: row.id == pod_id)

    async def billed(self, pod_id: str, *, since: datetime) -> BillingRecords:
        """Return what a pod was charged since then."""
        query: Mapping[str, str | int | None] = {
            "startTime": f"{since.astimezone(UTC):%Y-%m-%dT%H:00:00Z}",
            "bucketSize": "hour",
            "podId": pod_id,
        }
        call = Call(path="/v2/billing/pods", query=query, what=f"bill of {pod_id}")
        return await self._caller.show(call, BillingRecords)

    async def delete(self, pod_id: str) -> None:
        """Ask for the end of a pod, its disk included; one that is not there is no error."""
        call = Call(method="DELETE", path=_path(pod_id), what=f"destroy {pod_id}", urgent=True)
        await self._caller.end(call)


def _path(pod_id: str) -> str:
    return f"/v2/pods/{quote(pod_id, safe='')}"
