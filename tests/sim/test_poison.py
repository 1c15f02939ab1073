"""A session in which every pass raises, and one that cannot be read: it is told of, all others go on, and so does it at last."""

import asyncio

import pytest

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


@pytest.mark.parametrize(("table", "column"), [("attempts", "absence"), ("sessions", "request")])
def test_a_row_that_cannot_be_read_holds_up_no_other_and_nothing_is_concluded_of_it(
    table: str, column: str
) -> None:
    async def script(stage: Stage) -> None:
        oracle, raw = stage.world.oracle, stage.world.memory.desk.raw
        unreadable, other = (
            await run(stage, reservation_hours=3),
            await run(stage, reservation_hours=3),
        )
        held = [stage.attempts(session)[0] for session in (unreadable, other)]
        oracle.poisoned.add(unreadable)
        raw.executescript("DROP TRIGGER sessions_identity; DROP TRIGGER attempts_identity")
        this = f"{'id' if table == 'sessions' else 'session_id'} = '{unreadable}'"
        [(was,)] = raw.execute(f"SELECT {column} FROM {table} WHERE {this}").fetchall()  # noqa: S608
        raw.execute(f"UPDATE {table} SET {column} = '{{' WHERE {this}")  # noqa: S608
        poisoned_at = raw.execute("SELECT max(id) FROM sweeps").fetchone()[0]
        stage.cloud.double(held[1].label)
        await stage.until(lambda: len(stage.alive()) == 2, limit=600)
        await stage.wait(900)

        swept = raw.execute(
            "SELECT complete, orphans, strays, missing FROM sweeps WHERE id > ?", (poisoned_at,)
        ).fetchall()
        assert 3 <= len(swept)
        # The double of the other once; the stranger's instance each time.
        assert (1, {1}, 0) == (sum(s[1] for s in swept), {s[2] for s in swept}, swept[-1][3])
        assert {row.instance_id for row in held} == {entry.id for entry in stage.alive()}
        assert 1 == oracle.book.notices().count("unreadable_row")
        raw.execute(f"UPDATE {table} SET {column} = ? WHERE {this}", (was,))  # noqa: S608
        for session in (unreadable, other):
            await stage.finish(session)
            await stage.until_state(session, "stopped", limit=900)

    perform(script)
