"""Prices by family and hour: how they are gathered, how they are kept, and when now is a good time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median

import pytest

from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.price_history import (
    HOUR,
    Family,
    HourPrice,
    PriceRun,
    Tally,
    Verdict,
    continued,
    cut,
    in_words,
    outlook,
)
from gpu_shopper.testing.builders import an_offer

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def cost(lowest: float, offers: int = 1) -> HourPrice:
    return HourPrice(lowest=rate(lowest), median=rate(lowest), offers=offers)


def runs_of(prices: Iterable[float | None], *, until: datetime = NOON) -> list[PriceRun]:
    """Return the runs of one price an hour, of which the last is that of `until`; None: nobody asked."""
    listed = list(prices)
    runs: list[PriceRun] = []
    for number, price in enumerate(listed):
        if price is None:
            continue
        hour = until - (len(listed) - 1 - number) * HOUR
        run = continued(runs[-1] if runs else None, cost(price), hour=hour)
        assert run is not None
        if runs and run.since == runs[-1].since:
            runs[-1] = run
        else:
            runs.append(run)
    return runs


def test_offers_are_gathered_by_family() -> None:
    tally = Tally()
    tally.add(an_offer(f"a{n}", price=rate(price)) for n, price in enumerate([3, 1, 2]))
    tally.add([an_offer("b", price=rate(9), country="US"), an_offer("c", gpu_count=2)])
    tally.add([an_offer("d", interruptible=True), an_offer("e", gpu_fraction=0.125)])

    prices = tally.prices()

    here = Family(
        gpu_type=an_offer().gpu_type,
        provider=an_offer().provider,
        gpu_count=1,
        gpu_fraction=1.0,
        interruptible=False,
        country=an_offer().country,
    )
    assert HourPrice(lowest=rate(1), median=rate(2), offers=3) == prices[here]
    assert 5 == len(prices)


def test_the_median_of_an_even_number_is_between_the_two_in_the_middle() -> None:
    tally = Tally()
    tally.add(an_offer(f"a{n}", price=HourlyRate(price)) for n, price in enumerate([1, 2, 5, 100]))

    assert [HourlyRate(4)] == [price.median for price in tally.prices().values()]


def test_what_is_odd_or_not_on_sale_says_nothing_of_prices() -> None:
    tally = Tally(odd=frozenset({an_offer("a").id}))
    tally.add([an_offer("a"), an_offer("b", available=False)])
    assert {} == tally.prices()

    tally.add([an_offer("a"), an_offer("b", available=False), an_offer("c")])
    assert [1] == [price.offers for price in tally.prices().values()]


def test_hours_that_were_alike_are_one_run() -> None:
    runs = runs_of([1, 1, 1, 2, 2, 1])

    assert [(1.0, 3), (2.0, 2), (1.0, 1)] == [(r.price.lowest.dollars, r.hours) for r in runs]


def test_a_run_does_not_reach_over_hours_of_which_nothing_is_known() -> None:
    runs = runs_of([1, 1, None, 1])

    assert [2, 1] == [run.hours for run in runs]
    assert NOON == runs[-1].since


def test_of_an_hour_that_is_known_the_first_word_stays() -> None:
    known = PriceRun(since=NOON, until=NOON, price=cost(1))

    assert None is continued(known, cost(2), hour=NOON)
    assert None is continued(known, cost(2), hour=NOON - HOUR)


def test_runs_are_cut_where_the_question_begins() -> None:
    runs = runs_of([1, 1, 1, 2, 2])

    assert [2, 2] == [run.hours for run in cut(runs, since=NOON - 3 * HOUR)]
    assert [1] == [run.hours for run in cut(runs, since=NOON)]


@pytest.mark.parametrize("seed", range(20))
def test_an_outlook_is_that_of_the_single_hours(seed: int) -> None:
    chance = Random(seed)
    prices = [chance.choice([None, 1.0, 1.5, 2.0, 2.25]) for _ in range(chance.randint(1, 200))]
    prices[-1] = 1.5
    known = [price for price in prices if price is not None]

    seen = outlook(runs_of(prices), now=NOON)

    assert (rate(min(known)), rate(max(known)), len(known)) == (
        seen.lowest, seen.highest, seen.hours,
    )  # fmt: skip
    assert rate(median(known)) == seen.median
    below, same = sum(price < 1.5 for price in known), known.count(1.5)
    assert round(100 * (below + same / 2) / len(known), 1) == pytest.approx(
        seen.percentile, abs=0.1
    )


@pytest.mark.parametrize(
    ("prices", "verdict"),
    [
        pytest.param([2] * 75 + [1] * 25, Verdict.GOOD, id="cheap as in its cheapest quarter"),
        pytest.param([1] * 19 + [3] * 56 + [2], Verdict.GOOD, id="a quarter was cheaper"),
        pytest.param([1] * 20 + [3] * 55 + [2], Verdict.USUAL, id="more than a quarter was"),
        pytest.param([1] * 50 + [2], Verdict.DEAR, id="never as dear"),
        pytest.param([1] * 74 + [3] * 25 + [2], Verdict.DEAR, id="a quarter was dearer"),
        pytest.param([1] * 73 + [3] * 26 + [2], Verdict.USUAL, id="more than a quarter was dearer"),
        pytest.param([3] * 26 + [1] * 50 + [2], Verdict.USUAL, id="it was dearer for a while"),
        pytest.param([1] * 60 + [2] * 40, Verdict.DEAR, id="it has been so dear for a while"),
        pytest.param([1] * 100, Verdict.USUAL, id="always the same"),
        pytest.param([2] * 22 + [1], Verdict.UNKNOWN, id="less than a day is known"),
        pytest.param([2] * 23 + [1], Verdict.GOOD, id="a day is known"),
    ],
)
def test_a_good_time_is_one_of_the_cheapest_quarter(prices, verdict) -> None:
    assert verdict is outlook(runs_of(prices), now=NOON).verdict


def test_of_three_hours_the_median_is_the_one_in_the_middle_and_shares_are_told_in_tenths() -> None:
    seen = outlook(runs_of([1, 2, 3]), now=NOON)

    assert (rate(2), 83.3) == (seen.median, seen.percentile)


def test_what_is_not_on_sale_has_no_price_now() -> None:
    runs = runs_of([2] * 50 + [1])

    lately = outlook(runs, now=NOON + timedelta(hours=2))
    gone = outlook(runs, now=NOON + timedelta(hours=2, seconds=1))

    assert (rate(1), Verdict.GOOD) == (lately.now, lately.verdict)
    assert (None, None, Verdict.UNKNOWN) == (gone.now, gone.percentile, gone.verdict)


@pytest.mark.parametrize(
    ("prices", "later", "said"),
    [
        ([2] * 30 + [1.5], 0, "1.5000 USD/h now, 25 % below the median of 31 hours, 2.0000 USD/h: a good time to rent"),
        ([2] * 30 + [3], 0, "3.0000 USD/h now, 50 % above the median of 31 hours, 2.0000 USD/h: if it can wait, wait"),
        ([1] * 30 + [3], 0, "3.0000 USD/h now, 200 % above the median of 31 hours, 1.0000 USD/h: if it can wait, wait"),
        ([2] * 30, 0, "2.0000 USD/h now, beside the median of 30 hours, 2.0000 USD/h: nothing unusual"),
        ([0] * 30 + [1], 0, "1.0000 USD/h now, beside the median of 31 hours, 0.0000 USD/h: if it can wait, wait"),
        ([2] * 3, 0, "2.0000 USD/h now; 3 hours are known, and a verdict takes 24"),
        ([2], 0, "2.0000 USD/h now; 1 hour is known, and a verdict takes 24"),
        ([2] * 30, 3, "not on sale lately"),
    ],
)  # fmt: skip
def test_an_outlook_is_told_in_words(prices, later, said) -> None:
    assert said == in_words(outlook(runs_of(prices), now=NOON + later * HOUR))
