"""Processes inside the virtual loop: groups of tasks that can be killed at any await or effect.

Promises: a killed process runs no further line that could have an effect. It is abandoned, not
cancelled: no `except`, no `finally` is entered for it while the run lasts, except where it kills
itself inside a seam; there its stack unwinds, and every seam refuses it with ProcessDied.

Each seam to the outside (clock, cloud, book) keeps that promise by one of two calls: `crash_point`
around an effect, `check_alive` elsewhere.
"""

import asyncio
import contextlib
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol, TypeVar, cast

from gpu_shopper.testing.sealed_loop import PlainHandle, PlainTimer

T = TypeVar("T")

# What waits for its turn: the handle, whose it is (None: the world's), and the task it is a step of.
Ready = tuple[PlainHandle | PlainTimer, "Process | None", "NumberedTask | None"]

current_process: Final[ContextVar["Process | None"]] = ContextVar("process", default=None)


class ProcessDied(BaseException):
    """Raised by every seam for a dead process; no `except Exception` may survive a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPlan:
    """Where a process is to die: at its n-th step, or before or after its n-th effect (from 1)."""

    at_step: int | None = None
    at_effect: int | None = None
    when: Literal["before", "after"] = "before"

    def later(self, *, steps: int, effects: int) -> "CrashPlan":
        """Return the plan counted from so many steps and effects on."""
        return replace(
            self,
            at_step=None if self.at_step is None else self.at_step + steps,
            at_effect=None if self.at_effect is None else self.at_effect + effects,
        )


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its serial number, so that a set of tasks has the same order each run."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        loop: asyncio.AbstractEventLoop,
        serial: int,
        name: str | None,
        context: Context,
    ) -> None:
        # Set first: registering the task, which the parent does, asks for its hash.
        self.serial = serial
        self.context = context
        self.process = context.get(current_process)
        super().__init__(coro, loop=loop, name=name or f"task-{serial}", context=context)

    def __hash__(self) -> int:
        return self.serial

    def bury(self) -> None:
        """Close the coroutine of a dead process: seams refuse, so no line of it has an effect."""
        coro = cast("Coroutine[Any, Any, Any]", self.get_coro())
        # A clean-up that awaits survives one close, so it is asked again, though not for ever.
        for _ in range(100):
            with contextlib.suppress(BaseException):
                self.context.run(coro.close)
            if getattr(coro, "cr_frame", None) is None:
                return
        _UNDYING.append(coro)

    def whereabouts(self) -> str:
        """Return the task's name and the innermost line that it waits at."""
        inner: Any = self.get_coro()
        while getattr(getattr(inner, "cr_await", None), "cr_frame", None) is not None:
            inner = inner.cr_await
        frame = getattr(inner, "cr_frame", None)
        place = f" at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
        owner = f"{self.process.name}/" if self.process else ""
        return f"{owner}{self.get_name()}{place}"


# Coroutines that refuse to close: if they were collected, they would complain.
_UNDYING: Final[list[object]] = []


class Scheduler(Protocol):
    """What a process needs from the loop that it lives in."""

    def spawn(
        self, coro: Coroutine[Any, Any, T], *, process: "Process | None", name: str | None
    ) -> asyncio.Task[T]:
        """Start a task in a process."""

    def take_out(self, process: "Process") -> list[object]:
        """Remove and return all handles, timers and pending tasks of a process."""

    def put_back(self, entries: list[Ready]) -> None:
        """Queue entries that a pause held back."""

    def tell_step(self, process: "Process") -> None:
        """Tell the observers that a step is about to run."""


def _nothing() -> None:
    pass


class Process:
    """A group of tasks that live and die together: everything spawned in it, and what that spawns.

    A dead process is abandoned, not cancelled: its handles and timers never run again, and every
    seam that it may still reach while its stack unwinds raises ProcessDied.
    """

    def __init__(self, loop: "Scheduler", name: str, *, life: int, plan: CrashPlan) -> None:
        self.name = name
        self.life = life
        self.plan = plan
        self.alive = True
        self.paused = False
        self.steps = 0
        self.effects = 0
        self.under_way: set[int] = set()  # Calls to the outside whose answer has not come back.
        self.on_effect: Callable[[], None] = _nothing
        self.died_of = ""
        self.death = asyncio.Event()
        self.remains: list[object] = []  # Kept, because collecting a coroutine runs its clean-up.
        self._held: list[Ready] = []
        self._loop = loop

    def spawn(self, coro: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Start a task in this process; await `death`, not the task, to learn of a crash."""
        return self._loop.spawn(coro, process=self, name=name)

    def check(self) -> None:
        """Raise ProcessDied if the process is dead."""
        if not self.alive:
            raise ProcessDied(f"{self.name} (life {self.life}) died: {self.died_of}")

    def kill(self, *, because: str) -> None:
        """Kill the process now; raises ProcessDied if the caller itself is of this process."""
        if self.alive:
            self.alive = False
            self.died_of = because
            self.remains += self._loop.take_out(self)
            self.remains += self._held
            self._held = []
            self.death.set()
        if current_process.get() is self:
            self.check()

    def pause(self) -> None:
        """Stop all tasks, as SIGSTOP would: time goes on, timers fire, nothing runs."""
        self.paused = True

    def resume(self) -> None:
        """Go on with everything that has become ready meanwhile."""
        self.paused = False
        self._loop.put_back(self._held)
        self._held = []

    def admits(self, entry: Ready) -> bool:
        """Count a step and say whether it may run; what may not is kept."""
        if self.alive and self.paused:
            self._held.append(entry)
            return False
        if self.alive and entry[2] is not None:
            self.steps += 1
            self._loop.tell_step(self)
            if self.plan.at_step == self.steps:
                self.kill(because=f"planned at step {self.steps}")
        if not self.alive:
            self.remains.append(entry)
        return self.alive

    def bury(self) -> None:
        """Let go of everything; only once the loop is closed, so that nothing can be scheduled."""
        assert not self.alive, self.name
        with warnings.catch_warnings():
            # A killed process closes nothing and awaits nothing; that is the point, not a fault.
            warnings.simplefilter("ignore")
            for thing in self.remains:
                if isinstance(thing, NumberedTask):
                    thing.bury()
            self.remains.clear()

    def die_if_planned(self, number: int, when: str, name: str) -> None:
        """Die if the plan says so, or if dead already."""
        if when == "before":
            self.on_effect()
        if self.alive and (self.plan.at_effect, self.plan.when) == (number, when):
            self.kill(because=f"planned {when} effect {number}, {name}")
        self.check()


def check_alive() -> None:
    """Raise ProcessDied in a dead process; every seam without an effect calls this first."""
    process = current_process.get()
    if process is not None and not process.alive:
        process.check()


def crash_point(name: str) -> contextlib.AbstractContextManager[None]:
    """Wrap one effect on the outside world (a commit, a call): the caller may die before or after."""
    process = current_process.get()
    return contextlib.nullcontext() if process is None else _Effect(process, name)


class _Effect:
    """One effect of a process; a class, as it stands around every call and a generator takes thrice as long."""

    __slots__ = ("_name", "_number", "_process")

    def __init__(self, process: Process, name: str) -> None:
        self._process, self._name, self._number = process, name, 0

    def __enter__(self) -> None:
        process = self._process
        process.check()
        process.effects += 1
        self._number = process.effects
        process.die_if_planned(self._number, "before", self._name)
        process.under_way.add(self._number)

    def __exit__(self, *_: object) -> None:
        process, number = self._process, self._number
        if process.alive:
            process.under_way.discard(number)
        process.die_if_planned(number, "after", self._name)


def every_crash(rehearsal: Process) -> Iterator[CrashPlan]:
    """Yield each way to crash a process, once a run without a crash has counted its steps."""
    for step in range(1, rehearsal.steps + 1):
        yield CrashPlan(at_step=step)
    for effect in range(1, rehearsal.effects + 1):
        yield CrashPlan(at_effect=effect, when="before")
        yield CrashPlan(at_effect=effect, when="after")
