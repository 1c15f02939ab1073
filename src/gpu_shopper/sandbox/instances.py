"""One instance in the cloud's own eyes: what was sold, what is true, and what is shown."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from gpu_shopper.sandbox.messages import InstanceSpec, Row
from gpu_shopper.sandbox.metering import Meter

CREATING = "creating"
BOOTING = "booting"
RUNNING = "running"
STOPPING = "stopping"
STOPPED = "stopped"
ERROR = "error"
ENDED = "ended"


class Instance(msgspec.Struct, kw_only=True):
    """The truth about one instance; only the model writes it.

    `spec` is what was really handed over; the `shown_*` fields are what the API claims, which may be
    something else, and so is `lost_name` where the cloud did not keep the name. `status` is the truth and ends in `ended`; `last_shown` is what a listing that
    lags behind still tells of an instance that is gone.
    """

    id: str
    sequence: int
    name: str
    offer_id: str
    host_id: str
    region: str
    spec: InstanceSpec
    shown_gpu_name: str
    shown_gpu_count: int
    shown_gpu_memory_mib: int
    price_micros: int
    shown_price_micros: int
    created_at: float
    expires_at: float | None
    meter: Meter
    status: str = CREATING
    last_shown: str = CREATING
    hosted: bool = False
    never_boots: bool = False
    fails_to_boot: bool = False
    starts_stopped: bool = False
    keeps_disk: bool = False
    reserved_until: float = 0.0
    lost_name: str | None = None
    tags: dict[str, str] = {}
    end_reason: str | None = None
    ended_at: float | None = None
    returned_at: float | None = None
    returns: int = 0
    destroy_calls: int = 0
    ssh_host: str | None = None
    ssh_port: int | None = None
    host_key: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the cloud still holds, and bills, anything of it."""
        return self.ended_at is None

    @property
    def shown_name(self) -> str:
        """The name that the API shows."""
        return self.name if self.lost_name is None else self.lost_name

    def view(self) -> Row:
        """Return the instance as the API shows it."""
        reachable = self.status == RUNNING or (not self.alive and self.last_shown == RUNNING)
        billed_from = self.created_at if self.returned_at is None else self.returned_at
        return {
            "id": self.id,
            "name": self.shown_name,
            "tags": dict(self.tags),
            "offer_id": self.offer_id,
            "host_id": self.host_id,
            "region": self.region,
            "status": self.status if self.alive else self.last_shown,
            "gpu_name": self.shown_gpu_name,
            "gpu_count": self.shown_gpu_count,
            "gpu_memory_mib": self.shown_gpu_memory_mib,
            "price_per_hour": self.shown_price_micros / 1_000_000,
            "created_at": rfc3339(self.created_at),
            "billed_from": rfc3339(billed_from),
            "ssh_host": self.ssh_host if reachable else None,
            "ssh_port": self.ssh_port if reachable else None,
            "ssh_user": self.spec.ssh_user,
            "host_key": self.host_key if reachable else None,
            "disk_gb": self.spec.disk_gb,
            "expires_at": None if self.expires_at is None else rfc3339(self.expires_at),
        }


# An instance is shown with the moment of its birth in every listing.
@lru_cache(maxsize=4096)
def rfc3339(moment: float) -> str:
    """Return unix seconds as the API writes them."""
    return (
        datetime.fromtimestamp(moment, UTC)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )
