"""What a look says of an end, where a cloud bills nothing of what it shows as leaving."""

from dataclasses import replace

from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.engine.sights import was_read
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, SECOND, an_attempt, an_instance

FREE_TO_LEAVE = Quirks(destroy_ends_billing=True, leaving_bills=False)
ORDERED = replace(
    an_attempt(AttemptState.CLOSING),
    destroy_called_at=NOON,
    destroy_answered_at=NOON + SECOND,
    destroy_accepted_at=None,
    last_seen_at=NOON - MINUTE,
)


def _look(attempt, status, at):
    return was_read(attempt, an_instance(attempt, status=status), at, FREE_TO_LEAVE)


def test_what_leaves_after_an_order_without_an_answer_left_with_the_order() -> None:
    left = _look(ORDERED, InstanceStatus.STOPPING, NOON + MINUTE)

    assert NOON == left.destroy_accepted_at


def test_what_was_at_work_after_the_order_and_then_leaves_is_billed_until_it_was_at_work() -> None:
    refused = _look(ORDERED, InstanceStatus.RUNNING, NOON + MINUTE)
    left = _look(refused, InstanceStatus.STOPPING, NOON + 2 * MINUTE)

    assert NOON + MINUTE == left.destroy_accepted_at


def test_what_came_back_and_leaves_left_with_the_order_and_not_with_one_of_its_earlier_life() -> (
    None
):
    back = replace(
        ORDERED, destroy_accepted_at=NOON - 10 * MINUTE, accrued_to=NOON - 9 * MINUTE,
        billed_from=NOON - HOUR,
    )  # fmt: skip
    shown = an_instance(back, status=InstanceStatus.STOPPING, billed_from=NOON - 5 * MINUTE)

    assert NOON == was_read(back, shown, NOON + MINUTE, FREE_TO_LEAVE).destroy_accepted_at


def test_what_is_seen_at_work_has_not_obeyed() -> None:
    obeyed = replace(ORDERED, destroy_accepted_at=NOON)

    assert _look(obeyed, InstanceStatus.RUNNING, NOON + MINUTE).destroy_accepted_at is None
