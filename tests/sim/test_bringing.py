"""A cloud that takes no start-up script: the house brings the agent over SSH, whatever is lost on the way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.testing.core_scenarios import NO_SCRIPTS
from gpu_shopper.testing.scenarios import Stage
from tests.sim.perform import perform, run


def brought(stage: Stage) -> int:
    return stage.world.oracle.faults["agent_brought"]


@pytest.mark.parametrize("pushes", [True, False])
def test_the_agent_is_brought_once_the_machine_knows_our_key(pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)

        assert 1 == brought(stage)
        assert stage.world.oracle.faults["keys_late"] > 1
        assert 1 == stage.events(session).count("ssh_answered")
        assert 1 == stage.events(session).count("agent_brought")
        assert 1 == len(stage.attempts(session))
        await stage.finish(session)
        await stage.until_state(session, "stopped")

    perform(script, replace(NO_SCRIPTS, pushes=pushes))


def test_no_order_to_such_a_cloud_holds_a_script() -> None:
    async def script(stage: Stage) -> None:
        await run(stage)

        (order,) = [order for order in stage.cloud.orders.values() if order.get("ssh_keys")]
        assert not order.get("on_start")
        assert 2 == len(order["ssh_keys"])

    perform(script, NO_SCRIPTS)


def test_what_gets_lost_on_the_way_is_brought_again() -> None:
    async def script(stage: Stage) -> None:
        await run(stage, startup_timeout=timedelta(hours=1))

    perform(script, replace(NO_SCRIPTS, lose=0.5))


def test_a_node_that_never_lets_us_in_is_given_up_and_destroyed() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request(max_retries=1)
        await stage.until_state(session, "failed")

        assert 0 == brought(stage)
        assert [] == stage.alive()
        assert ["closed"] * 2 == [row.state for row in stage.attempts(session)]

    perform(script, replace(NO_SCRIPTS, keys_late_s=1e9))


def test_a_session_that_ends_before_its_agent_came_ends_all_the_same() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until(lambda: bool(stage.alive()))
        await stage.finish(session)
        await stage.until_state(session, "stopped", "failed")

        assert 0 == brought(stage)
        assert [] == stage.alive()

    perform(script, NO_SCRIPTS)


def test_a_house_that_stays_away_before_its_agent_came_leaves_the_end_to_the_cloud() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until(lambda: bool(stage.alive()))
        life = stage.world.house.life
        assert life is not None
        stage.world.troubles.stay_away(15 * 3600)
        life.process.kill(because="killed by the script")
        await stage.wait(14 * 3600)

        # No agent could end it; the moment in the order did.
        assert 0 == brought(stage)
        assert stage.world.oracle.exercised["L3 without an agent"] > 600
        assert ["expired"] == [entry.end_reason for entry in stage.ledger()]
        await stage.until_state(session, "stopped", "failed", limit=14 * 3600)

    perform(script, replace(NO_SCRIPTS, keys_late_s=3600.0))
