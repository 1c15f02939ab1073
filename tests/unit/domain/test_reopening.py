"""What a listing that shows another life says of the bill."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import Absence, AttemptState
from gpu_shopper.domain.reopening import came_back, reopened, shown_anew
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, SECOND, an_attempt, an_instance

ENDED = NOON + 10 * MINUTE
AGAIN = NOON + 20 * MINUTE
CLOSED = an_attempt(AttemptState.CLOSED, billing_ended_at=ENDED, billed_from=NOON, accrued_to=ENDED)
GONE = Absence(read_at=ENDED + SECOND, gone_reads=2, first_gone_at=ENDED)
CLOSING = an_attempt(
    AttemptState.CLOSING, billed_from=NOON, accrued_to=NOON, absence=GONE,
    destroy_called_at=ENDED - SECOND, destroy_accepted_at=ENDED,
)  # fmt: skip


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (AGAIN, True),
        (ENDED + SECOND, True),
        (ENDED, False),
        (NOON, False),
        (None, False),
    ],
)
def test_only_a_life_that_began_after_the_end_we_know_is_another(told, expected) -> None:
    for attempt in (CLOSED, CLOSING):
        assert came_back(attempt, an_instance(attempt, billed_from=told)) is expected


def test_where_our_clock_was_behind_the_life_that_ended_is_no_other_one() -> None:
    behind = replace(CLOSED, billing_ended_at=NOON - HOUR)

    assert not came_back(behind, an_instance(behind, billed_from=NOON))
    assert came_back(behind, an_instance(behind, billed_from=AGAIN))


def test_a_bill_that_runs_on_to_the_end_of_its_step_hides_no_life_that_began_within_it() -> None:
    rounded = replace(CLOSED, billing_ended_at=ENDED + HOUR, absence=GONE)

    assert came_back(rounded, an_instance(rounded, billed_from=AGAIN))
    owed = reopened(rounded, an_instance(rounded, billed_from=NOON), at=AGAIN)
    assert Absence(first_gone_at=ENDED) == owed.absence


def test_another_instance_and_one_that_was_never_seen_to_end_did_not_come_back() -> None:
    lives = replace(CLOSING, absence=Absence())

    assert not came_back(CLOSED, an_instance(CLOSED, id=InstanceId("i-9"), billed_from=AGAIN))
    assert not came_back(lives, an_instance(lives, billed_from=AGAIN))


def test_what_is_closed_and_came_back_was_seen_and_bills_from_then_on() -> None:
    owed = reopened(CLOSED, an_instance(CLOSED, billed_from=AGAIN), at=NOON + HOUR)

    assert (AGAIN, NOON + HOUR) == (owed.billed_from, owed.last_seen_at)
    assert Absence() == owed.absence


def test_what_is_shown_anew_was_seen_as_the_listing_began_and_obeyed_no_order_yet() -> None:
    back = shown_anew(CLOSING, an_instance(CLOSING, billed_from=AGAIN), listed_at=NOON + HOUR)

    assert back is not None
    assert (AGAIN, NOON + HOUR, None) == (
        back.billed_from, back.last_seen_at, back.destroy_accepted_at,
    )  # fmt: skip
    assert back.absence.first_gone_at is None


@pytest.mark.parametrize(("read_after_s", "gone_after_s"), [(-2, None), (0, 0), (5, 5)])
def test_a_listing_from_after_the_order_shows_that_it_lived_as_its_bill_began(
    read_after_s, gone_after_s
) -> None:
    ordered = AGAIN + MINUTE
    read = replace(GONE, read_at=ordered + read_after_s * SECOND)
    told = replace(CLOSING, destroy_called_at=ordered, absence=read)

    back = shown_anew(told, an_instance(told, billed_from=AGAIN), listed_at=ordered + SECOND)
    assert back is not None
    assert AGAIN == back.last_seen_at
    gone_at = None if gone_after_s is None else ordered + gone_after_s * SECOND
    assert gone_at == back.absence.first_gone_at


@pytest.mark.parametrize(
    ("ordered", "listed"), [(AGAIN, AGAIN + MINUTE), (NOON + HOUR, NOON + HOUR)]
)
def test_of_two_things_in_one_moment_the_order_came_last(ordered, listed) -> None:
    told = replace(CLOSING, destroy_called_at=ordered)

    back = shown_anew(told, an_instance(told, billed_from=AGAIN), listed_at=listed)
    assert back is not None
    assert AGAIN == back.last_seen_at


def test_a_listing_from_before_the_order_shows_it_at_that_moment() -> None:
    told = replace(CLOSING, destroy_called_at=AGAIN + MINUTE)

    back = shown_anew(told, an_instance(told, billed_from=AGAIN), listed_at=AGAIN + SECOND)
    assert back is not None
    assert AGAIN + SECOND == back.last_seen_at


def test_what_a_listing_shows_of_the_life_that_is_over_changes_nothing() -> None:
    assert (
        shown_anew(CLOSING, an_instance(CLOSING, billed_from=NOON), listed_at=NOON + HOUR) is None
    )
