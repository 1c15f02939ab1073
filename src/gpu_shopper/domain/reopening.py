"""What was closed, or read to be gone, and is there after all: it is owed an end once more, and its bill goes on. Pure."""

from dataclasses import replace
from datetime import datetime

from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.launch import (
    REPORT_ON_ITS_WAY,
    Absence,
    LaunchAttempt,
    Proof,
    closing,
    seen,
)


def came_back(attempt: LaunchAttempt, instance: Instance) -> bool:
    """Return whether the cloud's own word shows a life that began after the end of the one we know.

    No listing that lags can: it would show the life that is over.
    """
    told, ended_at = instance.billed_from, _ended_at(attempt)
    if told is None or ended_at is None or attempt.instance_id != instance.id:
        return False
    # Clocks differ, but the cloud's own moments can be compared.
    return told > max(ended_at, attempt.billed_from or ended_at)


def shown_anew(
    attempt: LaunchAttempt, instance: Instance, *, listed_at: datetime
) -> LaunchAttempt | None:
    """Return a closing attempt that had ended and came back, as a listing shows that began at `listed_at`; None if it had not.

    Where that life was told to end before, the listing may lag, and all that is certain is that it lived as it began.
    """
    told, called_at = instance.billed_from, attempt.destroy_called_at
    if told is None or not came_back(attempt, instance):
        return None
    # What was accepted ended the life before.
    ended = replace(attempt, destroy_accepted_at=None)
    if called_at is None or called_at < told or listed_at < called_at:
        return seen(ended, instance, at=listed_at)
    read_at = attempt.absence.read_at
    back = seen(ended, instance, at=told)
    if read_at is None or read_at < called_at:
        return back
    # It was read since that order, and found to be gone each time.
    return replace(back, absence=replace(back.absence, first_gone_at=read_at))


def reopened(attempt: LaunchAttempt, instance: Instance, *, at: datetime) -> LaunchAttempt:
    """Return the closed attempt whose label showed up again: it is owed an end once more."""
    # One that was never read back is charged at what it really costs, not at what was offered.
    price = attempt.rate if attempt.read_back_at is not None else instance.rate or attempt.rate
    owed = _owed_again(replace(attempt, instance_id=instance.id, rate=price), at=at)
    if attempt.proof is Proof.PROVED and attempt.instance_id == instance.id:
        if came_back(attempt, instance):
            return seen(owed, instance, at=at)
        # A listing may lag: until a direct read finds it, it is not billed for the time since its end was proved.
        return replace(owed, absence=Absence(first_gone_at=_ended_at(attempt)))
    return seen(owed, instance, at=at)


def spoke_after_its_end(attempt: LaunchAttempt, *, at: datetime) -> bool:
    """Return whether a node that speaks now lives although its attempt was closed.

    What it said shortly after the close may have been on its way since before. Without an instance's id nobody can act
    on it: then the label is left to the sweep.
    """
    closed_at = attempt.closed_at
    if closed_at is None or attempt.instance_id is None:
        return False
    return at - closed_at >= REPORT_ON_ITS_WAY


def spoken_for(attempt: LaunchAttempt, *, at: datetime, by_itself: bool) -> LaunchAttempt:
    """Return the closed attempt whose node still speaks: whatever the cloud has shown, it is owed an end once more.

    What is not surely it (not `by_itself`) may be its double: until a direct read finds it, its bill stays closed.
    """
    assert attempt.instance_id is not None, attempt.id
    owed = _owed_again(attempt, at=at)
    if by_itself:
        return owed
    return replace(owed, absence=Absence(first_gone_at=_ended_at(attempt)))


def _ended_at(attempt: LaunchAttempt) -> datetime | None:
    """Return when the life that we know ended: its bill may run on to the end of what its cloud bills whole."""
    moments = (attempt.billing_ended_at, attempt.absence.first_gone_at)
    return min((at for at in moments if at is not None), default=None)


def _owed_again(attempt: LaunchAttempt, *, at: datetime) -> LaunchAttempt:
    because = attempt.unwanted_because or "it appeared after its attempt was closed"
    owed = replace(attempt, wanted=False, unwanted_because=because)
    return replace(closing(owed, at=at), closed_at=None, proof=None, billing_ended_at=None)
