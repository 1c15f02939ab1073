"""A house that keeps prices for more than a month: the book stays bounded, and nothing waits for it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.price_history import KEPT, Family
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.ports.books import FamilyRuns, PriceFilter
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.cloud_kinds import SANDBOX_QUIRKS
from gpu_shopper.testing.effects import effect_sites
from gpu_shopper.testing.process import CrashPlan
from gpu_shopper.testing.scenarios import Scene, Stage, play
from tests.sim.perform import perform, run

DAY = 86_400
PRICING = "gpu_shopper.engine.pricing"
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


# More families than are written in one transaction.
MANY = replace(UNHURRIED, offers=260)


@dataclass
class Morning:
    """Two hours in which prices are written and nothing else happens; which of the effects write prices."""

    writes: list[int] = field(default_factory=list)

    async def __call__(self, stage: Stage) -> None:
        stage.open_window()
        life = stage.world.house.life
        assert life is not None
        process, begin, note = life.process, life.process.effects, life.process.on_effect

        def noted() -> None:
            note()
            if any(site.module == PRICING for site in effect_sites()):
                self.writes.append(process.effects - begin)

        process.on_effect = noted
        await stage.wait(2 * 3_600)
        stage.close_window()


def each_hour(found: list[FamilyRuns]) -> dict[Family, list[tuple[datetime, HourlyRate]]]:
    """What is known of each hour of each family, each time that it is known."""
    return {
        one.family: [
            (run.since + timedelta(hours=number), run.price.lowest)
            for run in one.runs
            for number in range(round((run.until - run.since) / timedelta(hours=1)) + 1)
        ]
        for one in found
    }


def test_a_crash_around_each_writing_of_prices_loses_no_hour_and_writes_none_twice() -> None:
    """In the middle of an hour's writing some families have it and others do not: the next life writes the rest."""
    morning = Morning()
    whole = history(play(morning, scene=MANY, thorough=False).stage)
    assert len(whole) > 100
    assert len(morning.writes) >= 3

    for number in morning.writes:
        for when in ("before", "after"):
            plan = CrashPlan(at_effect=number, when=when)
            played = play(Morning(), scene=MANY, plans=[plan], thorough=False)
            assert [] == played.outcome.violations
            assert 2 == played.outcome.lives
            assert each_hour(whole) == each_hour(history(played.stage)), (number, when)
