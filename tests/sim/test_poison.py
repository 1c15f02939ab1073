"""A session in which every pass raises: it is told of, all others go on, and so does it once the cause is gone."""

import asyncio

from gpu_shopper.testing.process_troubles import waits_for
from gpu_shopper.testing.scenarios import Stage
from tests.sim.perform import perform, run


async def poison(stage: Stage, session: str) -> None:
    """Raise in each pass over the session, wherever it waits, until this is cancelled."""
    stage.world.oracle.poisoned.add(session)
    while True:
        life = stage.world.house.life
        assert life is not None
        for task in stage.world.loop.tasks_of(life.process):
            awaited = waits_for(task) if task.get_name() == f"pass {session}" else None
            if awaited is not None:
                awaited.set_exception(ZeroDivisionError("poisoned"))
        await asyncio.sleep(0.01)


def test_a_session_that_always_raises_holds_up_nobody_else() -> None:
    async def script(stage: Stage) -> None:
        oracle = stage.world.oracle
        poisoned = await run(stage)
        await stage.finish(poisoned)
        poisoning = stage.world.loop.spawn(poison(stage, poisoned), name="poison")
        for _ in range(3):
            other = await run(stage)
            await stage.finish(other)
            await stage.until_state(other, "stopped", limit=900)
        await stage.leave_house(5)
        other = await run(stage)

        await stage.until_state(other, "stopped", limit=2 * 3600)
        assert "expired" == stage.reason(other)
        assert "stopping" == stage.state(poisoned)
        # Each try has the claim's five minutes, and each is told of.
        assert oracle.faults["task_met_poison"] >= 2
        poisoning.cancel()
        await stage.until_state(poisoned, "stopped", limit=900)

    perform(script)
