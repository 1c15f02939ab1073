"""Every fault of the tables can strike, and the house bears each of them alone, at a high rate."""

import pytest

from gpu_shopper.testing.faults import MISDEEDS, TROUBLES
from gpu_shopper.testing.replays import Replay
from gpu_shopper.testing.summary import Summary

# Nothing is told to an operator unless something else went wrong; storms have that.
ONLY_BESIDE_OTHERS = {"webhook_fails"}
FAULTS = tuple(name for name in (*MISDEEDS, *TROUBLES) if name not in ONLY_BESIDE_OTHERS)
PARTS = 8
HOURS = 2.0
# Some need an occasion that a small world may not give; most strike in the first.
WORLDS_AT_MOST = 12


@pytest.mark.parametrize("part", range(PARTS))
def test_each_fault_strikes_where_it_is_the_only_one(part: int) -> None:
    never, wrong = [], []
    for fault in FAULTS[part::PARTS]:
        summary = Summary()
        while not summary.struck(fault) and summary.seeds < WORLDS_AT_MOST:
            replay = Replay(seed=10_000 + summary.seeds, hours=HOURS, only=fault)
            summary.add(replay.run())
            wrong += [(replay.line(), one.violations[:2]) for one in summary.failed]
        never += [] if summary.struck(fault) else [fault]

    assert ([], []) == (never, wrong)
