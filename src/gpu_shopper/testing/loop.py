"""The deterministic event loop: virtual time, seeded order, and processes that die at any await.

Promises: the same seed gives the same run; no thread, signal, socket or wall clock takes part; time moves only when
nothing can run, and then at once; a run that can't go on is an error that names who is stuck; a killed process runs no
further line that could have an effect.

What is relied on inside asyncio (3.11 to 3.13): `run_forever` calls `_run_once` until `_stopping`; a cancelled timer
calls `_timer_handle_cancelled`; `Handle._run` runs a callback in its context, and a handle has the fields that ours
sets; a task's steps are bound to the task and registered in its context; `_log_traceback` tells whether a task's
failure was looked at; `_asyncgen_firstiter_hook` registers generators for the final clean-up. The ready queue and the
timers are our own.

What no seed can fix: the order of a set of strings follows the interpreter's hash seed, that of a set of futures
their addresses (tasks are numbered here). Locks, queues and events belong to one process, and stay with it.
"""

import asyncio
import contextlib
import enum
import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, TypeVarTuple

from gpu_shopper.testing.process import (
    CrashPlan,
    NumberedTask,
    Process,
    Ready,
    check_alive,
    current_process,
)
from gpu_shopper.testing.sealed_loop import (
    DeadlockError,
    EndlessError,
    LivelockError,
    PlainHandle,
    PlainTimer,
    SealedLoop,
    UnhandledError,
)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
# Deadline, drawn tie-break, serial number, and what becomes ready.
_Timer = tuple[float, float, int, Ready]

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400.0
_SWEPT: Final = 200
_SAMPLED: Final = 200  # Iterations before a livelock is declared in which the busiest are counted.


class Order(enum.Enum):
    """In which order handles that are ready in the same iteration run.

    asyncio documents that `call_soon` is first in, first out, and libraries use that (a callback
    that prepares, then one that uses). So STEPS keeps plain callbacks in order among themselves and
    moves only steps of tasks, each to any place: a task is promised nothing about when it goes on
    once what it waits for is there. A task has one pending step at most, so its own steps can't
    overtake each other; waiters of locks and queues stand in the lock's own line, which is kept.
    ANY moves plain callbacks as well, which is stricter than what asyncio promises. Timers with the
    same deadline have no promised order: it is drawn, except for FIFO.
    """

    FIFO = "fifo"
    STEPS = "steps"
    ANY = "any"


class VirtualLoop(SealedLoop):
    """An event loop whose time is made up and whose order is drawn from a seed."""

    def __init__(
        self,
        *,
        seed: int,
        start: datetime = EPOCH,
        order: Order = Order.STEPS,
        time_limit: float = 400 * _DAY,
        patience: int = 100_000,
    ) -> None:
        super().__init__()
        assert start.tzinfo is not None, start
        self.set_debug(False)  # Debugging measures real time.
        self.seed, self.start = seed, start
        self.fingerprint = 0  # Of which task ran when: differs where two runs part ways.
        self.processes: list[Process] = []
        self._order = order
        self._random = random.Random(f"{seed}/order")
        self._time_limit, self._patience = time_limit, patience
        self._now = 0.0
        self._idle_turns = self._serial = self._cancelled_timers = 0
        self._busy: Counter[str] = Counter()
        self._ending = False
        self._queue: list[Ready] = []
        self._batch: deque[Ready] = deque()  # What is still to run in this turn.
        self._timers: list[_Timer] = []
        self._tasks: dict[int, NumberedTask] = {}
        self._swept_at = _SWEPT  # So many tasks are known before those that are done are let go.
        self._observers: list[Callable[[Process, int], None]] = []
        self._unhandled: list[dict[str, Any]] = []

    def time(self) -> float:
        """Return the virtual seconds since the start."""
        return self._now

    @property
    def others_ready(self) -> bool:
        """Whether anything else could run just now: if not, to give way changes nothing."""
        timers = self._timers
        return bool(self._queue or self._batch or (timers and timers[0][0] <= self._now))

    def on_step(self, callback: Callable[[Process, int], None]) -> None:
        """Call back before each step of a process, with its running index; it may kill there."""
        self._observers.append(callback)

    def tell_step(self, process: Process) -> None:
        """Tell the observers that a step is about to run."""
        for observe in self._observers:
            observe(process, process.steps)

    def start_process(self, name: str, *, plan: CrashPlan | None = None) -> Process:
        """Return a new process, the next life of that name."""
        life = 1 + sum(process.name == name for process in self.processes)
        process = Process(self, name, life=life, plan=plan or CrashPlan())
        self.processes.append(process)
        return process

    def spawn(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        process: Process | None = None,
        name: str | None = None,
    ) -> asyncio.Task[T]:
        """Start a task in a process, or in the world (None), whoever the caller is."""
        context = copy_context()
        context.run(current_process.set, process)
        return self.create_task(coro, name=name, context=context)

    async def outside(self, coro: Coroutine[Any, Any, T]) -> T:
        """Await something of the world, which goes on when the caller is cancelled or dies."""
        check_alive()
        task = self.spawn(coro)
        # Looked at in the world's name, as a caller that died will not.
        task.add_done_callback(_look_at, context=Context())
        return await asyncio.shield(task)

    def create_task(  # type: ignore[override]  # Later Pythons add arguments that are not used here.
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Start a task with a serial number, in the process of its context."""
        context = copy_context() if context is None else context
        process = context.get(current_process)
        if process is not None and not process.alive:
            coro.close()
            process.check()
        self._serial += 1
        task = NumberedTask(coro, loop=self, serial=self._serial, name=name, context=context)
        self._tasks[task.serial] = task
        if len(self._tasks) > self._swept_at:
            # One that failed unseen says so as it goes.
            self._tasks = {key: known for key, known in self._tasks.items() if not known.done()}
            self._swept_at = 2 * len(self._tasks) + _SWEPT
        return task

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Queue a callback for the next turn."""
        if self._closed:
            raise RuntimeError("the simulation is over")
        context = copy_context() if context is None else context
        handle = PlainHandle(callback, args, self, context)
        owner = getattr(callback, "__self__", None)
        task = owner if isinstance(owner, NumberedTask) else None
        self._queue.append((handle, context.get(current_process), task))
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Queue a callback for a moment of virtual time."""
        if self._closed:
            raise RuntimeError("the simulation is over")
        context = copy_context() if context is None else context
        handle = PlainTimer(when, callback, args, self, context=context)
        self._serial += 1
        tie = 0.0 if self._order is Order.FIFO else self._random.random()
        entry = (handle, context.get(current_process), None)
        heapq.heappush(self._timers, (when, tie, self._serial, entry))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what failed unseen, to fail the run; the last words of the dead don't count."""
        whose = context.get("task") or context.get("future")
        process = whose.process if isinstance(whose, NumberedTask) else None
        handle = context.get("handle")
        if handle is not None:
            process = handle._context.get(current_process)
        if process is None or process.alive:
            self._unhandled.append(context)

    def raise_unhandled(self) -> None:
        """Raise the first failure that nobody looked at."""
        if self._unhandled:
            first = self._unhandled[0]
            raise UnhandledError(f"{first['message']}: {first!r}") from first.get("exception")

    def tasks_of(self, process: Process) -> list[NumberedTask]:
        """Return the tasks of a process that are not done, oldest first."""
        return [t for t in self._tasks.values() if t.process is process and not t.done()]

    def take_out(self, process: Process) -> list[object]:
        """Remove and return all handles, timers and pending tasks of a process."""
        taken: list[object] = [entry for entry in self._queue if entry[1] is process]
        taken += [timer for timer in self._timers if timer[3][1] is process]
        taken += self.tasks_of(process)
        self._queue = [entry for entry in self._queue if entry[1] is not process]
        self._timers = [timer for timer in self._timers if timer[3][1] is not process]
        heapq.heapify(self._timers)
        return taken

    def put_back(self, entries: list[Ready]) -> None:
        """Queue entries that a pause held back."""
        self._queue += entries

    def wind_up(self) -> None:
        """End everything: processes lose power, the world's tasks are cancelled, the loop closes."""
        # Asked now: whether a forgotten failure is noticed must not depend on the garbage collector.
        for task in list(self._tasks.values()):
            if task.done() and task._log_traceback:
                self.call_exception_handler({"message": "exception never retrieved", "task": task})
        for process in self.processes:
            process.kill(because="the simulation ended")
        self._ending = True  # From here on failures are gathered, so that all tasks are ended.
        self._idle_turns = 0
        self._time_limit = float("inf")
        try:
            self.run_until_complete(self._cancel_world())
        finally:
            self.close()
            for process in self.processes:
                process.bury()

    async def _cancel_world(self) -> None:
        this = asyncio.current_task()
        tasks = [t for t in self._tasks.values() if t.process is None and t is not this]
        pending = [task for task in tasks if not task.done()]
        for task in pending:
            task.cancel()
        for outcome in await asyncio.gather(*pending, return_exceptions=True):
            if isinstance(outcome, Exception):
                self._unhandled.append({"message": "failed when ended", "exception": outcome})
        await self.shutdown_asyncgens()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        # Roughly: one that was due already counts as well. It only says when sweeping is worth it.
        self._cancelled_timers += 1
        if self._cancelled_timers > 100 + len(self._timers) // 2:
            self._timers = [timer for timer in self._timers if not timer[3][0].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    def _asyncgen_firstiter_hook(self, generator: Any) -> None:
        # A process's generators die with it: the final clean-up must not wake them.
        if current_process.get() is None:
            super()._asyncgen_firstiter_hook(generator)  # type: ignore[misc]

    def _run_once(self) -> None:
        # Returned from only to end: what `run_forever` does between two calls is to look at `_stopping`.
        while True:
            self._turn()
            if self._stopping:
                return

    def _turn(self) -> None:
        if not self._queue and not self._stopping:
            self._jump()
        timers, now = self._timers, self._now
        while timers and timers[0][0] <= now:
            self._queue.append(heapq.heappop(timers)[3])
        self._idle_turns += 1
        if self._idle_turns > self._patience - _SAMPLED:
            self._suspect()
        entries, self._queue = self._queue, []
        if len(entries) == 1:
            self._run_entry(entries[0])
        else:
            self._run_batch(deque(self._arranged(entries)))
        if self._unhandled and not self._ending:
            self.raise_unhandled()

    def _run_batch(self, batch: deque[Ready]) -> None:
        self._batch = batch
        try:
            while batch:
                self._run_entry(batch.popleft())
        finally:
            self._queue[:0] = batch

    def _run_entry(self, entry: Ready) -> None:
        handle, process, task = entry
        if handle._cancelled or (process is not None and not process.admits(entry)):
            return
        if task is None:
            handle._run()
            return
        self.fingerprint = hash((self.fingerprint, task.serial, self._now))
        # A step keeps what goes wrong to its task: nothing need be caught around it.
        handle._context.run(handle._callback, *handle._args)

    def _arranged(self, entries: list[Ready]) -> list[Ready]:
        if len(entries) < 2 or self._order is Order.FIFO:
            return entries
        drawn = entries.copy()
        self._random.shuffle(drawn)
        if self._order is Order.STEPS:
            plain = iter([entry for entry in entries if entry[2] is None])
            drawn = [entry if entry[2] is not None else next(plain) for entry in drawn]
        return drawn

    def _jump(self) -> None:
        timers = self._timers
        while timers and timers[0][3][0]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise DeadlockError(f"nothing can run and no timer is set; waiting: {self._waiting()}")
        when = timers[0][0]
        if when > self._time_limit:
            raise EndlessError(f"went past {self._time_limit} s; waiting: {self._waiting()}")
        if when > self._now:
            self._now = when
            self._idle_turns = 0
            self._busy.clear()

    def _suspect(self) -> None:
        self._busy.update(task.whereabouts() for _, _, task in self._queue if task is not None)
        if self._idle_turns > self._patience:
            busiest = ", ".join(f"{name} ({count}×)" for name, count in self._busy.most_common(5))
            raise LivelockError(f"time stands still at {self._now} s; busiest: {busiest}")

    def _waiting(self) -> str:
        pending = [t for t in self._tasks.values() if not t.done()]
        alive = [t for t in pending if t.process is None or t.process.alive]
        dead = f" (and {len(pending) - len(alive)} of dead processes)" if pending != alive else ""
        return "; ".join(task.whereabouts() for task in alive[:20]) + dead


def _look_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


def current_loop() -> VirtualLoop:
    """Return the virtual loop that is running."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), loop
    return loop


def run_simulation(
    main: Coroutine[Any, Any, T],
    *,
    seed: int,
    start: datetime = EPOCH,
    order: Order = Order.STEPS,
    time_limit: float = 400 * _DAY,
    patience: int = 100_000,
) -> T:
    """Run a coroutine of the world to its end in a loop of its own, and return what it returns.

    Afterwards all processes are dead and all tasks gone. Whatever failed unseen fails the run.
    """
    loop = VirtualLoop(
        seed=seed, start=start, order=order, time_limit=time_limit, patience=patience
    )
    try:
        result = loop.run_until_complete(main)
    except BaseException:
        # What went wrong first is what to tell; a failing clean-up would hide it.
        with contextlib.suppress(Exception):
            loop.wind_up()
        raise
    loop.wind_up()
    loop.raise_unhandled()
    return result
