"""What every adapter has to keep while it reads a menu: whatever else is asked goes first.

A menu is long, and a cloud is asked at a pace: what bills must not stand in line behind sixty pages of what is on sale.
Who fetches a menu marks it as a whole (`ports.provider.at_leisure`); an adapter keeps this by sending its requests
through its `Caller`, and by beginning no task for them that the mark does not reach.
"""

from functools import partial
from itertools import groupby

from gpu_shopper.ports.provider import at_leisure
from gpu_shopper.testing.cloud_under_test import Check, CloudUnderTest

_SOON = 60.0
# More menus at once than may be asked for without a pause: these stand in line.
_LINE = 6


async def a_menu_in_progress_lets_all_else_pass(cloud: CloudUnderTest) -> None:
    """A look at what bills, a listing of all of it and an order to end: each goes out before the menus that wait.

    Whose turn it is just then may go first: one request of a menu before each other one. Where an adapter lets nobody wait,
    nobody can stand before another.
    """
    bought = await cloud.provider.launch(cloud.order(0))
    await cloud.pass_time(_SOON)

    async def act() -> None:
        await cloud.provider.observe(bought.id)
        await cloud.provider.list_all()
        await cloud.provider.destroy(bought.id)

    menus = [partial(_menu, cloud)] * (cloud.provider.quirks.burst + _LINE)
    went = await cloud.in_a_crowd(menus, act)

    runs = [(own, len([*run])) for own, run in groupby(went)]
    assert True in went, "nothing was asked"
    assert max((length for own, length in runs if not own), default=0) <= 1, runs


LEISURE: tuple[Check, ...] = (a_menu_in_progress_lets_all_else_pass,)


async def _menu(cloud: CloudUnderTest) -> object:
    with at_leisure():
        return await cloud.provider.list_offers()
