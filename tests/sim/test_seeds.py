"""Whole worlds: every invariant holds in every seed, every fault strikes, and the same seed is the same run."""

import os
import subprocess
import sys

import pytest

from gpu_shopper.testing.profiles import Mode
from gpu_shopper.testing.simulate import Summary, main, replay_line
from gpu_shopper.testing.world import run_seed

_HOURS = 1.5
_BATCHES = 12
_BATCH = 10


@pytest.mark.parametrize("batch", range(_BATCHES))
def test_every_invariant_holds(batch: int) -> None:
    seeds = range(batch * _BATCH, (batch + 1) * _BATCH)
    outcomes = [run_seed(seed, hours=_HOURS) for seed in seeds]

    failed = [outcome for outcome in outcomes if not outcome.ok]
    told = [(replay_line(one, hours=_HOURS, mode=None), one.violations[:3]) for one in failed]
    assert [] == told


def test_storms_try_every_fault_and_every_invariant() -> None:
    summary = Summary()
    for seed in range(8):
        summary.add(run_seed(seed, hours=4.0, mode=Mode.STORM))

    assert [] == [(one.seed, one.violations[:3]) for one in summary.failed]
    # Ten failed destroys in a row, and a machine lost while it runs, are rare in storms; scenarios have them.
    assert {"L8", "S17"} >= set(summary.unexercised())


@pytest.mark.parametrize("seed", [2, 3, 5, 6])
def test_the_same_seed_is_the_same_run(seed: int) -> None:
    first, second = (run_seed(seed, hours=1.0).trace_hash for _ in range(2))

    assert first == second


def test_another_interpreter_runs_the_same() -> None:
    said = {_in_another_interpreter(hash_seed) for hash_seed in ("1", "2")}

    assert 1 == len(said), said


def test_other_seeds_are_other_runs() -> None:
    assert run_seed(3, hours=0.5).trace_hash != run_seed(4, hours=0.5).trace_hash


def test_a_seed_can_be_told_as_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seed", "3", "--hours", "1", "--explain"])

    told = capsys.readouterr().out
    assert 0 == code
    assert "what happened, in order:" in told
    assert "cloud: " in told


def _in_another_interpreter(hash_seed: str) -> str:
    command = [sys.executable, "-m", "gpu_shopper.testing.simulate", "--seed", "3", "--hours", "1"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
