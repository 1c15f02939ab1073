"""What a double may say where no cloud lets a node know which instance it is: both speak under one token."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.cloud_kinds import SANDBOX_QUIRKS
from gpu_shopper.testing.nodes import Node
from gpu_shopper.testing.rows import SurplusRow
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


def _is_closed(row: SurplusRow | None) -> bool:
    return row is not None and not row.open


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


def test_a_double_that_was_taken_for_gone_speaks_no_more_for_what_is_lost_than_before() -> None:
    async def script(stage: Stage) -> None:
        session, double = await _with_a_double_that_cannot_be_ended(stage)
        first, oracle = stage.ledger()[0], stage.world.oracle
        row = partial(oracle.book.surplus_of, stage.cloud.name, double.instance_id)
        await stage.until(lambda: row() is not None, limit=900)
        stage.cloud.lose_host(first.id)
        lies = [{"kind": kind} for kind in ("list_empty", "get_false_404", "ignore_destroy")]
        stage.cloud.misbehave(lies)
        await stage.until(lambda: _is_closed(row()), limit=1800)
        # Of the one that was lost, reads tell the truth from now on; the other one is shown by nothing.
        stage.cloud.misbehave([{"kind": "list_empty"}, {"kind": "ignore_destroy"}])
        await stage.until_state(session, "stopping", "failed", limit=1800)

        assert "lost" == stage.reason(session)
        stage.behave()
        await stage.until_state(session, "failed")
        said = sum(amount for *_, amount in oracle.book.charges())
        late_by = (said - stage.ledger()[0].billed_micros) / first.price_per_hour_micros * 3600
        assert late_by == pytest.approx(0, abs=330)

    perform(script, NAMELESS)


def test_what_was_lost_before_it_had_an_address_is_not_billed_for_the_words_of_its_double() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request(max_retries=0)
        await stage.until(lambda: bool(stage.alive()))
        (first,) = stage.alive()
        stage.misbehave("ignore_destroy", count=None)
        stage.cloud.double(first.name)
        stage.cloud.lose_host(first.id)
        await stage.until_state(session, "stopping", "failed", limit=1800)

        assert "launch_failed" == stage.reason(session)
        stage.behave()
        await stage.until_state(session, "failed")
        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        late_by = (said - stage.ledger()[0].billed_micros) / first.price_per_hour_micros * 3600
        assert late_by == pytest.approx(0, abs=100)

    slow = replace(SANDBOX_QUIRKS, boot_grace=timedelta(minutes=14))
    perform(
        script, replace(NAMELESS, quirks=slow, config=ModelConfig(boot_s=(30.0, 30.0), stock=5))
    )


def test_until_a_listing_shows_a_double_nobody_knows_whose_words_they_are() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(1200)
        first, nodes = stage.ledger()[0], stage.world.nodes
        stage.misbehave("list_empty", count=None)
        stage.cloud.double(first.name)
        (second,) = (one for one in stage.alive() if one.id != first.id)
        await stage.until(lambda: nodes.of(second.id) in nodes.alive(), limit=60)
        stage.cloud.lose_host(first.id)
        await stage.wait(290)
        stage.behave()
        await stage.until(lambda: [] == stage.alive(), limit=900)
        await stage.until_state(session, "failed", "stopped", limit=3600)

    perform(script, NAMELESS)
