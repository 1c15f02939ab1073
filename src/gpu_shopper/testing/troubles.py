"""What goes wrong around the house, by the profile's rates: kills, pauses, clocks, commits, networks, hosts."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.testing.book_troubles import BookTroubles
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.house import House
from gpu_shopper.testing.nodes import Nodes
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.outages import LongOutages
from gpu_shopper.testing.process import CrashPlan, check_alive, current_process
from gpu_shopper.testing.process_troubles import ProcessTroubles
from gpu_shopper.testing.profiles import WorldProfile

_NEVER = 1e12
_DRIFT_PPM = 200.0


class Troubles:
    """Strikes until it is told to stop."""

    def __init__(
        self,
        profile: WorldProfile,
        house: House,
        oracle: Oracle,
        nodes: Nodes,
        *,
        chance: SeededChance,
    ) -> None:
        self._profile = profile
        self._house = house
        self._oracle = oracle
        self._chance = chance
        self._on = True
        self._tasks: list[asyncio.Task[None]] = []
        self._commit_chance = chance.fork("commits")
        self.process = ProcessTroubles(house, oracle, chance=chance.fork("process"))
        self.book = BookTroubles(house, oracle, chance=chance.fork("book"))
        self.outages = LongOutages(oracle, nodes, chance=chance.fork("outages"))
        self._long_absence = 0.0
        self.usual_absence_s: float | None = None

    def stay_away(self, seconds: float) -> None:
        """Let the house stay away for so long after its next death."""
        self._long_absence = seconds

    def begin(self) -> None:
        """Let everything strike at its rate."""
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "kill_at_step": self._kill_at_step,
            "kill_at_effect": self._kill_at_effect,
            "long_absence": self._be_long_absent,
            "clock_jump": self._jump,
            "hosts_lost": self._lose_host,
            "by_hand": self._do_by_hand,
            **self.process.acts,
            **self.book.acts,
            **self.outages.acts,
        }
        for name, act in acts.items():
            rate = self._profile.rate(name)
            if rate > 0:
                task = self._oracle.loop.spawn(self._strike(rate, act), name=name)
                self._tasks.append(task)
        if self._chance.uniform() < self._profile.rate("clock_drifts"):
            # For as long as this world lasts: no fault of the network or the house is mended by it.
            self._house.around.clock.drift((1 if self._chance.uniform() < 0.5 else -1) * _DRIFT_PPM)
            self._oracle.struck("clock_drifts")
        for cloud in self._oracle.clouds.values():
            cloud.misbehave(list(cloud.profile.rules))
            cloud.network.lose_request = cloud.network.lose_reply = self._profile.rate(
                "network_loses"
            )
            cloud.network.slow = self._profile.rate("network_slow")

    def end(self) -> None:
        """Strike no more; heal what can be healed."""
        self._on = False
        for task in self._tasks:
            task.cancel()
        life = self._house.life
        if life is not None and life.process.alive:
            life.process.plan = CrashPlan()
        self.heal()

    def heal(self) -> None:
        """Let the house run, clouds be honest, the way to them and nodes free, the book writable, the clock right."""
        self.process.heal()
        self.book.heal()
        self.outages.heal()
        for cloud in self._oracle.clouds.values():
            cloud.behave()
        clock = self._house.around.clock
        if clock.set_by:
            self._oracle.clock_set(-clock.set_by)
            clock.jump(-clock.set_by)

    def absence_s(self) -> float:
        """Return for how long the house stays away after a death."""
        if self.process.loops:
            return 0.5 + 4 * self._chance.uniform()
        if self._long_absence > 0:
            pause, self._long_absence = self._long_absence, 0.0
            return pause
        if self.usual_absence_s is not None:
            return self.usual_absence_s
        return 0.5 + 60 * self._chance.uniform() ** 3

    async def may_start(self) -> None:
        """Wait until a house could start: one that cannot write its book is refused, and tried again."""
        while not self.book.opens:  # noqa: ASYNC110 - a world may look as often as it likes
            await asyncio.sleep(5.0)

    async def around_commit(self) -> None:
        """Let others run where a commit waits for its turn, if there is anybody."""
        check_alive()
        if self._oracle.loop.others_ready:
            await asyncio.sleep(0)
        if self.book.is_locked:
            await self.book.wait()
        check_alive()

    def before_commit(self) -> None:
        """Fail before anything is durable, or die."""
        process = current_process.get()
        if process is not None:
            process.effects += 1
            process.die_if_planned(process.effects, "before", "commit")
        self.book.refuse()
        self._fail("commit_fails")

    def after_commit(self) -> None:
        """Let the oracle see; then die, or lose the answer."""
        self._oracle.committed()
        process = current_process.get()
        if process is not None:
            process.die_if_planned(process.effects, "after", "commit")
        self._fail("commit_reply_lost")

    def _fail(self, fault: str) -> None:
        if self._on and self._commit_chance.uniform() < self._profile.rate(fault):
            self._oracle.struck(fault)
            self._oracle.commit_faults_at.append(self._oracle.now)
            raise BookUnavailable(fault)

    async def _strike(self, rate: float, act: Callable[[], Awaitable[None]]) -> None:
        """Let it come at its rate; each act counts itself where it strikes, for it may find nothing to strike at."""
        while True:
            draw = max(1e-9, self._chance.uniform())
            await asyncio.sleep(min(_NEVER, -math.log(draw) * 3600 / rate))
            await act()

    async def _kill_at_step(self) -> None:
        if (life := self._house.life) is not None and self._house.up:
            self._oracle.struck("kill_at_step")
            life.process.plan = CrashPlan(at_step=life.process.steps + 1 + self._chance.below(60))

    async def _kill_at_effect(self) -> None:
        if (life := self._house.life) is not None and self._house.up:
            self._oracle.struck("kill_at_effect")
            when = self._chance.uniform() < 0.5
            number = life.process.effects + 1 + self._chance.below(6)
            life.process.plan = CrashPlan(at_effect=number, when="before" if when else "after")

    async def _be_long_absent(self) -> None:
        if (life := self._house.life) is not None and self._house.up:
            self._oracle.struck("long_absence")
            self._long_absence = 60 + 3000 * self._chance.uniform()
            life.process.kill(because="power lost")

    async def _jump(self) -> None:
        self._oracle.struck("clock_jump")
        step = (2 * self._chance.uniform() - 1) * 3600 * self._chance.uniform()
        self._house.around.clock.jump(step)
        self._oracle.clock_set(step)
        await asyncio.sleep(600 * self._chance.uniform())
        self._house.around.clock.jump(-step)
        self._oracle.clock_set(-step)

    async def _lose_host(self) -> None:
        alive = self._oracle.ours_alive()
        if alive:
            self._oracle.struck("hosts_lost")
            cloud, entry = alive[self._chance.below(len(alive))]
            self._oracle.tell(cloud.name, f"host of {entry.id} lost")
            cloud.lose_host(entry.id)

    async def _do_by_hand(self) -> None:
        """Let the operator delete an instance at the cloud's console, or order another with its name copied."""
        alive = [(c, entry) for c, entry in self._oracle.ours_alive() if entry.name in c.orders]
        if not alive:
            return
        self._oracle.struck("by_hand")
        cloud, entry = alive[self._chance.below(len(alive))]
        if self._chance.uniform() < 0.5:
            self._oracle.tell(cloud.name, f"{entry.id} deleted by hand")
            cloud.lose_host(entry.id)
        else:
            self._oracle.tell(cloud.name, f"{entry.id} copied by hand")
            self._oracle.struck("copied_by_hand")
            cloud.double(entry.name)
