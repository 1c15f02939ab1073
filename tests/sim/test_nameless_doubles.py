"""What a double may say where no cloud lets a node know which instance it is: both speak under one token."""

from datetime import timedelta

import pytest

from gpu_shopper.testing.nodes import Node
from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run

NAMELESS = Scene(names_itself=False)


async def _with_a_double_that_cannot_be_ended(stage: Stage, **request: object) -> tuple[str, Node]:
    session = await run(stage, reservation_hours=4, **request)
    first, nodes = stage.ledger()[0], stage.world.nodes
    stage.misbehave("ignore_destroy", count=None)
    stage.cloud.double(first.name)
    (second,) = (one for one in stage.alive() if one.id != first.id)
    await stage.until(lambda: nodes.of(second.id) in nodes.alive(), limit=60)
    host = nodes.of(second.id)
    assert host is not None
    return session, host


def test_a_session_at_work_is_not_ended_because_a_double_is_idle() -> None:
    async def script(stage: Stage) -> None:
        session, double = await _with_a_double_that_cannot_be_ended(
            stage, idle_threshold=timedelta(minutes=15)
        )
        held = stage.world.nodes.of(stage.ledger()[0].id)
        assert held is not None
        held.idle, double.idle = False, True
        await stage.wait(3600)

        assert "running" == stage.state(session)
        stage.behave()

    perform(script, NAMELESS)


def test_an_idle_machine_is_ended_all_the_same() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, idle_threshold=timedelta(minutes=15), reservation_hours=4)
        held = stage.world.nodes.of(stage.ledger()[0].id)
        assert held is not None
        held.idle = True
        await stage.until_state(session, "stopped", limit=1800)

        assert "idle" == stage.reason(session)

    perform(script, NAMELESS)


def test_a_double_that_cannot_be_ended_keeps_no_session_running_whose_machine_is_lost() -> None:
    async def script(stage: Stage) -> None:
        session, _ = await _with_a_double_that_cannot_be_ended(stage)
        await stage.wait(900)
        first = stage.ledger()[0]
        stage.cloud.lose_host(first.id)
        await stage.until_state(session, "stopping", "failed", limit=1800)

        assert "lost" == stage.reason(session)
        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        stage.behave()
        await stage.until_state(session, "failed")
        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        late_by = (said - stage.ledger()[0].billed_micros) / first.price_per_hour_micros * 3600
        assert late_by == pytest.approx(0, abs=330)

    perform(script, NAMELESS)


def test_what_is_proved_to_be_gone_is_not_billed_on_for_a_double_that_was_heard_before() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        # Sweeps are five minutes apart by then, and from now on none shows anything.
        await stage.wait(1200)
        stage.misbehave("list_empty", count=None)
        first, nodes = stage.ledger()[0], stage.world.nodes
        stage.cloud.double(first.name)
        (second,) = (one for one in stage.alive() if one.id != first.id)
        await stage.until(lambda: nodes.of(second.id) in nodes.alive(), limit=60)
        await stage.wait(100)
        host = nodes.of(first.id)
        assert host is not None
        host.lose_power()
        await stage.wait(100)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        await stage.until(lambda: "late_arrival" in stage.events(session), limit=600)
        stage.behave()
        await stage.at_rest()

        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        late_by = (said - stage.ledger()[0].billed_micros) / first.price_per_hour_micros * 3600
        assert late_by == pytest.approx(0, abs=5)

    perform(script, NAMELESS)


def test_a_double_that_the_listing_of_another_sessions_end_shows_is_ended_before_the_next_sweep() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=4)
        first = stage.ledger()[0]
        other = await run(stage)
        # Sweeps are five minutes apart by then.
        await stage.wait(1200)
        swept = stage.world.oracle.witness.listings_of("sandbox")
        so_far = len(swept)
        await stage.until(lambda: len(swept) > so_far, limit=400)
        stage.cloud.double(first.name)
        await stage.finish(other)
        await stage.until(lambda: [first.id] == [one.id for one in stage.alive()], limit=150)

        assert "running" == stage.state(session)

    perform(script, NAMELESS)
