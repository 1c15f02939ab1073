"""What the oracle calls a house that is up, and does nothing: each bound notices it."""

import asyncio

import pytest

from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import ModelRequest
from gpu_shopper.testing import believing, bounds
from gpu_shopper.testing.clouds import ACCOUNT_KEY
from gpu_shopper.testing.scenarios import Scene, Stage, play
from gpu_shopper.testing.sim_door import Way
from tests.sim.wronged import freeze, running, tamper, violated


async def _seen_by(stage: Stage, seconds: float, *asked: bounds.Bound) -> None:
    """Let time pass, and ask these bounds alone each minute."""
    end = stage.world.loop.time() + seconds
    while stage.world.loop.time() < end and not stage.world.oracle.violations:
        await asyncio.sleep(60)
        for check in asked:
            check(stage.world.oracle)


def test_a_closed_label_that_shows_up_and_is_left_alone() -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        freeze(stage)
        tamper(stage, "UPDATE attempts SET state = 'closed', proof = 'presumed', wanted = 0")
        await _seen_by(stage, 600, bounds.s2_what_reappears_is_reopened)

    assert "S2" in violated(script)


@pytest.mark.parametrize(
    ("looks", "lied_at", "fooled"), [(3, 900, True), (2, 900, False), (3, 100, False)]
)
def test_what_was_presumed_absent_after_enough_looks_was_hidden_from_the_last(
    looks: int, lied_at: float, fooled: bool
) -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        freeze(stage)
        told = stage.world.oracle.witness.of("sandbox", stage.ledger()[0].id)
        told.false_listings.append(lied_at)
        tamper(stage, "UPDATE attempts SET state = 'closed', proof = 'presumed', wanted = 0")
        counted = f"UPDATE attempts SET looks = {looks}"  # noqa: S608 - a number of our own
        tamper(stage, counted, "UPDATE attempts SET state = 'closing', proof = NULL")

    said = [each.message for each in play(script).outcome.violations if each.check == "S2"]
    assert fooled == (not any("presumed absent" in message for message in said))


def test_an_outage_after_which_nobody_looks() -> None:
    async def script(stage: Stage) -> None:
        session = await running(stage)
        stage.cloud.take(Way.CUT)
        stage.world.oracle.down("sandbox")
        await stage.finish(session)
        await stage.wait(300)
        freeze(stage)
        stage.world.oracle.up("sandbox")
        await _seen_by(stage, 900, bounds.l2_outages_end_with_a_destroy)

    assert "L2" in violated(script)


@pytest.mark.parametrize("looks", [True, False])
def test_a_new_house_whose_clock_has_drifted_for_weeks_is_held_to_its_sweeps_and_to_no_more(
    looks: bool,
) -> None:
    async def script(stage: Stage) -> None:
        clock = stage.world.house.around.clock
        clock.drift(-200_000.0)
        await stage.wait(2000)
        clock.drift(0.0)
        await stage.leave_house(1.0)
        if not looks:
            freeze(stage)
        await _seen_by(stage, 300, believing.l2_a_new_house_looks_often)

    assert looks == ("L2" not in violated(script))


def test_a_node_that_outlives_a_house_that_is_away_for_ever() -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        entry = stage.ledger()[0]
        node = stage.world.nodes.of(entry.id)
        assert node is not None
        stage.cloud.misbehave([{"kind": "lose_request", "operations": ["self"]}])
        freeze(stage)
        stage.world.oracle.down("house")
        await _seen_by(stage, 2400, bounds.l3_nothing_outlives_us_for_long)

    assert "L3" in violated(script)


def test_an_unknown_that_nobody_resolves() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("lose_create_reply")
        session = await stage.request()
        await stage.until(lambda: bool(stage.attempts(session)))
        freeze(stage)
        await _seen_by(stage, 4000, bounds.l4_unknowns_resolve)

    assert "L4" in violated(script)


def test_what_may_be_ours_and_nobody_is_told_of() -> None:
    async def script(stage: Stage) -> None:
        kinds = ("label_lost", "lose_create_reply", "never_boot")
        stage.cloud.misbehave([{"kind": kind, "count": 1} for kind in kinds])
        session = await stage.request()
        await stage.until(lambda: bool(stage.attempts(session)) and len(stage.cloud.ledger()) > 1)
        freeze(stage)
        await _seen_by(stage, 4000, bounds.l8_what_may_be_ours_is_told)

    untagged = Scene(config=ModelConfig(boot_s=(5.0, 5.0), stock=5, shows_tags=False))
    assert "L8" in violated(script, untagged)


def test_a_session_that_is_overdue() -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        freeze(stage)
        await _seen_by(stage, 1800, bounds.l5_nothing_is_without_a_future)

    assert "L5" in violated(script)


def test_a_request_that_neither_runs_nor_fails() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("never_boot")
        await stage.request()
        freeze(stage)
        await _seen_by(stage, 3000, bounds.l6_requests_end_or_run)

    assert "L6" in violated(script)


def test_a_destroy_that_is_not_tried_again() -> None:
    async def script(stage: Stage) -> None:
        session = await running(stage)
        stage.cloud.misbehave([{"kind": "ignore_destroy"}])
        node = stage.world.nodes.of(stage.ledger()[0].id)
        assert node is not None
        await stage.finish(session)
        await stage.until(lambda: stage.ledger()[0].destroy_calls > 0)
        freeze(stage)
        stage.world.nodes.stop(stage.ledger()[0].id)
        await _seen_by(stage, 2400, bounds.l1_unwanted_instances_die)

    assert "L7" in violated(script)


async def _doubled_unseen(stage: Stage) -> None:
    """Let an instance have a double that no listing shows."""
    await stage.request(reservation_hours=4)
    await stage.until(lambda: len(stage.alive()) == 1)
    await stage.wait(300)
    stage.misbehave("list_empty", count=None)
    stage.cloud.double(stage.ledger()[0].name)


@pytest.mark.parametrize("looks", [True, False])
def test_a_double_that_every_listing_hides_is_held_against_a_house_that_does_not_look(
    looks: bool,
) -> None:
    async def script(stage: Stage) -> None:
        await _doubled_unseen(stage)
        if not looks:
            freeze(stage)
        await _seen_by(stage, 2400, bounds.l1_unwanted_instances_die)
        stage.behave()

    violations = violated(script, Scene(names_itself=False))
    assert violations == set() if looks else "L1" in violations


@pytest.mark.parametrize("looks", [True, False])
def test_a_double_that_was_hidden_since_an_outage_is_held_against_a_house_that_did_not_look(
    looks: bool,
) -> None:
    async def script(stage: Stage) -> None:
        await _doubled_unseen(stage)
        stage.world.oracle.down("sandbox")
        await stage.wait(1)
        stage.world.oracle.up("sandbox")
        if not looks:
            freeze(stage)
        await _seen_by(stage, 900, bounds.l2_outages_end_with_a_destroy)
        # Asked at the moment at which the lies end.
        stage.behave()
        bounds.l2_outages_end_with_a_destroy(stage.world.oracle)

    violations = violated(script, Scene(names_itself=False))
    assert violations == set() if looks else "L2" in violations


def test_a_double_that_was_closed_on_lies_is_owed_an_order_from_when_it_is_shown_again() -> None:
    async def script(stage: Stage) -> None:
        await stage.request(reservation_hours=4)
        await stage.until(lambda: len(stage.alive()) == 1)
        await stage.wait(300)
        stage.misbehave("ignore_destroy", count=None)
        stage.cloud.double(stage.ledger()[0].name)
        lies, oracle = ("list_empty", "get_false_404", "ignore_destroy"), stage.world.oracle
        await stage.until(lambda: bool(oracle.book.open_surplus()))
        stage.cloud.misbehave([{"kind": kind} for kind in lies])
        await stage.until(lambda: not oracle.book.open_surplus())
        await _seen_by(stage, 2400, bounds.l1_unwanted_instances_die)
        stage.cloud.misbehave([{"kind": "lose_request", "operations": ["destroy"]}])
        await stage.until(lambda: any(one.destroy_tries for one in oracle.book.open_surplus()))
        bounds.l1_unwanted_instances_die(oracle)
        stage.behave()

    assert violated(script, Scene(names_itself=False)) == set()


def test_a_double_that_is_left_without_a_row() -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        await stage.wait(300)
        freeze(stage)
        stage.cloud.double(stage.ledger()[0].name)
        await stage.wait(560)

    assert "S1" in violated(script)


def test_a_double_that_is_destroyed_without_a_row() -> None:
    async def script(stage: Stage) -> None:
        await running(stage)
        first = stage.ledger()[0]
        freeze(stage)
        stage.cloud.double(first.name)
        double = next(entry for entry in stage.ledger() if entry.id != first.id)
        cloud = stage.cloud
        cloud.model.handle(
            ModelRequest(
                method="DELETE",
                path=f"v1/instances/{double.id}",
                query={},
                body=None,
                key=ACCOUNT_KEY,
            ),
            now=cloud.now(),
        )
        await stage.wait(60)

    assert "S19" in violated(script)
