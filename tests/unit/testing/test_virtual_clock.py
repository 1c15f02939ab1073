"""The clock on virtual time, right and wrong."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gpu_shopper.ports.clock import Clock
from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.loop import current_loop, run_simulation

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def test_time_passes_by_sleeping_only() -> None:
    async def main() -> tuple[datetime, float]:
        clock: Clock = VirtualClock(current_loop())
        assert clock.now() == START
        await clock.sleep(3_600)
        await clock.sleep(0)
        await clock.sleep(-1)
        return clock.now(), clock.monotonic()

    now, seconds = run_simulation(main(), seed=1, start=START)

    assert (START + timedelta(hours=1), 3_600) == (now, seconds)
    assert now.tzinfo is UTC


def test_a_jump_moves_the_wall_and_not_the_monotonic_time() -> None:
    async def main() -> None:
        clock = VirtualClock(current_loop())
        await clock.sleep(10)
        clock.jump(-3_600)
        assert START + timedelta(seconds=10 - 3_600) == clock.now()
        assert clock.monotonic() == 10
        clock.jump(7_200)
        assert START + timedelta(seconds=10 + 3_600) == clock.now()

    run_simulation(main(), seed=1, start=START)


def test_a_clock_that_drifts_counts_its_own_seconds_and_never_jumps() -> None:
    async def main() -> None:
        loop = current_loop()
        fast = VirtualClock(loop, drift_ppm=200)
        await asyncio.sleep(10_000)
        assert fast.monotonic() == pytest.approx(10_002)
        fast.drift(-200)
        assert fast.monotonic() == pytest.approx(10_002)
        began = loop.time()
        await fast.sleep(9_998)
        assert loop.time() - began == pytest.approx(10_000)
        assert fast.monotonic() == pytest.approx(20_000)

    run_simulation(main(), seed=1)


def test_sleeping_until_a_moment_ends_at_it_even_if_the_clock_is_set_back() -> None:
    async def main() -> float:
        clock = VirtualClock(current_loop(), drift_ppm=50)
        current_loop().call_later(30, clock.jump, -100)
        await clock.sleep_until(START + timedelta(seconds=60))
        assert clock.now() >= START + timedelta(seconds=60)
        await clock.sleep_until(START)
        return current_loop().time()

    assert run_simulation(main(), seed=1, start=START) == pytest.approx(160, abs=0.1)
