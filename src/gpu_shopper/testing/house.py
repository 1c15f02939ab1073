"""The house under simulation: the real commands and the real engine over the real book, in one process that can die.

Promises: nothing but clouds, nodes, clock and chance is a stand-in; a life that was killed leaves only the book and what
it had sent; the next life begins as a new server does. Who asks a house that is down, or dies before it answers, is told
so, and knows no more than that.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from litestar.types import ASGIApp

from gpu_shopper.api.app import create_app
from gpu_shopper.api.rooms import Rooms
from gpu_shopper.bootstrap.rooms import rooms_over
from gpu_shopper.commands.heartbeats import HeartbeatCommands
from gpu_shopper.commands.sessions import SessionCommands
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.schedule import Engine, Periods
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.boot import BootScripts
from gpu_shopper.ports.probe import Probe
from gpu_shopper.queries.health import Reading
from gpu_shopper.runtime.notifying import LogAndWebhookNotifier
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.stores.inline import CommitHooks, InlineBooks, Memory
from gpu_shopper.testing.asgi import drain
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.loop import VirtualLoop
from gpu_shopper.testing.process import CrashPlan, Process, check_alive
from gpu_shopper.testing.telling_vault import Learn, TellingVault
from gpu_shopper.testing.webhook import SimWebhook

T = TypeVar("T")
_GRACE_S = 10.0
DEPLOYMENT_KEY = hashlib.sha256(b"simulated deployment").digest()


class HouseDown(Exception):
    """Nobody listens there, or the house died before it answered: what was asked may have been done."""


class NobodyListens(HouseDown):
    """What was asked has not been heard."""


def _nobody(name: str, fields: Mapping[str, object]) -> None:
    pass


class SimMeter:
    """Counts what the house says of itself; alarms are kept."""

    def __init__(self, told: Callable[[str, Mapping[str, object]], None]) -> None:
        self._told = told
        # Whoever reads the log.
        self.heard: Callable[[str, Mapping[str, object]], None] = _nobody
        self.counts: Counter[str] = Counter()

    def event(self, name: str, **fields: object) -> None:
        """Count the event."""
        self.counts[name] += 1
        self.heard(name, fields)

    def alarm(self, name: str, **fields: object) -> None:
        """Tell the oracle."""
        check_alive()
        self.counts[name] += 1
        self.heard(name, fields)
        self._told(name, fields)

    def count(self, name: str, **labels: str) -> None:
        """Count by name and labels."""
        self.counts[" ".join((name, *labels.values()))] += 1

    def timed(self, name: str, seconds: float, **labels: str) -> None:
        """Count that something was timed."""
        self.counts[name] += 1

    def page(self, readings: Iterable[Reading]) -> bytes:
        """Return all counts, and what the book says."""
        lines = [f"{name} {count}" for name, count in sorted(self.counts.items())]
        return "\n".join([*lines, *map(str, readings)]).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseSettings:
    """How the house is set up for one run."""

    periods: Periods
    limits: Limits
    keeps_prices: bool = False


def _unheard(kind: str, secret: str) -> None:
    pass


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What stays while houses come and go: the disk, the machine's clock, the clouds, the nodes."""

    loop: VirtualLoop
    memory: Memory
    clock: VirtualClock
    chance: SeededChance
    clouds: Mapping[ProviderName, SimCloud]
    probe: Probe
    boot_scripts: BootScripts
    webhook: SimWebhook
    meter: SimMeter
    hooks: CommitHooks
    settings: HouseSettings
    learn: Learn = _unheard


@dataclass(slots=True, kw_only=True)
class Life:
    """One life of the house: what it is made of, from its start to its death."""

    process: Process
    books: InlineBooks
    market: Market
    engine: Engine
    rooms: Rooms
    api: ASGIApp
    # What came in by the front door and is not answered yet; a dict, for its order.
    requests: dict[asyncio.Task[Any], None] = field(default_factory=dict)
    closing: bool = False

    @property
    def sessions(self) -> SessionCommands:
        """What consumers may ask for, past the API."""
        return self.rooms.commands.sessions

    @property
    def heartbeats(self) -> HeartbeatCommands:
        """What nodes may say, past the API."""
        return self.rooms.commands.heartbeats


class House:
    """Starts lives, and carries questions to the one that lives."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.life: Life | None = None
        self._lives = 0
        self._tasks: list[asyncio.Task[None]] = []
        # A dict, for its order: sets of futures are ordered by their addresses.
        self._waiting: dict[asyncio.Future[Any], Process] = {}

    @property
    def up(self) -> bool:
        """Somebody listens."""
        return self.life is not None and self.life.process.alive

    def start(self, *, plan: CrashPlan | None = None) -> Process:
        """Begin a new life; it opens the book, then starts its engine, as a server does."""
        assert not self.up, "one house at a time"
        self._lives += 1
        process = self.around.loop.start_process("house", plan=plan)
        self._tasks = [
            process.spawn(self._live(process), name="main"),
            self.around.loop.spawn(self._mourn(process), name="mourner"),
        ]
        return process

    async def stop(self) -> None:
        """End a life in order, as SIGTERM does: sessions stay as they are."""
        life = self.life
        assert life is not None, "no house lives"
        try:
            await self.ask(_close_door)
            await self.ask(lambda now: now.engine.stop())
            await self.ask(lambda now: now.books.aclose())
        except HouseDown:
            return
        life.process.kill(because="stopped in order")

    async def ask(self, question: Callable[[Life], Awaitable[T]]) -> T:
        """Let the house answer, in its own process.

        Raises:
            HouseDown: see there.
        """
        life = self.life
        if life is None or not life.process.alive:
            raise NobodyListens("connection refused")
        answer: asyncio.Future[T] = self.around.loop.create_future()
        self._waiting[answer] = life.process
        _ = life.process.spawn(_answer(question, life, answer), name="request")
        try:
            return await answer
        finally:
            self._waiting.pop(answer, None)

    async def _mourn(self, process: Process) -> None:
        await process.death.wait()
        for answer, whose in list(self._waiting.items()):
            if whose is process and not answer.done():
                answer.set_exception(HouseDown("the connection broke"))

    async def _live(self, process: Process) -> None:
        around, number = self.around, self._lives
        chance = around.chance.fork(f"life {number}")
        vault = TellingVault(DEPLOYMENT_KEY, chance.fork("vault"), learn=around.learn)
        books = around.memory.books(
            clock=around.clock, deployment=vault.deployment, hooks=around.hooks
        )
        wakeup, market = LocalWakeup(), Market(around.clouds)
        clouds = {
            name: Cloud(
                cloud.provider(around.clock),
                clock=around.clock,
                meter=around.meter,
                label_key=vault.label_key,
            )
            for name, cloud in around.clouds.items()
        }
        desk = Desk(
            books=books,
            clock=around.clock,
            chance=chance,
            vault=vault,
            market=market,
            clouds=clouds,
            probe=around.probe,
            boot_scripts=around.boot_scripts,
            notifier=LogAndWebhookNotifier(
                around.meter, around.webhook, webhook_url="https://operator.test/hook"
            ),
            meter=around.meter,
            wakeup=wakeup,
            limits=around.settings.limits,
            deployment=books.peek(lambda book: book.deployment()).id,
            owner=f"house {number}",
            keeps_prices=around.settings.keeps_prices,
        )
        engine = Engine(desk, periods=around.settings.periods)
        rooms = rooms_over(desk, engine, render_metrics=around.meter.page, public_url=None)
        self.life = Life(
            process=process,
            books=books,
            market=market,
            engine=engine,
            rooms=rooms,
            api=create_app(rooms),
        )
        engine.start()


async def _close_door(life: Life) -> None:
    """Close the front door as the server does: what is inside may finish, for a while; then it is shown out."""
    life.closing = True
    if life.requests:
        await asyncio.wait(life.requests, timeout=_GRACE_S)
    for request in list(life.requests):
        request.cancel()
    await drain(life.api)


async def _answer(
    question: Callable[[Life], Awaitable[T]], life: Life, answer: "asyncio.Future[T]"
) -> None:
    try:
        given = await question(life)
    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
        if not answer.done():
            answer.set_exception(error)
    else:
        if not answer.done():
            answer.set_result(given)
