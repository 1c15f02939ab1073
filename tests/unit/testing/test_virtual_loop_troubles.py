"""What the virtual loop does when a run goes wrong: deadlocks, livelocks, failures that nobody looks at."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gpu_shopper.testing.loop import VirtualLoop, current_loop, run_simulation
from gpu_shopper.testing.sealed_loop import (
    DeadlockError,
    EndlessError,
    LivelockError,
    UnhandledError,
)


def test_a_deadlock_names_the_tasks_that_wait_and_where() -> None:
    async def main() -> None:
        stuck = asyncio.create_task(asyncio.Event().wait(), name="waits-for-godot")
        await stuck

    with pytest.raises(DeadlockError, match=r"waits-for-godot at .*locks.py:\d+"):
        run_simulation(main(), seed=1)


def test_a_livelock_names_the_busiest_tasks() -> None:
    async def spin() -> None:
        for _ in range(1_000_000):
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.create_task(spin(), name="spinner")

    with pytest.raises(LivelockError, match=r"spinner at .*×"):
        run_simulation(main(), seed=1, patience=1_000)


def test_a_run_without_an_end_is_stopped_at_its_limit() -> None:
    async def main() -> None:
        for _ in range(1_000_000):
            await asyncio.sleep(60)

    with pytest.raises(EndlessError, match="went past 3600"):
        run_simulation(main(), seed=1, time_limit=3_600)


async def fail() -> None:
    raise LookupError("unseen")


def test_a_failure_that_nobody_has_looked_at_fails_the_run() -> None:
    async def main() -> "asyncio.Task[None]":
        task = current_loop().spawn(fail())
        await asyncio.sleep(1)
        return task

    with pytest.raises(UnhandledError, match="never retrieved"):
        run_simulation(main(), seed=1)


def test_a_failing_callback_fails_the_run_at_once() -> None:
    later: list[str] = []

    async def main() -> None:
        current_loop().call_soon(int, "no number")
        await asyncio.sleep(1)
        later.append("went on")

    with pytest.raises(UnhandledError, match="no number"):
        run_simulation(main(), seed=1)
    assert [] == later


def test_a_failure_while_the_world_is_ended_fails_the_run_and_all_tasks_are_ended() -> None:
    ended: list[str] = []

    async def fail_unseen() -> None:
        current_loop().call_soon(int, "no number")

    async def linger(name: str, *, seconds: int) -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            await fail_unseen()
            await asyncio.sleep(seconds)
            ended.append(name)

    async def main() -> None:
        for seconds, name in enumerate("ab"):
            current_loop().spawn(linger(name, seconds=seconds))
        await asyncio.sleep(1)

    with pytest.raises(UnhandledError, match="no number"):
        run_simulation(main(), seed=1)
    assert ["a", "b"] == sorted(ended)


def test_tasks_of_the_world_that_are_left_over_are_cancelled_and_generators_closed() -> None:
    ended: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.append("generator")

    async def linger() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            ended.append("task")

    async def main() -> VirtualLoop:
        current_loop().spawn(linger())
        stream = numbers()
        await anext(stream)
        await asyncio.sleep(1)
        current_loop().kept = stream
        return current_loop()

    loop = run_simulation(main(), seed=1)

    assert ["task", "generator"] == ended
    assert loop.is_closed()
    assert loop.time() == 1.0
