"""Clouds whose machines take a quarter of an hour and more to come up, and that take a launch now and then only."""

from dataclasses import replace
from datetime import timedelta

from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.cloud_kinds import WARY_QUIRKS
from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run

OPERATOR = Caller(name="operator")
SLOW = Scene(
    quirks=replace(WARY_QUIRKS, boot_grace=timedelta(minutes=25)),
    config=ModelConfig(boot_s=(1320.0, 1320.0), stock=5),
)
# One launch in twelve seconds; and eight machines that boot take more looks than it gives.
PACED = Scene(
    quirks=replace(WARY_QUIRKS, launch_spacing=seconds(12.5), requests_per_second=0.5, burst=1),
    config=ModelConfig(boot_s=(400.0, 400.0), stock=20),
    strays=0,
)
BURST = 10


def test_what_is_slow_and_healthy_is_waited_for() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, startup_timeout=None)

        assert 1 == len(stage.ledger())
        assert 1 == len(stage.attempts(session))
        await stage.finish(session)

    perform(script, SLOW)


def test_who_names_a_time_means_it() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request(startup_timeout=timedelta(minutes=20))
        await stage.until_state(session, "failed", "running")

        assert "launch_failed" == stage.reason(session)

    perform(script, SLOW)


def test_what_is_slow_and_healthy_is_waited_for_also_by_a_house_that_has_lost_its_book() -> None:
    async def script(stage: Stage) -> None:
        oracle, house = stage.world.oracle, stage.world.house
        session = await stage.request(startup_timeout=None)
        await stage.until(lambda: bool(stage.alive()))
        assert house.life is not None
        stage.world.troubles.stay_away(1)
        house.life.process.kill(because="the disk is gone")
        stage.world.memory.lose()
        oracle.rewound()
        await stage.until(lambda: oracle.book.session(session) is not None, limit=900)
        await stage.until_state(session, "running", "failed", "stopped")

        assert "running" == stage.state(session)
        assert 0 == stage.ledger()[0].destroy_calls
        await stage.world.consumers.insist(lambda now: now.sessions.end(session, by=OPERATOR))

    perform(script, SLOW)


def test_a_burst_waits_in_line_for_a_cloud_that_takes_few_launches() -> None:
    async def script(stage: Stage) -> None:
        sessions = [await stage.request(startup_timeout=None) for _ in range(BURST)]
        for session in sessions:
            await stage.until_state(session, "running", "failed", "stopped")

        assert {"running"} == {stage.state(session) for session in sessions}
        assert {1} == {len(stage.attempts(session)) for session in sessions}
        assert 0 == stage.world.oracle.faults["launched_too_soon"]
        born = sorted(entry.created_at for entry in stage.ledger())
        assert born[-1] - born[0] < 1.2 * 12.5 * (BURST - 1)
        for session in sessions:
            await stage.finish(session)
        # Nothing is written down as sent that stands in line for long: who died meanwhile would look for it in vain.
        written = {
            row.label: row.call_deadline / 1e6 - PACED.quirks.call_deadline.total_seconds()
            for session in sessions
            for row in stage.attempts(session)
        }
        assert all(entry.created_at - written[entry.name] < 5 for entry in stage.ledger())

    perform(script, PACED)
