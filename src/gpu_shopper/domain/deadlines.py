"""All deadlines of a session, as one moment by which it must stop, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpu_shopper.domain.launch import Heard
from gpu_shopper.domain.session import HARD_MAX, STARTUP, Session, StopReason

LABEL_GRACE = timedelta(hours=1)
# Looking at the market, an order that is refused, another one: all that comes before a machine boots.
BUYING = timedelta(minutes=5)


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
    session: Session,
    *,
    heard: Heard | None,
    honoured_until: datetime | None,
    limits: Limits,
    listening_since: datetime | None = None,
) -> Deadline:
    """Return the earliest moment at which the session must stop, and why; every state that is not final has one.

    `honoured_until` is the expiry in the label of the instance: past it, anyone with the key may destroy it. Nobody is
    silent to a house that was away: silence counts from `listening_since`, when the house began to listen without a gap.
    """
    reserved = reserved_until(session, honoured_until=honoured_until)
    running_at = session.running_at
    if running_at is None:
        return reserved
    last_heard = max(heard.at, running_at) if heard else running_at
    silent_since = max(last_heard, listening_since or last_heard)
    deadlines = [reserved, Deadline(silent_since + limits.silence, StopReason.SILENT)]
    threshold = session.request.idle_threshold
    if threshold is not None and heard is not None:
        idle = min(timedelta(seconds=heard.idle_seconds), heard.at - running_at)
        if idle >= threshold:
            deadlines.append(Deadline(heard.at, StopReason.IDLE))
    return min(deadlines, key=lambda deadline: deadline.at)


def reserved_until(session: Session, *, honoured_until: datetime | None) -> Deadline:
    """Return until when the session may last if all goes well; before it runs, by when it must run."""
    expires_at, hard_max_at = session.expires_at, session.hard_max_at
    if expires_at is None or hard_max_at is None:
        return Deadline(session.startup_deadline, StopReason.LAUNCH_FAILED)
    hard_stop = min(hard_max_at, honoured_until or hard_max_at)
    if hard_stop < expires_at:
        return Deadline(hard_stop, StopReason.HARD_MAX)
    return Deadline(expires_at, StopReason.EXPIRED)


def time_to_start(boot_graces: Iterable[timedelta]) -> timedelta:
    """Return how long a request may take until it runs that names no time itself, on any of the clouds with these graces.

    A shorter time would end machines that are slow by nature, and healthy.
    """
    return max([STARTUP, *(BUYING + grace for grace in boot_graces)])


def label_expiry(session: Session) -> datetime:
    """Return the latest moment that can be honoured without an operator; it stands in the label and never moves."""
    return session.startup_deadline + HARD_MAX + LABEL_GRACE
