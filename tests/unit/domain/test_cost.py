"""Cost: entries that neither overlap nor leave a gap, whatever the order in which they come about."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpu_shopper.domain.cost import (
    CostEntry,
    accrue,
    accrue_full_hours,
    begin_as_told,
    close_bill,
    hour_of,
    reprice,
    total,
    unbooked,
)
from gpu_shopper.domain.launch import Absence, AttemptState, LaunchAttempt
from gpu_shopper.domain.money import ZERO, HourlyRate, Money, charge, charge_between
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, SECOND, an_attempt

BEGIN = NOON + 25 * MINUTE + 17 * SECOND
BILLED = an_attempt(billed_from=BEGIN, rate_since=BEGIN, accrued_to=BEGIN)
AGES = st.timedeltas(timedelta(0), timedelta(hours=30))
RATES = st.integers(0, 50_000_000).map(HourlyRate)


def booked(
    attempt: LaunchAttempt, moments: list[datetime]
) -> tuple[LaunchAttempt, list[CostEntry]]:
    entries: list[CostEntry] = []
    for moment in moments:
        accrual = accrue(attempt, to=moment)
        attempt = accrual.attempt
        entries += accrual.entries
    return attempt, entries


@given(st.lists(AGES, min_size=1, max_size=10))
def test_entries_are_disjoint_contiguous_and_cut_at_full_hours(ages: list[timedelta]) -> None:
    attempt, entries = booked(BILLED, [BEGIN + age for age in ages])
    if not entries:
        assert BEGIN == attempt.accrued_to
        return
    assert (BEGIN, attempt.accrued_to) == (entries[0].begins_at, entries[-1].ends_at)
    assert all(one.ends_at == after.begins_at for one, after in pairwise(entries))
    assert all(entry.begins_at < entry.ends_at for entry in entries)
    assert all(
        hour_of(entry.begins_at) == hour_of(entry.ends_at - timedelta(microseconds=1))
        for entry in entries
    )


@given(st.lists(AGES, min_size=1, max_size=10), RATES)
def test_the_bill_does_not_depend_on_when_it_was_written(
    ages: list[timedelta], price: HourlyRate
) -> None:
    attempt, entries = booked(replace(BILLED, rate=price), [BEGIN + age for age in ages])

    assert charge(price, max(ages)) == total(entries)
    assert BEGIN + max(ages) == attempt.accrued_to


@given(AGES, AGES)
def test_what_is_booked_and_what_is_not_make_up_the_whole(one: timedelta, other: timedelta) -> None:
    booked_to, now = BEGIN + min(one, other), BEGIN + max(one, other)
    accrual = accrue(BILLED, to=booked_to)

    assert charge(BILLED.rate, now - BEGIN) == total(accrual.entries) + unbooked(
        accrual.attempt, now=now
    )


@given(AGES)
def test_only_hours_that_were_certainly_lived_through_are_closed(age: timedelta) -> None:
    attempt = replace(BILLED, last_seen_at=BEGIN + age, heard=None)

    accrued_to = accrue_full_hours(attempt).attempt.accrued_to
    assert accrued_to is not None
    assert max(BEGIN, hour_of(BEGIN + age)) == accrued_to


def test_a_moment_is_never_charged_twice() -> None:
    once = accrue(BILLED, to=BEGIN + HOUR)

    assert () == accrue(once.attempt, to=BEGIN + HOUR).entries
    assert () == accrue(once.attempt, to=BEGIN).entries


def test_what_was_never_bought_costs_nothing() -> None:
    rejected = an_attempt(AttemptState.REJECTED)

    assert () == accrue(rejected, to=NOON + 9 * HOUR).entries
    assert ZERO == unbooked(rejected, now=NOON + 9 * HOUR)


@pytest.mark.parametrize("unknown", ["accrued_to", "rate_since"])
def test_what_has_no_begin_costs_nothing(unknown: str) -> None:
    unbilled = replace(BILLED, **{unknown: None})

    accrual = accrue(unbilled, to=BEGIN + HOUR)
    assert (unbilled, ()) == (accrual.attempt, accrual.entries)
    assert ZERO == unbooked(unbilled, now=BEGIN + HOUR)


def test_no_hour_of_what_was_never_seen_is_closed() -> None:
    unseen = replace(BILLED, last_seen_at=None, heard=None)

    accrual = accrue_full_hours(unseen)
    assert (unseen, ()) == (accrual.attempt, accrual.entries)


def test_an_entry_says_whose_it_is_and_at_what_price() -> None:
    (entry,) = accrue(BILLED, to=BEGIN + MINUTE).entries

    assert (BILLED.id, BILLED.session_id, "alice", "cumulus", "RTX 4090", BILLED.rate) == (
        entry.attempt_id, entry.session_id, entry.consumer_id, entry.provider, entry.gpu_type,
        entry.rate,
    )  # fmt: skip


@given(AGES, AGES, RATES)
def test_a_new_price_counts_from_the_moment_it_was_seen(
    before: timedelta, after: timedelta, dearer: HourlyRate
) -> None:
    change, end = BEGIN + before, BEGIN + before + after
    repriced = reprice(BILLED, dearer, at=change)
    if dearer == BILLED.rate:
        assert (BILLED, ()) == (repriced.attempt, repriced.entries)
        return

    closed = accrue(repriced.attempt, to=end)
    assert charge(BILLED.rate, before) + charge(dearer, after) == total(
        repriced.entries + closed.entries
    )


def test_the_price_that_is_known_changes_nothing() -> None:
    repriced = reprice(BILLED, BILLED.rate, at=BEGIN + HOUR)

    assert (BILLED, ()) == (repriced.attempt, repriced.entries)


def test_the_first_price_read_back_replaces_the_offers_from_the_start() -> None:
    unread = replace(BILLED, read_back_at=None)
    repriced = reprice(unread, HourlyRate(100), at=BEGIN + HOUR)

    assert () == repriced.entries
    assert charge(HourlyRate(100), 2 * HOUR) == total(
        accrue(repriced.attempt, to=BEGIN + 2 * HOUR).entries
    )


def test_a_price_seen_by_a_clock_set_back_charges_nothing_twice() -> None:
    attempt = accrue(BILLED, to=BEGIN + HOUR).attempt

    repriced = reprice(attempt, HourlyRate(100), at=BEGIN)
    assert ((), BEGIN + HOUR) == (repriced.entries, repriced.attempt.rate_since)


RECKONED = replace(BILLED, billed_from=None, read_back_at=None)


@pytest.mark.parametrize("told", [BEGIN - MINUTE, BEGIN, BEGIN + MINUTE])
def test_the_clouds_first_word_of_when_it_began_replaces_what_was_reckoned(told: datetime) -> None:
    begun = begin_as_told(RECKONED, told)

    assert told == begun.billed_from == begun.rate_since == begun.accrued_to


@pytest.mark.parametrize(
    "attempt",
    [
        BILLED,
        accrue(RECKONED, to=BEGIN + HOUR).attempt,
        replace(RECKONED, read_back_at=BEGIN),
        replace(RECKONED, absence=Absence(first_gone_at=BEGIN + 59 * SECOND)),
    ],
    ids=[
        "it is told already",
        "an hour is booked",
        "it was read back",
        "gone before, so it is back",
    ],
)
def test_what_was_told_or_booked_or_gone_before_keeps_the_begin_of_its_bill(
    attempt: LaunchAttempt,
) -> None:
    assert attempt is begin_as_told(attempt, BEGIN + MINUTE)


def test_no_word_of_the_cloud_leaves_the_begin_as_it_was_reckoned() -> None:
    assert RECKONED is begin_as_told(RECKONED, None)


def test_what_was_read_to_be_gone_and_began_before_that_was_there_all_the_time() -> None:
    doubted = replace(RECKONED, absence=Absence(first_gone_at=BEGIN + MINUTE))

    assert BEGIN + MINUTE == begin_as_told(doubted, BEGIN + MINUTE).accrued_to


ANEW = BEGIN + 90 * MINUTE
BACK = replace(BILLED, billed_from=ANEW)


@given(st.lists(AGES, min_size=1, max_size=5), RATES)
@example([timedelta(0), HOUR, 90 * MINUTE, 3 * HOUR], HourlyRate(0))
@example([HOUR, 3 * HOUR], HourlyRate(1_000_000))
@example([90 * MINUTE, 4 * HOUR], HourlyRate(1))
def test_nothing_is_due_for_the_time_before_an_instance_came_back(
    ages: list[timedelta], price: HourlyRate
) -> None:
    attempt, entries = booked(replace(BACK, rate=price), [BEGIN + age for age in ages])

    since = max(max(ages) - (ANEW - BEGIN), timedelta(0))
    assert charge(price, since) == total(entries)
    assert (price, BEGIN + max(ages)) == (attempt.rate, attempt.accrued_to)
    assert all(
        entry.rate == (price if entry.begins_at >= ANEW else HourlyRate(0)) for entry in entries
    )
    assert all(one.ends_at == after.begins_at for one, after in pairwise(entries))


def test_what_is_not_booked_yet_of_what_came_back_is_shown_as_it_will_be_booked() -> None:
    assert ZERO == unbooked(BACK, now=ANEW)
    assert charge(BACK.rate, HOUR) == unbooked(BACK, now=ANEW + HOUR)


def test_the_last_entry_ends_where_billing_did() -> None:
    ended = replace(BILLED, billing_ended_at=BEGIN + 90 * MINUTE)

    bill = close_bill(ended)
    assert BEGIN + 90 * MINUTE == bill.entries[-1].ends_at == bill.attempt.accrued_to
    assert (BILLED, ()) == (close_bill(BILLED).attempt, close_bill(BILLED).entries)
    assert ZERO == unbooked(bill.attempt, now=NOON + 99 * HOUR)


def test_something_seen_after_its_bill_was_closed_is_not_charged_twice() -> None:
    late = replace(BILLED, accrued_to=BEGIN + 2 * HOUR, billing_ended_at=BEGIN + HOUR)

    assert () == close_bill(late).entries


def test_an_attempt_that_is_over_goes_on_costing_nothing() -> None:
    closed = an_attempt(AttemptState.CLOSED, accrued_to=NOON, billing_ended_at=NOON + HOUR)

    assert charge(closed.rate, HOUR) == unbooked(closed, now=NOON + 9 * HOUR)


def test_an_attempt_that_is_over_without_an_end_of_its_bill_costs_nothing_more() -> None:
    over = an_attempt(AttemptState.REJECTED, accrued_to=NOON, rate_since=NOON)

    assert ZERO == unbooked(over, now=NOON + 9 * HOUR)


def test_nothing_costs_nothing() -> None:
    assert Money(0) == total([])


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(microseconds=1), 59 * MINUTE])
def test_the_hour_of_a_moment_is_the_full_hour_it_lies_in(offset: timedelta) -> None:
    assert NOON == hour_of(NOON + offset)


@given(AGES, AGES)
def test_charges_between_add_up_from_any_origin(one: timedelta, other: timedelta) -> None:
    middle, end = BEGIN + min(one, other), BEGIN + max(one, other)
    rate = BILLED.rate

    assert charge_between(rate, origin=BEGIN, begin=BEGIN, end=end) == charge_between(
        rate, origin=BEGIN, begin=BEGIN, end=middle
    ) + charge_between(rate, origin=BEGIN, begin=middle, end=end)
