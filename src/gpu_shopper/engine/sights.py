"""What a look at an instance that is to end says of its end, and when the next look is due. Pure.

Where a cloud bills until the instance is gone, the bill ends at the first look that misses it. So the first one comes right
after the order, and each next one when twice as much time has passed since it: an end is seen late by no more than it took.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from gpu_shopper.domain.cost import begin_as_told, reprice
from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.launch import (
    DESTROY_PAUSE_LONGEST,
    Absence,
    LaunchAttempt,
    destroy_pause,
    seen,
)
from gpu_shopper.domain.quirks import Quirks

_AFTER_TROUBLE = timedelta(seconds=10)
_FIRST_LOOK = timedelta(seconds=1)
# While it is still there it is read at least so often, or more often where the cloud is quick, so that its bill ends at the right moment.
_READ_PERIOD = timedelta(seconds=30)
# A node that lives is heard more often than this.
_STALE_SIGHT = timedelta(seconds=20)


def sight_is_stale(attempt: LaunchAttempt, now: datetime) -> bool:
    """Tell whether what is to end has to be looked at first, so that it is known whether the order has ended it."""
    alive_at, seen_at, billed_to = attempt.last_alive_at, attempt.last_seen_at, attempt.accrued_to
    if billed_to is not None and (seen_at is None or seen_at < billed_to):
        # It may have ended and come back, which only the cloud can tell, and bills differently.
        return True
    if attempt.missing_since is not None:
        # A listing that lacks it, and be it a false one, must not end its bill before our own order does.
        return True
    return alive_at is None or now - alive_at > _STALE_SIGHT


def called(attempt: LaunchAttempt, now: datetime, quirks: Quirks) -> LaunchAttempt:
    """Return the attempt as an order to destroy goes out."""
    # Whoever takes over from a crash in the call need wait no longer than for its answer.
    return replace(
        attempt,
        destroy_called_at=now,
        destroy_tries=attempt.destroy_tries + 1,
        next_action_at=now + _first_look(quirks),
    )


def answered(
    attempt: LaunchAttempt, now: datetime, quirks: Quirks, *, accepted_at: datetime | None
) -> LaunchAttempt:
    """Return the attempt after the answer to an order to destroy, or after none came."""
    first = attempt.destroy_accepted_at or accepted_at
    return replace(
        attempt,
        destroy_answered_at=now,
        destroy_accepted_at=first,
        absence=Absence(first_gone_at=attempt.absence.first_gone_at),
        next_action_at=now + _first_look(quirks),
    )


def peeked(
    attempt: LaunchAttempt, instance: Instance | None, now: datetime, quirks: Quirks
) -> LaunchAttempt:
    """Return the attempt after a look just before an order: it decides when the bill ended, if that was before."""
    if instance is not None:
        return _found(attempt, instance, now, quirks)
    first = attempt.absence.first_gone_at or now
    absent = replace(attempt, absence=replace(attempt.absence, first_gone_at=first))
    obeyed = _obeyed(absent)
    if obeyed.destroy_accepted_at is not None or _is_ending(attempt, now):
        return obeyed
    return replace(absent, missing_since=attempt.missing_since or now)


def was_read(
    attempt: LaunchAttempt, instance: Instance | None, now: datetime, quirks: Quirks
) -> LaunchAttempt:
    """Return the attempt after a look that came after its order."""
    ordered = attempt.destroy_answered_at or now
    settled_at = ordered + quirks.destroy_settle
    if instance is None:
        absence = replace(
            attempt.absence,
            read_at=now,
            # Before the cloud has settled, a look ends the bill, and proves nothing.
            gone_reads=attempt.absence.gone_reads + (1 if now >= settled_at else 0),
            first_gone_at=attempt.absence.first_gone_at or now,
        )
        if absence.gone_reads >= quirks.absence_reads:
            at = now
        else:
            at = now + quirks.absence_read_spacing if absence.gone_reads else settled_at
        return replace(_obeyed(attempt), absence=absence, next_action_at=at)
    often = min(_READ_PERIOD, quirks.observe_period * 3)
    next_look = now + min(often, max(_FIRST_LOOK, now - ordered))
    at = min((attempt.destroy_called_at or now) + destroy_pause(attempt, now), next_look)
    return replace(
        _found(attempt, instance, now, quirks),
        absence=Absence(read_at=now),
        next_action_at=max(at, now + _FIRST_LOOK),
    )


def later(attempt: LaunchAttempt, now: datetime) -> LaunchAttempt:
    """Return the attempt after a look that was not answered. Soon after its order, the next one is soon."""
    since = now - (attempt.destroy_answered_at or now)
    return replace(attempt, next_action_at=now + min(_AFTER_TROUBLE, max(_FIRST_LOOK, since)))


def _first_look(quirks: Quirks) -> timedelta:
    settle = quirks.destroy_settle
    return settle if quirks.destroy_ends_billing else min(settle, _FIRST_LOOK)


def _found(
    attempt: LaunchAttempt, instance: Instance, now: datetime, quirks: Quirks
) -> LaunchAttempt:
    still = seen(begin_as_told(attempt, instance.billed_from), instance, at=now)
    if instance.rate is not None and attempt.read_back_at is None:
        # It was given up before its price was ever read back, and only now is it known.
        still = reprice(still, instance.rate, at=now).attempt
    called_at = attempt.destroy_called_at
    is_leaving = instance.status is InstanceStatus.STOPPING and not quirks.leaving_bills
    if called_at is not None and is_leaving:
        # It costs nothing any more: that is no sight to be billed for. Whoever obeys has heard, answer or none; but what
        # was seen at work since then has refused, and leaves by itself.
        heard_at = max(called_at, attempt.last_alive_at or called_at)
        accepted = attempt.destroy_accepted_at or heard_at
        if still.billed_from != attempt.billed_from:
            # It had ended and came back: what was accepted before ended its earlier life.
            accepted = heard_at
        return replace(still, last_seen_at=attempt.last_seen_at, destroy_accepted_at=accepted)
    # It is still there, and it bills: what was accepted was no end of the bill.
    return replace(still, destroy_accepted_at=None)


def _is_ending(attempt: LaunchAttempt, now: datetime) -> bool:
    """Tell whether what was told to end was still seen since, and lately: then an order that took its time has ended it.

    That is as any later read would have it. Where nobody has looked for longer, it may have ended by itself long ago.
    """
    called_at, alive_at = attempt.destroy_called_at, attempt.last_alive_at
    if called_at is None or alive_at is None or attempt.missing_since is not None:
        return False
    return alive_at > called_at and now - alive_at <= DESTROY_PAUSE_LONGEST


def _obeyed(attempt: LaunchAttempt) -> LaunchAttempt:
    """Return an attempt whose instance was found gone: if nothing was seen of it since its last destroy, that was obeyed.

    Whether or not anybody heard the answer: the time until somebody looked was not billed.
    """
    called_at, answered_at = attempt.destroy_called_at, attempt.destroy_answered_at
    if called_at is None or attempt.missing_since or attempt.destroy_accepted_at:
        return attempt
    alive_at = attempt.last_alive_at or called_at
    if alive_at > max(called_at, answered_at or called_at):
        return attempt
    return replace(attempt, destroy_accepted_at=max(called_at, alive_at))
