"""What has no attempt of its own: owed an end from its first sight, and closed on listings after a destroy alone."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gpu_shopper.domain.alerting import ALERT_PERIOD, ALERT_TRIES
from gpu_shopper.domain.ids import InstanceId, session_id
from gpu_shopper.domain.launch import pause_after
from gpu_shopper.domain.money import HourlyRate, money
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.surplus import (
    LISTINGS_AT_LEAST,
    Surplus,
    destroy_called,
    destroy_due,
    not_listed,
    proved_gone,
    still_there,
    surplus_alert_due,
    surplus_of,
)
from gpu_shopper.testing.builders import CUMULUS, HOUR, MINUTE, NOON, SECOND, an_instance

QUIRKS = Quirks(absence_listing_spacing=MINUTE)
DOUBLE = surplus_of(
    an_instance(billed_from=NOON), because="a double", session_id=session_id(1), at=NOON + HOUR
)
LATER = NOON + 2 * HOUR
DESTROYED = replace(
    DOUBLE, destroy_called_at=LATER - SECOND, destroy_answered_at=LATER, destroy_tries=1
)
GONE = replace(DESTROYED, gone_listings=1, listing_at=LATER + MINUTE, gone_at=LATER + MINUTE)


def test_the_obligation_says_what_it_is_whose_it_was_and_what_it_costs() -> None:
    instance = an_instance(id=InstanceId("i-9"), rate=HourlyRate(7), billed_from=NOON)

    assert Surplus(
        provider=CUMULUS,
        instance_id=InstanceId("i-9"),
        label=instance.label,
        because="nobody's",
        since=LATER,
        billed_from=NOON,
        session_id=session_id(2),
        rate=HourlyRate(7),
    ) == surplus_of(instance, because="nobody's", session_id=session_id(2), at=LATER)


@pytest.mark.parametrize("told", [None, LATER + SECOND], ids=["not told", "in the future"])
def test_it_is_billed_from_its_first_sight_at_the_latest(told: datetime | None) -> None:
    found = surplus_of(an_instance(billed_from=told), because="", session_id=None, at=LATER)

    assert LATER == found.billed_from


def test_it_costs_its_rate_until_a_listing_first_lacked_it() -> None:
    gone = replace(DOUBLE, rate=HourlyRate(400_000), gone_at=NOON + HOUR / 2)

    assert money("0.2") == gone.cost
    assert money(0) == replace(gone, gone_at=NOON - SECOND).cost


def test_what_it_costs_is_not_known_without_a_price_or_an_end() -> None:
    assert replace(DOUBLE, gone_at=LATER, rate=None).cost is None
    assert replace(DOUBLE, gone_at=None).cost is None


def test_any_sight_voids_what_spoke_of_absence_and_nothing_else() -> None:
    assert DESTROYED == still_there(GONE, at=LATER + HOUR)


def test_what_comes_back_after_its_end_is_owed_an_end_from_the_start() -> None:
    closed = replace(GONE, closed_at=LATER + HOUR, alerted_at=LATER, destroy_tries=12)

    assert replace(DOUBLE, since=LATER + 2 * HOUR) == still_there(closed, at=LATER + 2 * HOUR)


@pytest.mark.parametrize(
    ("after_its_end", "anew"),
    [(MINUTE, True), (timedelta(0), False), (-MINUTE, False), (None, False)],
)
def test_what_comes_back_costs_from_when_its_cloud_says_so_and_else_from_the_start(
    after_its_end: timedelta | None, *, anew: bool
) -> None:
    closed = replace(GONE, closed_at=LATER + HOUR)
    assert closed.gone_at is not None
    told = None if after_its_end is None else closed.gone_at + after_its_end

    back = still_there(closed, at=LATER + 2 * HOUR, told=told)
    assert (told if anew else DOUBLE.billed_from) == back.billed_from


def test_no_destroy_before_its_end_lets_a_listing_speak_of_what_came_back() -> None:
    back = still_there(replace(GONE, closed_at=LATER + HOUR), at=LATER + 2 * HOUR)

    assert back == not_listed(back, began_at=LATER + 3 * HOUR, quirks=QUIRKS)


def test_no_listing_speaks_of_its_absence_before_a_destroy_was_answered() -> None:
    called = replace(DESTROYED, destroy_answered_at=None)

    assert called == not_listed(called, began_at=LATER + HOUR, quirks=QUIRKS)


@pytest.mark.parametrize(("after", "counts"), [(timedelta(0), False), (SECOND, True)])
def test_only_a_listing_that_began_after_the_answer_counts(
    after: timedelta, *, counts: bool
) -> None:
    at = LATER + after
    counted = replace(DESTROYED, gone_listings=1, listing_at=at, gone_at=at)

    listed = not_listed(DESTROYED, began_at=at, quirks=QUIRKS)

    assert listed == (counted if counts else DESTROYED)


@pytest.mark.parametrize(("after", "counts"), [(MINUTE - SECOND, False), (MINUTE, True)])
def test_listings_that_speak_of_absence_are_spaced(after: timedelta, *, counts: bool) -> None:
    at = LATER + MINUTE + after
    counted = replace(GONE, gone_listings=2, listing_at=at)

    assert not_listed(GONE, began_at=at, quirks=QUIRKS) == (counted if counts else GONE)


def test_a_listing_of_the_future_is_of_before_the_clock_was_set_back_and_holds_up_none() -> None:
    ahead = replace(GONE, listing_at=LATER + 3 * HOUR)
    listed = not_listed(ahead, began_at=LATER + HOUR, quirks=QUIRKS)

    assert (2, LATER + HOUR) == (listed.gone_listings, listed.listing_at)


@pytest.mark.parametrize(("asked", "needed"), [(1, LISTINGS_AT_LEAST), (2, 2), (5, 5)])
def test_how_many_listings_must_lack_it_is_the_clouds_number_and_two_at_least(
    asked: int, needed: int
) -> None:
    quirks = Quirks(absence_listings=asked)

    assert not proved_gone(replace(GONE, gone_listings=needed - 1), quirks)
    assert proved_gone(replace(GONE, gone_listings=needed), quirks)


def test_it_is_destroyed_as_soon_as_it_is_known() -> None:
    assert destroy_due(DOUBLE, NOON + HOUR)
    assert destroy_due(replace(GONE, destroy_called_at=None), LATER)


def test_it_is_destroyed_at_once_if_it_was_last_told_to_end_in_the_future() -> None:
    called = replace(DOUBLE, destroy_called_at=LATER, destroy_answered_at=LATER, destroy_tries=4)

    assert destroy_due(called, LATER - timedelta(microseconds=1))
    assert not destroy_due(called, LATER)


@pytest.mark.parametrize("answered_at", [None, NOON])
def test_it_is_destroyed_again_at_once_if_the_last_call_was_never_answered(
    answered_at: datetime | None,
) -> None:
    called = replace(
        DOUBLE, destroy_called_at=LATER, destroy_answered_at=answered_at, destroy_tries=4
    )

    assert destroy_due(called, LATER)


def test_it_is_destroyed_again_after_the_pause_of_its_tries() -> None:
    called = replace(DOUBLE, destroy_called_at=LATER, destroy_answered_at=LATER, destroy_tries=4)
    pause = pause_after(4, since=called.since, now=LATER, key=called.instance_id)

    assert not destroy_due(called, LATER + pause - timedelta(microseconds=1))
    assert destroy_due(called, LATER + pause)


def test_after_a_day_it_is_destroyed_less_often() -> None:
    at = DOUBLE.since + timedelta(days=1, hours=1)
    called = replace(DOUBLE, destroy_called_at=at, destroy_answered_at=at, destroy_tries=50)

    assert not destroy_due(called, at + 6 * MINUTE)
    assert destroy_due(replace(called, since=at), at + 6 * MINUTE)


def test_a_last_try_of_the_future_delays_nothing() -> None:
    assert destroy_due(DESTROYED, LATER - MINUTE)
    assert destroy_due(GONE, LATER - MINUTE)


def test_one_listing_that_lacks_it_holds_up_no_destroy() -> None:
    assert destroy_due(GONE, LATER + 9 * HOUR)


def test_every_destroy_is_counted() -> None:
    called = destroy_called(DESTROYED, at=LATER + HOUR)

    assert replace(DESTROYED, destroy_called_at=LATER + HOUR, destroy_tries=2) == called


def test_an_operator_is_told_at_the_tenth_try_and_hourly_after_it() -> None:
    tried = replace(DOUBLE, destroy_tries=ALERT_TRIES)
    told = replace(tried, alerted_at=LATER)

    assert surplus_alert_due(tried, LATER)
    assert not surplus_alert_due(replace(tried, destroy_tries=ALERT_TRIES - 1), LATER)
    assert not surplus_alert_due(told, LATER + ALERT_PERIOD - SECOND)
    assert surplus_alert_due(told, LATER + ALERT_PERIOD)
