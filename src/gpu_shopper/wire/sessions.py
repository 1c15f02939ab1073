"""Bodies about sessions. Requests are strict: an unknown field is refused. Times are RFC 3339 UTC, money is USD."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Hours = Annotated[int, Meta(ge=1, le=12)]
Dollars = Annotated[float, Meta(gt=0, le=100_000)]
ShortText = Annotated[str, Meta(min_length=1, max_length=128)]
# The look-ahead is for readers to whom a dollar also ends a line: a name never does.
ConsumerName = Annotated[
    str,
    Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@:-]*$(?!\n)"),
]
Version = Annotated[str, Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})?$(?!\n)")]
Port = Annotated[int, Meta(ge=1, le=65535)]


class RequirementsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an offer must have; what is left out does not matter. `max_price_per_hour` is the same cap as the order's."""

    gpu_types: Annotated[list[ShortText], Meta(max_length=32)] = []
    gpu_count: Annotated[int, Meta(ge=1, le=1024)] | None = None
    min_vram_gb: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    min_cuda: Version | None = None
    max_price_per_hour: Dollars | None = None
    providers: Annotated[list[ShortText], Meta(max_length=32)] = []
    regions: Annotated[list[ShortText], Meta(max_length=64)] = []
    min_reliability: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_availability_confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_disk_gb: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    min_ram_gb: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    min_vcpus: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    min_inet_down_mbps: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    interruptible: bool | None = None


class SessionOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /api/v1/sessions: either `offer_id` or `requirements`.

    `max_price_per_hour` is a cap, also over retries. It is held against all that is sure to be billed for the hours and the
    disk (not the start), spread over the hours; without it, it follows from the offer that is chosen, or would be bought now.
    """

    consumer_id: ConsumerName
    workload_type: Literal["llm", "training", "batch", "interactive", "inference", "benchmark"]
    reservation_hours: Hours
    offer_id: ShortText | None = None
    requirements: RequirementsBody | None = None
    max_price_per_hour: Dollars | None = None
    auto_retry: bool = True
    max_retries: Annotated[int, Meta(ge=0, le=20)] = 3
    retry_scope: Literal["same_gpu", "same_vram", "any"] = "same_gpu"
    ssh_public_key: Annotated[str, Meta(max_length=16_384)] | None = None
    idle_threshold_minutes: Annotated[int, Meta(ge=0, le=720)] = 0
    storage_policy: Literal["destroy", "preserve"] = "destroy"
    disk_gb: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    docker_image: Annotated[str, Meta(max_length=512)] | None = None
    on_start_cmd: Annotated[str, Meta(max_length=16_384)] | None = None
    exposed_ports: Annotated[list[Port], Meta(max_length=64)] = []
    launch_mode: Literal["ssh", "entrypoint"] = "ssh"
    startup_timeout_minutes: Annotated[int, Meta(ge=1, le=120)] | None = None


class AttemptBody(Struct, frozen=True, kw_only=True):
    """One try to buy."""

    n: int
    offer_id: str
    provider: str
    state: str
    error: str | None
    price_per_hour: float
    instance_id: str | None
    proof: str | None


class SessionBody(Struct, frozen=True, kw_only=True):
    """A session as its consumer sees it. `expires_at` is always the moment that will be honoured."""

    id: str
    consumer_id: str
    provider: str | None
    offer_id: str | None
    gpu_type: str | None
    gpu_count: int | None
    status: str
    phase: str
    error: str | None
    stop_reason: str | None
    ssh_host: str | None
    ssh_port: int | None
    ssh_user: str | None
    host_key: str | None
    workload_type: str
    reservation_hours: int
    price_per_hour: float | None
    cost_so_far: float
    created_at: datetime
    running_at: datetime | None
    expires_at: datetime
    stopped_at: datetime | None
    last_heartbeat_at: datetime | None
    attempts: list[AttemptBody]


class SessionCreated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reply to a create; the private key is in it only where we made the pair."""

    session: SessionBody
    ssh_private_key: str | None = None


class SessionPage(Struct, frozen=True, kw_only=True):
    """A page of sessions, newest first."""

    sessions: list[SessionBody]
    count: int
    next_cursor: str | None = None


class ExtendOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of an extension. `override_hard_max` is an operator's word: it needs an admin token."""

    additional_hours: Hours
    override_hard_max: bool = False


class SessionEnded(Struct, frozen=True, kw_only=True):
    """The reply to `done` and to DELETE: the true state, `stopping` until absence is proved."""

    message: str
    session_id: str
    session: SessionBody


class SessionExtended(Struct, frozen=True, kw_only=True):
    """The reply to an extension."""

    message: str
    session_id: str
    new_expires_at: datetime


class EventBody(Struct, frozen=True, kw_only=True):
    """One line of a session's history."""

    sequence: int
    at: datetime
    kind: str
    actor: str
    details: dict[str, str]


class EventPage(Struct, frozen=True, kw_only=True):
    """A session's history, oldest first."""

    events: list[EventBody]
    count: int
    next_cursor: str | None = None


class DiagnosticsBody(Struct, frozen=True, kw_only=True):
    """What the engine, the agent and the cloud know of a session, for whoever asks why."""

    session: SessionBody
    next_action_at: datetime | None
    deadline_at: datetime | None
    deadline_reason: str | None
    attempts: list[dict[str, str]]
