"""When a bill ended: by our order, by the node itself, or by nobody knows whom; and the least that is billed in any case."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.cost import close_earlier_life, end_of_bill
from gpu_shopper.domain.launch import Absence, AttemptState
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, SECOND, an_attempt, heard

BEGIN = NOON + 25 * MINUTE + 17 * SECOND
BILLED = an_attempt(billed_from=BEGIN, rate_since=BEGIN, accrued_to=BEGIN)
ELEVEN = NOON - HOUR
SINCE_ELEVEN = an_attempt(billed_from=ELEVEN, rate_since=ELEVEN, accrued_to=ELEVEN)


@pytest.mark.parametrize(
    ("missing_after", "lease", "expected"),
    [
        (29 * MINUTE, HOUR / 2, timedelta(0)),
        (30 * MINUTE, HOUR / 2, HOUR / 2),
        (3 * HOUR, HOUR / 2, HOUR / 2),
        (3 * HOUR, None, timedelta(0)),
    ],
)
def test_a_node_that_nobody_answered_is_billed_until_its_lease_ran_out(
    missing_after: timedelta, lease: timedelta | None, expected: timedelta
) -> None:
    last = heard(NOON)
    missing = NOON + missing_after
    vanished = replace(
        SINCE_ELEVEN,
        heard=last,
        last_seen_at=NOON - HOUR,
        missing_since=missing,
        absence=Absence(first_gone_at=missing),
    )

    assert last.at + expected == end_of_bill(vanished, Quirks(), lease=lease)


def test_no_lease_outlasts_the_first_absence() -> None:
    back = replace(
        SINCE_ELEVEN,
        heard=heard(NOON),
        last_seen_at=NOON,
        missing_since=NOON + 2 * HOUR,
        absence=Absence(first_gone_at=NOON + SECOND),
    )

    assert NOON + SECOND == end_of_bill(back, Quirks(), lease=HOUR / 2)


@pytest.mark.parametrize(
    ("quirk", "first_gone", "expected"),
    [(True, 20, 10), (True, 5, 5), (False, 20, 20)],
)
def test_what_was_destroyed_is_billed_until_the_order_or_the_first_absence(
    *, quirk: bool, first_gone: int, expected: int
) -> None:
    destroyed = replace(
        SINCE_ELEVEN,
        destroy_accepted_at=NOON + 10 * SECOND,
        absence=Absence(first_gone_at=NOON + first_gone * SECOND),
    )

    end = end_of_bill(destroyed, Quirks(destroy_ends_billing=quirk), lease=None)

    assert NOON + expected * SECOND == end


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (BillingTerms(minimum=MINUTE), MINUTE),
        (BillingTerms(increment=HOUR), HOUR),
        (BillingTerms(increment=SECOND), SECOND),
    ],
    ids=["minimum", "increment", "second"],
)
def test_what_ended_by_our_slow_clock_before_its_cloud_says_it_began_is_billed_the_least_all_the_same(
    terms: BillingTerms, expected: timedelta
) -> None:
    began = NOON + 17 * SECOND
    short = replace(
        BILLED,
        billed_from=began,
        rate_since=began,
        accrued_to=began,
        destroy_accepted_at=NOON,
        absence=Absence(first_gone_at=NOON + 5 * SECOND),
    )
    quirks = Quirks(billing=terms, destroy_ends_billing=True)

    assert began + expected == end_of_bill(short, quirks, lease=None)
    # Where only we have reckoned when it began, nobody has said that anything was billed.
    assert began == end_of_bill(replace(short, billed_from=None), quirks, lease=None)


def test_what_was_never_billed_has_no_end() -> None:
    assert (
        end_of_bill(an_attempt(AttemptState.CLOSING, accrued_to=None), Quirks(), lease=None) is None
    )


@pytest.mark.parametrize(("first_gone", "expected"), [(30, 30), (None, 20), (90, 60)])
def test_the_life_before_an_end_that_nobody_proved_is_billed_to_its_end(
    first_gone: int | None, expected: int
) -> None:
    gone_at = None if first_gone is None else BEGIN + first_gone * SECOND
    ended = replace(
        BILLED,
        accrued_to=BEGIN,
        heard=None,
        last_seen_at=BEGIN + 20 * SECOND,
        absence=Absence(first_gone_at=gone_at),
    )

    closed = close_earlier_life(ended, Quirks(), anew=BEGIN + 60 * SECOND, lease=None)

    assert BEGIN + expected * SECOND == closed.attempt.accrued_to


def test_an_earlier_life_that_nobody_answered_is_billed_until_its_lease_ran_out() -> None:
    vanished = replace(
        BILLED,
        heard=heard(BEGIN),
        last_seen_at=BEGIN,
        missing_since=BEGIN + 2 * HOUR,
        absence=Absence(first_gone_at=BEGIN + 2 * HOUR),
    )

    closed = close_earlier_life(vanished, Quirks(), anew=BEGIN + 3 * HOUR, lease=HOUR / 2)

    assert BEGIN + HOUR / 2 == closed.attempt.accrued_to


def test_an_earlier_life_that_nobody_ever_saw_costs_nothing() -> None:
    unseen = replace(BILLED, last_seen_at=None, heard=None)

    closed = close_earlier_life(unseen, Quirks(), anew=BEGIN + HOUR, lease=None)

    assert (unseen, ()) == (closed.attempt, closed.entries)
