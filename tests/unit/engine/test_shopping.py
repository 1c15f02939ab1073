"""The menu of each cloud: asked for at its own pace by one task, kept when the cloud fails, weighed when it seems wrong."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.conditions import EVERYTHING
from gpu_shopper.domain.quirks import Quirks, seconds
from gpu_shopper.engine.schedule import Engine, Periods
from gpu_shopper.engine.shop_pace import JITTER, Doubt, Pace
from gpu_shopper.engine.shopping import TOO_OLD, WHOLE_EVERY, Shopping
from gpu_shopper.ports.provider_errors import OfferGone, RateLimited, Unavailable
from gpu_shopper.testing.builders import CUMULUS, NIMBUS, SECOND, an_offer
from tests.unit.engine.house import QUIRKS, House, housed

SLOW = replace(QUIRKS, shop_period=seconds(600))
MENU = [an_offer(f"o{number:03}") for number in range(100)]


def listing(house: House, name=CUMULUS):
    return next(one for one in house.market.snapshot.providers if one.provider == name)


def on_sale(house: House) -> int:
    return len(list(house.market.snapshot.matching(EVERYTHING)))


async def running(house: House, *, shop: float = 0.0) -> Engine:
    engine = Engine(house.desk, periods=Periods(shop=shop, accrue=3600, deliver=3600))
    engine.start()
    await asyncio.sleep(0)
    return engine


# ── its own pace ─────────────────────────────────────────────────────────────────────────────────


def test_a_cloud_is_asked_about_once_in_its_period_and_never_twice_after_the_same_pause() -> None:
    pace = Pace(period=60, seed="a")
    pauses = [pace.heard() for _ in range(100)]

    assert 60 * (1 - JITTER) <= min(pauses) < 55
    assert 65 < max(pauses) <= 60 * (1 + JITTER)
    assert pytest.approx(60, abs=0.5) == sum(pauses) / len(pauses)
    assert len(set(pauses)) == len(pauses)
    assert pauses[0] != Pace(period=60, seed="b").heard()


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (60, [30, 60, 120, 240, 300, 300]),
        (5, [5, 10, 20, 40, 80, 160]),
        (1800, [30, 60, 120, 240, 480, 960, 1800, 1800]),
    ],
)
def test_a_cloud_that_fails_is_asked_again_soon_then_later_and_later(
    period: float, expected: list[float]
) -> None:
    pace = Pace(period=period, seed="a")
    assert expected == [pace.failed() for _ in expected]

    pace.heard()
    assert expected[0] == pace.failed()


@housed(quirks=SLOW)
async def test_a_cloud_that_asks_for_patience_gets_it_and_only_its_menu_waits(house: House) -> None:
    house.cloud.errors["list_offers"] = RateLimited("429", retry_after=900)
    engine = await running(house)
    await house.clock.sleep(1)
    house.cloud.errors.clear()
    house.desk.menu_wishes.want([CUMULUS])

    await house.clock.sleep(890)
    sweeps = house.cloud.calls["list_all"]
    assert (1, "429") == (house.cloud.calls["list_offers"], listing(house).error)
    assert sweeps > 10, "the account was looked after meanwhile"
    await house.clock.sleep(20)
    await engine.stop()
    assert (2, None) == (house.cloud.calls["list_offers"], listing(house).error)


@housed(quirks=SLOW)
async def test_somebody_who_waits_gets_a_newer_menu_and_a_thousand_get_the_same(
    house: House,
) -> None:
    engine = await running(house)
    await house.clock.sleep(100)
    assert 1 == house.cloud.calls["list_offers"]
    for _ in range(1000):
        house.desk.menu_wishes.want([CUMULUS])
    await house.clock.sleep(1)
    assert 2 == house.cloud.calls["list_offers"]

    house.desk.menu_wishes.want([CUMULUS])
    await house.clock.sleep(10)
    assert 2 == house.cloud.calls["list_offers"], "it is as new as that"
    await house.clock.sleep(10)
    await engine.stop()
    assert 3 == house.cloud.calls["list_offers"]


@housed(quirks=SLOW)
async def test_an_offer_that_was_gone_lets_its_menu_be_read_again(house: House) -> None:
    house.cloud.offers = [an_offer("o1"), an_offer("o2", machine_id="m2")]
    house.cloud.launch_answers.append(OfferGone("sold"))
    engine = await running(house)
    await house.clock.sleep(30)
    assert 1 == house.cloud.calls["list_offers"]
    await house.asked_for()

    await house.clock.sleep(30)
    await engine.stop()
    assert (2, 2) == (house.cloud.calls["list_offers"], len(house.cloud.orders))


@housed(quirks=SLOW)
async def test_a_cloud_that_hangs_is_asked_once_however_many_wait(house: House) -> None:
    house.cloud.delays["list_offers"] = 10_000
    engine = await running(house)
    for _ in range(170):
        house.desk.menu_wishes.want([CUMULUS])
        await house.clock.sleep(1)

    assert (1, None) == (house.cloud.calls["list_offers"], listing(house).error)
    await house.clock.sleep(20)
    await engine.stop()
    assert "did not answer" in listing(house).error


# ── the last good one ────────────────────────────────────────────────────────────────────────────


@housed(quirks=SLOW)
async def test_patience_does_not_keep_on_sale_what_is_too_old(house: House) -> None:
    house.cloud.offers = [an_offer()]
    engine = await running(house)
    await house.clock.sleep(10)
    house.cloud.errors["list_offers"] = RateLimited("429", retry_after=3600)
    house.desk.menu_wishes.want([CUMULUS])
    await house.clock.sleep(TOO_OLD.total_seconds() - 15)
    assert (1, False) == (on_sale(house), listing(house).ok)

    await house.clock.sleep(20)
    await engine.stop()
    assert (0, 2) == (on_sale(house), house.cloud.calls["list_offers"])
    assert "429" == listing(house).error


@housed()
async def test_a_menu_that_is_kept_tells_its_age_and_what_is_wrong(house: House) -> None:
    house.cloud.offers = [an_offer()]
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    house.cloud.errors["list_offers"] = Unavailable("no route")
    await house.clock.sleep(90)
    await shopping.refresh(CUMULUS)

    kept = listing(house)
    assert (False, "no route", 1) == (kept.ok, kept.error, len(kept.stock))
    assert timedelta(seconds=90) == kept.age(house.now)


# ── unchanged ────────────────────────────────────────────────────────────────────────────────────


@housed()
async def test_an_unchanged_menu_is_new_again_and_nothing_is_indexed(house: House) -> None:
    house.cloud.offers, house.cloud.revision = [an_offer()], "r1"
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    index = house.market.snapshot.index
    house.cloud.errors["list_offers"] = Unavailable("down")
    await house.clock.sleep(60)
    await shopping.refresh(CUMULUS)
    house.cloud.errors.clear()
    house.cloud.offers = [an_offer("never seen")]
    await shopping.refresh(CUMULUS)

    assert (True, timedelta(0)) == (listing(house).ok, listing(house).age(house.now))
    assert house.market.snapshot.index is index
    assert [house.now] == [offer.fetched_at for offer in house.market.snapshot.matching(EVERYTHING)]


@housed()
async def test_however_often_nothing_changed_all_is_asked_for_now_and_then(house: House) -> None:
    house.cloud.offers, house.cloud.revision = [an_offer()], "r1"
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    house.cloud.offers = [an_offer(), an_offer("o2")]
    await house.clock.sleep(WHOLE_EVERY - 1)
    await shopping.refresh(CUMULUS)
    assert 1 == on_sale(house)

    await house.clock.sleep(1)
    await shopping.refresh(CUMULUS)
    assert 2 == on_sale(house)


@housed()
async def test_what_was_withdrawn_is_not_unchanged(house: House) -> None:
    house.cloud.offers, house.cloud.revision = [an_offer()], "r1"
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    house.cloud.errors["list_offers"] = Unavailable("down")
    # The clock that ages an offer may be set; the one that times questions may not.
    house.desk.market.renew(CUMULUS, house.now - TOO_OLD - SECOND)
    await shopping.refresh(CUMULUS)
    assert 0 == on_sale(house)

    house.cloud.errors.clear()
    await shopping.refresh(CUMULUS)
    assert 1 == on_sale(house)


# ── what is believed ─────────────────────────────────────────────────────────────────────────────


@housed()
async def test_a_menu_that_all_but_vanished_is_believed_when_it_is_said_again_for_a_while(
    house: House,
) -> None:
    house.cloud.offers = MENU
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    house.cloud.offers = MENU[:10]
    for wait in (0, 50, 5):
        await house.clock.sleep(wait)
        await shopping.refresh(CUMULUS)
        assert (100, False) == (on_sale(house), listing(house).ok)
    assert "lists 10 offers after 100" in listing(house).error

    await house.clock.sleep(5)
    await shopping.refresh(CUMULUS)
    assert (10, True) == (on_sale(house), listing(house).ok)


@housed()
async def test_a_menu_that_vanished_for_a_moment_was_never_gone(house: House) -> None:
    house.cloud.offers = MENU
    shopping = Shopping(house.desk)
    for menu in ([*MENU], [], [], MENU, [], []):
        house.cloud.offers = menu
        await house.clock.sleep(40)
        await shopping.refresh(CUMULUS)
        assert 100 == on_sale(house)


@housed()
async def test_a_small_cloud_may_sell_out(house: House) -> None:
    house.cloud.offers = MENU[:20]
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    house.cloud.offers = []
    await shopping.refresh(CUMULUS)

    assert (0, True) == (on_sale(house), listing(house).ok)


@housed()
async def test_a_menu_that_cannot_be_read_for_the_most_part_says_nothing(house: House) -> None:
    house.cloud.offers = MENU
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    house.cloud.offers, house.cloud.rejected = MENU[:49], 51
    for _ in range(9):
        await house.clock.sleep(60)
        await shopping.refresh(CUMULUS)

    assert (100, "51 of 100 rows cannot be read") == (on_sale(house), listing(house).error)


@housed(names=(CUMULUS, NIMBUS))
async def test_the_first_menu_is_taken_as_far_as_it_can_be_read_and_none_is_no_menu(
    house: House,
) -> None:
    house.cloud.offers, house.cloud.rejected = MENU[:2], 51
    house.fakes[NIMBUS].rejected = 3
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    await shopping.refresh(NIMBUS)

    assert (2, True, 51) == (on_sale(house), listing(house).ok, listing(house).rejected)
    assert (None, False) == (listing(house, NIMBUS).fetched_at, listing(house, NIMBUS).ok)


def test_a_doubt_is_about_a_run_of_answers() -> None:
    doubt = Doubt()
    said = [
        doubt.weigh(offers=offers, rejected=0, known=50, now=now)
        for offers, now in [(5, 0), (6, 1), (5, 30), (5, 60), (5, 90)]
    ]

    assert [True, False, True, True, False] == [one is not None for one in said]


def test_the_defaults_ask_a_cloud_that_promises_nothing_once_a_minute() -> None:
    assert timedelta(seconds=60) == Quirks().shop_period
