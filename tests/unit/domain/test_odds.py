"""How likely an offer is to work: each part between 0 and 1, and worth what it says."""

from datetime import UTC, datetime, timedelta
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.odds import (
    WAITING_MICROS,
    WASTED_HOURS,
    Part,
    expectation,
    expected_micros,
    freshness,
    odds,
)
from gpu_shopper.domain.offer_health import OfferHealth, Outcome, read_health
from gpu_shopper.testing.builders import an_offer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OFFER = an_offer(reliability=0.9, availability_confidence=0.8)


def a_failure(blame: Blame) -> Outcome:
    return Outcome(
        provider=OFFER.provider, offer_id=OFFER.id, machine_id=OFFER.machine_id,
        location=OFFER.region, gpu_type=OFFER.gpu_type, blame=blame, at=NOW, reason="no GPU",
    )  # fmt: skip


def test_where_nothing_is_known_the_clouds_own_word_counts() -> None:
    found = odds(OFFER, OfferHealth())

    assert found.confidence == pytest.approx(0.72)
    assert {1.0} == {
        factor
        for part, factor in found.parts.items()
        if part not in {Part.LISTED, Part.RELIABILITY}
    }


def test_every_part_is_named_and_their_product_is_the_odds() -> None:
    health = read_health([a_failure(Blame.MACHINE), a_failure(Blame.CLOUD)], now=NOW)
    found = odds(OFFER, OfferHealth(marks=health.marks, freshness={OFFER.provider: 0.5}))

    assert [*Part] == [*found.parts]
    assert {
        Part.LISTED: 0.8, Part.RELIABILITY: 0.9, Part.FRESHNESS: 0.5, Part.OFFER: 1.0,
        Part.MACHINE: 1 / 2, Part.LOCATION: 3 / 4, Part.GPU: 6 / 7, Part.PROVIDER: 5 / 6,
    } == pytest.approx(found.parts)  # fmt: skip
    assert found.confidence == pytest.approx(prod(found.parts.values()), abs=0.000_05)


@pytest.mark.parametrize("boast", [1.5, -0.5])
def test_no_word_of_a_cloud_leaves_the_scale(boast: float) -> None:
    offer = an_offer(reliability=boast, availability_confidence=boast)

    assert 0 <= odds(offer, OfferHealth()).confidence <= 1


def test_another_clouds_stale_list_says_nothing_of_this_one() -> None:
    health = OfferHealth(freshness={ProviderName("elsewhere"): 0.1})

    assert 1.0 == odds(OFFER, health).parts[Part.FRESHNESS]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(None, 1), (0, 1), (2, 1), (3, 0.5**0.2), (7, 0.5), (12, 0.25), (32, 1 / 64)],
)
def test_a_listing_is_believed_half_as_much_per_five_periods_overdue(
    minutes: int | None, expected: float
) -> None:
    age = None if minutes is None else minutes * MINUTE

    assert freshness(age, period=MINUTE) == pytest.approx(expected)


@given(age=st.timedeltas(timedelta(0)), more=st.timedeltas(timedelta(0), timedelta(days=9)))
def test_an_older_listing_is_never_believed_more(age: timedelta, more: timedelta) -> None:
    older = min(age, timedelta(days=900_000)) + more

    assert 0 <= freshness(older, period=MINUTE) <= freshness(age, period=MINUTE) <= 1


@given(
    price=st.integers(0, 10**9),
    hours=st.floats(0.01, 10_000),
    confidence=st.floats(0, 1),
    better=st.floats(0, 1),
)
def test_what_is_expected_is_never_less_than_the_price_and_falls_with_the_odds(
    price: int, hours: float, confidence: float, better: float
) -> None:
    low, high = sorted((confidence, better))

    dear = expected_micros(price, hours=hours, confidence=low)
    cheap = expected_micros(price, hours=hours, confidence=high)

    assert price * hours <= cheap <= dear


@pytest.mark.parametrize(
    ("confidence", "failed_starts"), [(1.0, 0), (1.5, 0), (0.5, 1), (0.2, 4), (0.02, 49), (0.0, 49)]
)
def test_so_many_starts_fail_before_one_works_and_each_is_paid_for(
    confidence: float, failed_starts: float
) -> None:
    found = expectation(1_000_000, hours=3, confidence=confidence)

    assert found.failed_starts == pytest.approx(failed_starts)
    assert (3, 1_000_000, 3_000_000) == (found.hours, found.price, found.bill)
    lost = (1_000_000 * WASTED_HOURS + WAITING_MICROS) * failed_starts
    assert found.total == pytest.approx(3_000_000 + lost)


def test_where_a_bill_is_known_it_counts_and_what_failed_is_paid_at_the_list_price() -> None:
    terms = {"hours": 3, "confidence": 0.5}

    assert expectation(1_000_000, bill=3_500_000, **terms).bill == 3_500_000
    assert expected_micros(1_000_000, bill=3_500_000, **terms) == pytest.approx(
        500_000 + expected_micros(1_000_000, **terms)
    )


def test_an_offer_without_an_id_of_its_own_shares_nothing() -> None:
    health = read_health([a_failure(Blame.MACHINE)], now=NOW)
    other = an_offer("other", id=OfferId("cumulus:other"), machine_id="", region="x", gpu_type="T4")

    assert odds(other, health) == odds(other, OfferHealth())
