"""Deadlines: every session that is not over has a moment by which it must stop, and the earliest counts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.deadlines import (
    BUYING,
    Deadline,
    Limits,
    label_expiry,
    reserved_until,
    stop_by,
    time_to_start,
)
from gpu_shopper.domain.launch import Heard
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import HARD_MAX, STARTUP, StopReason
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, a_request, a_session, heard

RUNNING = a_session(State.RUNNING)
STARTED = NOON + MINUTE
LIMITS = Limits(silence=10 * MINUTE)
FAR = NOON + 100 * HOUR


def deadline(session=RUNNING, heard_last: Heard | None = None, until=FAR) -> Deadline:
    return stop_by(session, heard=heard_last, honoured_until=until, limits=LIMITS)


@pytest.mark.parametrize("state", [State.PENDING, State.PROVISIONING])
def test_before_it_runs_only_the_start_up_deadline_counts(state: State) -> None:
    session = a_session(state, request=a_request(startup_timeout=7 * MINUTE))

    assert Deadline(NOON + 7 * MINUTE, StopReason.LAUNCH_FAILED) == deadline(session)


def test_a_node_that_was_never_heard_since_it_ran_is_silent_soon() -> None:
    assert Deadline(STARTED + 10 * MINUTE, StopReason.SILENT) == deadline()


def test_every_heartbeat_moves_the_silence_on() -> None:
    assert Deadline(NOON + HOUR + 10 * MINUTE, StopReason.SILENT) == deadline(
        heard_last=heard(NOON + HOUR)
    )


def test_a_session_that_is_heard_lasts_as_long_as_it_was_reserved() -> None:
    last = heard(STARTED + 2 * HOUR - MINUTE)

    assert Deadline(STARTED + 2 * HOUR, StopReason.EXPIRED) == deadline(heard_last=last)


def test_the_reservation_wins_over_a_hard_maximum_at_the_same_moment() -> None:
    session = replace(RUNNING, reserved_hours=12)

    assert StopReason.EXPIRED is deadline(session, heard(STARTED + 12 * HOUR)).reason


def test_a_reservation_beyond_the_hard_maximum_ends_there() -> None:
    session = replace(RUNNING, reserved_hours=20)

    assert Deadline(STARTED + HARD_MAX, StopReason.HARD_MAX) == deadline(session, heard(FAR))


def test_an_override_moves_the_hard_maximum() -> None:
    session = replace(RUNNING, reserved_hours=20, hard_max_override=STARTED + 20 * HOUR)

    assert STARTED + 20 * HOUR == deadline(session, heard(FAR)).at


def test_what_stands_in_the_label_is_never_outlived() -> None:
    session = replace(RUNNING, reserved_hours=12)

    assert Deadline(NOON + 3 * HOUR, StopReason.HARD_MAX) == deadline(
        session, heard(FAR), until=NOON + 3 * HOUR
    )


def test_an_idle_node_ends_once_it_was_idle_for_long_enough() -> None:
    session = replace(RUNNING, request=a_request(idle_threshold=30 * MINUTE))
    at = STARTED + HOUR

    assert StopReason.SILENT is deadline(session, heard(at, idle_seconds=1799)).reason
    assert Deadline(at, StopReason.IDLE) == deadline(session, heard(at, idle_seconds=1800))


def test_idle_time_from_before_it_ran_does_not_count() -> None:
    session = replace(RUNNING, request=a_request(idle_threshold=30 * MINUTE))

    assert (
        StopReason.SILENT is deadline(session, heard(STARTED + MINUTE, idle_seconds=86_400)).reason
    )


def test_nobody_is_idle_who_never_asked_for_it() -> None:
    assert StopReason.SILENT is deadline(heard_last=heard(STARTED + HOUR, idle_seconds=9e4)).reason


@given(
    hours=st.integers(1, 12),
    heard_after=st.none() | st.timedeltas(timedelta(0), timedelta(hours=30)),
    idle=st.floats(0, 1e6),
    threshold=st.none() | st.timedeltas(MINUTE, timedelta(hours=12)),
    label_after=st.timedeltas(timedelta(hours=-1), timedelta(hours=30)),
)
def test_no_running_session_outlives_any_of_its_ends(
    hours: int,
    heard_after: timedelta | None,
    idle: float,
    threshold: timedelta | None,
    label_after: timedelta,
) -> None:
    session = replace(RUNNING, reserved_hours=hours, request=a_request(idle_threshold=threshold))
    sign = None if heard_after is None else heard(STARTED + heard_after, idle_seconds=idle)
    last = STARTED + (heard_after or timedelta(0))

    end = deadline(session, sign, STARTED + label_after)
    assert end.at <= min(
        STARTED + timedelta(hours=hours),
        STARTED + HARD_MAX,
        STARTED + label_after,
        last + LIMITS.silence,
    )


def test_a_label_lasts_longer_than_anything_that_needs_no_operator() -> None:
    session = a_session()
    latest_start = session.startup_deadline

    assert latest_start + HARD_MAX < label_expiry(session)


def test_nobody_is_silent_to_a_house_that_was_away() -> None:
    session = replace(RUNNING, reserved_hours=12)
    back_at = STARTED + 5 * HOUR

    end = stop_by(
        session,
        heard=heard(STARTED + HOUR),
        honoured_until=FAR,
        limits=LIMITS,
        listening_since=back_at,
    )
    assert Deadline(back_at + LIMITS.silence, StopReason.SILENT) == end


def test_a_house_that_was_away_prolongs_no_reservation() -> None:
    end = stop_by(
        RUNNING, heard=None, honoured_until=FAR, limits=LIMITS, listening_since=STARTED + 9 * HOUR
    )

    assert Deadline(STARTED + 2 * HOUR, StopReason.EXPIRED) == end


def test_until_when_a_session_may_last_does_not_depend_on_who_is_heard() -> None:
    assert Deadline(STARTED + 2 * HOUR, StopReason.EXPIRED) == reserved_until(
        RUNNING, honoured_until=FAR
    )
    assert Deadline(NOON + HOUR, StopReason.HARD_MAX) == reserved_until(
        RUNNING, honoured_until=NOON + HOUR
    )
    assert StopReason.LAUNCH_FAILED is reserved_until(a_session(), honoured_until=None).reason


@pytest.mark.parametrize(
    ("graces", "expected"),
    [([], STARTUP), ([MINUTE], STARTUP), ([HOUR, MINUTE, 2 * HOUR], BUYING + 2 * HOUR)],
)
def test_the_slowest_cloud_that_may_be_bought_from_is_waited_for_and_the_buying_too(
    graces, expected
) -> None:
    assert expected == time_to_start(graces)
