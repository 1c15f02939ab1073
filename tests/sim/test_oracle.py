"""The oracle can fail: each wrong that is done before its eyes is told under the right name."""

import asyncio
import json
from datetime import timedelta

import pytest

from gpu_shopper.domain.label import LabelFacts, write_label
from gpu_shopper.sandbox.messages import ModelRequest
from gpu_shopper.testing import bounds
from gpu_shopper.testing.believing import l3_the_timer_is_inside_the_create
from gpu_shopper.testing.scenarios import Script, Stage, play


def violated(script: Script) -> set[str]:
    """Play a script that does wrong, and return what the oracle calls it."""
    return {violation.check for violation in play(script).outcome.violations}


def _call(stage: Stage, method: str, path: str) -> None:
    request = ModelRequest(method=method, path=path, query={}, body=None, key="sim-key")
    stage.cloud.model.handle(request, now=stage.cloud.now())


async def _running(stage: Stage) -> str:
    session = await stage.request()
    await stage.until_state(session, "running")
    return session


def test_a_wanted_instance_that_is_destroyed() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        _call(stage, "DELETE", f"v1/instances/{stage.ledger()[0].id}")

    assert "S5" in violated(script)


def test_a_stranger_that_is_destroyed() -> None:
    async def script(stage: Stage) -> None:
        stray = next(iter(stage.world.oracle.facts["sandbox"].strays))
        _call(stage, "DELETE", f"v1/instances/{stray}")

    assert {"S6"} == violated(script)


def test_a_stranger_that_is_gone_at_rest() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.lose_host(next(iter(stage.world.oracle.facts["sandbox"].strays)))

    assert {"S6"} == violated(script)


def test_a_create_without_a_row() -> None:
    async def script(stage: Stage) -> None:
        oracle = stage.world.oracle
        session = await _running(stage)
        assert oracle.deployment is not None
        facts = LabelFacts(
            deployment=oracle.deployment,
            session=session,
            number=7,
            expires_at=stage.world.house.around.clock.now(),
        )
        stage.cloud.plant(write_label(facts, key=oracle.label_key))
        stage.world.tick()

    assert {"S1", "S3"} <= violated(script)


def test_a_second_create_with_one_label() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        stage.cloud.plant(stage.ledger()[0].name)

    assert "S4" in violated(script)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE cost_entries SET amount = amount + 50000", "S11"),
        ("UPDATE cost_entries SET ends_at = ends_at - 1", "S10"),
        ("DELETE FROM events WHERE kind = 'heard_from'", "S16"),
    ],
)
def test_a_book_that_was_tampered_with(statement: str, expected: str) -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        await stage.wait(4000)
        await stage.until_state(session, "stopped")
        raw = stage.world.memory.desk.raw
        for (name,) in raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute(statement)

    assert expected in violated(script)


def test_an_unwanted_instance_that_nobody_destroys() -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        node = stage.world.nodes.of(stage.ledger()[0].id)
        assert node is not None
        node.mute = True
        stage.cloud.misbehave([{"kind": "lose_request", "operations": ["destroy", "self"]}])
        await stage.finish(session)
        await stage.wait(2400)

    assert "L1" in violated(script)


def test_a_running_session_that_is_stopped_for_a_reason_that_is_not_true() -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        raw = stage.world.memory.desk.raw
        raw.execute(
            "UPDATE sessions SET state = 'stopping', stop_reason = 'silent', stop_actor = 'engine',"
            " launch = NULL WHERE id = ?",
            (session,),
        )
        stage.world.oracle.committed()

    assert "S5" in violated(script)


def test_what_was_taken_in_again_is_unattended_from_when_an_older_book_wants_it_no_more() -> None:
    async def script(stage: Stage) -> None:
        memory, oracle = stage.world.memory, stage.world.oracle
        session = await _running(stage)
        stage.misbehave("ignore_destroy", count=None)
        await stage.finish(session)
        await stage.until_state(session, "stopping")
        ended_in = memory.image()
        _kill(stage)
        memory.lose()
        oracle.rewound()
        await stage.until_state(session, "running", limit=900)
        assert oracle.unentitled_since(stage.ledger()[0]) is None
        _kill(stage)
        memory.restore(ended_in)
        oracle.rewound(to=stage.world.loop.time())
        assert stage.world.loop.time() == oracle.unentitled_since(stage.ledger()[0])
        stage.behave()
        await stage.until_state(session, "stopped")

    assert not violated(script)


@pytest.mark.parametrize(("lie", "owed"), [("slow_boot", True), ("list_empty", False)])
def test_what_was_forgotten_before_an_outage_is_owed_after_it_unless_listings_lie(
    lie: str, owed: bool
) -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        oracle, life = stage.world.oracle, stage.world.house.life
        assert life is not None, "it lives"
        oracle.down("sandbox")
        life.process.pause()
        stage.world.memory.lose()
        oracle.rewound()
        stage.misbehave(lie, count=None)
        await asyncio.sleep(60)
        oracle.up("sandbox")
        await asyncio.sleep(900)
        bounds.l2_outages_end_with_a_destroy(oracle)
        stage.behave()

    assert owed == ("L2" in violated(script))


@pytest.mark.parametrize(("hidden", "owed"), [(True, False), (False, True)])
def test_what_came_back_before_an_outage_ended_is_owed_from_when_a_listing_shows_it(
    hidden: bool, owed: bool
) -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        oracle = stage.world.oracle
        # Sweeps are five minutes apart by then.
        await stage.wait(1200)
        stage.misbehave("resurrected", seconds=1000)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        stage.misbehave("list_empty", count=None)
        await stage.until(lambda: bool(stage.alive()))
        oracle.down("sandbox")
        await asyncio.sleep(60)
        oracle.up("sandbox")
        told = oracle.witness.of("sandbox", stage.alive()[0].id)
        await asyncio.sleep(660)
        stage.behave()
        if not hidden:
            told.false_listings.clear()
        # As it is known, and before it can be destroyed.
        oracle.on_attempt.append(lambda o, old, new: bounds.l2_outages_end_with_a_destroy(o))
        await stage.until(lambda: "late_arrival" in stage.events(session))

    assert owed == ("L2" in violated(script))


def _kill(stage: Stage) -> None:
    life = stage.world.house.life
    assert life is not None, "it lives"
    life.process.kill(because="the book is put back")


@pytest.mark.parametrize("meanwhile", [True, False])
def test_an_order_that_ends_later_than_its_label_unless_the_clock_was_set_on_its_way(
    *, meanwhile: bool
) -> None:
    async def script(stage: Stage) -> None:
        world = stage.world
        around = world.house.around

        def set_clock(seconds: float) -> None:
            around.clock.jump(seconds)
            world.oracle.clock_set(seconds)

        set_clock(-467)
        if not meanwhile:
            await stage.wait(300)
        session = await stage.request()
        # Its way takes up to some seconds; its end is in it already.
        stage.cloud.network.slow = 1.0
        await stage.until(lambda: bool(stage.attempts(session)))
        if meanwhile:
            set_clock(467)
        else:
            (row,) = stage.attempts(session)
            body = {"name": row.label, "on_start": json.dumps({"stop_in": 16 * 3600})}
            ends_by = around.clock.now() + timedelta(hours=1)
            order = body | {"expires_at": ends_by.isoformat()}
            l3_the_timer_is_inside_the_create(world.oracle, stage.cloud, order)
        await stage.wait(300)

    assert ("L3" in violated(script)) is not meanwhile
