"""The numbers and facts by which clouds differ; read by the engine, so that no cloud's name stands in it."""

from dataclasses import dataclass, field
from datetime import timedelta

from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.domain.workload import LaunchMode, StoragePolicy, Workload


def seconds(value: float) -> timedelta:
    """Return `value` seconds."""
    return timedelta(seconds=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How a cloud behaves in time, and what it bills. The defaults are those for a cloud that promises nothing.

    `launch_spacing` is the least time between two creates, where a cloud wants more of it than its general pace.
    `destroy_settle` is how long it usually shows what it was told to destroy; before that, a look proves nothing.
    `destroy_ends_billing`: a bill ends with the order that was obeyed; where not `leaving_bills`, also if the instance is
    still shown after it, as on its way out.
    """

    call_deadline: timedelta = seconds(60)
    adoption_looks: tuple[timedelta, ...] = field(
        default=(seconds(5), seconds(10), seconds(20), seconds(40), seconds(60))
    )
    adoption_window: timedelta = seconds(60)
    quarantine: timedelta = seconds(1800)
    quarantine_listings: int = 3
    boot_grace: timedelta = seconds(600)
    observe_period: timedelta = seconds(10)
    destroy_settle: timedelta = seconds(5)
    absence_reads: int = 2
    absence_read_spacing: timedelta = seconds(15)
    absence_listings: int = 2
    absence_listing_spacing: timedelta = seconds(60)
    ghost_listings: int = 3
    ghost_after: timedelta = seconds(600)
    requests_per_second: float = 1.0
    burst: int = 3
    launch_spacing: timedelta = timedelta(0)
    shop_period: timedelta = seconds(60)
    destroy_ends_billing: bool = False
    leaving_bills: bool = True
    # The largest start-up script that a create call carries, in bytes; 0 where there is none. What is larger goes over SSH.
    start_script_limit: int = 64 * 1024
    billing: BillingTerms = field(default=BillingTerms())


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a cloud can do. What it cannot is refused before money is spent, never silently dropped."""

    custom_image: bool = True
    custom_disk: bool = True
    on_start: bool = True
    exposed_ports: bool = False
    entrypoint_mode: bool = False
    preserve_storage: bool = False
    native_ttl: bool = False
    native_idempotency: bool = False
    relabel: bool = False
    interruptible: bool = False
    node_can_end_itself: bool = False

    @property
    def agent_ends_work(self) -> bool:
        """Whether a node's agent, left alone, stops what runs there."""
        return self.on_start

    @property
    def agent_ends_bill(self) -> bool:
        """Whether it also ends the machine, and so the bill. Where it cannot, that runs on until somebody else does."""
        return self.agent_ends_work and self.node_can_end_itself

    def lacking(self, workload: Workload) -> str | None:
        """Return the first field of a request that such a cloud cannot honour; None if it can do all of it."""
        asked = {
            "docker_image": workload.image is not None and not self.custom_image,
            "disk_gb": workload.disk_gb is not None and not self.custom_disk,
            "on_start_cmd": workload.on_start is not None and not self.on_start,
            "exposed_ports": bool(workload.exposed_ports) and not self.exposed_ports,
            "launch_mode": workload.launch_mode is LaunchMode.ENTRYPOINT
            and not self.entrypoint_mode,
            "storage_policy": workload.storage_policy is StoragePolicy.PRESERVE
            and not self.preserve_storage,
        }
        return next((name for name, lacks in asked.items() if lacks), None)
