"""A slice of the torture: what `make torture` does by the hundred, a few times."""

from pathlib import Path

import pytest

from gpu_shopper.testing.programs import started_from
from gpu_shopper.testing.torture.run import Plan, run


@pytest.mark.parametrize("seed", [3])
def test_a_few_kills_at_random_moments_break_no_promise(tmp_path: Path, seed: int) -> None:
    plan = Plan(cycles=6, seed=seed, consumers=3, small_disk=False, wait_for_certainty=False)

    result = run(tmp_path, plan, say=print)

    assert result.violations == []
    assert result.kills >= 6
    assert result.acknowledged["create"] >= 1
    assert result.checked_after_restart >= 1
    assert [] == list(started_from(tmp_path))
