"""A soak adds one line to a file, goes on where the last one ended, and loses nothing to Ctrl-C."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpu_shopper.testing.oracle import Violation
from gpu_shopper.testing.profiles import Mode
from gpu_shopper.testing.replays import in_a_long_run
from gpu_shopper.testing.soak import FIRST_SEED, Plan, Soaked, row_of
from gpu_shopper.testing.world import Outcome

_SOAK = [sys.executable, "-m", "gpu_shopper.testing.soak", "--simulated-hours", "0.2"]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_soak_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    record = tmp_path / "soak.jsonl"
    words = [*_SOAK, "--record", str(record), "--seeds", "3", "--jobs", "2"]

    for _ in range(2):
        subprocess.run(words, check=True, capture_output=True, timeout=120)

    first, second = _rows(record)
    assert (FIRST_SEED, 3, FIRST_SEED + 3) == (
        first["first_seed"],
        first["seeds"],
        first["next_seed"],
    )
    assert first["next_seed"] == second["first_seed"]
    assert (0, False) == (second["violations"], second["interrupted"])
    assert second["simulated_years"] > 0 < second["seeds_per_core_s"]


def test_what_was_done_before_ctrl_c_is_written(tmp_path: Path) -> None:
    record = tmp_path / "soak.jsonl"
    words = [*_SOAK, "--record", str(record), "--jobs", "1"]

    with subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as it:
        assert it.stderr is not None
        next(line for line in it.stderr if "1 seeds" in line)
        it.send_signal(signal.SIGINT)
        it.stderr.read()
        code = it.wait(timeout=120)

    [row] = _rows(record)
    assert 130 == code
    assert row["interrupted"]
    assert row["seeds"] == row["next_seed"] - row["first_seed"] >= 1


def test_a_world_that_fails_is_kept_with_the_line_that_runs_it_again() -> None:
    soaked = Soaked(plan=Plan(wall_s=1, jobs=1, first_seed=249))
    wrong = Violation(check="S5", at=3.0, message="destroyed what was wanted")
    soaked.summary.add(Outcome(seed=249, mode="long", violations=[wrong]))
    soaked.summary.add(Outcome(seed=250, mode="mixed", violations=[]))

    row = row_of(soaked, code="abc", at=datetime(2026, 1, 2, tzinfo=UTC))

    assert (2, 1, 1) == (row["seeds"], row["violations"], row["failed_seeds"])
    again = "gpu-shopper simulate --seed 249 --mode long --explain"
    assert [{"seed": 249, "check": "S5", "message": wrong.message, "again": again}] == row["failed"]


def test_one_world_in_250_of_a_soak_is_a_month() -> None:
    worlds = [in_a_long_run(seed) for seed in range(500)]

    assert [249, 499] == [world.seed for world in worlds if world.mode is Mode.LONG]
    assert 30 * 86_400 == worlds[249].profile().active_s
    assert 86_400 == worlds[248].profile().active_s
