"""The pages in a real browser, where there is one: what they load, whether all of them fits and can be read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from gpu_shopper.bootstrap.front import front_of
from gpu_shopper.dashboard.links import page_of
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.money import rate
from tests.api.house import CLOUD, OTHER_CLOUD, START, House, an_offer
from tests.dashboard.chromium import PROGRAM, Tab, a_tab
from tests.dashboard.pages import INVENTORY
from tests.dashboard.test_markup import a_hostile_house

PHONE, DESK = 360, 1280
# Text that stands out too little from what is behind it: below 4.5 to 1, or 3 to 1 where it is large (WCAG 2.2, AA).
FAINT = """
(() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [over, under] = [light(numbers(style.color)), light(behind(element))].sort((a, b) => b - a);
    const large = parseFloat(style.fontSize) >= 24;
    if ((over + .05) / (under + .05) < (large ? 3 : 4.5)) faint.push(element.tagName + ": " + element.textContent.slice(0, 40));
  }
  return faint;
})()
"""
UNNAMED = "[...document.querySelectorAll('input, select')].filter(e => e.type !== 'hidden' && !e.labels.length).length"
# How far the page is wider than its window; and cells whose text stands out of its card.
WIDE = "document.documentElement.scrollWidth - innerWidth"
SPILT = """
innerWidth > 600 ? 0 : [...document.querySelectorAll(".offers tbody td")].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length
"""


def a_menu() -> House:
    house = a_hostile_house()
    usual = [
        an_offer(number, price=rate("0.40"), interruptible=number % 2 == 0)
        for number in range(10, 20)
    ]
    long = an_offer(
        30, region="a-region-of-a-very-long-name-1", location="X" * 200, gpu_type="Y" * 60
    )
    gone = an_offer(31, available=False)
    others = [*usual, long, gone, an_offer(20, price=rate("90"))]
    offers = [
        replace(each, id=OfferId(each.id.replace(CLOUD, OTHER_CLOUD)), provider=OTHER_CLOUD)
        for each in others
    ]
    house.market.replace(OTHER_CLOUD, offers, START)
    return house


@contextlib.asynccontextmanager
async def served(house: House) -> AsyncIterator[str]:
    config = uvicorn.Config(front_of(house.rooms), port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


async def look_everywhere(tab: Tab, there: str) -> list[tuple[object, ...]]:
    """Return what is amiss on any page, at any width, in the light and in the dark."""
    hostile = "document.querySelector('td.name a').getAttribute('href')"
    await tab.look(f"{there}{INVENTORY}?q=provider%3D{CLOUD}")
    pages = [
        f"{INVENTORY}?hours=2&disk_gb=100",
        f"{INVENTORY}?q=odd+or+spot+sort+price+limit+3",
        await tab.says(hostile),
        page_of(f"{OTHER_CLOUD}:30"),
        "/dashboard/fit?model=llama-3.1-8b&max_price=100",
        "/dashboard/nothing",
    ]
    amiss: list[tuple[object, ...]] = []
    for page in pages:
        for width, dark in ((PHONE, True), (DESK, False)):
            await tab.look(there + page, width=width, dark=dark)
            seen = [await tab.says(each) for each in (WIDE, SPILT, UNNAMED, FAINT)]
            if seen != [0, 0, 0, []]:
                amiss.append((page, width, *seen))
    return amiss


@pytest.mark.skipif(PROGRAM is None, reason="there is no chromium here")
def test_somebody_signs_in_looks_around_and_signs_out(tmp_path: Path) -> None:
    house = a_menu()
    token = house.token("alice")

    async def story() -> None:
        async with served(house) as there, a_tab(tmp_path) as tab:
            await tab.look(f"{there}{INVENTORY}?q=spot", width=PHONE)
            assert await tab.says("location.pathname") == "/dashboard/sign-in"
            await tab.submit("main form", token=token)
            assert await tab.says("location.pathname + location.search") == f"{INVENTORY}?q=spot"
            # No script can read the key, not even one that got in.
            assert await tab.says("document.cookie") == ""

            assert [] == await look_everywhere(tab, there)
            # A page that is not there says so; nothing else was complained of, run, or asked of anybody else.
            assert {
                "Failed to load resource: the server responded with a status of 404 (Not Found)"
            } == set(tab.complaints)
            assert {there} == {
                address[: len(there)] for address in tab.asked if not address.startswith("data:")
            }

            await tab.submit("header form")
            assert await tab.says("location.pathname") == "/dashboard/sign-in"
            await tab.look(f"{there}{INVENTORY}")
            assert await tab.says("location.pathname") == "/dashboard/sign-in"

    asyncio.run(story())
