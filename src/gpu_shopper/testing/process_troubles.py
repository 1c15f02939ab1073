"""What goes wrong with the house as a process: it crashes in a loop, is paused, slow, told to end, or out of memory."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.house import House, Life
from gpu_shopper.testing.oracle import HOUSE, Oracle
from gpu_shopper.testing.process import CrashPlan, NumberedTask
from gpu_shopper.testing.rows import AttemptRow

# The first step of a life opens its book; from the next one on there is a house that can die.
_FIRST_STEP: Final = 2
_STEPS_OF_A_START: Final = 200
_EFFECTS_OF_A_START: Final = 12
_ENGINE_TASKS: Final = ("pass", "sweep", "shop", "reconcile", "accrue", "deliver")
_WAITS_FOR_OCCASION_S: Final = 1200.0


class ProcessTroubles:
    """Strikes at the process of the house that lives."""

    def __init__(self, house: House, oracle: Oracle, *, chance: SeededChance) -> None:
        self._house = house
        self._oracle = oracle
        self._chance = chance
        self._deaths_left = 0
        self._busy = False
        self._ordered = asyncio.Event()
        oracle.on_attempt.append(self._saw_attempt)

    @property
    def acts(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What can strike, by name; rates are per hour."""
        return {
            "crash_loop": lambda: self.crash_again_and_again(2 + self._chance.below(12)),
            "house_paused": self._pause,
            "slow_loop": lambda: self.slow_down(30 + 600 * self._chance.uniform() ** 2),
            "out_of_memory": self._run_out_of_memory,
            "terminated": lambda: self._terminate("terminated"),
            "terminated_buying": self._terminate_buying,
        }

    @property
    def loops(self) -> bool:
        """Whether the house is in a loop of crashes, and so is started again at once."""
        return self._deaths_left > 0

    def next_plan(self) -> CrashPlan | None:
        """Return how the next life is to die in a loop of crashes; None if it may live."""
        if not self.loops:
            return None
        self._deaths_left -= 1
        self._oracle.struck("crash_loop_death")
        if self._chance.uniform() < 0.5:
            step = _FIRST_STEP + self._chance.below(_STEPS_OF_A_START)
            return CrashPlan(at_step=step)
        when = self._chance.uniform() < 0.5
        effect = 1 + self._chance.below(_EFFECTS_OF_A_START)
        return CrashPlan(at_effect=effect, when="before" if when else "after")

    def heal(self) -> None:
        """Let the house run from now on."""
        self._deaths_left = 0
        self._busy = False
        life = self._house.life
        if life is not None and life.process.alive and life.process.paused:
            life.process.resume()
            self._oracle.up(HOUSE)

    def _living(self) -> Life | None:
        life = self._house.life
        return life if life is not None and self._house.up and not life.process.paused else None

    async def crash_again_and_again(self, times: int) -> None:
        """Let the house die now, and so many times more within seconds of its start."""
        if (life := self._living()) is not None:
            self._oracle.struck("crash_loop")
            self._deaths_left = times
            life.process.kill(because="killed, the first of many")

    async def _pause(self) -> None:
        life = self._living()
        if life is None or self._busy:
            return
        self._oracle.struck("house_paused")
        life.process.pause()
        self._oracle.down(HOUSE)
        await asyncio.sleep(1 + 3600 * self._chance.uniform() ** 2)
        if life.process.alive:
            life.process.resume()
            self._oracle.up(HOUSE)

    async def slow_down(self, seconds: float) -> None:
        """Let each turn of the house's loop come late, by up to three seconds, for so long."""
        life = self._living()
        if life is None or self._busy:
            return
        self._oracle.struck("slow_loop")
        self._busy, end = True, self._oracle.now + seconds
        while self._oracle.now < end and life.process.alive and self._busy:
            life.process.pause()
            await asyncio.sleep(3 * self._chance.uniform() ** 3)
            life.process.resume()
            # One turn, in which whatever has become ready meanwhile runs one step.
            await asyncio.sleep(0)
        self._busy = False

    async def _run_out_of_memory(self) -> None:
        """Raise MemoryError in one task of the engine, wherever it waits."""
        life = self._living()
        if life is None:
            return
        loop = self._oracle.loop
        waiting = [
            task
            for task in loop.tasks_of(life.process)
            if task.get_name().startswith(_ENGINE_TASKS) and waits_for(task) is not None
        ]
        if waiting:
            self._oracle.struck("out_of_memory")
            task = waiting[self._chance.below(len(waiting))]
            awaited = waits_for(task)
            assert awaited is not None, task
            self._oracle.tell(HOUSE, f"out of memory in {task.get_name()}")
            awaited.set_exception(MemoryError("made to fail"))

    async def _terminate(self, fault: str) -> None:
        if self._living() is not None:
            self._oracle.struck(fault)
            # Once told to end, it ends: were the stop cut off as the faults end, a house without an engine would go on.
            await asyncio.shield(self._oracle.loop.spawn(self._house.stop(), name="stop"))

    async def _terminate_buying(self) -> None:
        """End the house in order while an order is on its way."""
        self._ordered.clear()
        try:
            async with asyncio.timeout(_WAITS_FOR_OCCASION_S):
                await self._ordered.wait()
        except TimeoutError:
            return
        await asyncio.sleep(0.5 * self._chance.uniform() ** 2)
        if self._living() is not None:
            await self._terminate("terminated_buying")

    def _saw_attempt(self, _: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
        if new.state == "sent" and old is None:
            self._ordered.set()


def waits_for(task: NumberedTask) -> "asyncio.Future[object] | None":
    """Return what a task waits for in the end, through the tasks between; None if it is about to run."""
    awaited = task._fut_waiter  # type: ignore[attr-defined]
    while isinstance(awaited, asyncio.Task):
        awaited = awaited._fut_waiter  # type: ignore[attr-defined]
    return None if awaited is None or awaited.done() else awaited
