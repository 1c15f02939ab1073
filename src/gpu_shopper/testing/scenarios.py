"""Scripted worlds: one consumer, one cloud, one thing that goes wrong at a chosen moment, or a crash at a chosen point.

A script drives a `Stage` and ends; then faults end, the world comes to rest, and every invariant is asked. What is
worth a crash is what the house does between `open_window` and `close_window`; `crashes` enumerates it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from gpu_shopper.commands.sessions import Requested
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.conditions import EVERYTHING
from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.ids import ConsumerId, ProviderName, SessionId
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.session import SessionRequest
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.cloud_kinds import SANDBOX_QUIRKS
from gpu_shopper.testing.clouds import CloudProfile, SimCloud
from gpu_shopper.testing.consumers import Demand
from gpu_shopper.testing.effects import Site, effect_sites
from gpu_shopper.testing.loop import current_loop, run_simulation
from gpu_shopper.testing.node_habits import NodeHabits
from gpu_shopper.testing.process import CrashPlan, Process
from gpu_shopper.testing.profiles import Mode, WorldProfile
from gpu_shopper.testing.rows import AttemptRow
from gpu_shopper.testing.world import Outcome, World

CONSUMER = Caller(name="consumer", consumer_id=ConsumerId("consumer"))
_KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is different from a plain, honest world."""

    quirks: Quirks = SANDBOX_QUIRKS
    config: ModelConfig = field(default_factory=lambda: ModelConfig(boot_s=(5.0, 5.0), stock=5))
    pushes: bool = True
    beat_s: float = 45.0
    offers: int = 40
    models: tuple[GpuModel, ...] = GPU_MODELS
    strays: int = 1
    absence_s: float = 1.0
    names_itself: bool = True
    keeps_prices: bool = False
    sweep_s: float = 300.0
    keys_late_s: float = 0.0
    lose: float = 0.0

    def profile(self, seed: int) -> WorldProfile:
        """Return the world's profile."""
        cloud = CloudProfile(
            name=ProviderName("sandbox"),
            quirks=self.quirks,
            config=self.config,
            offers=self.offers,
            models=self.models,
            latency_s=(0.05, 0.05),
            names_itself=self.names_itself,
        )
        return WorldProfile(
            seed=seed,
            mode=Mode.CALM,
            clouds=(cloud,),
            demand=Demand(),
            habits=NodeHabits(
                pushes=self.pushes,
                beat_s=self.beat_s,
                install_s=(3.0, 3.0),
                idle=0.0,
                keys_late_s=self.keys_late_s,
                lose=self.lose,
            ),
            faults={},
            active_s=0.0,
            strays=self.strays,
            keeps_prices=self.keeps_prices,
            sweep_s=self.sweep_s,
            clean_end=False,
        )


class Stage:
    """What a script can do, and see."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.plan: CrashPlan | None = None
        self.window = (range(0), range(0))
        self.sites: set[Site] = set()
        self._watched: Process | None = None
        self._begins = (0, 0)
        self._closed = False
        self._requests = 0

    @property
    def cloud(self) -> SimCloud:
        """The one cloud."""
        return next(iter(self.world.clouds.values()))

    def open_window(self) -> None:
        """From here on, each step and effect of this life of the house is worth a crash."""
        life = self.world.house.life
        assert life is not None, "the house was opened"
        assert self._watched is None, "one window, so that a plan has one place to count from"
        process = self._watched = life.process
        self._begins = (process.steps, process.effects)
        process.on_effect = self._note_effect
        if self.plan is not None:
            process.plan = self.plan.later(steps=process.steps, effects=process.effects)

    def close_window(self) -> None:
        """What follows is tried by another scenario."""
        if self._watched is not None and not self._closed:
            steps = self._watched.steps - self._begins[0]
            effects = self._watched.effects - self._begins[1]
            self.window = (range(1, steps + 1), range(1, effects + 1))
            self._closed = True

    def _note_effect(self) -> None:
        if not self._closed:
            self.sites |= effect_sites()

    def misbehave(self, kind: str, *, count: int | None = 1, **params: object) -> None:
        """Let the cloud do this, so many times, from now on, and nothing else that is wrong."""
        self.cloud.misbehave([{"kind": kind, "count": count, "params": params}])

    def behave(self) -> None:
        """Let the cloud be honest again."""
        self.cloud.behave()

    async def offers(self) -> list[Offer]:
        """Return what is on the market, cheapest first."""
        life = self.world.house.life
        for _ in range(600):
            life = self.world.house.life
            if life is not None and life.process.alive:
                found = [*life.market.snapshot.matching(EVERYTHING)]
                if found:
                    return found
            await asyncio.sleep(0.5)
        raise AssertionError("no market")

    async def request(self, **changes: Any) -> SessionId:
        """Ask for a GPU of the commonest kind, until there is an answer."""
        asked = await self.try_request(**changes)
        assert isinstance(asked, Requested), asked
        return asked.session.id

    async def try_request(self, **changes: Any) -> Requested | Refusal | None:
        """Ask for a GPU of the commonest kind, and return what came back."""
        offers = await self.offers()
        kinds = [offer.gpu_type for offer in offers if offer.gpu_count == 1]
        kind = max(sorted(set(kinds)), key=kinds.count)
        order = SessionRequest(
            consumer_id=ConsumerId("consumer"),
            workload=Workload(kind=WorkloadType.TRAINING),
            reservation_hours=1,
            offer_id=None,
            requirements=Requirements(gpu_types=frozenset({kind})),
            price_cap=HourlyRate(max(o.price.micros for o in offers if o.gpu_type == kind)),
            ssh_public_keys=(_KEY_LINE,),
            startup_timeout=timedelta(minutes=15),
        )
        self._requests += 1
        key = f"key-{self._requests}"
        return await self.world.consumers.insist(
            lambda life: life.sessions.request(
                replace(order, **changes), by=CONSUMER, idempotency_key=key, digest="d"
            )
        )

    async def finish(self, session: SessionId) -> None:
        """Say that it is done, until it is heard."""
        await self.world.consumers.insist(lambda life: life.sessions.finish(session, by=CONSUMER))

    async def extend(self, session: SessionId, hours: int) -> object:
        """Prolong the reservation."""
        return await self.world.consumers.insist(
            lambda life: life.sessions.extend(
                session, hours=hours, by=CONSUMER, override_hard_max=False
            )
        )

    def state(self, session: SessionId) -> str:
        """Return the state that the book holds."""
        row = self.world.oracle.book.session(session)
        return "unknown" if row is None else row.state

    def reason(self, session: SessionId) -> str | None:
        """Return why the session ended."""
        row = self.world.oracle.book.session(session)
        return None if row is None else row.stop_reason

    def attempts(self, session: SessionId) -> list[AttemptRow]:
        """Return the session's attempts."""
        rows = self.world.oracle.book.attempts()
        return [row for row in rows if row.session_id == session]

    def events(self, session: SessionId) -> list[str]:
        """Return the kinds of the session's events."""
        return [kind for _, _, kind, _, _ in self.world.oracle.book.events(session)]

    def alive(self) -> list[LedgerEntry]:
        """Return every instance of ours that the cloud bills."""
        return [entry for _, entry in self.world.oracle.ours_alive()]

    def ledger(self) -> list[LedgerEntry]:
        """Return every instance of ours that ever was."""
        return [entry for entry in self.cloud.ledger() if self.world.oracle.is_ours(entry.name)]

    async def until(self, holds: Callable[[], bool], *, limit: float = 3600.0) -> None:
        """Let the world go on until something holds; that it never does is a violation."""
        end = self.world.loop.time() + limit
        while not holds():
            if self.world.loop.time() > end or self.world.oracle.violations:
                self.world.oracle.violate("stage", f"waited in vain for {limit:.0f} s")
                return
            await asyncio.sleep(0.5)

    async def until_state(self, session: SessionId, *states: str, limit: float = 3600.0) -> None:
        """Let the world go on until the session is in one of these states."""
        await self.until(lambda: self.state(session) in states, limit=limit)

    async def wait(self, seconds: float) -> None:
        """Let the world go on, asking every minute what is asked every minute."""
        await self.world.run_until(self.world.loop.time() + seconds)

    async def leave_house(self, seconds: float) -> None:
        """Kill the house, and start it again after so long."""
        life = self.world.house.life
        assert life is not None, "it lives"
        self.world.troubles.stay_away(seconds)
        life.process.kill(because="killed by the script")
        await self.until(lambda: self.world.house.up and self.world.house.life is not life)

    async def at_rest(self) -> None:
        """Let everything come to rest, with a house that lives."""
        await self.until(lambda: self.world.house.up and self.world.at_rest(), limit=16 * 3600)


Script = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of one performance."""

    outcome: Outcome
    stage: Stage
    steps: range
    effects: range


async def _perform(
    script: Script, scene: Scene, seed: int, plans: Sequence[CrashPlan], *, thorough: bool
) -> Played:
    world = World(scene.profile(seed), current_loop())
    world.troubles.usual_absence_s = scene.absence_s
    _ = world.open_house()
    await world.ready()
    stage = Stage(world)
    stage.plan = plans[0] if plans else None
    world.later_plans = list(plans[1:])
    world.plant_strays()
    supervisor = world.loop.spawn(world.supervise(), name="supervisor")
    await stage.offers()
    await script(stage)
    world.troubles.heal()
    await stage.at_rest()
    stage.close_window()
    if thorough:
        await world.run_until(world.loop.time() + 400)
    if not world.oracle.violations:
        world.tick()
        world.final_checks()
    world.supervising = False
    supervisor.cancel()
    steps, effects = stage.window
    return Played(outcome=world.outcome(keep=True), stage=stage, steps=steps, effects=effects)


def play(
    script: Script,
    *,
    scene: Scene | None = None,
    seed: int = 1,
    plans: Sequence[CrashPlan] = (),
    thorough: bool = True,
) -> Played:
    """Perform a script in a world of its own, and return what came of it.

    The first plan counts from where the script opened its window, each further one from the start of the next life.
    """
    performance = _perform(script, scene or Scene(), seed, plans, thorough=thorough)
    return run_simulation(performance, seed=seed)
