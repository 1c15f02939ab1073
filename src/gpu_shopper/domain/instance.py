"""What a cloud holds and bills, as seen through its API, and how it may be reached."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.money import HourlyRate


class InstanceStatus(StrEnum):
    """What the cloud says of an instance. None of these means gone: a stopped disk bills, so does a booting machine."""

    BOOTING = "booting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where SSH answers."""

    host: str
    port: int
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance, normalised. `label` is whatever text stands where we put our label; it may be anybody's.

    `mark` is what stands in the second place, where the cloud shows one: a label that was lost can be read there.
    """

    id: InstanceId
    provider: ProviderName
    label: str
    status: InstanceStatus
    gpu_name: str = ""
    gpu_count: int = 0
    gpu_memory_mib: int = 0
    rate: HourlyRate | None = None
    endpoint: Endpoint | None = None
    host_key: str | None = None
    billed_from: datetime | None = None
    ends_by: datetime | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All pages of an account's instances. `complete` only if nothing hints at a missing part.

    `began_at` is when the first page was asked for: only an absence from a listing that began after an event says
    anything about that event.
    """

    instances: tuple[Instance, ...]
    began_at: datetime
    complete: bool
    trouble: str = ""
