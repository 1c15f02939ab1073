"""A world: clouds, nodes, consumers, faults, one house, and an oracle, out of one seed.

Promises: the same seed gives the same run, to the trace's hash. While it is active, faults strike; then they end, and the
world runs on until everything is at rest, or for too long, which is a violation as well.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import SessionId
from gpu_shopper.engine.schedule import Periods
from gpu_shopper.stores.inline import CommitHooks, Memory
from gpu_shopper.testing import believing, bills, bounds, checks, front_checks
from gpu_shopper.testing.accounts import STRANGER, Accounts
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.clouds import ACCOUNT_KEY, SimCloud
from gpu_shopper.testing.consumers import Consumers
from gpu_shopper.testing.distributions import Figures, Stopwatch
from gpu_shopper.testing.front_checks import FrontRecord
from gpu_shopper.testing.front_door import FrontDoor
from gpu_shopper.testing.house import House, HouseSettings, SimMeter, Surroundings
from gpu_shopper.testing.loop import VirtualLoop, current_loop, run_simulation
from gpu_shopper.testing.mischief import Mischief
from gpu_shopper.testing.node_habits import SimBootScripts
from gpu_shopper.testing.nodes import Nodes
from gpu_shopper.testing.oracle import HOUSE, Oracle, Violation
from gpu_shopper.testing.process import CrashPlan, Process
from gpu_shopper.testing.profiles import Mode, WorldProfile, draw_profile
from gpu_shopper.testing.sealed_loop import SimulationError
from gpu_shopper.testing.trace import Trace
from gpu_shopper.testing.troubles import Troubles
from gpu_shopper.testing.webhook import SimWebhook

_TICK_S: Final = 60.0
_QUIET_LIMIT_S: Final = 15 * 3600.0
_AFTER_REST_S: Final = 660.0
_EACH_MINUTE: Final = bounds.EACH_MINUTE + believing.EACH_MINUTE


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one seed."""

    seed: int
    mode: str
    violations: list[Violation]
    trace_hash: str = ""
    simulated_s: float = 0.0
    lives: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    exercised: Counter[str] = field(default_factory=Counter)
    figures: Figures = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    story: list[tuple[float, str, str]] = field(default_factory=list)
    oracle: Oracle | None = None
    profile: WorldProfile | None = None

    @property
    def ok(self) -> bool:
        """Every invariant held."""
        return not self.violations


class World:
    """All that is there."""

    def __init__(self, profile: WorldProfile, loop: VirtualLoop) -> None:
        chance = SeededChance(profile.seed)
        self.profile = profile
        # A copy, because it heals: a profile can be lived through any number of times.
        self.habits = replace(profile.habits)
        self.loop = loop
        self.memory = Memory()
        self.oracle = Oracle(loop, self.memory, trace=Trace())
        self.clouds = {
            cloud.name: SimCloud(
                cloud, loop, chance=chance.fork(f"cloud {cloud.name}"), watcher=self.oracle
            )
            for cloud in profile.clouds
        }
        self.nodes = Nodes(loop, None, habits=self.habits, chance=chance.fork("nodes"))
        self.nodes.struck = self.oracle.struck
        self.webhook = SimWebhook(chance.fork("notifier"))
        self.webhook.failing = profile.rate("webhook_fails")
        self.house = House(self._around(chance))
        self.oracle.clock = self.house.around.clock
        self.nodes.house = self.house
        self.oracle.clouds, self.oracle.nodes = self.clouds, self.nodes
        self.oracle.arrived = self.webhook.arrived
        self.troubles = Troubles(
            profile, self.house, self.oracle, self.nodes, chance=chance.fork("troubles")
        )
        self.house.around.hooks.pause = self.troubles.around_commit
        self.house.around.hooks.before_commit = self.troubles.before_commit
        self.house.around.hooks.after_commit = self.troubles.after_commit
        self._open_front(chance)
        self._chance = chance.fork("world")
        self.supervising = True
        self.stopwatch = Stopwatch()
        self.later_plans: list[CrashPlan] = []
        self._watch()

    def _open_front(self, chance: SeededChance) -> None:
        """Put callers in front of the house, and somebody beside its door who writes down all that is said."""
        self.record = FrontRecord(self.oracle, self.memory)
        self.record.learn("provider key", ACCOUNT_KEY)
        self.house.around.learn = self.record.learn
        self.house.around.meter.heard = lambda name, fields: self.record.hear(
            "log", f"{name} {fields}".encode()
        )
        self.webhook.heard = lambda sent: self.record.hear(
            "notice", repr(sent.headers).encode() + (sent.body or b"")
        )
        self.door = FrontDoor(self.house, chance=chance.fork("front door"))
        self.door.struck = self.oracle.struck
        self.door.witnesses.append(self.record.saw)
        self.accounts = Accounts(
            self.house,
            self.door,
            chance=chance.fork("accounts"),
            noted=self._asked,
            record=self.record,
        )
        self.consumers = Consumers(
            self.house,
            self.accounts,
            demand=self.profile.demand,
            chance=chance.fork("consumers"),
            violate=self.oracle.violate,
            asked=self._asked,
        )
        self.nodes.door = self.door
        self.mischief = Mischief(
            self.profile,
            self.consumers,
            self.nodes,
            self.oracle,
            chance=chance.fork("mischief"),
        )
        self.consumers.rewinds = lambda: self.oracle.rewound_at

    def _around(self, chance: SeededChance) -> Surroundings:
        sweep, beat = self.profile.sweep_s, timedelta(seconds=self.profile.habits.beat_s)
        return Surroundings(
            loop=self.loop,
            memory=self.memory,
            clock=VirtualClock(self.loop),
            chance=chance.fork("house"),
            clouds=self.clouds,
            probe=self.nodes,
            boot_scripts=SimBootScripts(self.habits),
            webhook=self.webhook,
            meter=SimMeter(self.oracle.alarmed),
            hooks=CommitHooks(),
            settings=HouseSettings(
                periods=Periods(sweep=sweep, accrue=600.0, deliver=120.0),
                limits=Limits(heartbeat=beat),
                keeps_prices=self.profile.keeps_prices,
            ),
        )

    def _watch(self) -> None:
        oracle = self.oracle
        oracle.on_attempt.append(self.stopwatch.saw_attempt)
        oracle.on_session.append(self.stopwatch.saw_session)
        oracle.on_create += checks.ON_CREATE + believing.ON_CREATE
        oracle.on_destroy += checks.ON_DESTROY
        oracle.on_attempt += checks.ON_ATTEMPT + believing.ON_ATTEMPT
        oracle.on_session += checks.ON_SESSION + believing.ON_SESSION

    def _asked(self, what: str) -> None:
        self.oracle.exercised[f"asked {what}"] += 1

    def open_house(self, *, plan: CrashPlan | None = None) -> Process:
        """Start the house."""
        process = self.house.start(plan=plan)
        self.oracle.house_since = self.loop.time()
        self.oracle.up(HOUSE)
        return process

    async def supervise(self) -> None:
        """Start the house again whenever it has died, after a while."""
        while self.supervising:
            life = self.house.life
            assert life is not None, "the house was opened"
            await life.process.death.wait()
            self.oracle.tell(HOUSE, f"died: {life.process.died_of}")
            self.oracle.down(HOUSE)
            await asyncio.sleep(self.troubles.absence_s())
            await self.troubles.may_start()
            plan = (
                self.later_plans.pop(0) if self.later_plans else self.troubles.process.next_plan()
            )
            self.open_house(plan=plan)
            while self.house.life is life:  # noqa: ASYNC110 - a world may look as often as it likes
                await asyncio.sleep(0.1)

    async def ready(self) -> None:
        """Return once the first house knows its deployment, and the market has been looked at."""
        while self.house.life is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        books = self.house.life.books
        self.oracle.deployment = books.peek(lambda book: book.deployment()).id

    def plant_strays(self) -> None:
        """Rent instances past the house, named by others, or not at all."""
        for number in range(self.profile.strays):
            # Half have names of their own; half bear a label like ours, of a deployment that is not.
            alike = f"gs1-{'a' * 16}-{'b' * 15}{'abcdefgh'[number % 8]}-ab-abcdef-aaaaaaaaaa"
            name = f"somebody-{number}" if number % 2 else alike
            for cloud in self.clouds.values():
                made = cloud.plant(name, number=number)
                if made is not None:
                    self.oracle.facts[cloud.name].strays.add(made)

    def tick(self) -> bool:
        """Ask what is asked every minute; tell whether all is well so far."""
        with self.oracle.living.standing_still():
            for check in _EACH_MINUTE:
                check(self.oracle)
        return not self.oracle.violations

    async def run_until(self, moment: float) -> None:
        """Let the world run until then, asking every minute; end early at a violation."""
        while self.loop.time() < moment and self.tick():  # noqa: ASYNC110
            await asyncio.sleep(min(_TICK_S, max(0.0, moment - self.loop.time())))

    def at_rest(self) -> bool:
        """Tell whether nothing is left to do, as far as book and clouds can tell."""
        late = any(cloud.creates_to_come() for cloud in self.clouds.values())
        late = late or self.consumers.asking > 0
        book = self.oracle.book
        surplus = book.open_surplus()
        open_rows = book.open_attempts() or book.live_sessions()
        return not (
            late
            or open_rows
            or surplus
            or self.oracle.ours_alive()
            or self.oracle.book.undelivered()
        )

    async def quiet(self) -> None:
        """End all faults and let everything come to rest."""
        self.troubles.end()
        self.mischief.end()
        self.habits.heal()
        self.webhook.failing = 0.0
        self.oracle.tell("world", "faults end")
        leaving = None
        if self.profile.clean_end:
            leaving = self.loop.spawn(self._leave(), name="leave")
        limit = self.loop.time() + _QUIET_LIMIT_S
        while self.loop.time() < limit and not self.at_rest():
            await self.run_until(self.loop.time() + _TICK_S)
            if self.oracle.violations:
                return
        # As long as half of the busy time, so that whatever still sleeps in the world comes out.
        rested = max(self.loop.time() + _AFTER_REST_S, self.profile.active_s * 1.5)
        await self.run_until(min(rested, self.loop.time() + _QUIET_LIMIT_S))
        if leaving is not None and not leaving.done():
            leaving.cancel()

    async def _leave(self) -> None:
        await self.consumers.leave()
        if self.oracle.rewound_at:
            left = [SessionId(row.id) for row in self.oracle.book.live_sessions()]
            await self.consumers.clear_up(left)

    def hear_metrics(self) -> None:
        """Keep what a scraper is shown: every name and label that was ever counted."""
        self.record.hear("metrics", self.house.around.meter.page(()))

    def final_checks(self) -> None:
        """Ask what is asked at rest."""
        self.hear_metrics()
        for check in checks.AT_REST:
            check(self.oracle)
        bills.s11_cost_is_the_clouds_meter(self.oracle)
        for ask in front_checks.AT_REST:
            ask(self.record)

    async def s20_recovering_twice_changes_nothing(self) -> None:
        """S20: a house that starts once more at rest leaves everything as it was."""
        before = (
            self.oracle.book.sessions(),
            self.oracle.book.attempts(),
            self.oracle.book.charges(),
        )
        life = self.house.life
        if life is not None and life.process.alive:
            life.process.kill(because="killed at rest")
        await asyncio.sleep(900)
        after = (
            self.oracle.book.sessions(),
            self.oracle.book.attempts(),
            self.oracle.book.charges(),
        )
        self.oracle.exercised["S20"] += 1
        if before != after:
            self.oracle.violate("S20", "a restart at rest changed sessions, attempts or costs")

    def outcome(self, *, keep: bool) -> Outcome:
        """Sum up."""
        oracle = self.oracle
        for cloud in self.clouds.values():
            oracle.faults += cloud.struck_rules
        oracle.faults += Counter(
            {f"webhook {way}": count for way, count in self.webhook.failed.items()}
        )
        oracle.faults += Counter({"webhook_failed": self.webhook.failed.total()})
        oracle.trace.append(self.loop.time(), "loop", "end", fingerprint=self.loop.fingerprint)
        houses = [process for process in self.loop.processes if process.name == "house"]
        return Outcome(
            seed=self.profile.seed,
            mode=self.profile.mode,
            violations=oracle.violations,
            trace_hash=oracle.trace.hash(),
            simulated_s=self.loop.time(),
            lives=len(houses),
            faults=oracle.faults,
            exercised=oracle.exercised,
            figures=self.stopwatch.figures(oracle),
            states=Counter(f"{row.state} {row.stop_reason}" for row in oracle.book.sessions()),
            steps=sum(process.steps for process in houses),
            story=oracle.story if keep else [],
            oracle=oracle if keep else None,
            profile=self.profile if keep else None,
        )


Prepare = Callable[["World"], None]


async def live(
    profile: WorldProfile, *, keep: bool = False, prepare: Prepare | None = None
) -> Outcome:
    """Live through one world, from its first to its last second; `prepare` may change it before that."""
    world = World(profile, current_loop())
    if prepare is not None:
        prepare(world)
    await world.accounts.open([*profile.demand.names(), STRANGER])
    world.open_house()
    await world.ready()
    world.plant_strays()
    supervisor = world.loop.spawn(world.supervise(), name="supervisor")
    world.troubles.begin()
    world.mischief.begin()
    end = profile.active_s
    shopping = world.loop.spawn(
        world.consumers.shop(lambda: world.loop.time() >= end - 600), name="shoppers"
    )
    await world.run_until(end)
    shopping.cancel()
    if not world.oracle.violations:
        await world.quiet()
    if not world.oracle.violations:
        world.final_checks()
        await world.s20_recovering_twice_changes_nothing()
    world.supervising = False
    supervisor.cancel()
    return world.outcome(keep=keep)


def run_seed(
    seed: int,
    *,
    hours: float = 4.0,
    mode: Mode | None = None,
    only: str | None = None,
    keep: bool = False,
) -> Outcome:
    """Run one seed from beginning to end, in a loop of its own."""
    return run_profile(draw_profile(seed, hours=hours, mode=mode, only=only), keep=keep)


def run_profile(
    profile: WorldProfile, *, keep: bool = False, prepare: Prepare | None = None
) -> Outcome:
    """Run one profile from beginning to end, in a loop of its own."""
    try:
        return run_simulation(live(profile, keep=keep, prepare=prepare), seed=profile.seed)
    except SimulationError as error:
        failed = Violation(check="loop", at=0.0, message=f"{type(error).__name__}: {error}")
        return Outcome(seed=profile.seed, mode=profile.mode, violations=[failed])
