"""A session: one consumer's hold on one instance, from asking to proved absence.

`Session.advance` is the only writer of a state. Everything here is frozen: a change is a new value.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gpu_shopper.domain.ids import ConsumerId, OfferId, SessionId
from gpu_shopper.domain.lifecycle import ENDING, FINAL, Event, State, move
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Requirements, RetryScope
from gpu_shopper.domain.true_price import Need
from gpu_shopper.domain.workload import Workload

MAX_RESERVATION_HOURS = 12
HARD_MAX = timedelta(hours=12)
# From the request to running, where nobody has said how long that may take, and no cloud needs longer.
STARTUP = timedelta(minutes=15)


class StopReason(StrEnum):
    """Why a session ended, or is ending."""

    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    HARD_MAX = "hard_max"
    IDLE = "idle"
    BUDGET = "budget"
    SILENT = "silent"
    LAUNCH_FAILED = "launch_failed"
    NOT_AS_SOLD = "not_as_sold"
    PREEMPTED = "preempted"
    LOST = "lost"


AS_ASKED = frozenset(
    {
        StopReason.DONE,
        StopReason.CANCELLED,
        StopReason.EXPIRED,
        StopReason.HARD_MAX,
        StopReason.IDLE,
        StopReason.BUDGET,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """What the consumer asked for; never changed afterwards.

    `price_cap` is absolute and for the whole offer, over all retries; prices are held against it as `capped_price` has them. `ssh_public_keys` are OpenSSH lines.
    `startup_timeout` is None only until the request was held against the clouds: nobody has said then how long it may take.
    """

    consumer_id: ConsumerId
    workload: Workload
    reservation_hours: int
    offer_id: OfferId | None
    requirements: Requirements
    price_cap: HourlyRate | None
    auto_retry: bool = True
    max_retries: int = 3
    retry_scope: RetryScope = RetryScope.SAME_GPU
    ssh_public_keys: tuple[str, ...] = ()
    idle_threshold: timedelta | None = None
    startup_timeout: timedelta | None = None

    @property
    def need(self) -> Need:
        """What offers are priced for: choice and cap speak of the same hours and disk."""
        return Need(hours=float(self.reservation_hours), disk_gb=self.workload.disk_gb or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The row that the consumer sees.

    `launch` is the number of the attempt that is wanted now (None: none is). `epoch` fences writers: a writer with
    an older one has lost its claim. `next_action_at` is when the engine looks again; None only at rest.
    """

    id: SessionId
    consumer_id: ConsumerId
    request: SessionRequest
    state: State
    created_at: datetime
    state_since: datetime
    reserved_hours: int
    launch: int | None = None
    attempts_made: int = 0
    gpu_type: str = ""
    running_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_reason: StopReason | None = None
    stop_actor: str | None = None
    hard_max_override: datetime | None = None
    error: str | None = None
    next_action_at: datetime | None = None
    epoch: int = 0

    @property
    def ended(self) -> bool:
        """Absence is proved, or nothing was ever bought."""
        return self.state in FINAL

    @property
    def ending(self) -> bool:
        """The end was asked for, or has come."""
        return self.state in ENDING

    @property
    def startup_deadline(self) -> datetime:
        """By when it must be running: the request's own number, and the only authority."""
        return self.created_at + (self.request.startup_timeout or STARTUP)

    @property
    def hard_max_at(self) -> datetime | None:
        """The moment past which only an operator's override keeps it; counted from `running`."""
        if self.running_at is None:
            return None
        return self.hard_max_override or self.running_at + HARD_MAX

    @property
    def expires_at(self) -> datetime | None:
        """The end of the reservation; its clock starts at `running`."""
        if self.running_at is None:
            return None
        return self.running_at + timedelta(hours=self.reserved_hours)

    def advance(self, event: Event, *, at: datetime) -> "Session":
        """Return the session after `event`, with the times stamped that follow from it.

        Raises:
            IllegalMove: the table has no such move.
        """
        state = move(self.state, event)
        return replace(
            self,
            state=state,
            state_since=at,
            running_at=at if state is State.RUNNING else self.running_at,
            stopped_at=at if state in FINAL else None,
            next_action_at=None if state in FINAL else at,
        )

    def asked_to_stop(
        self, reason: StopReason, *, actor: str, at: datetime, error: str | None = None
    ) -> "Session":
        """Return the session with its end intended: why and by whom; this never goes back."""
        stopping = self.advance(Event.STOP_INTENDED, at=at)
        return replace(
            stopping, stop_reason=reason, stop_actor=actor, error=error or self.error, launch=None
        )

    def settled(self, *, at: datetime) -> "Session":
        """Return the session at rest: absence is proved for all that was ever bought for it."""
        event = Event.GONE_AS_ASKED if self.stop_reason in AS_ASKED else Event.GONE_OTHERWISE
        return self.advance(event, at=at)
