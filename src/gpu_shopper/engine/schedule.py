"""Every task of the engine, its period and what wakes it, on one screen; started together, stopped cleanly.

reconcile   when a session comes due, or a hint arrives       sessions and attempts
sweep       by `sweep_pace`: often after a start, then 300 s  each account, on its own; sooner where one failed, an end is owed or one waits
shop        each cloud's own pace, sooner where one waits      each cloud, on its own
accrue      60 s                                              full hours into the ledger; sealed keys wiped
deliver     5 s                                               notices to the operator
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.instance import Listing
from gpu_shopper.engine.accruing import Accruing
from gpu_shopper.engine.delivering import Delivering
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.heeding import heed_all
from gpu_shopper.engine.reconciler import Reconciler
from gpu_shopper.engine.shopping import Shopping
from gpu_shopper.engine.sweep_pace import SweepPace
from gpu_shopper.engine.sweeping import Sweeping

DRAIN_S = 25.0
_PAUSE_AFTER_FAULT = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """How often things are done, in seconds. `shop` 0: at each cloud's own pace."""

    shop: float = 0.0
    sweep: float = 300.0
    accrue: float = 60.0
    deliver: float = 5.0


class Engine:
    """Owns the tasks. `start` returns at once; `stop` leaves every session as it is."""

    def __init__(self, desk: Desk, *, periods: Periods, concurrency: int = 64) -> None:
        self._desk = desk
        self._periods = periods
        self._tasks: list[asyncio.Task[None]] = []
        self._sweep_paces = {name: SweepPace(period=periods.sweep) for name in desk.clouds}
        self._beats: dict[str, float] = {}
        self.sweeping = Sweeping(desk)
        self.reconciler = Reconciler(
            desk, guard=self._guarded, concurrency=concurrency, heed=self._heed
        )
        self.shopping = Shopping(desk, period=periods.shop)
        self.accruing = Accruing(desk)
        self.delivering = Delivering(desk)

    def start(self) -> None:
        """Begin. Recovery after a crash is nothing else than this."""
        for name in self._desk.clouds:
            self._spawn(f"shop {name}", self._shop(name))
            self._spawn(f"sweep {name}", self._sweep(name))
        self._spawn("reconcile", self._reconcile())
        self._spawn("accrue", self._accrue())
        self._spawn("deliver", self._deliver())

    async def stop(self) -> None:
        """End the tasks, let passes in flight write down their answers, close the clouds."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.reconciler.drain(DRAIN_S)
        for cloud in self._desk.clouds.values():
            await cloud.aclose()

    def sweep_soon(self, provider: ProviderName | None = None) -> None:
        """Sweep an account, or every one, now rather than at its time."""
        names = self._desk.clouds if provider is None else (provider,)
        self._desk.sweep_wishes.want(names, at_once=True)

    @property
    def beats(self) -> dict[str, float]:
        """When each task last finished a round, in monotonic seconds: a task that hangs shows here."""
        return dict(self._beats)

    def _spawn(self, name: str, loop: Callable[[], Awaitable[float]]) -> None:
        self._tasks.append(asyncio.create_task(self._forever(name, loop), name=name))

    async def _forever(self, name: str, once: Callable[[], Awaitable[float]]) -> None:
        desk = self._desk
        while True:
            pause = _PAUSE_AFTER_FAULT

            async def round_of_it() -> None:
                nonlocal pause
                pause = await once()

            await self._guarded(name, round_of_it())
            self._beats[name] = desk.clock.monotonic()
            # Guarded as well: a task that is not there any more is missed by nobody.
            await self._guarded(name, self._pause(name, pause))

    async def _guarded(self, name: str, work: Awaitable[None]) -> bool:
        """Await `work`; a fault in it is told and ends there: the outermost frame of every task.

        Returns whether all went well.
        """
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a task that looks after money must not die
            self._desk.meter.alarm(
                "task_failed", task=name, error=f"{type(error).__name__}: {error}"
            )
            return False
        return True

    async def _pause(self, name: str, seconds: float) -> None:
        desk = self._desk
        kind, _, provider = name.partition(" ")
        if kind == "reconcile":
            await desk.wakeup.wait(seconds)
        elif kind == "sweep":
            least = self._sweep_paces[ProviderName(provider)].least
            await desk.sweep_wishes.wait(ProviderName(provider), most=seconds, least=least)
        elif kind == "shop":
            await self.shopping.pause(ProviderName(provider), seconds)
        else:
            await desk.clock.sleep(seconds)

    async def _heed(self, provider: ProviderName, listing: Listing) -> None:
        """Compare what a pass has listed as well; a sweep at once ends what it was the first to show."""
        if await self.sweeping.heed(provider, listing):
            self.sweep_soon(provider)

    def _reconcile(self) -> Callable[[], Awaitable[float]]:
        return self.reconciler.run_once

    def _sweep(self, provider: ProviderName) -> Callable[[], Awaitable[float]]:
        pace, sweeping, failed = self._sweep_paces[provider], self.sweeping, False

        async def once() -> float:
            nonlocal failed
            if failed:
                # Mostly the book: the cloud need not be asked in vain, and is asked as soon as it can be written again.
                await sweeping.prove_writable(provider)
            failed = True
            sweep = await sweeping.sweep(provider)
            failed = False
            # From an incomplete one nothing was learnt, and from one that lacks what we hold perhaps nothing that is true.
            return pace.swept(
                complete=sweep.complete,
                in_haste=sweep.missing > 0 or sweeping.owes(provider),
                holds=sweeping.holds(provider),
            )

        return once

    def _shop(self, provider: ProviderName) -> Callable[[], Awaitable[float]]:
        restored = False

        async def once() -> float:
            nonlocal restored
            if not restored:
                restored = True
                await self.shopping.restore(provider)
            pause = await self.shopping.refresh(provider)
            await heed_all(self._desk, period=self._periods.shop)
            return pause

        return once

    def _accrue(self) -> Callable[[], Awaitable[float]]:
        async def once() -> float:
            await self.accruing.accrue()
            await self.accruing.wipe_sealed_keys()
            return self._periods.accrue

        return once

    def _deliver(self) -> Callable[[], Awaitable[float]]:
        async def once() -> float:
            await self.delivering.deliver()
            return self._periods.deliver

        return once
