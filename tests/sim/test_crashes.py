"""A crash at every effect of the core scenarios; the house starts again and has to make it good.

After each: nothing that bills is left, every session has ended, nothing is charged twice. That is what the oracle asks.
"""

from itertools import islice

import pytest

from gpu_shopper.testing.core_scenarios import CORE
from gpu_shopper.testing.crashes import at_effects, at_steps, pairs_after, try_all
from gpu_shopper.testing.effects import known_sites
from gpu_shopper.testing.process import CrashPlan

_PARTS = 2
_EACH_STEP = [name for name, core in CORE.items() if core.each_step]
# Operators make and revoke tokens in one transaction each; no session's life depends on when. Nor does one depend on
# what offers have cost, or on when a menu is read: each scenario begins with one that has been, and it is read seldom.
# A private key that nobody may fetch any more is wiped whenever; what is known of an account is written as it stands, to
# learn whether the book can be written again.
_NO_PART_OF_A_SESSION = {
    ("gpu_shopper.engine.pricing", "_record"),
    ("gpu_shopper.engine.pricing", "_keep"),
    ("gpu_shopper.engine.shopping", "_refresh"),
    ("gpu_shopper.engine.accruing", "wipe_sealed_keys"),
    ("gpu_shopper.engine.sweeping", "prove_writable"),
    ("gpu_shopper.commands.tokens", "create"),
    ("gpu_shopper.commands.tokens", "revoke"),
}


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.parametrize("name", CORE)
def test_a_crash_around_any_effect_leaves_nothing_behind(name: str, part: int) -> None:
    plans = islice(at_effects(CORE[name]), part, None, _PARTS)

    found = try_all(name, ((plan,) for plan in plans))

    assert [] == found.failures[:3]
    assert found.points >= 4


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.parametrize("name", _EACH_STEP)
def test_a_crash_at_any_await_leaves_nothing_behind(name: str, part: int) -> None:
    plans = islice(at_steps(CORE[name]), part, None, _PARTS)

    found = try_all(name, ((plan,) for plan in plans))

    assert [] == found.failures[:3]
    # An account that holds nothing is swept seldom, so there are fewer awaits after an end.
    assert found.points > 10


def test_the_scenarios_take_every_transaction_and_every_call_of_the_house() -> None:
    tried = set().union(*(core.play().stage.sites for core in CORE.values()))

    untried = {(s.module, s.function) for s in known_sites() if not s.is_among(tried)}

    assert _NO_PART_OF_A_SESSION == untried


@pytest.mark.parametrize("name", ["create", "destroy"])
def test_a_second_crash_in_the_next_life_leaves_nothing_behind(name: str) -> None:
    core = CORE[name]
    firsts = at_effects(core)[::10]
    points = (plans for first in firsts for plans in pairs_after(core, first, every=10))

    found = try_all(name, points)

    assert [] == found.failures[:3]
    assert found.points > 20


def test_a_crash_that_does_not_happen_is_a_failure() -> None:
    found = try_all("cancel", iter([(CrashPlan(at_effect=100_000),)]))

    assert 1 == len(found.failures)
