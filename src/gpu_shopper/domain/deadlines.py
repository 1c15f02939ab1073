"""All deadlines of a session, as one moment by which it must stop, and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gpu_shopper.domain.launch import Heard
from gpu_shopper.domain.session import HARD_MAX, Session, StopReason

LABEL_GRACE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, and what its passing means."""

    at: datetime
    reason: StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long silence is borne, on either side.

    A node is heard every `heartbeat`; unheard for `silence`, its session ends. A node without any answer for `lease`
    ends itself.
    """

    silence: timedelta = timedelta(minutes=10)
    heartbeat: timedelta = timedelta(seconds=15)
    lease: timedelta = timedelta(minutes=30)


def stop_by(
    session: Session, *, heard: Heard | None, honoured_until: datetime | None, limits: Limits
) -> Deadline:
    """Return the earliest moment at which the session must stop, and why; every state that is not final has one.

    `honoured_until` is the expiry in the label of the instance: past it, anyone with the key may destroy it.
    """
    running_at, expires_at, hard_max_at = (
        session.running_at,
        session.expires_at,
        session.hard_max_at,
    )
    if running_at is None or expires_at is None or hard_max_at is None:
        return Deadline(session.startup_deadline, StopReason.LAUNCH_FAILED)
    last_heard = max(heard.at, running_at) if heard else running_at
    deadlines = [
        Deadline(expires_at, StopReason.EXPIRED),
        Deadline(min(hard_max_at, honoured_until or hard_max_at), StopReason.HARD_MAX),
        Deadline(last_heard + limits.silence, StopReason.SILENT),
    ]
    threshold = session.request.idle_threshold
    if threshold is not None and heard is not None:
        idle = min(timedelta(seconds=heard.idle_seconds), heard.at - running_at)
        if idle >= threshold:
            deadlines.append(Deadline(heard.at, StopReason.IDLE))
    return min(deadlines, key=lambda deadline: deadline.at)


def label_expiry(session: Session) -> datetime:
    """Return the latest moment that can be honoured without an operator; it stands in the label and never moves."""
    return session.startup_deadline + HARD_MAX + LABEL_GRACE
