"""The house as a process: it crashes in a loop, dawdles, ends while it buys, runs out of memory, and its clock is wrong."""

import asyncio

import pytest

from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.testing.process import NumberedTask
from gpu_shopper.testing.process_troubles import waits_for
from gpu_shopper.testing.scenarios import Stage
from tests.sim.perform import perform, run


def test_a_house_that_dies_again_and_again_right_after_its_start_goes_on_where_it_was() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until(lambda: bool(stage.attempts(session)))
        troubles = stage.world.troubles.process
        await troubles.crash_again_and_again(10)
        await stage.until(lambda: not troubles.loops)
        await stage.until_state(session, "running", "failed")
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert 1 == len(stage.ledger())
        assert 10 == stage.world.oracle.faults["crash_loop_death"]

    perform(script)


def test_a_house_whose_every_turn_comes_late_still_keeps_its_times() -> None:
    async def script(stage: Stage) -> None:
        slow = stage.world.loop.spawn(stage.world.troubles.process.slow_down(7200))
        session = await run(stage)
        await stage.until_state(session, "stopped", "failed", limit=2 * 3600)
        slow.cancel()

        assert "expired" == stage.reason(session)

    perform(script)


def test_a_house_that_is_told_to_end_while_it_buys_holds_what_it_bought() -> None:
    async def script(stage: Stage) -> None:
        late = {"kind": "answer_late", "operations": ["create"], "params": {"seconds": 8}}
        stage.cloud.misbehave([{**late, "count": 1}])
        session = await stage.request()
        await stage.until(lambda: any(row.state == "sent" for row in stage.attempts(session)))
        await stage.world.house.stop()
        assert ["bound"] == [row.state for row in stage.attempts(session)]
        await stage.until_state(session, "running", "failed")

        assert "running" == stage.state(session)
        assert 1 == len(stage.ledger())

    perform(script)


def test_a_house_that_was_told_to_end_ends_though_the_faults_end_meanwhile() -> None:
    async def script(stage: Stage) -> None:
        late = {"kind": "answer_late", "operations": ["create"], "params": {"seconds": 8}}
        stage.cloud.misbehave([{**late, "count": 1}])
        session = await stage.request()
        await stage.until(lambda: any(row.state == "sent" for row in stage.attempts(session)))
        world = stage.world
        told = world.loop.spawn(world.troubles.process.acts["terminated"]())
        await asyncio.sleep(2)
        told.cancel()
        world.troubles.end()
        await stage.until(lambda: len(world.loop.processes) > 1)
        await stage.until_state(session, "running", "failed")

        assert "running" == stage.state(session)

    perform(script)


@pytest.mark.parametrize(
    "name", ["sweep sandbox", "shop sandbox", "reconcile", "accrue", "deliver"]
)
def test_a_task_that_runs_out_of_memory_wherever_it_waits_goes_on(name: str) -> None:
    async def script(stage: Stage) -> None:
        life = stage.world.house.life
        assert life is not None

        def task() -> NumberedTask:
            return next(
                one for one in stage.world.loop.tasks_of(life.process) if one.get_name() == name
            )

        stage.world.oracle.struck("out_of_memory")
        for wait in (0.0, 0.2, 7.0, 61.0):
            await asyncio.sleep(wait)
            awaited = waits_for(task())
            if awaited is not None:
                awaited.set_exception(MemoryError("made to fail"))
        beat = life.engine.beats[name]
        await stage.wait(900)

        assert life.engine.beats[name] > beat
        assert stage.world.oracle.faults["task_out_of_memory"]

    perform(script)


@pytest.mark.parametrize("after", [-0.5, 0.2, 1.0, 30.0])
def test_a_clock_that_is_set_back_over_an_expiry_ends_the_session_once(after: float) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        row = stage.world.oracle.book.session(session)
        assert row is not None
        assert row.running_at is not None
        expires = row.running_at / 1e6 - stage.world.loop.start.timestamp() + 3600
        await stage.wait(expires + after - stage.world.loop.time())
        stage.world.house.around.clock.jump(-600)
        stage.world.oracle.clock_set(-600)
        await stage.until_state(session, "stopped", limit=1800)
        await stage.wait(900)

        assert "expired" == stage.reason(session)
        assert 1 == stage.events(session).count("stop_intended")
        assert 1 == len(stage.ledger())

    perform(script)


@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_a_clock_that_drifts_costs_nobody_a_session(ppm: float) -> None:
    async def script(stage: Stage) -> None:
        stage.world.house.around.clock.drift(ppm)
        session = await run(stage, reservation_hours=10)
        await stage.until_state(session, "stopped", "failed", limit=11 * 3600)

        assert "expired" == stage.reason(session)
        (entry,) = stage.ledger()
        assert entry.ended_at is not None
        assert 10 * 3600 - 60 < entry.ended_at - entry.billed_from < 10 * 3600 + 120

    perform(script)


@pytest.mark.parametrize(("paused_s", "bought_by"), [(200, 2), (400, 3)])
def test_an_order_that_is_held_up_in_line_says_the_time_that_is_left_or_is_not_sent(
    paused_s: int, bought_by: int
) -> None:
    async def script(stage: Stage) -> None:
        patience = {"kind": "rate_limited", "operations": ["create"], "params": {"retry_after": 30}}
        stage.cloud.misbehave([{**patience, "count": 1}])
        session = await stage.request()
        await stage.until(lambda: len(stage.attempts(session)) == 2)
        life = stage.world.house.life
        assert life is not None
        life.process.pause()
        stage.world.oracle.down("house")
        await stage.wait(paused_s)
        life.process.resume()
        stage.world.oracle.up("house")
        await stage.until_state(session, "running", "failed")

        # Five minutes after it was taken, the row may be another's: what was not sent by then is put off.
        bound = [row.number for row in stage.attempts(session) if row.state == "bound"]
        assert [bought_by] == bound
        assert 1 == len(stage.ledger())
        assert stage.world.oracle.exercised["L3 timer"]

    perform(script)


def test_a_row_whose_claim_was_made_and_not_answered_is_taken_again_at_once() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        world, hooks = stage.world, stage.world.house.around.hooks
        usual = hooks.after_commit

        def lose_the_answer_to_a_claim() -> None:
            usual()
            row = world.oracle.book.session(session)
            if row is not None and row.claimed_until is not None:
                hooks.after_commit = usual
                world.oracle.commit_faults_at.append(world.oracle.now)
                raise BookUnavailable("the reply was lost")

        hooks.after_commit = lose_the_answer_to_a_claim
        await stage.until(lambda: hooks.after_commit is usual)
        await stage.finish(session)
        asked_at = world.oracle.now
        await stage.until(lambda: not stage.ledger()[0].alive)

        assert world.oracle.now - asked_at < 30

    perform(script)
