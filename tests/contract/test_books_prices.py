"""What offers have cost, as the book keeps it."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.price_history import Family, HourPrice
from gpu_shopper.ports.books import PriceFilter
from tests.unit.stores import shelves
from tests.unit.stores.arrange import CLOUD, HOUR, NOON

OTHER = ProviderName("other")
H100 = Family(
    gpu_type="H100 SXM",
    provider=CLOUD,
    gpu_count=8,
    gpu_fraction=1.0,
    interruptible=False,
    country="DE",
)


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


def cost(micros, offers=1):
    return HourPrice(lowest=HourlyRate(micros), median=HourlyRate(micros + 1), offers=offers)


def keep(shelf, prices, hour):
    by_cloud = {}
    for family, price in prices.items():
        by_cloud.setdefault(family.provider, {})[family] = price
    for provider, listed in by_cloud.items():
        shelf.write(
            lambda book, name=provider, all_of=listed: book.prices.record(name, all_of, hour=hour)
        )


def history(shelf, **wanted):
    asked = PriceFilter(**{"since": NOON - 720 * HOUR} | wanted)
    return shelf.read(lambda book: book.prices.history(asked))


def count(shelf, table):
    return shelf.sql(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608


def test_a_price_that_stands_still_is_one_row(shelf):
    for number in range(5):
        keep(shelf, {H100: cost(5)}, NOON + number * HOUR)
    keep(shelf, {H100: cost(6)}, NOON + 5 * HOUR)

    (found,) = history(shelf)

    assert H100 == found.family
    assert [(NOON, 5, cost(5)), (NOON + 5 * HOUR, 1, cost(6))] == [
        (run.since, run.hours, run.price) for run in found.runs
    ]
    assert 2 == count(shelf, "price_runs")


def test_of_an_hour_that_is_known_the_first_word_stays(shelf):
    keep(shelf, {H100: cost(5)}, NOON)
    keep(shelf, {H100: cost(7)}, NOON)

    assert [cost(5)] == [run.price for run in history(shelf)[0].runs]


def test_a_family_that_was_away_comes_back_with_a_gap(shelf):
    spot = replace(H100, interruptible=True)
    keep(shelf, {H100: cost(5), spot: cost(2)}, NOON)
    keep(shelf, {spot: cost(2)}, NOON + HOUR)
    keep(shelf, {H100: cost(5), spot: cost(2)}, NOON + 2 * HOUR)

    on_demand, interruptible = history(shelf)

    assert [1, 1] == [run.hours for run in on_demand.runs]
    assert [3] == [run.hours for run in interruptible.runs]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"H100", "H100 ×2", "spot", "part", "L4", "other"}),
        ({"gpu_types": frozenset({"H100 SXM", "A", "B"})}, {"H100", "H100 ×2", "spot", "other"}),
        ({"providers": frozenset({OTHER})}, {"other"}),
        ({"countries": frozenset({"US"})}, {"L4", "other"}),
        ({"gpu_count": 2}, {"H100 ×2"}),
        ({"interruptible": True}, {"spot"}),
        ({"interruptible": False, "gpu_count": 8}, {"H100", "part", "L4", "other"}),
        ({"gpu_types": frozenset({"A"})}, set()),
        ({"since": NOON + HOUR}, set()),
    ],
)
def test_only_what_is_asked_for_is_told(shelf, wanted, expected):
    named = {
        "H100": H100,
        "H100 ×2": replace(H100, gpu_count=2),
        "spot": replace(H100, interruptible=True),
        "part": replace(H100, gpu_type="A100 80GB", gpu_fraction=0.125),
        "L4": replace(H100, gpu_type="L4", country="US"),
        "other": replace(H100, provider=OTHER, country="US"),
    }
    keep(shelf, {family: cost(5) for family in named.values()}, NOON)

    found = {each.family for each in history(shelf, **wanted)}

    assert {named[name] for name in expected} == found


def test_pages_join_in_the_order_of_families(shelf):
    chance = Random(3)
    families = {
        Family(
            gpu_type=chance.choice(["L4", "H100 SXM"]),
            provider=chance.choice([CLOUD, OTHER]),
            gpu_count=chance.choice([1, 2, 8]),
            gpu_fraction=chance.choice([1.0, 0.125]),
            interruptible=chance.choice([False, True]),
            country=chance.choice(["", "DE", "US"]),
        )
        for _ in range(80)
    }
    keep(shelf, {family: cost(5) for family in families}, NOON)

    seen, page = [], history(shelf, limit=7)
    while page:
        seen += [each.family for each in page]
        page = history(shelf, limit=7, after=seen[-1])

    assert sorted(families) == seen


def test_what_is_older_than_asked_for_is_cut_off(shelf):
    for number in range(10):
        keep(shelf, {H100: cost(5)}, NOON + number * HOUR)

    (found,) = history(shelf, since=NOON + 7 * HOUR)

    assert [(NOON + 7 * HOUR, 3)] == [(run.since, run.hours) for run in found.runs]


def test_old_hours_are_dropped_and_so_are_families_without_any(shelf):
    gone = replace(H100, country="US")
    keep(shelf, {gone: cost(1)}, NOON)
    for number in range(5):
        keep(shelf, {H100: cost(number)}, NOON + number * HOUR)

    shelf.write(
        lambda book: book.prices.prune(oldest=NOON + 2 * HOUR, newest=NOON + timedelta(days=1))
    )

    assert [(H100, 3)] == [(each.family, len(each.runs)) for each in history(shelf)]
    assert 1 == count(shelf, "price_families")


def test_what_a_clock_that_ran_ahead_wrote_is_dropped(shelf):
    keep(shelf, {H100: cost(1)}, NOON + 9_000 * HOUR)

    shelf.write(lambda book: book.prices.prune(oldest=NOON - HOUR, newest=NOON))
    keep(shelf, {H100: cost(2)}, NOON)

    assert [cost(2)] == [run.price for run in history(shelf)[0].runs]


@pytest.mark.parametrize("seed", range(5))
def test_every_hour_comes_out_as_it_went_in(shelf, seed):
    chance = Random(seed)
    families = [replace(H100, gpu_count=number) for number in range(1, 6)]
    told = {}
    for number in range(60):
        hour = NOON + number * HOUR
        prices = {family: cost(chance.randrange(3)) for family in families if chance.random() < 0.8}
        keep(shelf, prices, hour)
        told |= {(family, hour): price for family, price in prices.items()}

    found = {}
    for each in history(shelf):
        for earlier, later in pairwise(each.runs):
            assert earlier.until < later.since
        for run in each.runs:
            hours = (run.since + number * HOUR for number in range(run.hours))
            found |= {(each.family, hour): run.price for hour in hours}

    assert told == found
