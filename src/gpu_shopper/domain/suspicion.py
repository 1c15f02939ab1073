"""What may be ours and cannot be proved to be: a create whose answer was lost, at a cloud that lost the name as well.

Nothing is destroyed on a suspicion: it is told to an operator, who can look at what nobody else can.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpu_shopper.domain.hearing import other_gpus
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.label import names_another
from gpu_shopper.domain.launch import LaunchAttempt, Proof
from gpu_shopper.domain.quirks import Quirks

# A cloud says by its own clock when an instance began.
CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Appeared:
    """When an instance appeared: not before `after` (None: nobody knows), and not later than `by`."""

    after: datetime | None
    by: datetime


def looked_for_in_vain(attempt: LaunchAttempt, quirks: Quirks, now: datetime) -> bool:
    """Return whether the create was never answered, and all looks that were planned have found nothing."""
    if attempt.unanswered:
        return attempt.looks >= len(quirks.adoption_looks) and now >= attempt.call_deadline
    return attempt.proof is Proof.PRESUMED


def appeared(instance: Instance, *, lacked_at: datetime | None, seen_at: datetime) -> Appeared:
    """Return when an instance appeared: the cloud's word, or else between the last listing without it and the first with it."""
    told = instance.billed_from
    if told is None:
        return Appeared(after=lacked_at, by=seen_at)
    return Appeared(after=told - CLOCKS_DIFFER, by=told + CLOCKS_DIFFER)


def suspected_of(
    instance: Instance,
    when: Appeared,
    *,
    attempts: Iterable[LaunchAttempt],
    quirks: Quirks,
) -> LaunchAttempt | None:
    """Return the newest of `attempts` that may have bought this instance, which bears nobody's label; None if none may.

    It appeared while that create may have taken effect, has the GPUs that were ordered as far as the cloud tells, and
    neither its name nor its second mark speaks against it.
    """
    may_be = [each for each in attempts if _may_have_bought(each, instance, when, quirks)]
    return max(may_be, key=lambda each: (each.sent_at, each.id), default=None)


def _may_have_bought(
    attempt: LaunchAttempt, instance: Instance, when: Appeared, quirks: Quirks
) -> bool:
    latest = attempt.call_deadline + quirks.quarantine
    in_its_time = when.by >= attempt.sent_at and (when.after is None or when.after <= latest)
    return (
        in_its_time
        and attempt.provider == instance.provider
        and not names_another(instance.label, attempt.label)
        and not names_another(instance.mark, attempt.label)
        and other_gpus(attempt.offer, instance) is None
    )
