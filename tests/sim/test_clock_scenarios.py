"""Wall clocks that are set while sessions run: nothing leaks, nobody is silenced, and nothing waits for a clock to catch up."""

from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run


def test_a_clock_that_is_set_forward_silences_nobody() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=6)
        stage.world.house.around.clock.jump(3600)
        stage.world.oracle.clock_set(3600)
        await stage.wait(1800)

        assert "running" == stage.state(session)
        await stage.finish(session)

    perform(script)


def test_a_clock_that_is_set_back_leaks_nothing_and_charges_nothing_twice() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(1800)
        stage.world.house.around.clock.jump(-3000)
        stage.world.oracle.clock_set(-3000)
        await stage.wait(600)
        await stage.finish(session)
        await stage.until_state(session, "stopped", limit=120)

        assert [] == stage.alive()

    perform(script)


def test_nodes_are_asked_as_ever_after_the_clock_was_set_back() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        stage.world.house.around.clock.jump(-3000)
        stage.world.oracle.clock_set(-3000)
        await stage.wait(2700)

        assert "running" == stage.state(session)
        assert stage.ledger()[0].alive

    perform(script, Scene(pushes=False))


def test_what_could_not_be_ended_is_tried_again_soon_after_the_clock_was_set_back() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=12)
        [node] = stage.world.nodes.all()
        node.lose_power()
        stage.misbehave("ignore_destroy", count=None)
        await stage.finish(session)
        await stage.wait(1800)
        stage.world.house.around.clock.jump(-3000)
        stage.world.oracle.clock_set(-3000)
        stage.behave()
        await stage.until(lambda: not stage.alive(), limit=420)
        await stage.until_state(session, "stopped", limit=900)

    perform(script)


def test_a_session_that_a_full_disk_kept_claimed_is_taken_again_soon_after_the_clock_was_set_back() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)

        def claimed() -> bool:
            row = stage.world.oracle.book.session(session)
            return row is not None and row.claimed_until is not None

        await stage.until(claimed)
        stage.world.loop.spawn(stage.world.troubles.book.close("disk_full", 60.0))
        await stage.wait(61)
        assert claimed(), "its pass could not give it back"
        stage.world.house.around.clock.jump(-7200)
        stage.world.oracle.clock_set(-7200)
        await stage.finish(session)
        await stage.until_state(session, "stopped", limit=600)

    perform(script)
