"""A menu outlives the process: on sale at once after a start, with its true age, until its cloud is heard."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.conditions import EVERYTHING
from gpu_shopper.domain.errors import MarketNotReady
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.engine.menu_keeping import KEEP_EVERY_S
from gpu_shopper.engine.schedule import Engine, Periods
from gpu_shopper.engine.shopping import TOO_OLD, Shopping
from gpu_shopper.market.holder import KEPT
from gpu_shopper.market.keeping import SHAPE
from gpu_shopper.market.rows import row_of
from gpu_shopper.ports.menu_keeper import KeptMenu, MenuLost
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.testing.builders import CUMULUS, NIMBUS, SECOND, an_offer
from tests.unit.engine.house import QUIRKS, House, housed

MENU = [an_offer(f"o{number}", machine_id=f"m{number}") for number in range(30)]


class Drawer:
    """Keeps menus in memory, and can be told to lose them."""

    def __init__(self, *menus: KeptMenu) -> None:
        self.menus = {menu.provider: menu for menu in menus}
        self.writes = 0
        self.jammed = False

    async def keep(self, menu: KeptMenu) -> None:
        self.writes += 1
        if self.jammed:
            raise MenuLost("the disk is full")
        self.menus[menu.provider] = menu

    async def kept(self, provider) -> KeptMenu | None:
        if self.jammed:
            raise MenuLost("it is damaged")
        return self.menus.get(provider)


def a_menu(house: House, *, age: timedelta, **changes) -> KeptMenu:
    menu = KeptMenu(
        provider=CUMULUS, fetched_at=house.now - age, shape=SHAPE, rows=tuple(map(row_of, MENU))
    )
    return replace(menu, **changes)


def shopping_with(house: House, drawer: Drawer) -> Shopping:
    return Shopping(replace(house.desk, menus=drawer))


def listing(house: House, name=CUMULUS):
    return next(one for one in house.market.snapshot.providers if one.provider == name)


@housed()
async def test_a_menu_is_kept_as_it_is_on_sale_and_not_too_often(house: House) -> None:
    drawer = Drawer()
    house.cloud.offers = MENU
    shopping = shopping_with(house, drawer)
    for _ in range(60):
        await shopping.refresh(CUMULUS)
        await house.clock.sleep(10)

    kept = drawer.menus[CUMULUS]
    assert 600 / KEEP_EVERY_S == drawer.writes
    assert sorted(map(row_of, MENU)) == sorted(kept.rows)


@housed()
async def test_what_was_kept_is_on_sale_at_once_with_its_age_and_marked(house: House) -> None:
    drawer = Drawer(a_menu(house, age=TOO_OLD - SECOND))
    await shopping_with(house, drawer).restore(CUMULUS)

    snapshot, shown = house.market.snapshot, listing(house)
    assert (False, KEPT) == (shown.ok, shown.error)
    assert TOO_OLD - SECOND == shown.age(house.now)
    assert [replace(offer, fetched_at=shown.fetched_at) for offer in MENU] == sorted(
        snapshot.matching(EVERYTHING), key=lambda offer: int(offer.provider_id[1:])
    )
    # There is something to be seen; what is not to be seen may be on sale all the same.
    assert (True, False) == (snapshot.ready, snapshot.complete)


@housed()
async def test_the_first_answer_takes_the_place_of_what_was_kept(house: House) -> None:
    shopping = shopping_with(house, Drawer(a_menu(house, age=SECOND)))
    await shopping.restore(CUMULUS)
    house.cloud.offers = MENU[:2]
    await shopping.refresh(CUMULUS)

    assert (True, None, 2) == (listing(house).ok, listing(house).error, len(house.market.snapshot))
    assert house.market.snapshot.complete


@housed(quirks=replace(QUIRKS, shop_period=seconds(600)))
async def test_what_was_kept_is_bought_from_while_its_cloud_lists_nothing_and_no_longer_than_that(
    house: House,
) -> None:
    house.cloud.errors["list_offers"] = Unavailable("down")
    desk = replace(house.desk, menus=Drawer(a_menu(house, age=TOO_OLD - timedelta(seconds=120))))
    engine = Engine(desk, periods=Periods(accrue=3600, deliver=3600))
    engine.start()
    await house.clock.sleep(30)
    session = await house.asked_for()
    await house.clock.sleep(30)
    assert house.attempt(session).instance_id is not None
    # The order says what it may cost: the cloud holds its own price of now against that.
    assert all(order.price_cap >= order.offer.price for order in house.cloud.orders)

    await house.clock.sleep(120)
    await engine.stop()
    assert 0 == len(house.market.snapshot)
    assert "down" == listing(house).error


@pytest.mark.parametrize("age", [TOO_OLD + SECOND, timedelta(days=1), -SECOND], ids=str)
@housed()
async def test_nobody_is_shown_or_sold_anything_at_the_price_of_yesterday(
    house: House, age: timedelta
) -> None:
    await shopping_with(house, Drawer(a_menu(house, age=age))).restore(CUMULUS)

    assert (None, 0) == (listing(house).fetched_at, len(house.market.snapshot))
    with pytest.raises(MarketNotReady):
        await house.asked_for()


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": "another"},
        {"rows": (b'{"id":"cumulus:1"',)},
        {"rows": (b"", b"\xff")},
        {"rows": (row_of(an_offer(provider=NIMBUS)),)},
    ],
    ids=str,
)
@housed()
async def test_rows_of_another_program_or_cloud_are_passed_over(
    house: House, changes: dict[str, object]
) -> None:
    menu = a_menu(house, age=SECOND, **changes)
    await shopping_with(house, Drawer(menu)).restore(CUMULUS)

    assert (None, 0) == (listing(house).fetched_at, len(house.market.snapshot))


@housed()
async def test_a_drawer_that_jams_costs_nobody_a_menu(house: House) -> None:
    drawer = Drawer(a_menu(house, age=SECOND))
    drawer.jammed = True
    house.cloud.offers = MENU
    shopping = shopping_with(house, drawer)

    await shopping.restore(CUMULUS)
    await shopping.refresh(CUMULUS)
    assert (True, 30, 1) == (listing(house).ok, len(house.market.snapshot), drawer.writes)


@housed()
async def test_a_cloud_that_was_heard_first_is_not_told_its_past(house: House) -> None:
    house.cloud.offers = MENU[:1]
    shopping = shopping_with(house, Drawer(a_menu(house, age=SECOND)))
    await shopping.refresh(CUMULUS)
    await asyncio.sleep(0)
    await shopping.restore(CUMULUS)

    assert 1 == len(house.market.snapshot)
