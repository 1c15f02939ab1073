"""When what menus were made of is let go: while none is read, and when there is something to let go."""

import asyncio
from dataclasses import replace

from gpu_shopper.engine.shopping import Shopping
from gpu_shopper.engine.tidying import TIDY_EVERY_OFFERS, TIDY_EVERY_S, Tidying
from gpu_shopper.testing.builders import CUMULUS, NIMBUS, an_offer
from tests.unit.engine.house import House, housed


@housed()
async def test_where_little_is_read_it_is_seldom(house: House) -> None:
    times: list[float] = []
    tidying = Tidying(lambda: times.append(house.clock.monotonic()), house.clock)
    began = house.clock.monotonic()
    for _ in range(int(4 * TIDY_EVERY_S)):
        tidying.read(TIDY_EVERY_OFFERS // 100)
        tidying.tidy()
        await house.clock.sleep(1)

    assert [n * TIDY_EVERY_S for n in range(4)] == [at - began for at in times]


@housed()
async def test_where_much_is_read_it_is_at_once(house: House) -> None:
    times: list[float] = []
    tidying = Tidying(lambda: times.append(house.clock.monotonic()), house.clock)
    tidying.tidy()
    for _ in range(4):
        tidying.read(TIDY_EVERY_OFFERS // 2)
        tidying.tidy()

    assert 3 == len(times)


@housed(names=(CUMULUS, NIMBUS))
async def test_nothing_is_let_go_while_another_menu_is_read(house: House) -> None:
    times: list[float] = []
    shopping = Shopping(replace(house.desk, tidy=lambda: times.append(house.clock.monotonic())))
    house.fakes[NIMBUS].delays["list_offers"] = 20
    house.cloud.offers = [an_offer()]
    other = asyncio.create_task(shopping.refresh(NIMBUS))
    await shopping.refresh(CUMULUS)
    await shopping.pause(CUMULUS, 1)
    assert [] == times

    await other
    await shopping.pause(CUMULUS, 1)
    assert 1 == len(times)
