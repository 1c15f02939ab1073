"""When a bill ends that nobody but its cloud knows: by its own rule where it says one, else as soon as the end is seen."""

import pytest

from gpu_shopper.domain.quirks import Quirks, seconds
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.bills import bills
from gpu_shopper.testing.scenarios import Scene, Stage
from gpu_shopper.testing.sim_door import Way
from tests.sim.perform import perform, run

# A cloud that bills nothing from the order to destroy on, and shows for a while what obeys.
FREE_TO_LEAVE = Scene(
    quirks=Quirks(destroy_ends_billing=True, leaving_bills=False),
    config=ModelConfig(boot_s=(5.0, 5.0), stock=5, bills_leaving=False),
)


def test_an_end_that_takes_its_time_is_seen_after_twice_that_time_at_the_latest() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.world.nodes.cuts.append(lambda node: True)
        stage.misbehave("slow_destroy", count=None, seconds=3)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert 0 <= _over_s(stage) < 3

    perform(script, Scene(quirks=Quirks(destroy_settle=seconds(10))))


@pytest.mark.parametrize("leaving_s", [1, 9, 90])
def test_what_is_shown_as_leaving_is_billed_no_more_where_its_cloud_says_so(
    leaving_s: int,
) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(300)
        stage.misbehave("slow_destroy", count=None, seconds=leaving_s)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert 0 <= _over_s(stage) < 1

    perform(script, FREE_TO_LEAVE)


def test_an_order_that_was_heard_and_never_answered_ends_the_bill_where_leaving_is_free() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(300)
        slow = {"kind": "slow_destroy", "params": {"seconds": 40}}
        stage.cloud.misbehave([slow, {"kind": "lose_destroy_reply", "count": 1}])
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert -1 < _over_s(stage) < 1

    perform(script, FREE_TO_LEAVE)


def test_an_order_that_was_ignored_ends_no_bill_where_leaving_is_free() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.misbehave("ignore_destroy", count=2)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert -1 < _over_s(stage) < 1

    perform(script, FREE_TO_LEAVE)


def _over_s(stage: Stage) -> float:
    """Return by how many seconds of its price the only instance is billed too long."""
    (entry,) = stage.ledger()
    said = sum(amount for *_, amount in stage.world.oracle.book.charges())
    return (said - entry.billed_micros) * 3600 / entry.price_per_hour_micros


def test_what_was_lost_with_many_others_is_billed_to_its_last_sign_of_life() -> None:
    async def script(stage: Stage) -> None:
        sessions = [await run(stage) for _ in range(4)]
        await stage.wait(600)
        for entry in stage.alive():
            stage.cloud.lose_host(entry.id)
        # So many at once are not believed, and nothing ends by itself.
        await stage.wait(400)
        assert {"running"} == {stage.state(session) for session in sessions}
        # No look is answered before the order, and nobody hears that; the house does not live to say it again.
        stage.cloud.take(Way.CUT)
        stage.world.oracle.down("sandbox")
        for session in sessions:
            await stage.finish(session)
        await stage.wait(2)
        await stage.leave_house(1)
        stage.cloud.take(Way.OPEN)
        stage.world.oracle.up("sandbox")
        for session in sessions:
            await stage.until_state(session, "stopped")

        for bill in bills(stage.world.oracle):
            assert abs(bill.said - bill.due) * 3600 / bill.entry.price_per_hour_micros < 160

    perform(script)
