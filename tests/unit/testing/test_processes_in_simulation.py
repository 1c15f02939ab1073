"""Crashes: at any step, before and after any effect; the dead do nothing more."""

import asyncio
import contextlib
import gc
import inspect
from collections.abc import AsyncIterator, Iterator
from contextvars import Context

from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.loop import current_loop, run_simulation
from gpu_shopper.testing.process import (
    CrashPlan,
    Process,
    ProcessDied,
    check_alive,
    crash_point,
    current_process,
    every_crash,
)
from tests.unit.testing.ledger import Ledger


async def clean_up_noisily(ledger: Ledger, ran: list[str]) -> None:
    """Try everything that code does when it is left: catch, clean up, await, write, start again."""
    try:
        async with asyncio.timeout(500), asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(300))
            await asyncio.sleep(100)
    except BaseException:
        ran.append("except")
        ledger.write("from except")
        raise
    finally:
        ran.append("finally")
        with contextlib.suppress(Exception):
            ledger.write("from finally")
        await asyncio.sleep(1)
        ledger.write("after finally")


def test_a_killed_process_runs_no_further_line() -> None:
    ledger, ran = Ledger(), list[str]()

    async def main() -> tuple[list[str], list[str]]:
        process = current_loop().start_process("server")
        process.spawn(clean_up_noisily(ledger, ran))
        await asyncio.sleep(10)
        process.kill(because="test")
        await process.death.wait()
        await asyncio.sleep(1_000)
        gc.collect()
        return ran.copy(), ledger.rows.copy()

    assert ([], []) == run_simulation(main(), seed=1)
    gc.collect()
    assert [] == ledger.rows


def test_cleaning_up_would_have_had_effects_without_the_kill() -> None:
    ledger, ran = Ledger(), list[str]()

    async def main() -> None:
        process = current_loop().start_process("server")
        task = process.spawn(clean_up_noisily(ledger, ran))
        await asyncio.sleep(10)
        task.cancel()
        await asyncio.wait([task])

    run_simulation(main(), seed=1)

    assert ["from except", "from finally", "after finally"] == ledger.rows


def test_what_a_dead_process_spawned_set_and_listened_to_is_dead_too() -> None:
    ran: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            ran.append("generator")

    async def child(signal: "asyncio.Future[None]") -> None:
        signal.add_done_callback(lambda _: ran.append("done callback"))
        current_loop().call_later(50, ran.append, "timer")
        async for _ in numbers():
            await signal
            ran.append("child")

    async def parent(signal: "asyncio.Future[None]") -> None:
        unawaited = asyncio.sleep(5)
        await asyncio.create_task(child(signal))
        await unawaited

    async def main() -> float:
        loop = current_loop()
        signal = loop.create_future()
        process = loop.start_process("server")
        process.spawn(parent(signal))
        await asyncio.sleep(10)
        process.kill(because="test")
        signal.set_result(None)
        await asyncio.sleep(100)
        return loop.time()

    assert run_simulation(main(), seed=1) == 110
    gc.collect()
    assert [] == ran


async def buy_in_three_writes(ledger: Ledger) -> None:
    for row in ("intent", "call", "result"):
        ledger.write(row)
        await asyncio.sleep(1)


def crashed(plan: CrashPlan, *, seed: int = 1) -> tuple[list[str], Process]:
    ledger = Ledger()

    async def main() -> Process:
        process = current_loop().start_process("server", plan=plan)
        process.spawn(buy_in_three_writes(ledger))
        await asyncio.sleep(100)
        return process

    process = run_simulation(main(), seed=seed)
    return ledger.rows, process


def test_every_step_and_both_sides_of_every_effect_can_be_the_last() -> None:
    _, rehearsal = crashed(CrashPlan())
    outcomes = {plan: crashed(plan)[0] for plan in every_crash(rehearsal)}

    assert (rehearsal.steps, rehearsal.effects) == (4, 3)
    assert [[], ["intent"], ["intent", "call"], ["intent", "call", "result"]] == [
        outcomes[CrashPlan(at_step=step)] for step in (1, 2, 3, 4)
    ]
    assert [0, 1, 2] == [len(outcomes[CrashPlan(at_effect=n, when="before")]) for n in (1, 2, 3)]
    assert [1, 2, 3] == [len(outcomes[CrashPlan(at_effect=n, when="after")]) for n in (1, 2, 3)]


def test_a_crash_says_where_it_was() -> None:
    assert (
        crashed(CrashPlan(at_effect=2, when="after"))[1].died_of == "planned after effect 2, call"
    )
    assert crashed(CrashPlan(at_step=2))[1].died_of == "planned at step 2"


def test_an_effect_that_fails_can_still_be_the_last() -> None:
    survived: list[str] = []

    def lose_the_connection() -> None:
        raise ConnectionError

    async def call() -> None:
        try:
            with crash_point("call"):
                lose_the_connection()
        except ConnectionError:
            survived.append("handled")

    async def main() -> None:
        plan = CrashPlan(at_effect=1, when="after")
        current_loop().start_process("server", plan=plan).spawn(call())
        await asyncio.sleep(1)

    run_simulation(main(), seed=1)

    assert [] == survived


def test_seams_refuse_the_dead_while_their_stack_unwinds() -> None:
    said: list[str] = []

    async def hold_on() -> None:
        clock = VirtualClock(current_loop())
        ledger = Ledger()
        with contextlib.suppress(ProcessDied):
            ledger.write("the last")
        for name, attempt in [
            ("now", clock.now),
            ("monotonic", clock.monotonic),
            ("check", check_alive),
            ("write", lambda: ledger.write("beyond")),
            ("task", lambda: asyncio.create_task(asyncio.sleep(0))),
        ]:
            try:
                attempt()
            except ProcessDied:
                said.append(name)
        said.append(f"rows {ledger.rows}")
        await asyncio.sleep(0)
        said.append("beyond")

    async def main() -> None:
        plan = CrashPlan(at_effect=1, when="before")
        current_loop().start_process("server", plan=plan).spawn(hold_on())
        await asyncio.sleep(1)

    run_simulation(main(), seed=1)

    assert ["now", "monotonic", "check", "write", "task", "rows []"] == said


def test_an_effect_that_kills_its_own_caller_never_returns_to_it() -> None:
    survived: list[str] = []

    async def call(process: Process) -> None:
        with crash_point("call"):
            Context().run(process.kill, because="the cloud's doing")
        survived.append("returned")

    async def main() -> None:
        process = current_loop().start_process("server")
        process.spawn(call(process))
        await asyncio.sleep(1)

    run_simulation(main(), seed=1)

    assert [] == survived


def test_code_that_awaits_while_it_is_buried_is_closed_in_the_end() -> None:
    class Turn:
        def __await__(self) -> Iterator[None]:
            yield

    async def cling() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            for _ in range(5):
                with contextlib.suppress(BaseException):
                    await Turn()

    clinging = cling()

    async def main() -> None:
        current_loop().start_process("server").spawn(clinging)
        await asyncio.sleep(1)

    run_simulation(main(), seed=1)

    assert inspect.CORO_CLOSED == inspect.getcoroutinestate(clinging)


def test_an_observer_sees_each_step_and_may_kill_there() -> None:
    seen: list[tuple[str, int]] = []

    def observe(process: Process, step: int) -> None:
        seen.append((process.name, step))
        if step == 3:
            process.kill(because="observed")

    async def main() -> int:
        ledger = Ledger()
        current_loop().on_step(observe)
        current_loop().start_process("server").spawn(buy_in_three_writes(ledger))
        await asyncio.sleep(100)
        return len(ledger.rows)

    assert run_simulation(main(), seed=1) == 2
    assert [("server", 1), ("server", 2), ("server", 3)] == seen


def test_a_paused_process_stands_still_and_catches_up_when_it_resumes() -> None:
    async def main() -> list[float]:
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                await asyncio.sleep(10)
                ticks.append(current_loop().time())

        process = current_loop().start_process("server")
        process.spawn(tick())
        await asyncio.sleep(25)
        process.pause()
        await asyncio.sleep(100)
        process.resume()
        await asyncio.sleep(11)
        return ticks

    assert [10, 20, 125, 135] == run_simulation(main(), seed=1)


def test_a_process_killed_while_paused_stays_dead() -> None:
    async def main() -> list[str]:
        ledger = Ledger()
        process = current_loop().start_process("server")
        process.spawn(buy_in_three_writes(ledger))
        await asyncio.sleep(0.5)
        process.pause()
        await asyncio.sleep(10)
        process.kill(because="test")
        process.resume()
        await asyncio.sleep(10)
        return ledger.rows

    assert ["intent"] == run_simulation(main(), seed=1)


def test_what_is_outside_goes_on_when_the_caller_dies() -> None:
    async def main() -> list[str]:
        happened: list[str] = []

        async def create() -> None:
            assert current_process.get() is None
            await asyncio.sleep(60)
            happened.append("created")
            raise ConnectionError

        async def call() -> None:
            await current_loop().outside(create())
            happened.append("answered")

        process = current_loop().start_process("server")
        process.spawn(call())
        await asyncio.sleep(10)
        process.kill(because="test")
        await asyncio.sleep(100)
        gc.collect()
        return happened

    assert ["created"] == run_simulation(main(), seed=1)
