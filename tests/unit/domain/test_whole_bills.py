"""Where a bill ends at a cloud that bills a minimum, or increments whole."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gpu_shopper.domain.cost import close_bill, end_of_bill, total
from gpu_shopper.domain.launch import Absence, AttemptState
from gpu_shopper.domain.money import charge
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, SECOND, an_attempt


@pytest.mark.parametrize(
    ("terms", "stood", "billed"),
    [
        ({}, 90 * SECOND, 90 * SECOND),
        ({"minimum": HOUR}, 90 * SECOND, HOUR),
        ({"minimum": HOUR}, 2 * HOUR, 2 * HOUR),
        ({"increment": HOUR}, 2 * HOUR, 2 * HOUR),
        ({"increment": HOUR}, 2 * HOUR + SECOND, 3 * HOUR),
        ({"minimum": 90 * SECOND, "increment": 60 * SECOND}, SECOND, 120 * SECOND),
    ],
)
def test_a_bill_has_the_minimum_and_the_begun_increments_of_its_cloud(
    terms: dict[str, timedelta], stood: timedelta, billed: timedelta
) -> None:
    gone = an_attempt(
        AttemptState.CLOSING,
        billed_from=NOON,
        rate_since=NOON,
        accrued_to=NOON,
        absence=Absence(gone_reads=1, first_gone_at=NOON + stood),
    )

    end = end_of_bill(gone, Quirks(billing=BillingTerms(**terms)), lease=None)

    assert NOON + billed == end
    assert charge(gone.rate, billed) == total(
        close_bill(replace(gone, billing_ended_at=end)).entries
    )


@pytest.mark.parametrize(
    ("told", "repriced_at", "stood", "billed"),
    [(NOON, NOON + 30 * MINUTE, 90 * MINUTE, 2 * HOUR), (None, NOON, 90 * SECOND, HOUR)],
    ids=["as told, whatever the price since", "as reckoned, where nobody has told"],
)
def test_increments_are_counted_from_the_begin_of_the_bill(
    told: datetime | None, repriced_at: datetime, stood: timedelta, billed: timedelta
) -> None:
    gone = an_attempt(
        AttemptState.CLOSING,
        billed_from=told,
        rate_since=repriced_at,
        accrued_to=repriced_at,
        absence=Absence(gone_reads=1, first_gone_at=NOON + stood),
    )

    quirks = Quirks(billing=BillingTerms(increment=HOUR))

    assert NOON + billed == end_of_bill(gone, quirks, lease=None)


@pytest.mark.parametrize(("told", "billed"), [(NOON, HOUR), (None, timedelta(0))])
def test_what_was_gone_as_it_began_is_billed_only_where_its_cloud_says_that_it_began(
    told: datetime | None, billed: timedelta
) -> None:
    gone = an_attempt(
        AttemptState.CLOSING,
        billed_from=told,
        rate_since=NOON,
        accrued_to=NOON,
        absence=Absence(gone_reads=1, first_gone_at=NOON),
    )

    quirks = Quirks(billing=BillingTerms(minimum=HOUR))

    assert NOON + billed == end_of_bill(gone, quirks, lease=None)
