"""How a session is followed: what counts as news, how often to look, and when enough is enough."""

from dataclasses import dataclass

from gpu_shopper.client.errors import ServerUnreachable, SessionFailed, session_failure
from gpu_shopper.wire.sessions import SessionBody

FINAL = frozenset({"stopped", "failed"})
ENDING = FINAL | {"stopping"}
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
# A server that is being replaced is back by then; the session does not depend on it.
LONGEST_SILENCE_S = 120.0


@dataclass(slots=True)
class Watch:
    """Follows one session; whoever watches looks, hands in what was seen, and pauses as told."""

    _last: tuple[object, ...] | None = None
    _pause_s: float = SHORTEST_PAUSE_S
    _silent_since: float | None = None

    def is_news(self, session: SessionBody) -> bool:
        """Return whether this differs from what was seen last, and look more often again if so."""
        self._silent_since = None
        seen = _story(session)
        if seen == self._last:
            self._pause_s = min(self._pause_s * 1.5, LONGEST_PAUSE_S)
            return False
        self._last = seen
        self._pause_s = SHORTEST_PAUSE_S
        return True

    def bear(self, error: ServerUnreachable, *, now: float) -> None:
        """Take a missing answer calmly, until it has been missing for too long."""
        if self._silent_since is None:
            self._silent_since = now
        if now - self._silent_since > LONGEST_SILENCE_S:
            raise error

    @property
    def pause_s(self) -> float:
        """How long to wait before the next look."""
        return self._pause_s


def check_usable(session: SessionBody) -> bool:
    """Return whether the session runs; False means wait.

    Raises:
        SessionFailed: it ends, or has ended.
    """
    if session.status in ENDING:
        raise session_failure(session)
    return session.status == "running"


def took_too_long(seen: SessionBody, wait_s: float) -> SessionFailed:
    """Return the error for a session that did not get ready in time."""
    return SessionFailed(
        f"session {seen.id} is still {seen.status} ({seen.phase}) after {wait_s:g} s",
        session=seen,
        hint="ask for another offer, or wait longer",
    )


def _story(session: SessionBody) -> tuple[object, ...]:
    # Not the cost and not the heartbeat: those change all the time and tell nothing new.
    return (
        session.status, session.phase, session.error, session.stop_reason, session.ssh_host,
        session.ssh_port, session.expires_at,
        tuple((attempt.n, attempt.state, attempt.error) for attempt in session.attempts),
    )  # fmt: skip
