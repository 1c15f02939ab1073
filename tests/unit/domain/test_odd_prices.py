"""Prices that cannot be right are marked, and right ones never are."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.odd_prices import add_on_demand, marks_of, odd_prices, usual_prices
from gpu_shopper.domain.offer import Offer
from gpu_shopper.testing.builders import an_offer


def market(*dollars: str) -> list[Offer]:
    return [an_offer(f"o{index}", price=rate(price)) for index, price in enumerate(dollars)]


def found(offers: list[Offer]) -> dict[str, tuple[str, ...]]:
    return {str(name).rpartition(":")[2]: marks for name, marks in odd_prices(offers).items()}


def test_nothing_is_odd_about_a_usual_market() -> None:
    assert {} == found(market("0.30", "0.40", "0.50", "0.60", "20", "0.01"))


@pytest.mark.parametrize("micros", [0, -1])
def test_what_costs_nothing_or_less_has_no_price(micros: int) -> None:
    assert {"o0": ("no_price",)} == found([an_offer("o0", price=HourlyRate(micros))])


@pytest.mark.parametrize(
    ("dollars", "marks"),
    [
        ("0.0049", ("far_below",)),
        ("0.0050", ()),
        ("50", ()),
        ("50.01", ("far_above",)),
    ],
)
def test_a_hundred_times_off_its_models_median_is_odd(dollars: str, marks: tuple[str, ...]) -> None:
    usual = usual_prices(market("0.50", "0.50", "0.50", "0.50", "0.50"))

    assert marks == marks_of(an_offer(price=rate(dollars)), usual)


def test_a_median_needs_enough_samples_and_those_without_a_price_are_none() -> None:
    few = market("0.50", "0.50", "0.50", "0.0001")
    unpriced = [replace(offer, price=HourlyRate(0)) for offer in market("1", "1", "1")]

    assert {} == found(few)
    assert {} == usual_prices([*few, *unpriced]).per_gpu
    assert {"o4": ("far_below",)} == found(market("0.5", "0.5", "0.5", "0.5", "0.0001"))


def test_the_median_is_that_of_one_whole_gpu_of_the_same_model() -> None:
    eight = an_offer("eight", price=rate("60"), gpu_count=8)
    eighth = an_offer("eighth", price=rate("0.01"), gpu_fraction=0.125)
    other = an_offer("other", price=rate("90"), gpu_type="H100 SXM")

    assert {} == found([*market("0.50", "0.50", "0.50", "0.50", "0.50"), eight, eighth, other])


def test_spot_above_the_same_machine_on_demand_is_odd() -> None:
    whole = an_offer("whole", price=rate("1.00"), machine_id="m")
    spot = an_offer("spot", price=rate("1.01"), machine_id="m", interruptible=True)

    assert {"spot": ("spot_above",)} == found([whole, spot])


@pytest.mark.parametrize(
    "change",
    [
        {"price": rate("1.00")},
        {"interruptible": False},
        {"machine_id": "another"},
        {"region": "elsewhere"},
        {"gpu_count": 2},
        {"gpu_fraction": 0.5},
        {"vram_gb": 48},
        {"vcpus": 64},
        {"ram_gb": 512},
        {"provider": "another"},
    ],
    ids=str,
)
def test_spot_is_held_against_the_same_thing_only(change: dict[str, object]) -> None:
    whole = an_offer("whole", price=rate("1.00"), machine_id="m")
    spot = an_offer("spot", price=rate("1.01"), machine_id="m", interruptible=True)

    assert {} == found([whole, replace(spot, **change)])


def test_one_spot_price_is_no_measure_of_another() -> None:
    first = an_offer("first", price=rate("0.50"), machine_id="m", interruptible=True)
    second = an_offer("second", price=rate("0.90"), machine_id="m", interruptible=True)

    assert {} == found([first, second])


def test_an_offer_without_a_price_makes_no_spot_odd() -> None:
    whole = an_offer("whole", price=HourlyRate(0), machine_id="m")
    spot = an_offer("spot", price=rate("1.01"), machine_id="m", interruptible=True)

    assert {"whole": ("no_price",)} == found([whole, spot])


def test_spot_is_held_against_the_least_on_demand() -> None:
    asked = [an_offer(f"o{dollars}", price=rate(dollars), machine_id="m") for dollars in (2, 1, 3)]
    spot = an_offer("spot", price=rate("1.01"), machine_id="m", interruptible=True)

    assert {"spot": ("spot_above",)} == found([*asked, spot])


def test_a_millionth_of_a_dollar_is_a_price_and_nothing_is_none() -> None:
    least = [an_offer(f"o{n}", price=HourlyRate(1), machine_id="m") for n in range(5)]
    spot = an_offer("spot", price=HourlyRate(2), machine_id="m", interruptible=True)
    noted: dict[tuple[str | int | float, ...], int] = {}

    add_on_demand(noted, [an_offer(price=HourlyRate(0))])

    assert {} == noted
    assert {least[0].gpu_type: 1.0} == usual_prices(least).per_gpu
    assert {"spot": ("spot_above",)} == found([*least, spot])


@given(st.lists(st.integers(min_value=-10, max_value=10**12), max_size=30))
def test_at_least_half_of_a_market_is_never_a_hundred_times_off(micros: list[int]) -> None:
    offers = [an_offer(f"o{n}", price=HourlyRate(price)) for n, price in enumerate(micros)]
    priced = [offer for offer in offers if offer.price.micros > 0]

    for mark in ("far_below", "far_above"):
        marked = [marks for marks in odd_prices(offers).values() if mark in marks]
        assert len(marked) <= len(priced) / 2
    unpriced = [marks for marks in odd_prices(offers).values() if "no_price" in marks]
    assert len(offers) - len(priced) == len(unpriced)
