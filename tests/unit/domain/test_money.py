"""Money: whole micro-dollars, and a price of time that no way of cutting it can change."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.money import (
    ZERO,
    HourlyRate,
    Money,
    charge,
    charge_between,
    micros_from_dollars,
    money,
    rate,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RATES = st.integers(0, 200_000_000).map(HourlyRate)
DURATIONS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))


@given(RATES, st.lists(DURATIONS, min_size=2, max_size=12))
def test_any_cut_of_an_interval_gives_the_same_sum(
    price: HourlyRate, offsets: list[timedelta]
) -> None:
    cuts = [START + offset for offset in sorted(offsets)]
    pieces = [
        charge_between(price, origin=START, begin=begin, end=end) for begin, end in pairwise(cuts)
    ]

    whole = charge_between(price, origin=START, begin=cuts[0], end=cuts[-1])
    assert whole == sum(pieces, ZERO)


@given(RATES, DURATIONS)
def test_a_charge_is_the_nearest_micro_dollar(price: HourlyRate, duration: timedelta) -> None:
    exact = Fraction(price.micros) * Fraction(duration // timedelta(microseconds=1), 3_600_000_000)

    assert abs(charge(price, duration).micros - exact) <= Fraction(1, 2)


@given(RATES, DURATIONS, DURATIONS)
def test_more_time_never_costs_less(price: HourlyRate, one: timedelta, other: timedelta) -> None:
    short, long = sorted((one, other))

    assert charge(price, short) <= charge(price, long)


def test_an_hour_costs_the_hourly_price() -> None:
    assert money("0.842137") == charge(rate("0.842137"), timedelta(hours=1))


def test_half_a_micro_dollar_is_rounded_up() -> None:
    half_an_hour = timedelta(minutes=30)

    assert Money(1) == charge(HourlyRate(1), half_an_hour)
    assert Money(0) == charge(HourlyRate(1), half_an_hour - timedelta(microseconds=1))


def test_no_float_ever_touches_a_bill() -> None:
    price, duration = HourlyRate(200_000_001), timedelta(days=400, microseconds=1)

    amount = charge(price, duration)
    assert int is type(amount.micros)
    assert Money(1_920_000_009_600) == amount


def test_time_that_runs_backwards_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        charge(HourlyRate(1), timedelta(seconds=-1))
    with pytest.raises(AssertionError):
        charge_between(HourlyRate(1), origin=START, begin=START - timedelta(seconds=1), end=START)


@given(st.integers(-(10**15), 10**15))
def test_what_is_shown_reads_back_as_the_same_amount(micros: int) -> None:
    assert micros == micros_from_dollars(Decimal(micros) / 1_000_000)
    assert micros == micros_from_dollars(Money(micros).dollars)


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_what_was_added_can_be_taken_away(one: int, other: int) -> None:
    assert Money(one) == Money(one) + Money(other) - Money(other)


def test_a_float_is_read_as_it_is_written() -> None:
    # 0.1 + 0.2 is 0.30000000000000004: what is meant is what is printed, to the micro-dollar.
    assert 300_000 == micros_from_dollars(0.1 + 0.2)
    assert 1_005_000 == micros_from_dollars(1.005)
    assert 1 == micros_from_dollars(0.0000005)


@pytest.mark.parametrize("wrong", ["nan", "inf", float("nan"), float("-inf"), "", "a lot", "1,50"])
def test_what_is_no_amount_is_refused(wrong: float | str) -> None:
    with pytest.raises(ValueError):
        micros_from_dollars(wrong)


def test_amounts_print_for_people() -> None:
    assert "12.30 USD" == str(money("12.3"))
    assert "0.4000 USD/h" == str(rate("0.4"))


def test_the_quick_way_to_a_rate_is_the_exact_one() -> None:
    chance = random.Random(4)
    drawn = [chance.uniform(0, 100) for _ in range(20_000)]
    drawn += [chance.randrange(10**9) / 10 ** chance.randrange(12) for _ in range(20_000)]
    drawn += [(chance.randrange(10**9) + 0.5) / 1e6 for _ in range(20_000)]
    drawn += [0.0, 1e-9, 4.999999999e-7, 5e-7, 0.1 + 0.2, 1e6, 1e12, 123456789.123456]

    assert [micros_from_dollars(dollars) for dollars in drawn] == [
        rate(dollars).micros for dollars in drawn
    ]
