"""Heeding: what became of launches and how old the menus are, taken to the market, where it is shown and filtered by.

Never in a request's time: after each look at a cloud's menu, and as soon as something failed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.odds import freshness
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.transactions.health import offer_health


async def heed(desk: Desk) -> None:
    """Show what is remembered of launches as it stands now. What cannot be read now is shown next time."""
    await _show(desk, desk.market.snapshot.health.freshness)


async def heed_all(desk: Desk, *, period: float) -> None:
    """Do the same, and weigh the age of each cloud's menu; a `period` above 0 stands in for each cloud's own."""
    now = desk.clock.now()
    fresh = {}
    for listing in desk.market.snapshot.providers:
        cloud = desk.clouds.get(listing.provider)
        if cloud is not None:
            due = timedelta(seconds=period) if period else cloud.quirks.shop_period
            fresh[listing.provider] = freshness(listing.age(now), period=due)
    await _show(desk, fresh)


async def _show(desk: Desk, fresh: Mapping[ProviderName, float]) -> None:
    now = desk.clock.now()
    try:
        health = await desk.books.read(lambda book: offer_health(book, now=now))
    except BookUnavailable:
        return
    for _ in desk.market.heed(replace(health, freshness=fresh)):
        await desk.clock.sleep(0)
