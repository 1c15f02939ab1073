"""Chance from a seed."""

from collections.abc import Callable

import pytest

from gpu_shopper.ports.chance import Chance
from gpu_shopper.testing.chance import SeededChance


def draws(chance: Chance) -> list[object]:
    return [chance.draw_bits(64), chance.uniform(), chance.below(10**9), chance.token_bytes(8)]


def test_the_same_seed_draws_the_same_and_another_seed_other_values() -> None:
    assert draws(SeededChance(1)) == draws(SeededChance(1))
    assert draws(SeededChance(1)) != draws(SeededChance(2))


def test_the_draws_are_the_same_in_every_interpreter() -> None:
    assert SeededChance(1).fork("cloud").draw_bits(32) == 2_516_223_780


def test_a_fork_depends_on_names_only() -> None:
    fresh, used = SeededChance(1), SeededChance(1)
    draws(used)

    assert draws(fresh.fork("cloud")) == draws(used.fork("cloud"))
    assert draws(fresh.fork("cloud")) != draws(fresh.fork("node"))
    assert draws(fresh.fork("cloud")) != draws(SeededChance(2).fork("cloud"))
    assert draws(fresh.fork("a/b")) != draws(fresh.fork("a").fork("b"))


@pytest.mark.parametrize(
    ("draw", "low", "high"),
    [
        (lambda chance: chance.uniform(), 0, 1),
        (lambda chance: chance.below(3), 0, 3),
        (lambda chance: chance.draw_bits(2), 0, 4),
    ],
)
def test_draws_stay_in_their_range_and_fill_it(
    draw: Callable[[SeededChance], float], low: float, high: float
) -> None:
    chance = SeededChance(1)
    seen = [draw(chance) for _ in range(1_000)]

    assert low <= min(seen)
    assert max(seen) < high
    assert set(range(high)) == {int(value * (high if high == 1 else 1)) for value in seen}
