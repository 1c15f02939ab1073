"""What an offer really costs: every part of it, and that nothing is lost or made between them."""

from dataclasses import replace
from datetime import timedelta
from math import ceil
from random import Random

import pytest

from gpu_shopper.domain.money import Money, charge, money, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.true_price import (
    MONTH_HOURS,
    BillingTerms,
    Costing,
    Need,
    TruePrice,
    capped_price,
    serves,
    true_price,
)
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.testing.builders import CUMULUS, NIMBUS, an_offer

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
PARTS = ("use", "unused", "disk", "traffic", "exchange", "rounding")


def told(found: TruePrice) -> dict[str, float]:
    return {
        name: getattr(found, name).dollars for name in PARTS if getattr(found, name) != Money(0)
    }


@pytest.mark.parametrize(
    ("terms", "need", "offer", "parts"),
    [
        pytest.param({}, {"hours": 6}, {}, {"use": 2.4}, id="by the second, nothing beside it"),
        pytest.param(
            {"minimum": MINUTE}, {"hours": 0.01}, {}, {"use": 0.004, "unused": 0.002667},
            id="at least a minute",
        ),
        pytest.param(
            {"increment": HOUR}, {"hours": 1.5}, {}, {"use": 0.6, "unused": 0.2}, id="by the hour"
        ),
        pytest.param(
            {"increment": HOUR, "billed_boot": MINUTE}, {"hours": 1}, {},
            {"use": 0.4, "unused": 0.4}, id="by the hour, and the start is billed",
        ),
        pytest.param(
            {"billed_boot": 6 * MINUTE}, {"hours": 1}, {}, {"use": 0.4, "unused": 0.04},
            id="the start is billed",
        ),
        pytest.param(
            {}, {"hours": 73, "disk_gb": 200}, {"storage_price_per_gb_month": 0.1},
            {"use": 29.2, "disk": 2.0}, id="disk for a tenth of a month",
        ),
        pytest.param(
            {"included_disk_gb": 50}, {"hours": 73, "disk_gb": 200},
            {"storage_price_per_gb_month": 0.1}, {"use": 29.2, "disk": 1.5}, id="some disk is included",
        ),
        pytest.param(
            {"included_disk_gb": 500}, {"hours": 73, "disk_gb": 200},
            {"storage_price_per_gb_month": 0.1}, {"use": 29.2}, id="all disk is included",
        ),
        pytest.param(
            {}, {"hours": 1, "traffic_gb": 50}, {"traffic_price_per_gb": 0.02},
            {"use": 0.4, "traffic": 1.0}, id="traffic",
        ),
        pytest.param(
            {"currency": "EUR", "usd_per_unit": 1.1, "exchange_fee": 0.02, "smallest_charge": 0.01},
            {"hours": 1}, {}, {"use": 0.4, "exchange": 0.008, "rounding": 0.01},
            id="in euros and whole cents of them",
        ),
        pytest.param(
            {"smallest_charge": 0.01}, {"hours": 0.01}, {}, {"use": 0.004, "rounding": 0.006},
            id="at least a cent",
        ),
    ],
)  # fmt: skip
def test_each_part_of_a_bill(terms, need, offer, parts) -> None:
    found = true_price(an_offer(price=rate("0.40"), **offer), BillingTerms(**terms), Need(**need))

    assert parts == told(found)


@pytest.mark.parametrize(
    "need",
    [
        {"hours": 0},
        {"hours": -1},
        {"hours": 8_760.1},
        {"disk_gb": -1},
        {"disk_gb": 100_001},
        {"traffic_gb": -1},
        {"traffic_gb": 1_000_001},
    ],
    ids=str,
)
def test_nobody_needs_nothing_less_than_nothing_or_more_than_a_year(need) -> None:
    with pytest.raises(AssertionError):
        Need(**need)


def test_the_start_is_on_the_bill_unless_it_is_left_out() -> None:
    terms, need = BillingTerms(billed_boot=MINUTE), Need(hours=1)

    assert (3_660, 3_600) == (terms.billed_seconds(need), terms.billed_seconds(need, started=True))


def test_each_cloud_is_reckoned_by_its_own_terms_and_one_that_names_none_by_the_second() -> None:
    terms = BillingTerms(increment=HOUR, billed_boot=MINUTE)
    here, there = (an_offer(provider=name, price=rate("0.40")) for name in (CUMULUS, NIMBUS))
    costing = Costing(Need(hours=1.5), terms=((NIMBUS, terms),))

    assert true_price(there, terms, costing.need) == costing.price(there)
    assert true_price(here, BillingTerms(), costing.need) == costing.price(here)
    assert capped_price(there, terms, costing.need) == costing.capped(there)
    assert capped_price(here, BillingTerms(), costing.need) == costing.capped(here)


def test_what_has_started_costs_no_start_any_more() -> None:
    terms, offer = BillingTerms(billed_boot=HOUR), an_offer(price=rate("0.40"))
    costing = Costing(Need(hours=1), terms=((CUMULUS, terms),))

    costs = [replace(costing, started=started).price(offer) for started in (False, True)]

    assert [money("0.80"), money("0.40")] == [found.total for found in costs if found]


def test_what_cannot_be_had_so_has_no_price_and_is_held_against_a_cap_all_the_same() -> None:
    offer = an_offer(price=rate("0.40"), disk_gb=100, storage_price_per_gb_month=0.0)
    costing = Costing(Need(disk_gb=101))

    assert costing.price(offer) is None
    assert rate("0.40") == costing.capped(offer).per_hour


def test_the_total_is_spread_over_the_hours_of_use() -> None:
    offer = an_offer(price=rate("3.00"), gpu_count=4)

    found = true_price(offer, BillingTerms(increment=HOUR), Need(hours=1.5))

    assert (money(6), rate(4), rate(1)) == (found.total, found.per_hour, found.per_gpu_hour)


def test_the_price_of_a_gpu_is_that_of_a_whole_one() -> None:
    part = an_offer(price=rate("0.40"), gpu_fraction=0.125)

    assert rate("3.2") == true_price(part, BillingTerms(), Need()).per_gpu_hour


@pytest.mark.parametrize(
    ("offer", "need", "expected"),
    [
        ({"max_duration_hours": 0, "disk_gb": 0}, {"hours": 8760, "disk_gb": 100_000}, True),
        ({"max_duration_hours": 6}, {"hours": 6}, True),
        ({"max_duration_hours": 6}, {"hours": 6.01}, False),
        ({"disk_gb": 100}, {"disk_gb": 100}, True),
        ({"disk_gb": 100}, {"disk_gb": 101}, False),
    ],
)
def test_what_cannot_be_had_so_is_known(offer, need, expected) -> None:
    assert expected is serves(replace(an_offer(max_duration_hours=0), **offer), Need(**need))


def test_the_sandbox_bills_from_the_order_on_and_nothing_beside_the_price() -> None:
    terms = MANIFEST.quirks.billing
    offer = an_offer(price=rate("3.60"))

    found = true_price(offer, terms, Need(hours=1, disk_gb=100, traffic_gb=100))

    assert {"use": 3.6, "unused": 0.002} == told(found)


def a_bill(chance: Random) -> tuple[Offer, BillingTerms, Need]:
    pick = chance.choice
    offer = an_offer(
        price=rate(pick([0.0, 0.1, 0.333333, 2.1, 98.32, 1e6])),
        gpu_count=pick([1, 3, 8]),
        gpu_fraction=pick([1.0, 0.125]),
        storage_price_per_gb_month=pick([0.0, 0.07, 0.1, 1e6]),
        traffic_price_per_gb=pick([0.0, 0.01, 1e6]),
    )
    terms = BillingTerms(
        minimum=pick([0, 1, 60, 3600]) * SECOND,
        increment=pick([timedelta(microseconds=1), SECOND, 7 * SECOND, MINUTE, HOUR]),
        billed_boot=pick([0, 1, 90]) * SECOND,
        included_disk_gb=pick([0, 5, 100]),
        usd_per_unit=pick([1.0, 1.0837, 0.0064]),
        exchange_fee=pick([0.0, 0.015]),
        smallest_charge=pick([0.0, 0.01, 1.0]),
    )
    need = Need(
        hours=pick([0.001, 1 / 3, 1.0, 5.999, 24.0, 8760.0]),
        disk_gb=pick([0, 4, 50, 1_000, 100_000]),
        traffic_gb=pick([0, 1, 999, 1_000_000]),
    )
    return offer, terms, need


@pytest.mark.parametrize("seed", range(8))
def test_no_bill_is_below_the_list_price_and_its_parts_add_up(seed: int) -> None:
    chance = Random(seed)
    for _ in range(500):
        offer, terms, need = a_bill(chance)

        found = true_price(offer, terms, need)

        parts = [getattr(found, name) for name in PARTS]
        assert found.total.micros == sum(part.micros for part in parts)
        assert min(parts) >= Money(0)
        assert found.total >= charge(offer.price, need.hours * HOUR)
        assert 0 == found.total.micros % terms.step_micros


@pytest.mark.parametrize("seed", range(8))
def test_who_needs_more_pays_no_less(seed: int) -> None:
    chance = Random(seed)
    for _ in range(500):
        offer, terms, need = a_bill(chance)
        more = {
            "hours": need.hours * chance.uniform(1, 1.001),
            "disk_gb": need.disk_gb + chance.randrange(3),
            "traffic_gb": need.traffic_gb + chance.randrange(3),
        }
        name = chance.choice(sorted(more))
        limit = {"hours": 8760.0, "disk_gb": 100_000, "traffic_gb": 1_000_000}[name]
        greater = replace(need, **{name: min(limit, more[name])})

        assert true_price(offer, terms, greater).total >= true_price(offer, terms, need).total


@pytest.mark.parametrize(
    ("disk_gb", "terms", "expected"),
    [
        (0, BillingTerms(), "0.40"),
        (20, BillingTerms(included_disk_gb=20), "0.40"),
        (93, BillingTerms(included_disk_gb=20), "0.42"),
        (73, BillingTerms(), "0.42"),
        (0, BillingTerms(billed_boot=timedelta(minutes=5)), "0.40"),
        (73, BillingTerms(billed_boot=timedelta(minutes=5)), "0.42"),
        (0, BillingTerms(minimum=timedelta(hours=5)), "1.00"),
        (0, BillingTerms(increment=timedelta(hours=3)), "0.60"),
        (0, BillingTerms(increment=timedelta(hours=2), billed_boot=timedelta(minutes=6)), "0.78"),
        (0, BillingTerms(exchange_fee=0.1), "0.44"),
    ],
)
def test_a_cap_is_held_against_all_that_is_sure_to_be_billed_and_not_against_the_start(
    disk_gb: int, terms: BillingTerms, expected: str
) -> None:
    offer = an_offer(price=rate("0.40"), storage_price_per_gb_month=0.2)

    assert rate(expected) == capped_price(offer, terms, Need(hours=2, disk_gb=disk_gb)).per_hour


@pytest.mark.parametrize("seed", range(4))
def test_what_is_within_a_cap_costs_at_most_that_for_its_hours_and_its_start(seed: int) -> None:
    chance = Random(seed)
    for _ in range(500):
        offer, terms, need = a_bill(chance)
        capped, price = capped_price(offer, terms, need), true_price(offer, terms, need)

        assert capped.per_hour <= price.per_hour
        # Amounts are whole micro-dollars, and those of some seconds are spread over an hour.
        assert offer.price.micros <= capped.per_hour.micros + HOUR / SECOND / need.seconds
        # The start is time at the list price, with the disk that stands meanwhile, and what is added to every bill.
        disk = offer.storage_price_per_gb_month * 1e6 * need.disk_gb / MONTH_HOURS
        hours = ceil(terms.billed_boot / SECOND) / 3_600
        start = (offer.price.micros + disk) * hours * (1 + terms.exchange_fee) + terms.step_micros
        assert price.total.micros <= (capped.total.micros + start + 3) * (1 + 1e-9)
