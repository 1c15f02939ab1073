"""When an operator is told, and told again, that something cannot be destroyed."""

from datetime import datetime, timedelta

from gpu_shopper.domain.launch import AttemptState, LaunchAttempt

ALERT_TRIES = 10
ALERT_PERIOD = timedelta(hours=1)


def alert_due(attempt: LaunchAttempt, now: datetime) -> bool:
    """Return whether an operator must be told (again) that this instance cannot be destroyed."""
    is_closing = attempt.state is AttemptState.CLOSING
    return is_closing and alert_after(attempt.destroy_tries, alerted_at=attempt.alerted_at, now=now)


def alert_after(tries: int, *, alerted_at: datetime | None, now: datetime) -> bool:
    """Return whether so many tries in vain are to be told, the last time having been at `alerted_at`."""
    if tries < ALERT_TRIES:
        return False
    return alerted_at is None or now - alerted_at >= ALERT_PERIOD
