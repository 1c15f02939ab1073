"""What a seed stands for: the same for ever, small on average with a heavy tail, and of every kind."""

from collections import Counter
from statistics import mean

import pytest

from gpu_shopper.sandbox.misbehaviour import parse_rule
from gpu_shopper.testing.cloud_kinds import KINDS
from gpu_shopper.testing.drawn_clouds import real_clouds
from gpu_shopper.testing.faults import MISDEEDS
from gpu_shopper.testing.profiles import Mode, WorldProfile, draw_profile

_SEEDS = range(2000)


def begun(profile: WorldProfile) -> float:
    """How many sessions begin in a world, on average."""
    return profile.demand.sessions_per_hour * profile.active_s / 3600


@pytest.mark.parametrize("mode", [None, *Mode])
def test_seed_hours_and_mode_are_all_that_counts(mode: Mode | None) -> None:
    assert draw_profile(7, hours=3, mode=mode) == draw_profile(7, hours=3, mode=mode)
    assert draw_profile(7, hours=3, mode=mode) != draw_profile(8, hours=3, mode=mode)


def test_a_day_begins_about_eight_sessions_and_some_days_ten_times_as_many() -> None:
    days = [begun(draw_profile(seed, hours=24)) for seed in _SEEDS]

    assert 6 <= mean(days) <= 10, mean(days)
    assert max(days) > 70
    assert sum(day < 5 for day in days) > len(days) / 2


def test_every_kind_of_cloud_stands_alone_and_beside_others() -> None:
    drawn = [[cloud.name for cloud in draw_profile(seed, hours=24).clouds] for seed in _SEEDS]

    assert {1, 2, 3} == {len(names) for names in drawn}
    assert all(len(names) == len(set(names)) for names in drawn)
    assert {*KINDS, *real_clouds()} == {names[0] for names in drawn if len(names) == 1}
    after_real = sum(name not in KINDS for names in drawn for name in names)
    assert 0.45 < after_real / sum(map(len, drawn)) < 0.55


def test_every_mode_is_drawn_but_those_that_must_be_asked_for() -> None:
    modes = Counter(draw_profile(seed, hours=24).mode for seed in _SEEDS)

    assert {Mode.MIXED, Mode.SWARM, Mode.SINGLE, Mode.CALM} == set(modes)
    assert len(_SEEDS) / 5 == modes[Mode.SWARM] == modes[Mode.SINGLE]


def test_a_calm_world_has_no_fault_and_a_single_one_has_one() -> None:
    calm = draw_profile(1, hours=24, mode=Mode.CALM)
    single = draw_profile(1, hours=24, mode=Mode.SINGLE)

    assert {} == calm.faults
    assert not any(cloud.rules or cloud.config.listing_lag_s for cloud in calm.clouds)
    assert 1 == len(single.faults)
    assert {len(set(single.faults) & set(MISDEEDS))} == {len(c.rules) for c in single.clouds}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_does_by_habit_is_known_to_the_sandbox(kind: str) -> None:
    assert [parse_rule(dict(habit)).kind for habit in KINDS[kind].habits] == [
        habit["kind"] for habit in KINDS[kind].habits
    ]
