"""What goes in and out of the cloud model: requests, replies, and effects on real processes.

Plain values without behaviour, so that the program, its tests and a simulator can all speak to the
same model. A reply says what the caller sees; an effect says what really has to happen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

Json: TypeAlias = object
Row: TypeAlias = dict[str, Json]


class SoldGpus(msgspec.Struct, frozen=True, kw_only=True):
    """The GPUs that an instance really has, in the words of the driver."""

    model: str
    driver_name: str
    count: int
    memory_mib: int
    driver: str
    cuda: str
    compute_cap: str
    power_w: int


class InstanceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is needed to bring one instance to life."""

    instance_id: str
    name: str
    region: str
    gpus: SoldGpus
    disk_gb: int
    image: str
    ssh_user: str
    ssh_keys: tuple[str, ...]
    env: dict[str, str]
    on_start: str
    instance_key: str
    driver_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call to the cloud's API, already parsed; `key` is the bearer key as it was given.

    `if_none_match` is the `ETag` of an answer that the caller still has.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Json] | None
    key: str
    if_none_match: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """What the caller gets: a JSON object, a page of HTML (`str`), or nothing at all (`lost`).

    A lost reply never reaches the caller: the connection is cut, though the effect may stand.
    The body may share rows with the model: read it, never change it.
    """

    status: int
    body: Row | str | None = None
    delay_s: float = 0.0
    lost: bool = False
    retry_after_s: float | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartInstance:
    """Bring this instance to life, then say so with `instance_ready`."""

    instance_id: str
    spec: InstanceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StopInstance:
    """End everything that runs in this instance, then say so with `instance_died`."""

    instance_id: str
    keep_disk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitKey:
    """Let whoever holds this SSH key log in to an instance that runs."""

    instance_id: str
    ssh_key: str


Effect: TypeAlias = StartInstance | StopInstance | AdmitKey
