"""A house that keeps prices for more than a month: the book stays bounded, and nothing waits for it."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from gpu_shopper.domain.price_history import KEPT
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.ports.books import FamilyRuns, PriceFilter
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.cloud_kinds import SANDBOX_QUIRKS
from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run

DAY = 86_400
# Asked for its menu twice an hour, with prices that are others each hour: as many rows as there can be.
UNHURRIED = Scene(
    keeps_prices=True,
    sweep_s=3_600,
    quirks=replace(SANDBOX_QUIRKS, shop_period=seconds(1_700)),
    config=ModelConfig(boot_s=(5.0, 5.0), stock=5),
    offers=12,
)


def history(stage: Stage) -> list[FamilyRuns]:
    life = stage.world.house.life
    assert life is not None
    long_ago = stage.world.house.around.clock.now() - 10 * KEPT
    wanted = PriceFilter(since=long_ago, limit=1_000)
    return list(life.books.peek(lambda book: book.prices.history(wanted)))


def hours_of(found: list[FamilyRuns]) -> int:
    return sum(
        round((each.until - each.since) / timedelta(hours=1)) + 1
        for one in found
        for each in one.runs
    )


def test_prices_of_a_month_are_kept_and_no_more_and_sessions_run_beside_them() -> None:
    async def script(stage: Stage) -> None:
        sizes = []
        for _ in range(4):
            await stage.wait(11 * DAY)
            session = await run(stage)
            await stage.finish(session)
            await stage.until_state(session, "stopped")
            found = history(stage)
            sizes.append(sum(len(one.runs) for one in found))
            now = stage.world.house.around.clock.now()
            kept = [each for one in found for each in one.runs]
            assert all(each.until >= now - KEPT - timedelta(days=1, hours=1) for each in kept)

        families = len(history(stage))
        most = families * (KEPT / timedelta(hours=1) + 25)
        assert families > 5
        assert sizes[0] < sizes[1] < sizes[2]
        assert sizes[3] <= most
        assert abs(sizes[3] - sizes[2]) < sizes[2] / 10
        # Hardly an hour is missing: the house bought, and kept its prices as well.
        assert hours_of(history(stage)) > 0.95 * families * KEPT / timedelta(hours=1)

    perform(script, UNHURRIED)


def test_a_house_that_was_away_goes_on_where_it_stopped() -> None:
    async def script(stage: Stage) -> None:
        await stage.wait(6 * 3_600)
        before = hours_of(history(stage))
        await stage.leave_house(3_500)
        await stage.wait(6 * 3_600)
        found = history(stage)

        assert before < hours_of(found) <= len(found) * 14
        # It had written that hour already, or not: no hour is there twice.
        for one in found:
            assert all(a.until < b.since for a, b in pairwise(one.runs))

    perform(script, UNHURRIED)
