"""Outages that last: a cloud that cannot be asked, nodes that cannot be reached, hosts that go and come back."""

import pytest

from gpu_shopper.testing.nodes import Node
from gpu_shopper.testing.scenarios import Scene, Stage
from gpu_shopper.testing.sim_door import Way
from tests.sim.perform import perform, run


def nodes_of(stage: Stage) -> list[Node]:
    assert stage.world.oracle.nodes is not None
    return stage.world.oracle.nodes.all()


def take_cloud(stage: Stage, way: Way) -> None:
    stage.cloud.take(way)
    stage.world.oracle.down("sandbox")


def give_back(stage: Stage) -> None:
    stage.cloud.take(Way.OPEN)
    stage.world.oracle.up("sandbox")


@pytest.mark.parametrize("way", [Way.SAYS_503, Way.HANGS, Way.KEY_REFUSED])
def test_what_expires_while_a_cloud_cannot_be_asked_for_hours_is_ended_by_its_node(
    way: Way,
) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        take_cloud(stage, way)
        await stage.wait(3 * 3600)
        assert "stopping" == stage.state(session)
        # Only the account's key is refused: a node has its own.
        assert (0 if way is Way.KEY_REFUSED else 1) == len(stage.alive())
        give_back(stage)
        await stage.until(lambda: not stage.alive(), limit=600)

        assert "expired" == stage.reason(session)

    perform(script)


def test_an_order_goes_out_seconds_after_an_account_that_could_not_be_listed_can_be() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave([{"kind": "html_error", "operations": ["list"]}])
        await stage.leave_house(1000)
        await stage.wait(3)
        session = await stage.request()
        await stage.wait(60)
        assert [] == stage.attempts(session), "what cannot be seen could not be cleaned up either"

        stage.behave()
        # Tried in vain after 5, 15 and 35 seconds, then at the pace of an account that holds nothing.
        await stage.until(lambda: bool(stage.attempts(session)), limit=35)
        await stage.finish(session)

    perform(script)


def test_the_first_order_after_a_start_waits_seconds_where_the_first_listing_failed() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave([{"kind": "html_error", "operations": ["list"], "count": 1}])
        await stage.leave_house(1000)
        await stage.wait(2)
        session = await stage.request()
        await stage.until(lambda: bool(stage.attempts(session)), limit=10)
        await stage.finish(session)

    perform(script)


def test_a_region_that_is_out_holds_up_its_own_and_nothing_else() -> None:
    async def script(stage: Stage) -> None:
        first = await run(stage)
        (lost,) = [held for held in stage.cloud.held() if held.id == stage.alive()[0].id]
        stage.world.nodes.cuts.append(lambda node: True)
        stage.cloud.lose_region(lost.region)
        stage.world.oracle.down("sandbox")
        await stage.finish(first)
        await stage.wait(1500)

        assert "stopping" == stage.state(first)
        assert [lost.id] == [entry.id for entry in stage.alive()]

        give_back(stage)
        await stage.until(lambda: not stage.alive(), limit=600)

    perform(script)


@pytest.mark.parametrize("pushes", [True, False])
def test_a_node_that_nobody_reaches_is_ended_as_silent(pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        stage.world.nodes.cuts.append(lambda node: True)
        await stage.until(lambda: not stage.alive(), limit=1800)

        assert "silent" == stage.reason(session)
        assert "destroyed" == stage.ledger()[0].end_reason

    perform(script, Scene(pushes=pushes))


@pytest.mark.parametrize("pushes", [True, False])
def test_a_node_that_nobody_reaches_ends_itself_where_we_cannot(pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        await run(stage, reservation_hours=3)
        stage.world.nodes.cuts.append(lambda node: True)
        take_cloud(stage, Way.KEY_REFUSED)
        await stage.until(lambda: not stage.alive(), limit=2100)

        assert "self_ended" == stage.ledger()[0].end_reason
        give_back(stage)

    perform(script, Scene(pushes=pushes))


def test_a_cut_that_is_shorter_than_our_patience_costs_nobody_anything() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        stage.world.nodes.cuts.append(lambda node: True)
        await stage.wait(480)
        stage.world.nodes.cuts.clear()
        await stage.wait(1800)

        assert "running" == stage.state(session)

    perform(script)


def test_a_host_that_comes_back_after_its_session_was_ended_is_told_to_stop() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        (node,) = nodes_of(stage)
        node.lose_power()
        take_cloud(stage, Way.KEY_REFUSED)
        await stage.wait(1800)
        assert "silent" == stage.reason(session)
        assert 1 == len(stage.alive())
        node.power_up()
        await stage.until(lambda: not stage.alive(), limit=120)

        assert "self_ended" == stage.ledger()[0].end_reason
        give_back(stage)

    perform(script)


def test_a_host_that_is_back_in_time_goes_on() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        (node,) = nodes_of(stage)
        node.lose_power()
        await stage.wait(420)
        node.power_up()
        await stage.wait(1800)

        assert "running" == stage.state(session)

    perform(script)


def test_a_session_that_is_held_up_by_a_silent_cloud_gives_its_row_back() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave([{"kind": "lose_request", "operations": ["create"]}])
        session = await stage.request()
        await stage.until(lambda: len(stage.attempts(session)) >= 3)
        stage.behave()
        take_cloud(stage, Way.HANGS)
        # L5 is asked each minute: looking for one of them takes so long that another is due again.
        await stage.wait(2400)
        give_back(stage)
        await stage.until_state(session, "running", "failed")

    perform(script)


@pytest.mark.parametrize(("pushes", "ends_as"), [(True, "running"), (False, "failed")])
def test_a_host_that_shows_another_key_is_not_believed_any_more(pushes: bool, ends_as: str) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        (node,) = nodes_of(stage)
        node.new_host_key = "ssh-ed25519 AAAAAnother"
        await stage.wait(1200)

        # Who speaks to us by its own token needs no login of ours.
        assert ends_as == stage.state(session)
        assert (None if pushes else "silent") == stage.reason(session)
        assert bool(pushes) == bool(stage.alive())

    perform(script, Scene(pushes=pushes))


def test_another_tenant_at_the_address_is_no_sign_of_life() -> None:
    async def script(stage: Stage) -> None:
        session, other = await run(stage, reservation_hours=3), await run(stage)
        ours, theirs = nodes_of(stage)
        stage.world.nodes.tenants[ours.instance_id] = theirs
        # As bad as can be: nothing tells them apart but what the report says.
        theirs.new_host_key = ours.host_key
        heard_at = stage.world.oracle.heard_at[stage.attempts(session)[0].label]
        await stage.until_state(session, "failed", limit=1800)

        assert "silent" == stage.reason(session)
        assert stage.world.oracle.faults["foreign_report"]
        assert stage.world.oracle.heard_at[stage.attempts(session)[0].label] == heard_at
        assert other != session

    perform(script, Scene(pushes=False))
