"""A whole house in made-up time: the real book in memory, the real vault and engine, a cloud that does as it is told."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from inspect import Parameter, signature
from typing import TypeVar

from gpu_shopper.commands.desk import Desk as CommandDesk
from gpu_shopper.commands.heartbeats import HeartbeatCommands
from gpu_shopper.commands.sessions import Requested, SessionCommands
from gpu_shopper.commands.tokens import TokenCommands
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import InstanceId, ProviderName, SessionId, deployment_id
from gpu_shopper.domain.instance import Instance, InstanceStatus, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.domain.session import Session
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.reconciler import Reconciler
from gpu_shopper.engine.sweeping import Sweeping
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import Book, Claim, SessionEvent
from gpu_shopper.ports.provider import LaunchOrder, OfferListing, Unchanged
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.stores.inline import Memory
from gpu_shopper.testing.builders import (
    ALICE,
    CUMULUS,
    GPU_MIB,
    HOUR,
    NOON,
    a_heartbeat,
    a_request,
    an_endpoint,
    an_offer,
)
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.loop import current_loop, run_simulation
from gpu_shopper.transport.calling import clearing_away
from tests.unit.engine.fakes import FakeBootScripts, FakeNotifier, FakeProbe, Recorder

T = TypeVar("T")

OPERATOR = Caller(name="operator")
AS_ALICE = Caller(name="token:alice", consumer_id=ALICE)
# Fast enough for a test's story, slow enough that every wait of safety.md is really waited for.
QUIRKS = Quirks(requests_per_second=100.0, burst=1000)
ALL = Capabilities()
LIMITS = Limits()


class FakeCloud:
    """A cloud that keeps a ledger and can be told to lie. Each list of answers is used up, then it is honest."""

    def __init__(
        self, name: ProviderName, clock: VirtualClock, quirks: Quirks, can: Capabilities
    ) -> None:
        self.name, self.quirks, self.capabilities = name, quirks, can
        self._clock = clock
        self.instances: dict[InstanceId, Instance] = {}
        self.offers: list[Offer] = []
        self.rejected = 0
        self.revision = ""
        self.orders: list[LaunchOrder] = []
        self.destroyed: list[InstanceId] = []
        self.calls: Counter[str] = Counter()
        self.launch_answers: deque[Exception | None] = deque()
        self.buys_when_failing = False
        self.ignores_destroy = False
        self.clears_away_s = 0.0
        self.errors: dict[str, Exception] = {}
        self.delays: dict[str, float] = {}
        self.granted: dict[str, object] = {}
        self.hidden: set[InstanceId] = set()
        self.incomplete = False
        self.money: Money | None = None

    async def _asked(self, what: str) -> None:
        self.calls[what] += 1
        if delay := self.delays.get(what):
            await self._clock.sleep(delay)
        if error := self.errors.get(what):
            raise error

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        await self._asked("list_offers")
        if known and known == self.revision:
            return Unchanged()
        return OfferListing(
            offers=tuple(self.offers), rejected=self.rejected, revision=self.revision
        )

    async def launch(self, order: LaunchOrder) -> Instance:
        self.orders.append(order)
        error = self.launch_answers.popleft() if self.launch_answers else None
        if error is not None and not self.buys_when_failing:
            await self._asked("launch")
            raise error
        instance = self.add(order.label, order.offer)
        await self._asked("launch")
        if error is not None:
            raise error
        return instance

    def add(self, label: str, offer: Offer | None = None, **changes: object) -> Instance:
        offer = offer or an_offer(provider=self.name)
        instance = Instance(
            id=InstanceId(f"i-{len(self.instances) + len(self.destroyed) + 1}"),
            provider=self.name,
            label=label,
            status=InstanceStatus.RUNNING,
            gpu_name=offer.gpu_type,
            gpu_count=offer.gpu_count,
            gpu_memory_mib=GPU_MIB,
            rate=offer.price,
            endpoint=an_endpoint(),
            billed_from=self._clock.now(),
        )
        instance = replace(instance, **(self.granted | changes))
        self.instances[instance.id] = instance
        return instance

    async def find(self, label: Label) -> Instance | None:
        await self._asked("find")
        return next((one for one in self._visible() if one.label == label), None)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        await self._asked("observe")
        return next((one for one in self._visible() if one.id == instance_id), None)

    async def list_all(self) -> Listing:
        began_at = self._clock.now()
        await self._asked("list_all")
        return Listing(
            instances=tuple(self._visible()),
            began_at=began_at,
            complete=not self.incomplete,
            trouble="page 2 is missing" if self.incomplete else "",
        )

    async def destroy(self, instance_id: InstanceId) -> None:
        self.destroyed.append(instance_id)
        await self._asked("destroy")
        if not self.ignores_destroy:
            self.instances.pop(instance_id, None)
        with clearing_away():
            await self._clock.sleep(self.clears_away_s)

    async def balance(self) -> Money | None:
        await self._asked("balance")
        return self.money

    async def aclose(self) -> None:
        pass

    def _visible(self) -> list[Instance]:
        return [one for one in self.instances.values() if one.id not in self.hidden]


class House:
    """Everything between the front door and the clouds."""

    def __init__(
        self,
        *,
        quirks: Quirks = QUIRKS,
        can: Capabilities = ALL,
        names: tuple[ProviderName, ...] = (CUMULUS,),
        limits: Limits = LIMITS,
    ) -> None:
        self.loop = current_loop()
        self.clock = VirtualClock(self.loop)
        chance = SeededChance(7)
        self.memory = Memory()
        self.books = self.memory.books(clock=self.clock, deployment=deployment_id(1))
        self.meter, self.wakeup, self.market = Recorder(), LocalWakeup(), Market(names)
        self.vault = DeploymentVault(bytes(range(32)), chance.fork("vault"))
        self.fakes = {name: FakeCloud(name, self.clock, quirks, can) for name in names}
        self.cloud = self.fakes[names[0]]
        self.probe, self.scripts, self.notifier = FakeProbe(), FakeBootScripts(), FakeNotifier()
        deployment = self.peek(lambda book: book.deployment())
        self.desk = Desk(
            books=self.books, clock=self.clock, chance=chance.fork("engine"), vault=self.vault,
            market=self.market, probe=self.probe, boot_scripts=self.scripts,
            notifier=self.notifier, meter=self.meter, wakeup=self.wakeup, limits=limits,
            deployment=deployment.id, owner="engine-1",
            clouds={name: Cloud(fake, clock=self.clock, meter=self.meter, label_key=self.vault.label_key) for name, fake in self.fakes.items()},
        )  # fmt: skip
        command_desk = CommandDesk(
            books=self.books, clock=self.clock, chance=chance.fork("commands"), vault=self.vault,
            market=self.market, wakeup=self.wakeup, meter=self.meter, limits=limits,
            capabilities=dict.fromkeys(names, can),
            quirks=dict.fromkeys(names, quirks),
        )  # fmt: skip
        self.sessions = SessionCommands(command_desk)
        self.heartbeats = HeartbeatCommands(command_desk)
        self.tokens = TokenCommands(command_desk)
        self.reconciler = Reconciler(self.desk, guard=self._unguarded)
        self.sweeping = Sweeping(self.desk)

    @staticmethod
    async def _unguarded(name: str, work: Awaitable[None]) -> bool:
        await work
        return True

    @property
    def now(self):
        return self.clock.now()

    def sells(self, *offers: Offer) -> None:
        for name in self.fakes:
            mine = [offer for offer in offers if offer.provider == name]
            self.market.replace(name, mine, self.now)

    async def open_shop(self, *offers: Offer) -> None:
        """Put offers on sale and sweep, so that buying is allowed."""
        self.sells(*(offers or (an_offer(),)))
        for name in self.fakes:
            await self.sweeping.sweep(name)

    async def requested(self, key: str | None = None, digest: str = "d1", **changes) -> Requested:
        return await self.sessions.request(
            a_request(**changes), by=AS_ALICE, idempotency_key=key, digest=digest
        )

    async def asked_for(self, **changes: object) -> SessionId:
        return (await self.requested(**changes)).session.id

    async def until_bound(self, **changes: object) -> SessionId:
        """Open the shop, ask, and buy."""
        await self.open_shop()
        session = await self.asked_for(**changes)
        await self.look_after(session)
        return session

    async def until_running(self, **changes: object) -> SessionId:
        session = await self.until_bound(**changes)
        await self.beat(session)
        return session

    async def beat(self, session: SessionId, number: int | None = None, **changes: object):
        attempt = self.attempt(session, number)
        counter = changes.pop("counter", 1 + (attempt.heard.counter if attempt.heard else 0))
        token = self.vault.agent_token(attempt.label)
        body = a_heartbeat(attempt.label, counter=counter, **changes)
        return await self.heartbeats.report(token.text, body)

    async def look_after(self, session: SessionId) -> None:
        """Let the engine take all the steps that are due now."""
        await self.reconciler.reconcile(session)

    async def live(self, session: SessionId, seconds: float, *, sweeping: bool = False) -> None:
        """Let time go by, with the engine awake at every moment that it has named."""
        end = self.clock.monotonic() + seconds
        await self.look_after(session)
        while (left := end - self.clock.monotonic()) > 0:
            due = self.session(session).next_action_at
            wait = left if due is None else max(0.05, (due - self.now).total_seconds())
            await self.clock.sleep(min(left, wait, 10.0 if sweeping else left))
            if sweeping:
                for name in self.fakes:
                    await self.sweeping.sweep(name)
            await self.look_after(session)

    async def claim(self, session: SessionId) -> Claim:
        now = self.now
        claim = await self.books.write(
            lambda book: book.sessions.claim(session, owner="engine-1", now=now, until=now + HOUR)
        )
        assert claim is not None, session
        return claim

    def peek(self, work: Callable[[Book], T]) -> T:
        return self.books.peek(work)

    def session(self, session: SessionId) -> Session:
        found = self.peek(lambda book: book.sessions.get(session))
        assert found is not None, session
        return found

    def attempts(self, session: SessionId) -> list[LaunchAttempt]:
        return list(self.peek(lambda book: book.launches.of_session(session)))

    def attempt(self, session: SessionId, number: int | None = None) -> LaunchAttempt:
        attempts = self.attempts(session)
        return attempts[-1] if number is None else attempts[number - 1]

    def history(self, session: SessionId) -> list[SessionEvent]:
        return list(self.peek(lambda book: book.events.of_session(session)))

    def kinds(self, session: SessionId) -> list[str]:
        return [event.kind for event in self.history(session)]

    def notices(self) -> list[str]:
        return [notice.kind for notice in self.peek(lambda book: book.notices.recent(limit=99))]

    async def save(self, *attempts: LaunchAttempt) -> None:
        def write(book: Book) -> None:
            for attempt in attempts:
                book.launches.save(attempt)

        await self.books.write(write)


def housed(**options: object) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Run an async test in a house of its own, in made-up time that begins at noon."""

    def around(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        async def live(given: dict[str, object]) -> None:
            house = House(**options)
            try:
                await test(house, **given)
            finally:
                house.memory.discard()

        def run(**given: object) -> None:
            run_simulation(live(given), seed=1, start=NOON)

        taken = [one for name, one in signature(test).parameters.items() if name != "house"]
        run.__name__, run.__module__ = test.__name__, test.__module__
        keyword = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in taken]
        run.__signature__ = signature(test).replace(parameters=keyword, return_annotation=None)
        return run

    return around


async def at_once(*works: Awaitable[T]) -> list[T | BaseException]:
    """Run works at the same time, and return their results or errors."""
    return await asyncio.gather(*works, return_exceptions=True)
