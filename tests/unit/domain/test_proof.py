"""The proof of absence: which act comes next, and what is needed before anything closes."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.launch import Absence, AttemptState, LaunchAttempt, destroy_pause
from gpu_shopper.domain.plan import Retirement, retirement
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.testing.builders import HOUR, NOON, SECOND, an_attempt
from tests.unit.domain.facts import closing

QUIRKS = Quirks()
ANSWERED = NOON + SECOND
DESTROYED = an_attempt(
    AttemptState.CLOSING, destroy_called_at=NOON, destroy_answered_at=ANSWERED, destroy_tries=1
)


def act(attempt: LaunchAttempt, now=NOON + 2 * SECOND, **absence: object) -> Retirement:
    return retirement(replace(attempt, absence=Absence(**absence)), QUIRKS, now)


def test_the_proof_goes_from_destroy_over_reads_and_listings_to_the_end() -> None:
    read = {"read_at": ANSWERED + SECOND}

    assert Retirement.DESTROY is act(an_attempt(AttemptState.CLOSING))
    assert Retirement.READ is act(DESTROYED)
    assert Retirement.READ is act(DESTROYED, gone_reads=1, **read)
    assert Retirement.LIST is act(DESTROYED, gone_reads=2, **read)
    assert Retirement.LIST is act(DESTROYED, gone_reads=2, gone_listings=1, **read)
    assert Retirement.CLOSE is act(DESTROYED, gone_reads=2, gone_listings=2, **read)


def test_a_read_of_the_very_moment_of_the_answer_says_nothing_of_what_came_after() -> None:
    assert Retirement.READ is act(DESTROYED, gone_reads=2, gone_listings=2, read_at=ANSWERED)


def test_a_destroy_that_was_sent_and_never_answered_is_sent_again() -> None:
    unanswered = replace(DESTROYED, destroy_answered_at=None)
    again = replace(DESTROYED, destroy_called_at=ANSWERED + SECOND)
    read = {"read_at": ANSWERED + SECOND}

    assert Retirement.DESTROY is act(unanswered, gone_reads=9, gone_listings=9, read_at=NOON)
    assert Retirement.DESTROY is act(again, gone_reads=9, gone_listings=9, **read)
    assert Retirement.CLOSE is act(
        replace(again, destroy_answered_at=ANSWERED + SECOND),
        gone_reads=9,
        gone_listings=9,
        read_at=ANSWERED + 2 * SECOND,
    )


def test_what_is_still_there_is_destroyed_again_after_a_pause_and_read_until_then() -> None:
    still = {"read_at": ANSWERED + SECOND}
    due_at = NOON + destroy_pause(DESTROYED, NOON)

    assert Retirement.READ is act(DESTROYED, due_at - SECOND, **still)
    assert Retirement.DESTROY is act(DESTROYED, due_at, **still)


@pytest.mark.parametrize(
    ("looked_after_s", "gone_reads", "expected"),
    [
        (4, 0, Retirement.READ),
        (5, 0, Retirement.DESTROY),
        (4, 2, Retirement.READ),
        (5, 2, Retirement.LIST),
    ],
)
def test_a_look_that_missed_it_before_its_cloud_had_settled_proves_nothing(
    looked_after_s: int, gone_reads: int, expected: Retirement
) -> None:
    looked_at = ANSWERED + looked_after_s * SECOND

    chosen = act(
        DESTROYED, NOON + HOUR, gone_reads=gone_reads, read_at=looked_at, first_gone_at=looked_at
    )

    assert expected is chosen


@given(st.randoms(use_true_random=False))
def test_nothing_closes_without_a_destroy_enough_reads_and_enough_listings(
    random: Random,
) -> None:
    attempt = closing(random, an_attempt(AttemptState.CLOSING), NOON + HOUR)
    absence = attempt.absence

    if retirement(attempt, QUIRKS, NOON + HOUR) is Retirement.CLOSE:
        assert attempt.destroy_answered_at is not None
        assert absence.read_at is not None
        assert absence.read_at > attempt.destroy_answered_at
        assert absence.gone_reads >= QUIRKS.absence_reads
        assert absence.gone_listings >= QUIRKS.absence_listings


@given(st.integers(1, 5), st.integers(1, 5))
def test_how_much_proof_is_needed_is_the_clouds_number(reads: int, listings: int) -> None:
    quirks = Quirks(absence_reads=reads, absence_listings=listings)
    proof = Absence(read_at=ANSWERED + SECOND, gone_reads=reads, gone_listings=listings)
    later = NOON + timedelta(hours=1)

    def chosen(absence: Absence) -> Retirement:
        return retirement(replace(DESTROYED, absence=absence), quirks, later)

    assert Retirement.CLOSE is chosen(proof)
    assert Retirement.CLOSE is not chosen(replace(proof, gone_reads=reads - 1))
    assert Retirement.LIST is chosen(replace(proof, gone_listings=listings - 1))
