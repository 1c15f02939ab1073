"""`gpu-shopper live-smoke` for real, at a sandbox cloud: killed in the middle, finished by the next run, and once to its end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_shopper.testing.programs import KEY, PATIENCE_S, Cloud, until

GONE_LIMIT_S = 90


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    there = Cloud(tmp_path / "cloud", tmp_path / "cloud.log")
    there.start()
    try:
        yield there
    finally:
        there.control("POST", "shutdown")
        there.process.wait(PATIENCE_S)


def smoke(cloud: Cloud, home: Path) -> "subprocess.Popen[str]":
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(home),
        "GPU_SHOPPER_PROVIDER_SANDBOX_URL": cloud.url, "GPU_SHOPPER_PROVIDER_SANDBOX_KEY": KEY,
        "GPU_SHOPPER_HEARTBEAT_SECONDS": "1", "GPU_SHOPPER_SWEEP_PERIOD_S": "1",
    }  # fmt: skip
    environ |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    words = ("live-smoke", "sandbox", "--max-usd", "5", "--yes", "-o", "json")
    return subprocess.Popen(
        [sys.executable, "-m", "gpu_shopper", *words], env=environ, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_run_that_was_killed_is_finished_by_the_next_and_a_whole_one_tells_the_truth(
    cloud: Cloud, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    killed = smoke(cloud, one)
    until("something is rented", lambda: cloud.alive() or killed.poll() is not None)
    killed.kill()
    said = killed.communicate()
    (left,) = cloud.alive()
    assert left, said

    # Both at once, since each mostly waits for proofs.
    whole, second = smoke(cloud, other), smoke(cloud, one)
    finished, talk = second.communicate(timeout=GONE_LIMIT_S)
    assert 9 == second.returncode, talk
    assert "earlier run was cut off" in talk
    assert [left["id"]] == [one["instance_id"] for one in json.loads(finished)["charged"]]

    said, talk = whole.communicate(timeout=GONE_LIMIT_S)
    told = json.loads(said)
    assert (0, True, True, "proved") == (
        whole.returncode, told["as_sold"], told["gone"], told["proof"]
    ), talk  # fmt: skip
    assert [] == cloud.alive()
    (charged,) = told["charged"]
    (mine,) = [entry for entry in cloud.ledger() if entry["id"] == charged["instance_id"]]
    assert abs(charged["ours"] - mine["billed_micros"] / 1e6) <= 0.01
    assert charged["ours"] <= told["at_worst_usd"] <= told["max_usd"]
