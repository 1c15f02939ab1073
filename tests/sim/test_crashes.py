"""A crash at every step and every effect of the core scenarios; the house starts again and has to make it good.

After each: nothing that bills is left, every session has ended, nothing is charged twice. That is what the oracle asks.
"""

from itertools import islice

import pytest

from gpu_shopper.testing.process import CrashPlan
from gpu_shopper.testing.scenarios import CORE, every_crash_of, play

# Each await is tried where create, adopt and destroy are the point; elsewhere each commit and each call.
_EVERY_STEP = ("create", "adopt", "destroy")
_PARTS = 3


def _plans(name: str) -> list[CrashPlan]:
    plans = list(every_crash_of(CORE[name]))
    if name in _EVERY_STEP:
        return plans
    return [plan for plan in plans if plan.at_effect is not None]


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.parametrize("name", CORE)
def test_a_crash_anywhere_leaves_nothing_behind(name: str, part: int) -> None:
    plans = list(islice(_plans(name), part, None, _PARTS))
    failed = []
    for plan in plans:
        outcome = play(CORE[name], plan=plan, thorough=False).outcome
        if not outcome.ok or outcome.lives < 2:
            failed.append((plan, outcome.lives, outcome.violations))

    assert [] == failed[:3]


def test_each_scenario_has_many_points_to_crash_at() -> None:
    for name, script in CORE.items():
        rehearsal = play(script, thorough=False)

        assert len(rehearsal.steps) > 80, name
        assert len(rehearsal.effects) > 20, name
