"""Many who ask a cloud at once, in time that stands still until nobody moves without it; and who of them went when."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Protocol

from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.testing.model_door import Faults, NoFaults

Act = Callable[[], Awaitable[object]]
# So many turns of the loop without a request or a sleep: whoever can go on has.
_STILL = 30
_is_own: ContextVar[bool] = ContextVar("is_own", default=False)


class Stage(Protocol):
    """What a crowd needs of a cloud under test: its clock, which moves when it is slept by, its door and its adapter."""

    clock: Clock
    provider: CloudProvider

    @property
    def door(self) -> "Watchable": ...

    def restart_by(self, clock: Clock) -> None: ...


class Watchable(Protocol):
    faults: Faults


class Queue:
    """The adapter's clock: it wakes whoever sleeps, one after the other, and moves the cloud's own along."""

    def __init__(self, clouds: Clock) -> None:
        self._clouds = clouds
        self._sleepers: list[tuple[datetime, int, asyncio.Event]] = []
        self.moves = 0

    def now(self) -> datetime:
        return self._clouds.now()

    def monotonic(self) -> float:
        return self._clouds.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.moves += 1
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._sleepers.append((self.now() + timedelta(seconds=seconds), self.moves, woken))
        await woken.wait()

    async def settle(self) -> None:
        """Return when nobody moves."""
        still, moves = 0, self.moves
        while still < _STILL:
            await asyncio.sleep(0)
            still, moves = (still + 1 if moves == self.moves else 0), self.moves

    async def live(self, task: asyncio.Task[object]) -> None:
        """Let time go on until it is done."""
        while not task.done():
            await self.settle()
            if self._sleepers:
                self._sleepers.sort(key=lambda sleeper: sleeper[:2])
                at, _, woken = self._sleepers.pop(0)
                await self._clouds.sleep(max(0.0, (at - self.now()).total_seconds()))
                woken.set()


class _Watching(NoFaults):
    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.went: list[bool] = []

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        self._queue.moves += 1
        self.went.append(_is_own.get())
        return request


async def in_a_crowd(stage: Stage, crowd: Sequence[Act], act: Act) -> Sequence[bool]:
    """See `CloudUnderTest.in_a_crowd`."""
    queue, before, faults = Queue(stage.clock), stage.provider, stage.door.faults
    watching = stage.door.faults = _Watching(queue)
    stage.restart_by(queue)
    others = [asyncio.create_task(_quietly(one, own=False)) for one in crowd]
    await queue.settle()
    already = len(watching.went)
    own = asyncio.create_task(_quietly(act, own=True))
    await queue.live(own)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    stage.provider, stage.door.faults = before, faults
    went = watching.went[already:]
    return went[: len(went) - went[::-1].index(True)]


async def _quietly(act: Act, *, own: bool) -> object:
    _is_own.set(own)
    with suppress(ProviderError):
        return await act()
    return None
