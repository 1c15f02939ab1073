"""The life of an attempt: only legal moves, wanted never again, and no way around the proof."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.alerting import alert_due
from gpu_shopper.domain.errors import IllegalMove
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import (
    ATTEMPT_MOVES,
    DESTROY_PAUSE_AFTER_A_DAY,
    DESTROY_PAUSE_FIRST,
    DESTROY_PAUSE_LONGEST,
    OPEN,
    UNANSWERED,
    Absence,
    AttemptState,
    Blame,
    LaunchAttempt,
    Proof,
    destroy_pause,
    doubtful,
    found,
    presumed_absent,
    proved_absent,
    rejected,
    seen,
    unknown,
    unwanted,
)
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.reopening import reopened, spoke_after_its_end, spoken_for
from gpu_shopper.testing.builders import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    a_session,
    an_attempt,
    an_instance,
    heard,
)

SENT = an_attempt(AttemptState.SENT)
Act = Callable[[LaunchAttempt, datetime], LaunchAttempt]
ACTS: dict[str, Act] = {
    "unknown": lambda a, at: unknown(a, look_at=at),
    "rejected": lambda a, at: rejected(a, reason="sold out", blame=Blame.OFFER, at=at),
    "found": lambda a, at: found(a, an_instance(a), at=at),
    "seen": lambda a, at: seen(a, an_instance(a), at=at),
    "unwanted": lambda a, at: unwanted(a, because="done", at=at),
    "presumed": lambda a, at: presumed_absent(a, at=at),
    "proved": lambda a, at: proved_absent(a, at=at),
    "reopened": lambda a, at: reopened(a, an_instance(a), at=at),
    "spoken for": lambda a, at: spoken_for(a, at=at, by_itself=True),
}
TRANSITIONS = [(before, after) for before in AttemptState for after in AttemptState]


@pytest.mark.parametrize(("before", "after"), TRANSITIONS)
def test_an_attempt_moves_by_its_table_and_not_otherwise(
    before: AttemptState, after: AttemptState
) -> None:
    attempt = an_attempt(before)
    if (before, after) in ATTEMPT_MOVES:
        assert after is attempt.to(after).state
    else:
        with pytest.raises(IllegalMove):
            attempt.to(after)


@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=25))
def test_whatever_happens_an_attempt_keeps_its_rules(story: list[str]) -> None:
    attempt, at = SENT, NOON
    for name in story:
        at += SECOND
        before = attempt
        try:
            attempt = ACTS[name](attempt, at)
        except (IllegalMove, AssertionError):
            continue
        if attempt.state is not before.state:
            assert (before.state, attempt.state) in ATTEMPT_MOVES
        assert_lawful(before, attempt)


def assert_lawful(before: LaunchAttempt, after: LaunchAttempt) -> None:
    assert before.wanted or not after.wanted
    assert before.label == after.label
    assert after.state is not AttemptState.BOUND or after.wanted
    assert after.state is not AttemptState.BOUND or after.instance_id is not None
    assert after.state is not AttemptState.CLOSING or after.instance_id is not None
    assert (after.closed_at is None) == after.open
    assert (after.proof is not None) == (after.state is AttemptState.CLOSED)
    assert not after.open or after.next_action_at is not None
    assert after.open or not after.wanted


def test_an_attempt_is_over_only_in_two_states_and_both_can_be_reopened() -> None:
    over = set(AttemptState) - OPEN

    assert {AttemptState.CLOSED, AttemptState.REJECTED} == over
    assert {(state, AttemptState.CLOSING) for state in over} <= ATTEMPT_MOVES


def test_nothing_that_was_seen_closes_without_having_been_closing() -> None:
    into_closed = {before for before, after in ATTEMPT_MOVES if after is AttemptState.CLOSED}

    assert {AttemptState.UNKNOWN, AttemptState.CLOSING} == into_closed
    assert AttemptState.BOUND not in UNANSWERED


@pytest.mark.parametrize("state", sorted(UNANSWERED))
def test_an_instance_that_is_found_is_bound_if_it_is_wanted(state: AttemptState) -> None:
    attempt = found(an_attempt(state, wanted=True), an_instance(), at=NOON + MINUTE)

    assert AttemptState.BOUND is attempt.state
    assert InstanceId("i-1") == attempt.instance_id
    assert NOON + MINUTE == attempt.next_action_at == attempt.last_seen_at


@pytest.mark.parametrize("state", sorted(UNANSWERED))
def test_an_instance_that_is_found_too_late_is_owed_its_end(state: AttemptState) -> None:
    attempt = found(an_attempt(state, wanted=False), an_instance(), at=NOON + MINUTE)

    assert AttemptState.CLOSING is attempt.state
    assert NOON + MINUTE == attempt.next_action_at == attempt.closing_since


def test_finding_the_same_instance_again_is_only_a_look() -> None:
    attempt = an_attempt(missing_since=NOON, missing_listings=2)

    again = found(attempt, an_instance(), at=NOON + HOUR)
    assert (AttemptState.BOUND, None, 0) == (
        again.state, again.missing_since, again.missing_listings,
    )  # fmt: skip


def test_what_was_not_billed_yet_bills_from_what_the_cloud_says_or_from_the_call() -> None:
    told = found(SENT, an_instance(billed_from=NOON + 7 * SECOND), at=NOON + MINUTE)
    untold = found(SENT, an_instance(billed_from=None), at=NOON + MINUTE)

    assert NOON + 7 * SECOND == told.billed_from == told.rate_since == told.accrued_to
    assert NOON == untold.rate_since == untold.accrued_to
    assert untold.billed_from is None


def test_the_start_of_the_bill_is_told_once() -> None:
    first = found(SENT, an_instance(billed_from=NOON), at=NOON + MINUTE)

    assert NOON == seen(first, an_instance(billed_from=NOON + HOUR), at=NOON + HOUR).billed_from


def test_any_sight_of_an_instance_voids_the_proof_so_far() -> None:
    gone = Absence(read_at=NOON, gone_reads=2, gone_listings=1, listing_at=NOON, first_gone_at=NOON)

    attempt = seen(an_attempt(AttemptState.CLOSING, absence=gone), an_instance(), at=NOON + MINUTE)
    assert Absence(read_at=NOON) == attempt.absence


def test_giving_up_what_is_bound_owes_its_end_at_once() -> None:
    attempt = unwanted(an_attempt(), because="done", at=NOON + HOUR, blame=Blame.MACHINE)

    assert (AttemptState.CLOSING, False, "done", Blame.MACHINE, NOON + HOUR) == (
        attempt.state, attempt.wanted, attempt.unwanted_because, attempt.blame,
        attempt.next_action_at,
    )  # fmt: skip


@pytest.mark.parametrize("state", sorted(UNANSWERED))
def test_giving_up_what_is_unanswered_leaves_it_to_be_found(state: AttemptState) -> None:
    attempt = unwanted(an_attempt(state, wanted=True), because="done", at=NOON + HOUR)

    assert (state, False) == (attempt.state, attempt.wanted)


def test_the_first_reason_for_giving_up_is_kept() -> None:
    first = unwanted(an_attempt(), because="silent", at=NOON)

    assert "silent" == unwanted(first, because="done", at=NOON).unwanted_because


@pytest.mark.parametrize("state", [AttemptState.CLOSED, AttemptState.REJECTED])
def test_a_late_arrival_is_owed_an_end_from_the_start(state: AttemptState) -> None:
    closed = an_attempt(state, destroy_tries=7, destroy_answered_at=NOON, alerted_at=NOON)

    attempt = reopened(closed, an_instance(id=InstanceId("i-9")), at=NOON + HOUR)
    assert AttemptState.CLOSING is attempt.state
    assert InstanceId("i-9") == attempt.instance_id
    assert (0, None, None, None, None) == (
        attempt.destroy_tries, attempt.destroy_answered_at, attempt.alerted_at,
        attempt.closed_at, attempt.proof,
    )  # fmt: skip


def test_what_was_seen_is_never_presumed_absent() -> None:
    seen_once = replace(an_attempt(AttemptState.UNKNOWN), instance_id=InstanceId("i-1"))

    with pytest.raises(AssertionError):
        presumed_absent(seen_once, at=NOON)


def test_how_sure_an_end_is_stays_written() -> None:
    assert Proof.PRESUMED is presumed_absent(an_attempt(AttemptState.UNKNOWN), at=NOON).proof
    assert Proof.PROVED is proved_absent(an_attempt(AttemptState.CLOSING), at=NOON).proof


@given(st.integers(0, 10_000), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_a_destroy_is_repeated_within_bounds_for_ever(tries: int, age: timedelta) -> None:
    attempt = an_attempt(AttemptState.CLOSING, destroy_tries=tries)
    pause = destroy_pause(attempt, NOON + MINUTE + age)
    longest = DESTROY_PAUSE_AFTER_A_DAY if age > timedelta(days=1) else DESTROY_PAUSE_LONGEST

    assert DESTROY_PAUSE_FIRST * 0.8 <= pause <= longest
    assert pause <= destroy_pause(replace(attempt, destroy_tries=tries + 1), NOON + MINUTE + age)


def test_pauses_between_destroys_double() -> None:
    pauses = [
        destroy_pause(an_attempt(AttemptState.CLOSING, destroy_tries=tries), NOON + MINUTE)
        for tries in range(1, 9)
    ]

    assert [1, 2, 4, 8, 16, 32, 60, 60] == [pause / pauses[0] for pause in pauses]


def test_what_is_destroyed_together_is_not_tried_again_at_one_moment() -> None:
    attempts = [an_attempt(AttemptState.CLOSING, number=n, destroy_tries=1) for n in range(1, 20)]
    pauses = {destroy_pause(attempt, NOON) for attempt in attempts}

    assert len(pauses) > len(attempts) / 3


def test_an_operator_is_told_at_the_tenth_try_and_hourly_after_it() -> None:
    def due(tries: int, alerted_at: datetime | None, now: datetime) -> bool:
        attempt = an_attempt(AttemptState.CLOSING, destroy_tries=tries, alerted_at=alerted_at)
        return alert_due(attempt, now)

    assert [False, True] == [due(9, None, NOON), due(10, None, NOON)]
    assert [False, True] == [due(50, NOON, NOON + 59 * MINUTE), due(50, NOON, NOON + HOUR)]


@pytest.mark.parametrize(
    "lacks",
    [
        {"heard": None},
        {"heard": heard(as_sold=False)},
        {"endpoint": None},
        {"read_back_at": None},
    ],
    ids=lambda lacks: next(iter(lacks)),
)
def test_running_needs_a_checked_node_an_address_and_a_read_back(lacks: dict[str, object]) -> None:
    ready = an_attempt(heard=heard())

    assert ready.ready
    assert not replace(ready, **lacks).ready
    assert not replace(ready, state=AttemptState.CLOSING).ready


def test_the_newest_sign_of_life_counts_whoever_gave_it() -> None:
    attempt = an_attempt(last_seen_at=NOON + HOUR, heard=heard(NOON + MINUTE))

    assert NOON + HOUR == attempt.last_alive_at
    assert NOON + 2 * HOUR == replace(attempt, heard=heard(NOON + 2 * HOUR)).last_alive_at
    assert an_attempt(AttemptState.SENT).last_alive_at is None


def test_builders_hold_what_the_book_demands_of_every_state() -> None:
    for session_state in State:
        a_session(session_state)
    for state in AttemptState:
        assert_lawful(an_attempt(state), an_attempt(state))


@pytest.mark.parametrize(
    ("state", "seconds", "named", "expected"),
    [
        (AttemptState.CLOSED, 15, True, True),
        (AttemptState.CLOSED, 14, True, False),
        (AttemptState.CLOSED, 15, False, False),
        (AttemptState.CLOSING, 15, True, False),
    ],
)
def test_a_node_that_speaks_after_its_end_is_believed_unless_the_report_was_on_its_way(
    state: AttemptState, seconds: int, named: bool, expected: bool
) -> None:
    attempt = an_attempt(state, closed_at=NOON if state is AttemptState.CLOSED else None)
    if not named:
        attempt = replace(attempt, instance_id=None)

    assert expected is spoke_after_its_end(attempt, at=NOON + seconds * SECOND)


def test_what_is_spoken_for_is_owed_an_end_and_its_bill_is_open_again() -> None:
    attempt = an_attempt(AttemptState.CLOSED)

    owed = spoken_for(attempt, at=NOON + HOUR, by_itself=True)

    assert AttemptState.CLOSING is owed.state
    assert (None, None, None) == (owed.closed_at, owed.proof, owed.billing_ended_at)
    assert NOON + HOUR == owed.next_action_at
    assert not owed.wanted


def test_the_bill_of_what_a_double_may_have_spoken_for_stays_closed() -> None:
    attempt = an_attempt(AttemptState.CLOSED, billing_ended_at=NOON)

    owed = spoken_for(attempt, at=NOON + HOUR, by_itself=False)

    assert AttemptState.CLOSING is owed.state
    assert Absence(first_gone_at=NOON) == owed.absence


def test_what_only_a_listing_shows_is_looked_for_anew() -> None:
    missing = an_attempt(
        AttemptState.BOUND, missing_since=NOON, missing_listings=3, missing_reads=4
    )

    shown = doubtful(missing, at=NOON + HOUR)

    assert (NOON + HOUR, 0, 4) == (shown.missing_since, shown.missing_listings, shown.missing_reads)
    assert missing.last_seen_at == shown.last_seen_at
    assert NOON + HOUR == shown.next_action_at
