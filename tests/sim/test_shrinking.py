"""A world that fails is made smaller, and what is left still fails in the same way."""

from dataclasses import replace

import pytest

from gpu_shopper.sandbox.messages import ModelRequest
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.profiles import Mode, WorldProfile
from gpu_shopper.testing.replays import Cut, Replay
from gpu_shopper.testing.rows import AttemptRow
from gpu_shopper.testing.shrink import shrink
from gpu_shopper.testing.world import Outcome, World, run_profile


def _spiteful(o: Oracle, _old: AttemptRow | None, new: AttemptRow) -> None:
    """Once a cloud has answered late, destroy what somebody has just got there."""
    cloud = next(one for one in o.clouds.values() if one.name == new.provider)
    if new.state == "bound" and new.wanted and cloud.struck_rules["answer_late"]:
        path = f"v1/instances/{new.instance_id}"
        request = ModelRequest(method="DELETE", path=path, query={}, body=None, key="sim-key")
        cloud.model.handle(request, now=cloud.now())


def _break(world: World) -> None:
    world.oracle.on_attempt += (_spiteful,)


def _run_broken(profile: WorldProfile) -> Outcome:
    return run_profile(profile, prepare=_break)


def test_a_planted_wrong_shrinks_to_the_fault_that_it_needs() -> None:
    start = Replay(seed=3, hours=1, mode=Mode.STORM)
    before = _run_broken(start.profile())

    found = shrink(start, run=_run_broken, most_runs=80)

    assert "S5" == before.violations[0].check
    assert found is not None
    assert "answer_late" in (found.replay.cut.faults or ())
    assert len(found.replay.cut.faults or ()) <= 3 < len(start.profile().faults)
    assert 1 == len(found.replay.profile().clouds)
    assert 0 == found.replay.profile().strays
    assert found.replay.profile().demand.most <= 3
    assert found.runs <= 80
    again = _run_broken(found.replay.profile())
    assert again.trace_hash == found.outcome.trace_hash
    assert again.violations[:1] == found.outcome.violations[:1]


def test_a_world_that_holds_is_not_shrunk() -> None:
    assert shrink(Replay(seed=2, hours=0.5, mode=Mode.CALM), run=run_profile) is None


@pytest.mark.parametrize("most_runs", [1, 5])
def test_no_more_worlds_are_run_than_allowed(most_runs: int) -> None:
    found = shrink(Replay(seed=3, hours=1, mode=Mode.STORM), run=_run_broken, most_runs=most_runs)

    assert found is not None
    assert found.runs <= most_runs


def test_a_cut_takes_away_and_changes_nothing_else() -> None:
    whole = Replay(seed=12, hours=3, mode=Mode.STORM).profile()
    names = tuple(cloud.name for cloud in whole.clouds)
    cut = Cut(faults=("down", "mute_nodes"), clouds=names[:1], consumers=1, wishes=2, until_s=99.0)

    left = cut.apply(whole)

    assert {"down", "mute_nodes"} == set(left.faults)
    assert [{"down"}] == [{rule["kind"] for rule in cloud.rules} for cloud in left.clouds]
    assert (0.0, whole.habits.mute) == (left.habits.lose, left.habits.mute)
    assert (1, 2, 99.0) == (left.demand.consumers, left.demand.most, left.active_s)
    assert replace(left.demand, most=whole.demand.most, consumers=whole.demand.consumers) == (
        whole.demand
    )
    assert Cut().apply(whole) == whole
