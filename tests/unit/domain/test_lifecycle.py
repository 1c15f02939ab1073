"""The table of states, and the session that moves by it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.errors import IllegalMove
from gpu_shopper.domain.lifecycle import ENDING, FINAL, MOVES, Event, State, move
from gpu_shopper.domain.session import AS_ASKED, Session, StopReason
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, a_session

PAIRS = [(state, event) for state in State for event in Event]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_a_session_moves_by_the_table_and_not_otherwise(state: State, event: Event) -> None:
    session = a_session(state)
    if (state, event) in MOVES:
        assert MOVES[state, event] is session.advance(event, at=NOON).state
    else:
        with pytest.raises(IllegalMove) as refusal:
            session.advance(event, at=NOON)
        assert {"state": str(state), "event": str(event)} == refusal.value.fields


@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_leads_out_of_a_final_state(state: State) -> None:
    assert [] == [event for at, event in MOVES if at is state]


def test_from_an_ending_session_nothing_leads_back() -> None:
    assert {True} == {target in ENDING for (state, _), target in MOVES.items() if state in ENDING}


def test_every_state_that_is_not_ending_can_be_stopped() -> None:
    stoppable = {state for state, event in MOVES if event is Event.STOP_INTENDED}

    assert set(State) - ENDING == stoppable


def test_every_state_is_reachable_and_can_reach_an_end() -> None:
    reached = {State.PENDING}
    for _ in State:
        reached |= {target for (state, _), target in MOVES.items() if state in reached}
    ends = set(FINAL)
    for _ in State:
        ends |= {state for (state, _), target in MOVES.items() if target in ends}

    assert set(State) == reached == ends


def test_nothing_runs_without_being_heard() -> None:
    assert {Event.HEARD_FROM} == {
        event for (_, event), target in MOVES.items() if target is State.RUNNING
    }


def test_nothing_ends_without_being_shown_to_be_gone() -> None:
    assert {(State.STOPPING, Event.GONE_AS_ASKED), (State.STOPPING, Event.GONE_OTHERWISE)} == {
        before for before, target in MOVES.items() if target in FINAL
    }


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_no_sequence_of_events_leaves_the_table(events: list[Event]) -> None:
    session, at = a_session(), NOON
    for event in events:
        at += MINUTE
        known = (session.state, event) in MOVES
        try:
            session = _taken(session, event, at)
        except IllegalMove:
            assert not known
        else:
            assert known
            assert at == session.state_since
        assert session.ended == (session.stopped_at is not None)
        assert session.ended == (session.next_action_at is None)
        assert session.state is not State.RUNNING or session.running_at is not None


def _taken(session: Session, event: Event, at) -> Session:
    if event is Event.STOP_INTENDED:
        return session.asked_to_stop(StopReason.DONE, actor="alice", at=at)
    return session.advance(event, at=at)


def test_the_first_moment_of_running_is_kept_to_the_end() -> None:
    session = a_session(State.PROVISIONING).advance(Event.HEARD_FROM, at=NOON + MINUTE)

    ended = session.asked_to_stop(StopReason.DONE, actor="alice", at=NOON + HOUR)
    assert NOON + MINUTE == ended.running_at


def test_a_stop_says_why_and_by_whom_and_wants_nothing_any_more() -> None:
    stopping = a_session(State.RUNNING).asked_to_stop(
        StopReason.SILENT, actor="engine", at=NOON, error="not heard"
    )

    assert (State.STOPPING, StopReason.SILENT, "engine", "not heard", None) == (
        stopping.state, stopping.stop_reason, stopping.stop_actor, stopping.error, stopping.launch,
    )  # fmt: skip


def test_a_stop_without_an_error_keeps_the_last_one() -> None:
    session = replace(a_session(), error="sold out")

    assert "sold out" == session.asked_to_stop(StopReason.DONE, actor="a", at=NOON).error


@pytest.mark.parametrize("reason", StopReason)
def test_a_session_is_stopped_if_somebody_wanted_it_and_failed_if_not(reason: StopReason) -> None:
    settled = replace(a_session(State.STOPPING), stop_reason=reason).settled(at=NOON + HOUR)

    assert (State.STOPPED if reason in AS_ASKED else State.FAILED) is settled.state
    assert NOON + HOUR == settled.stopped_at


def test_the_hard_maximum_counts_from_running_and_an_override_replaces_it() -> None:
    running = a_session(State.RUNNING)

    assert a_session().hard_max_at is None
    assert NOON + MINUTE + timedelta(hours=12) == running.hard_max_at
    assert NOON + 15 * HOUR == replace(running, hard_max_override=NOON + 15 * HOUR).hard_max_at


def test_the_reservation_counts_from_running() -> None:
    assert a_session().expires_at is None
    assert NOON + MINUTE + 2 * HOUR == a_session(State.RUNNING).expires_at


def test_an_illegal_move_is_told_in_words() -> None:
    with pytest.raises(IllegalMove, match="a session that is stopped cannot take heard_from"):
        move(State.STOPPED, Event.HEARD_FROM)
