"""Who rents a slice of a GPU gets that slice: what the node's driver tells of it is little, and it is enough."""

import json

import pytest

from gpu_shopper.domain.offer import Requirements
from gpu_shopper.sandbox.gpu_models import MIG_SLICES
from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run

SLICES = Scene(models=MIG_SLICES)
TWO_SEVENTHS = Requirements(gpu_types=frozenset({"A100 80GB"}), partial=True, min_vram_gb=20)


def slice_of(offer: str) -> tuple[str, int, float]:
    sold = json.loads(offer)
    return sold["gpu_type"], sold["vram_gb"], round(sold["gpu_fraction"], 3)


@pytest.mark.parametrize("pushes", [True, False])
def test_a_slice_is_known_again_by_its_profile(*, pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, requirements=TWO_SEVENTHS)

        (attempt,) = stage.attempts(session)
        assert ("A100 80GB", 20) == slice_of(attempt.offer)[:2]
        (node,) = stage.world.nodes.alive()
        assert None is node.heartbeat().gpus[0].memory_mib
        await stage.finish(session)

    perform(script, Scene(models=MIG_SLICES, pushes=pushes))


@pytest.mark.parametrize("granted", ["A100-SXM4-80GB 1g.10gb", "H100 SXM", "T4"])
@pytest.mark.parametrize("admits", [False, True])
def test_a_lesser_slice_or_another_gpu_is_noticed_and_the_next_offer_bought(
    granted: str, *, admits: bool
) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("wrong_gpu", gpu_name=granted, admits=admits)
        session = await run(stage, requirements=TWO_SEVENTHS)

        first, second = stage.attempts(session)
        assert json.loads(first.offer)["id"] != json.loads(second.offer)["id"]
        assert "not_as_sold" in stage.events(session)
        await stage.finish(session)

    perform(script, SLICES)


def test_a_slice_with_the_memory_and_half_of_the_computing_is_noticed() -> None:
    async def script(stage: Stage) -> None:
        offers = [o for o in await stage.offers() if slice_named(o.gpu_fraction) == "2/7"]
        assert offers
        stage.misbehave("wrong_gpu", gpu_name="A100-SXM4-80GB 1g.20gb", admits=False)
        session = await run(stage, offer_id=offers[0].id, requirements=Requirements())

        assert 2 == len(stage.attempts(session))
        assert "not_as_sold" in stage.events(session)
        await stage.finish(session)

    perform(script, SLICES)


def slice_named(fraction: float) -> str:
    return f"{round(fraction * 7)}/7"
