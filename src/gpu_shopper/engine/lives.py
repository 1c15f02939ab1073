"""The bill of an instance that had ended and came back: its earlier life is closed where the later one is first seen."""

from dataclasses import replace
from datetime import timedelta

from gpu_shopper.domain.cost import close_earlier_life
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import Book


def lease_at(desk: Desk, cloud: Cloud) -> timedelta | None:
    """Return after what silence of ours a node there ends its own instance; None where none can."""
    return desk.limits.lease if cloud.capabilities.node_can_end_itself else None


def billed_anew(
    desk: Desk, book: Book, known: LaunchAttempt, changed: LaunchAttempt
) -> LaunchAttempt:
    """Close the bill of an earlier life, if what `changed` it has just shown that the instance had ended and came back."""
    anew = changed.billed_from
    if anew is None or anew in {known.billed_from, changed.accrued_to}:
        return changed
    cloud = desk.clouds[known.provider]
    earlier = close_earlier_life(known, cloud.quirks, anew=anew, lease=lease_at(desk, cloud))
    book.costs.add(earlier.entries)
    return replace(changed, accrued_to=earlier.attempt.accrued_to)
