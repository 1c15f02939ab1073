"""The dead-man switch: every deadline, and what can't move it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.agent.deadman import (
    ENDED_BY_DEADLINE,
    ENDED_BY_ORDER,
    ENDED_BY_SILENCE,
    Boot,
    Life,
    aged,
    born,
    decide,
    ends_at,
    obeyed,
    resumed,
)
from gpu_shopper.wire.agent import FieldReader
from tests.unit.agent.node import CONFIG, orders

BOOT = Boot("boot-1", clock=5_000.0, up_seconds=5_000.0)


def life_at(age: float, **changes: object) -> Life:
    return replace(born(CONFIG, BOOT), age=age, **changes)


def test_a_node_that_was_just_born_goes_on() -> None:
    assert decide(born(CONFIG, BOOT), CONFIG, answer_awaited=False) is None


@pytest.mark.parametrize(("age", "expected"), [(1_799.9, None), (1_800.0, ENDED_BY_SILENCE)])
def test_silence_ends_the_node_exactly_when_the_lease_runs_out(
    age: float, expected: str | None
) -> None:
    assert decide(life_at(age), CONFIG, answer_awaited=False) == expected


def test_an_answer_renews_the_lease() -> None:
    life = obeyed(life_at(1_700.0), orders(stop_in_seconds=9_000.0), 1_700.0)

    assert decide(replace(life, age=3_400.0), CONFIG, answer_awaited=False) is None
    assert decide(replace(life, age=3_500.0), CONFIG, answer_awaited=False) == ENDED_BY_SILENCE


def test_silence_is_not_concluded_while_an_answer_is_awaited() -> None:
    assert decide(life_at(1_900.0), CONFIG, answer_awaited=True) is None


def test_a_deadline_does_not_wait_for_an_answer() -> None:
    life = life_at(7_500.0, renewed_at=7_499.0)

    assert decide(life, CONFIG, answer_awaited=True) == ENDED_BY_DEADLINE


@pytest.mark.parametrize(("age", "expected"), [(7_499.9, None), (7_500.0, ENDED_BY_DEADLINE)])
def test_the_hard_stop_has_its_grace_and_no_more(age: float, expected: str | None) -> None:
    life = life_at(age, renewed_at=age)

    assert decide(life, CONFIG, answer_awaited=False) == expected


def test_a_reservation_that_ends_earlier_ends_the_node_earlier() -> None:
    life = obeyed(life_at(100.0), orders(stop_in_seconds=600.0), 100.0)

    assert ends_at(life, CONFIG) == 1_000.0


def test_a_reservation_may_be_extended() -> None:
    life = obeyed(life_at(100.0), orders(stop_in_seconds=600.0), 100.0)
    life = obeyed(life, orders(stop_in_seconds=3_600.0), 100.0)

    assert ends_at(life, CONFIG) == 4_000.0


def test_over_already_said_again_does_not_push_the_end_along() -> None:
    life = obeyed(life_at(100.0), orders(stop_in_seconds=0.0), 100.0)
    life = obeyed(life, orders(stop_in_seconds=0.0), 200.0)

    assert ends_at(life, CONFIG) == 400.0


@given(st.floats(-1e6, 1e8), st.floats(0, 7_500))
def test_no_order_moves_the_hard_stop(stop_in_seconds: float, age: float) -> None:
    life = obeyed(life_at(age), orders(stop_in_seconds=stop_in_seconds), age)

    assert ends_at(life, CONFIG) <= CONFIG.stop_in_seconds + CONFIG.grace_seconds


def test_an_order_to_stop_is_obeyed_at_once_and_never_taken_back() -> None:
    life = obeyed(life_at(10.0), orders(order="stop"), 10.0)
    life = obeyed(life, orders(order="continue"), 11.0)

    assert decide(life, CONFIG, answer_awaited=False) == ENDED_BY_ORDER


def test_a_drain_lets_the_node_go_on() -> None:
    life = obeyed(life_at(10.0), orders(order="drain"), 10.0)

    assert life.draining
    assert decide(life, CONFIG, answer_awaited=False) is None


def test_a_renewal_from_the_past_takes_nothing_away() -> None:
    life = obeyed(life_at(500.0, renewed_at=400.0), orders(), 300.0)

    assert life.renewed_at == 400.0


def test_a_clock_that_goes_back_passes_no_time() -> None:
    life = aged(aged(born(CONFIG, BOOT), 5_100.0), 4_000.0)

    assert life.age == 100.0
    assert aged(life, 4_010.0).age == 110.0


def test_a_restart_of_the_agent_counts_the_time_that_it_was_away() -> None:
    life = resumed(life_at(100.0), replace(BOOT, clock=5_060.0))

    assert life.age == 160.0


def test_another_boot_counts_the_time_since_that_boot() -> None:
    life = resumed(life_at(100.0), Boot("boot-2", clock=40.0, up_seconds=40.0))

    assert life.age == 140.0


def test_a_container_that_moved_to_an_old_host_counts_its_own_time_only() -> None:
    life = resumed(life_at(100.0), Boot("boot-2", clock=9e6, up_seconds=12.0))

    assert life.age == 112.0


def test_a_kept_boot_id_whose_clock_went_back_is_another_boot() -> None:
    life = resumed(life_at(100.0), replace(BOOT, clock=30.0, up_seconds=30.0))

    assert life.age == 130.0


def test_the_counter_passes_all_earlier_ones_of_a_boot_even_if_its_file_was_lost() -> None:
    heartbeats_sent_in_the_meantime = 60
    earlier = born(CONFIG, BOOT).counter + heartbeats_sent_in_the_meantime

    assert born(CONFIG, replace(BOOT, clock=5_061.0)).counter > earlier


def test_the_counter_goes_on_after_another_boot() -> None:
    assert resumed(life_at(0.0, counter=9_000), Boot("boot-2", 10.0, 10.0)).counter == 9_000


def test_a_life_is_read_back_as_it_was_written() -> None:
    life = obeyed(life_at(10.0), orders(order="drain"), 10.0)

    assert Life.from_record(FieldReader(life.to_record())) == life
