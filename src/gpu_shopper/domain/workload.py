"""What to run on the rented instance: kind of work, image, disk, ports, how it is started."""

from dataclasses import dataclass
from enum import StrEnum


class WorkloadType(StrEnum):
    """What the consumer says that the GPU is for."""

    LLM = "llm"
    TRAINING = "training"
    BATCH = "batch"
    INTERACTIVE = "interactive"
    INFERENCE = "inference"
    BENCHMARK = "benchmark"


class LaunchMode(StrEnum):
    """Whether the instance offers a login, or just runs its image's own entry point."""

    SSH = "ssh"
    ENTRYPOINT = "entrypoint"


class StoragePolicy(StrEnum):
    """What becomes of the disk at the end."""

    DESTROY = "destroy"
    PRESERVE = "preserve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What the consumer wants to run; None means that the cloud's own default is used."""

    kind: WorkloadType
    image: str | None = None
    on_start: str | None = None
    disk_gb: int | None = None
    exposed_ports: tuple[int, ...] = ()
    launch_mode: LaunchMode = LaunchMode.SSH
    storage_policy: StoragePolicy = StoragePolicy.DESTROY
