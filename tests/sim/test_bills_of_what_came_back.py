"""What came back after its end is billed from when its cloud says so, whoever says that."""

import pytest

from gpu_shopper.testing.scenarios import Stage
from tests.sim.perform import perform, run


def test_a_listing_that_shows_another_life_is_billed_for_it_though_a_read_does_not_find_it() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage)
        # A node that speaks, or hears of its end, would tell as much.
        stage.world.nodes.cuts.append(lambda node: True)
        stage.misbehave("resurrected", seconds=600)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        stage.misbehave("list_empty", count=None)
        await stage.until(lambda: bool(stage.alive()), limit=900)
        await stage.wait(1200)
        stage.misbehave("get_false_404", count=1)
        await stage.until(lambda: not stage.alive(), limit=900)
        await stage.at_rest()

        assert "late_arrival" in stage.events(session)
        assert _over_s(stage) == pytest.approx(0, abs=2)

    perform(script)


def test_a_life_that_began_before_the_end_of_the_other_was_proved_is_billed_as_a_listing_shows() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.world.nodes.cuts.append(lambda node: True)
        back = {"kind": "resurrected", "count": 1, "params": {"seconds": 120}}
        stage.cloud.misbehave([back, {"kind": "down", "operations": ["list"]}])
        await stage.finish(session)
        await stage.wait(1200)
        stage.misbehave("get_false_404", count=1)
        await stage.until_state(session, "stopped")
        await stage.at_rest()

        assert "late_arrival" not in stage.events(session)
        assert _over_s(stage) == pytest.approx(0, abs=2)

    perform(script)


def _over_s(stage: Stage) -> float:
    """Return by how many seconds of its price the only instance is billed too long."""
    (entry,) = stage.ledger()
    said = sum(amount for *_, amount in stage.world.oracle.book.charges())
    return (said - entry.billed_micros) * 3600 / entry.price_per_hour_micros
