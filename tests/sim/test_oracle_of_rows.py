"""The oracle can fail, once more: what is done to the book behind the house's back, and what the house leaves undone."""

import asyncio

import pytest

from gpu_shopper.testing import checks
from gpu_shopper.testing.scenarios import Stage
from tests.sim.wronged import freeze, running, tamper, violated


async def _stopped(stage: Stage) -> str:
    session = await running(stage)
    await stage.finish(session)
    await stage.until_state(session, "stopped")
    return session


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE attempts SET state = 'closed', proof = 'proved', wanted = 0", "S2"),
        ("UPDATE sessions SET epoch = epoch - 1", "S9"),
        ("UPDATE sessions SET stop_reason = 'lost', stop_actor = 'engine'", "S5"),
    ],
)
def test_a_running_session_whose_rows_are_changed(statement: str, expected: str) -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        await stage.wait(60)
        tamper(stage, statement)

    assert expected in violated(script)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE attempts SET state = 'bound', wanted = 1", "S7"),
        ("UPDATE sessions SET state = 'failed'", "S7"),
        ("UPDATE sessions SET stop_reason = 'idle'", "S7"),
        ("UPDATE attempts SET state = 'closing', next_action_at = NULL", "L12"),
        (
            "INSERT INTO notices (id, at, kind, text, details, tries, delivered_at) VALUES ('n', 1, 'k', 't', '{}', 1, 1)",
            "L9",
        ),
    ],
)
def test_a_session_that_is_over_and_whose_rows_are_changed(statement: str, expected: str) -> None:
    async def script(stage: Stage) -> None:
        await _stopped(stage)
        freeze(stage)
        tamper(stage, statement)
        for check in checks.AT_REST:
            check(stage.world.oracle)

    assert expected in violated(script)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE attempts SET state = 'closing', wanted = 0, next_action_at = NULL", "L5"),
        ("UPDATE sessions SET next_action_at = NULL", "L5"),
        (
            "UPDATE attempts SET state = 'closing', wanted = 0, destroy_tries = 11, alerted_at = NULL",
            "L8",
        ),
        (
            "INSERT INTO notices (id, at, kind, text, details, tries) VALUES ('n', 1, 'k', 't', '{}', 1)",
            "L9",
        ),
    ],
)
def test_a_row_that_nobody_will_look_at(statement: str, expected: str) -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        freeze(stage)
        tamper(stage, statement)
        stage.world.tick()

    assert expected in violated(script)


@pytest.mark.parametrize("gone", [False, True])
def test_what_is_given_up_as_gone_is_asked_for_by_its_id_not_by_the_name_it_shares(
    gone: bool,
) -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        await stage.wait(60)
        freeze(stage)
        [held] = stage.alive()
        stage.cloud.double(held.name)
        if gone:
            stage.cloud.lose_host(held.id)
        tamper(
            stage,
            "UPDATE attempts SET state = 'closing', wanted = 0, unwanted_because = 'lost'",
        )

    assert ("S5" not in violated(script)) is gone


def test_a_stopped_instance_that_passes_for_gone() -> None:
    async def script(stage: Stage) -> None:
        session = await running(stage)
        stage.misbehave("stop_instead_of_destroy", count=None)
        await stage.finish(session)
        await stage.until(lambda: stage.ledger()[0].status == "stopped")
        stage.behave()
        tamper(stage, "UPDATE attempts SET state = 'closed', proof = 'proved'")

    assert "S8" in violated(script)


def test_a_row_that_is_written_under_an_older_epoch() -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        freeze(stage)
        take = "UPDATE sessions SET epoch = epoch + 1"

        async def late_writer() -> None:
            tamper(stage, take)
            await asyncio.sleep(2)
            # What another has taken since is written by this one all the same.
            tamper(stage, "UPDATE attempts SET state = 'closing', wanted = 0")

        async def successor() -> None:
            await asyncio.sleep(1)
            tamper(stage, take)

        await asyncio.gather(late_writer(), successor())

    assert "S9" in violated(script)


def test_a_session_that_runs_unheard() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until_state(session, "provisioning")
        freeze(stage)
        tamper(stage, "UPDATE sessions SET state = 'running', running_at = created_at")

    assert "S15" in violated(script)


def test_an_end_that_is_inferred_while_the_account_is_frozen() -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        freeze(stage)
        tamper(
            stage,
            "INSERT INTO accounts (provider, frozen_since, frozen_because) VALUES ('sandbox', 1, '')"
            " ON CONFLICT DO UPDATE SET frozen_since = 1",
            "UPDATE sessions SET state = 'stopping', stop_reason = 'lost', stop_actor = 'engine'",
        )

    assert "S17" in violated(script)


def test_an_instance_that_is_given_up_before_it_ran_while_the_account_is_frozen() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until_state(session, "provisioning")
        freeze(stage)
        tamper(
            stage,
            "INSERT INTO accounts (provider, frozen_since, frozen_because) VALUES ('sandbox', 1, '')"
            " ON CONFLICT DO UPDATE SET frozen_since = 1",
            "UPDATE attempts SET state = 'closing', wanted = 0,"
            " unwanted_because = 'sandbox holds no such instance any more'",
        )

    assert "S17" in violated(script)


def test_a_destroy_without_a_reason_in_the_book() -> None:
    async def script(stage: Stage) -> None:
        session = await running(stage)
        stage.misbehave("ignore_destroy", count=None)
        await stage.finish(session)
        await stage.until(lambda: stage.ledger()[0].destroy_calls > 0)
        tamper(stage, "UPDATE attempts SET unwanted_because = NULL")
        await stage.until(lambda: stage.ledger()[0].destroy_calls > 1)

    assert "S19" in violated(script)


def test_a_restart_that_changes_what_was_at_rest() -> None:
    async def script(stage: Stage) -> None:
        session = await _stopped(stage)

        async def vandal() -> None:
            await asyncio.sleep(60)
            raw = stage.world.memory.desk.raw
            raw.execute("UPDATE sessions SET epoch = epoch + 1 WHERE id = ?", (session,))

        done = stage.world.loop.spawn(vandal())
        await stage.world.s20_recovering_twice_changes_nothing()
        await done

    assert "S20" in violated(script)
