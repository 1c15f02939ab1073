"""Processes that live again, fail, and crash at any step in the simulation."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import pytest

from gpu_shopper.testing.loop import DeadlockError, UnhandledError, current_loop, run_simulation
from gpu_shopper.testing.process import (
    CrashPlan,
)
from tests.unit.testing.ledger import Ledger


def test_lives_of_one_name_are_numbered_and_apart() -> None:
    async def main() -> list[tuple[int, bool]]:
        loop = current_loop()
        first, other, second = [loop.start_process(name) for name in ("server", "node", "server")]
        assert (other.name, other.life) == ("node", 1)
        first.kill(because="test")
        return [(first.life, first.alive), (second.life, second.alive)]

    assert [(1, False), (2, True)] == run_simulation(main(), seed=1)


def test_a_failure_of_a_live_process_fails_the_run_and_the_last_words_of_a_dead_one_do_not() -> (
    None
):
    async def fail() -> None:
        await asyncio.sleep(1)
        raise LookupError("a bug")

    async def main(*, kill: bool) -> None:
        process = current_loop().start_process("server")
        process.spawn(fail())
        await asyncio.sleep(0.5)
        if kill:
            process.kill(because="test")
        await asyncio.sleep(10)

    run_simulation(main(kill=True), seed=1)
    with pytest.raises(UnhandledError, match="a bug"):
        run_simulation(main(kill=False), seed=1)


def test_a_deadlock_after_a_crash_tells_of_the_dead() -> None:
    async def main() -> None:
        process = current_loop().start_process("server")
        task = process.spawn(asyncio.sleep(100))
        await asyncio.sleep(1)
        process.kill(because="test")
        await task

    with pytest.raises(DeadlockError, match="1 of dead processes"):
        run_simulation(main(), seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_a_crash_at_any_step_of_clumsy_code_leaves_no_effect_and_no_complaint(seed: int) -> None:
    async def stubborn(ledger: Ledger) -> None:
        while True:
            try:
                await asyncio.sleep(1)
                await asyncio.wait_for(asyncio.shield(asyncio.sleep(2)), 1)
            except TimeoutError:
                ledger.write("timeout")
            except BaseException:
                ledger.write("clung to life")
                raise

    def run(work: Coroutine[Any, Any, None], ledger: Ledger, step: int) -> None:
        async def main() -> None:
            process = current_loop().start_process("server", plan=CrashPlan(at_step=step))
            process.spawn(work)
            await asyncio.sleep(20)
            before = len(ledger.rows)
            assert not process.alive
            await asyncio.sleep(20)
            assert before == len(ledger.rows)

        run_simulation(main(), seed=seed)

    for step in range(1, 25):
        ledger = Ledger()
        run(stubborn(ledger), ledger, step)
        assert "clung to life" not in ledger.rows
    gc.collect()
