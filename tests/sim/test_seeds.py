"""Whole worlds: every invariant holds in every seed, every fault strikes, and the same seed is the same run."""

import os
import subprocess
import sys

import pytest

from gpu_shopper.testing.core_scenarios import CORE
from gpu_shopper.testing.distributions import ANSWERED, share_of
from gpu_shopper.testing.profiles import Mode
from gpu_shopper.testing.replays import Replay
from gpu_shopper.testing.scenarios import play
from gpu_shopper.testing.summary import Summary
from gpu_shopper.testing.world import run_seed

# Short worlds, in parts that can run side by side. A world of an hour takes about 0.3 s of one core.
HOURS = 1.0
PARTS = 16
SEEDS_A_PART = 31
# A few whole days, and storms for what is rare.
DAYS = (1001, 1003, 1005)
STORMS = 24
STORM_HOURS = 3.0
# Of the seeds of short worlds, those that are run in another process as well.
AGAIN = (2, 5, 6, 7, 10)


def _troubles(replays: list[Replay]) -> list[tuple[str, object]]:
    outcomes = [(replay, replay.run()) for replay in replays]
    return [(replay.line(), one.violations[:3]) for replay, one in outcomes if not one.ok]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds(part: int) -> None:
    seeds = range(part * SEEDS_A_PART, (part + 1) * SEEDS_A_PART)

    assert [] == _troubles([Replay(seed=seed, hours=HOURS) for seed in seeds])


@pytest.mark.parametrize("seed", DAYS)
def test_every_invariant_holds_for_a_whole_day(seed: int) -> None:
    assert [] == _troubles([Replay(seed=seed)])


# 50 s of one core, of which there is a fifth where others are as busy: it took five minutes there.
@pytest.mark.timeout(600)
def test_storms_try_every_fault_and_every_invariant() -> None:
    summary = Summary()
    for seed in range(STORMS):
        summary.add(run_seed(seed, hours=STORM_HOURS, mode=Mode.STORM))

    assert [] == [(one.seed, one.violations[:3]) for one in summary.failed]
    # Ten failed destroys in a row, and a machine lost while it runs, are rare in storms; scenarios have them.
    for name in ("cannot_destroy", "lost_host"):
        played = play(CORE[name].script, scene=CORE[name].scene)
        assert [] == played.outcome.violations
        summary.add(played.outcome)
    assert [] == summary.unexercised()
    waited = sorted(summary.figures[ANSWERED])
    assert share_of(waited, 0.99) <= 600
    assert waited[-1] <= 1800


def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    here = [Replay(seed=seed, hours=1).run().trace_hash for seed in AGAIN]

    assert here == _in_another_interpreter("1")
    assert len(AGAIN) == len(set(here))


def _in_another_interpreter(hash_seed: str) -> list[str]:
    code = (
        "from gpu_shopper.testing.replays import Replay\n"
        f"for seed in {AGAIN}: print(Replay(seed=seed, hours=1).run().trace_hash)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    return said.stdout.split()
