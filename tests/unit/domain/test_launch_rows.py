"""What each step leaves in an attempt's row, field by field: what mutants of the code changed unnoticed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.errors import IllegalMove
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import (
    DESTROY_PAUSE_AFTER_A_DAY,
    DESTROY_PAUSE_FIRST,
    DESTROY_PAUSE_LONGEST,
    Absence,
    AttemptState,
    Blame,
    Proof,
    destroy_pause,
    found,
    presumed_absent,
    proved_absent,
    rejected,
    seen,
    timeless,
    unknown,
    unwanted,
)
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.reopening import reopened, spoken_for
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, SECOND, an_attempt, an_instance

SENT = an_attempt(AttemptState.SENT)
LATER = NOON + HOUR


def test_a_move_that_is_refused_is_named_with_its_attempt() -> None:
    attempt = an_attempt(AttemptState.CLOSED)

    with pytest.raises(IllegalMove) as caught:
        attempt.to(AttemptState.BOUND)

    assert "an attempt that is closed cannot become bound" == caught.value.message
    assert {"attempt": str(attempt.id)} == caught.value.fields


def test_what_proved_nothing_is_looked_for_at_the_moment_that_is_named() -> None:
    attempt = unknown(SENT, look_at=LATER)

    assert replace(SENT, state=AttemptState.UNKNOWN, next_action_at=LATER) == attempt


def test_a_refusal_is_written_with_its_reason_and_nobody_looks_again() -> None:
    attempt = rejected(SENT, reason="sold out", blame=Blame.OFFER, at=LATER)

    assert attempt.wanted is False
    assert attempt == replace(
        SENT, state=AttemptState.REJECTED, wanted=False, unwanted_because="sold out",
        blame=Blame.OFFER, closed_at=LATER, next_action_at=None,
    )  # fmt: skip


def test_an_instance_that_is_found_again_was_seen_just_now() -> None:
    assert LATER == found(an_attempt(), an_instance(), at=LATER).last_seen_at


def test_what_holds_one_instance_is_never_given_another() -> None:
    with pytest.raises(AssertionError):
        found(an_attempt(), an_instance(id=InstanceId("i-9")), at=LATER)


def test_a_look_begins_all_counts_anew_and_keeps_what_only_one_side_knows() -> None:
    doubted = an_attempt(missing_since=NOON, missing_listings=3, missing_reads=4)
    told = an_instance(endpoint=None, host_key="from the cloud")

    attempt = seen(doubted, told, at=LATER)
    assert (None, 0, 0) == (
        attempt.missing_since, attempt.missing_listings, attempt.missing_reads,
    )  # fmt: skip
    assert doubted.endpoint == attempt.endpoint
    assert "from the cloud" == attempt.host_key
    # The key that was pinned stays the one that is believed.
    assert "pinned" == seen(replace(doubted, host_key="pinned"), told, at=LATER).host_key


def test_an_address_is_taken_from_the_cloud_when_it_is_told() -> None:
    told = an_instance()

    assert told.endpoint is not None
    assert told.endpoint == seen(replace(an_attempt(), endpoint=None), told, at=LATER).endpoint


@pytest.mark.parametrize(
    ("again_at", "expected"),
    [(None, NOON), (LATER, NOON), (LATER + SECOND, LATER + SECOND)],
    ids=["the cloud does not tell", "no later than was billed", "later"],
)
def test_what_came_back_after_its_end_bills_from_then(again_at: object, expected: object) -> None:
    owed = an_attempt(AttemptState.CLOSING, billed_from=NOON, accrued_to=LATER)

    assert expected == seen(owed, an_instance(billed_from=again_at), at=LATER + HOUR).billed_from


def test_what_is_wanted_has_one_begin_whatever_the_cloud_says_later() -> None:
    held = an_attempt(billed_from=NOON, accrued_to=LATER)

    assert NOON == seen(held, an_instance(billed_from=LATER + HOUR), at=LATER + HOUR).billed_from


def test_an_unanswered_attempt_that_is_given_up_keeps_its_next_look_unless_that_is_past() -> None:
    early = an_attempt(AttemptState.UNKNOWN, next_action_at=NOON + 2 * HOUR, wanted=True)
    late = replace(early, next_action_at=NOON)

    assert NOON + 2 * HOUR == unwanted(early, because="done", at=LATER).next_action_at
    assert LATER == unwanted(late, because="done", at=LATER).next_action_at
    assert (
        LATER == unwanted(replace(early, next_action_at=None), because="x", at=LATER).next_action_at
    )


def test_a_late_arrival_costs_what_was_read_back_and_else_what_it_shows() -> None:
    offered, shown = HourlyRate(100), an_instance(rate=HourlyRate(900))
    never_read = an_attempt(AttemptState.REJECTED, rate=offered, read_back_at=None)
    read = replace(never_read, read_back_at=NOON)

    assert HourlyRate(900) == reopened(never_read, shown, at=LATER).rate
    assert offered == reopened(read, shown, at=LATER).rate
    assert offered == reopened(never_read, an_instance(rate=None), at=LATER).rate


def test_a_late_arrival_is_seen_now_unless_its_end_was_proved() -> None:
    ended_at = NOON + 30 * MINUTE
    proved = an_attempt(AttemptState.CLOSED, billing_ended_at=ended_at, last_seen_at=NOON)
    presumed = replace(proved, proof=Proof.PRESUMED)

    assert Absence(first_gone_at=ended_at) == reopened(proved, an_instance(), at=LATER).absence
    assert NOON == reopened(proved, an_instance(), at=LATER).last_seen_at
    assert LATER == reopened(presumed, an_instance(), at=LATER).last_seen_at
    double = an_instance(id=InstanceId("i-9"))
    assert LATER == reopened(proved, double, at=LATER).last_seen_at


def test_a_late_arrival_is_unwanted_for_the_reason_there_was() -> None:
    asked_for = an_attempt(AttemptState.CLOSED, unwanted_because="done")
    by_itself = replace(asked_for, unwanted_because=None)

    assert "done" == reopened(asked_for, an_instance(), at=LATER).unwanted_because
    told = reopened(by_itself, an_instance(), at=LATER)
    assert "it appeared after its attempt was closed" == told.unwanted_because
    assert told.wanted is False


def test_what_is_owed_an_end_once_more_begins_with_nothing_of_the_earlier_one() -> None:
    closed = an_attempt(
        AttemptState.CLOSED, unwanted_because="done", destroy_tries=7, alerted_at=NOON,
        destroy_called_at=NOON, destroy_answered_at=NOON, destroy_accepted_at=NOON,
        absence=Absence(read_at=NOON, gone_reads=2),
    )  # fmt: skip

    assert spoken_for(closed, at=LATER, by_itself=True) == replace(
        closed, state=AttemptState.CLOSING, closing_since=LATER, next_action_at=LATER,
        closed_at=None, proof=None, billing_ended_at=None, destroy_tries=0, alerted_at=None,
        destroy_called_at=None, destroy_answered_at=None, destroy_accepted_at=None,
        absence=Absence(),
    )  # fmt: skip


def test_what_is_closed_is_looked_at_no_more() -> None:
    unseen, seen_once = an_attempt(AttemptState.UNKNOWN), an_attempt(AttemptState.CLOSING)

    assert presumed_absent(unseen, at=LATER) == replace(
        unseen, state=AttemptState.CLOSED, wanted=False, proof=Proof.PRESUMED, closed_at=LATER,
        next_action_at=None,
    )  # fmt: skip
    assert proved_absent(seen_once, at=LATER) == replace(
        seen_once, state=AttemptState.CLOSED, proof=Proof.PROVED, closed_at=LATER,
        next_action_at=None,
    )  # fmt: skip


def test_the_pause_is_cut_by_the_label_alone() -> None:
    for number in range(1, 40):
        attempt = an_attempt(AttemptState.CLOSING, number=number, destroy_tries=1)
        cut = sum(attempt.label.encode()) % 21

        assert DESTROY_PAUSE_FIRST * (100 - cut) / 100 == destroy_pause(attempt, NOON)


@pytest.mark.parametrize(
    ("age", "longest"),
    [
        (timedelta(days=1), DESTROY_PAUSE_LONGEST),
        (timedelta(days=1, seconds=1), DESTROY_PAUSE_AFTER_A_DAY),
    ],
)
def test_after_a_day_the_pauses_are_longer(age: timedelta, longest: timedelta) -> None:
    attempt = an_attempt(AttemptState.CLOSING, destroy_tries=50, closing_since=NOON)
    cut = sum(attempt.label.encode()) % 21

    assert longest * (100 - cut) / 100 == destroy_pause(attempt, NOON + age)


def test_what_was_told_to_end_in_the_future_is_told_at_once_and_its_proof_begins_anew() -> None:
    called = replace(
        an_attempt(AttemptState.CLOSING),
        destroy_called_at=LATER,
        destroy_answered_at=LATER,
        destroy_tries=7,
        absence=Absence(read_at=LATER, gone_reads=1, first_gone_at=LATER),
        next_action_at=LATER + MINUTE,
    )

    anew = timeless(called, at=NOON)

    assert anew is not None
    assert (None, None, 7) == (
        anew.destroy_called_at,
        anew.destroy_answered_at,
        anew.destroy_tries,
    )
    assert Absence(first_gone_at=LATER) == anew.absence
    assert anew.next_action_at == NOON
    assert timeless(called, at=LATER) is None
    assert timeless(an_attempt(AttemptState.CLOSING), at=NOON) is None
