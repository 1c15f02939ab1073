"""Consumers for the simulation: they ask, ask again, extend, finish, delete, and give wrong keys, all by the seed.

Half choose an offer, half say what they need. Who gets no answer asks again with the same Idempotency-Key, as the client
does. What they were told is checked on the spot: one session per key, and nothing of anybody else's.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from gpu_shopper.commands.sessions import Requested
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.errors import KeyReused, NotFound, Refusal
from gpu_shopper.domain.ids import ConsumerId, SessionId
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer, Requirements, RetryScope
from gpu_shopper.domain.session import MAX_RESERVATION_HOURS, SessionRequest
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.house import House, HouseDown, Life

T = TypeVar("T")
_KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone"
_ASK_AGAIN = 20.0
_TRIES = 60
_FIRST_S = 600.0
# Two to ten.
_MEAN_BURST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How much is asked for, and how; shares are from 0 to 1.

    Attributes:
        consumers: how many there are.
        sessions_per_hour: how many wishes arrive on average, those of bursts included.
        burst: share of the arrivals that bring two to ten wishes at once.
        cancel_early: share that is given up within 90 s, often while it is still being bought.
        run_to_expiry: share that nobody ends.
        extend: share that is reserved for half of its time, and prolonged on the way.
        duplicate: share that is posted twice at once, with the same key.
        use_minutes: shortest and longest use; short ones are as frequent as long ones, by ratio.
        most: no more wishes than this.
    """

    consumers: int = 4
    sessions_per_hour: float = 3.0
    burst: float = 0.04
    cancel_early: float = 0.1
    run_to_expiry: float = 0.1
    extend: float = 0.2
    duplicate: float = 0.05
    use_minutes: tuple[float, float] = (5.0, 50.0)
    most: int = 1_000_000


class Consumers:
    """Everybody who wants GPUs."""

    def __init__(
        self,
        house: House,
        *,
        demand: Demand,
        chance: SeededChance,
        violate: Callable[[str, str], None],
        asked: Callable[[str], None],
    ) -> None:
        self.sessions: dict[SessionId, ConsumerId] = {}
        self.stories: list[asyncio.Task[None]] = []
        self._house = house
        self._demand = demand
        self._chance = chance
        self._violate = violate
        self._asked = asked
        self.asking = 0
        # How often the book was put back: who asks across that may be answered twice.
        self.rewinds: Callable[[], float] = lambda: 0.0
        self._number = 0

    async def shop(self, until: Callable[[], bool]) -> None:
        """Begin new stories until it is time to stop."""
        demand, chance = self._demand, self._chance
        at_once = 1 + demand.burst * (_MEAN_BURST - 1)
        mean = 3600.0 * at_once / demand.sessions_per_hour
        # The first comes early, so that no world stays empty.
        await asyncio.sleep(min(mean, _FIRST_S) * chance.uniform())
        while not until():
            for _ in range(2 + chance.below(9) if chance.uniform() < demand.burst else 1):
                if self._number < demand.most:
                    self.begin()
            await asyncio.sleep(-mean * math.log(max(1e-9, chance.uniform())))

    def begin(self) -> None:
        """Let somebody want a GPU now."""
        self._number += 1
        story = _Story(self, self._number)
        task = self._house.around.loop.spawn(story.tell(), name=f"story {self._number}")
        self.stories.append(task)

    async def leave(self) -> None:
        """Everybody who still holds something ends it, however long it takes to be heard."""
        for session, consumer in list(self.sessions.items()):
            caller = Caller(name=consumer, consumer_id=consumer)
            await self._end(session, caller)

    async def clear_up(self, sessions: Iterable[SessionId]) -> None:
        """Let the operator end what nobody else can: what was taken in after the book had forgotten it."""
        for session in sessions:
            await self._end(session, Caller(name="operator"))

    async def _end(self, session: SessionId, caller: Caller) -> None:
        await self.insist(lambda life: life.sessions.end(session, by=caller))

    async def insist(
        self, question: Callable[[Life], Coroutine[Any, Any, T]]
    ) -> T | Refusal | None:
        """Ask until there is an answer; None if there was none for too long."""
        for _ in range(_TRIES):
            try:
                return await self._house.ask(question)
            except Refusal as refusal:
                self._asked(f"refused {refusal.code}")
                return refusal
            except (HouseDown, BookUnavailable):
                await asyncio.sleep(_ASK_AGAIN)
        return None


class _Story:
    """One wish of one consumer, from asking to the end."""

    def __init__(self, consumers: Consumers, number: int) -> None:
        self._all = consumers
        self._number = number
        self._demand = consumers._demand
        self._chance = consumers._chance.fork(f"story {number}")
        self._consumer = ConsumerId(f"consumer-{self._chance.below(self._demand.consumers)}")
        self._caller = Caller(name=self._consumer, consumer_id=self._consumer)
        low, high = self._demand.use_minutes
        self._minutes: float = low * (high / low) ** self._chance.uniform()
        self._extends = self._chance.uniform() < self._demand.extend

    async def tell(self) -> None:
        self._all.asking += 1
        try:
            session = await self._request()
        finally:
            self._all.asking -= 1
        if session is None:
            return
        draw = self._chance.uniform()
        await self._curious(session)
        if draw < self._demand.cancel_early:
            await asyncio.sleep(90 * self._chance.uniform() ** 2)
            await self._end(session)
        elif draw < self._demand.cancel_early + self._demand.run_to_expiry:
            self._all._asked("runs_to_expiry")
        else:
            await self._use(session)

    async def _use(self, session: SessionId) -> None:
        if self._extends:
            await asyncio.sleep(30 * self._minutes)
            self._all._asked("extend")
            hours = max(1, math.ceil(self._minutes / 120))
            await self._all.insist(
                lambda life: life.sessions.extend(
                    session, hours=hours, by=self._caller, override_hard_max=False
                )
            )
        await asyncio.sleep(60 * self._minutes * (0.5 if self._extends else 1.0))
        self._all._asked("finish")
        await self._all.insist(lambda life: life.sessions.finish(session, by=self._caller))

    async def _end(self, session: SessionId) -> None:
        self._all._asked("cancel")
        for _ in range(1 + self._chance.below(2)):
            await self._all.insist(lambda life: life.sessions.end(session, by=self._caller))

    async def _curious(self, session: SessionId) -> None:
        if self._chance.uniform() > 0.1:
            return
        stranger = Caller(name="stranger", consumer_id=ConsumerId("stranger"))
        answer = await self._all.insist(lambda life: life.sessions.end(session, by=stranger))
        if answer is not None and not isinstance(answer, NotFound):
            self._all._violate("S13", f"a stranger could end {session}: {answer!r}")
        self._all._asked("stranger")

    async def _request(self) -> SessionId | None:
        order, key = await self._order(), f"key-{self._number}"
        if order is None:
            return None
        book = self._all.rewinds()
        copies = 2 if self._chance.uniform() < self._demand.duplicate else 1
        asks = [self._create(order, key, "digest") for _ in range(copies)]
        loop = self._all._house.around.loop
        answers = await asyncio.gather(*[loop.create_task(ask) for ask in asks])
        made = {answer.session.id for answer in answers if isinstance(answer, Requested)}
        if copies > 1:
            self._all._asked("duplicate")
        if len(made) > 1 and book == self._all.rewinds():
            self._all._violate("S12", f"one key made {sorted(made)}")
        for session in made:
            self._all.sessions[session] = self._consumer
            await self._misuse(order, key)
            return session
        return None

    async def _misuse(self, order: SessionRequest, key: str) -> None:
        if self._chance.uniform() > 0.1:
            return
        book, other = self._all.rewinds(), replace(order, reservation_hours=11)
        answer = await self._create(other, key, "another digest")
        if answer is not None and not isinstance(answer, KeyReused) and book == self._all.rewinds():
            self._all._violate("S12", f"{key} with another body was answered with {answer!r}")
        self._all._asked("key_reused")

    async def _create(
        self, order: SessionRequest, key: str, digest: str
    ) -> Requested | Refusal | None:
        return await self._all.insist(
            lambda life: life.sessions.request(
                order, by=self._caller, idempotency_key=key, digest=digest
            )
        )

    async def _order(self) -> SessionRequest | None:
        offer = await self._browse()
        if offer is None:
            return None
        chance = self._chance
        by_offer = chance.uniform() < 0.5
        with_cap = chance.uniform() < 0.5
        wanted = Requirements(gpu_types=frozenset({offer.gpu_type}))
        cap = HourlyRate(offer.price.micros * (100 + chance.below(60)) // 100)
        idle = timedelta(minutes=10 + chance.below(20))
        return SessionRequest(
            consumer_id=self._consumer,
            workload=Workload(kind=WorkloadType.TRAINING),
            reservation_hours=self._hours(),
            offer_id=offer.id if by_offer else None,
            requirements=Requirements() if by_offer else wanted,
            price_cap=cap if with_cap else None,
            auto_retry=chance.uniform() < 0.9,
            max_retries=chance.below(5),
            retry_scope=tuple(RetryScope)[chance.below(3)],
            ssh_public_keys=(_KEY_LINE,) if chance.uniform() < 0.9 else (),
            idle_threshold=idle if chance.uniform() < 0.2 else None,
            startup_timeout=timedelta(minutes=(5, 15, 15, 30)[chance.below(4)]),
        )

    def _hours(self) -> int:
        """Return what is reserved: all of the time that is needed, or half of it where it will be prolonged."""
        hours = self._minutes / 60 * (0.5 if self._extends else 1.0)
        return min(MAX_RESERVATION_HOURS, max(1, math.ceil(hours)))

    async def _browse(self) -> Offer | None:
        for _ in range(_TRIES):
            life = self._all._house.life
            if life is not None and life.process.alive:
                listings = life.market.snapshot.providers
                offers = [offer for listing in listings for offer in listing.offers]
                if offers:
                    return offers[self._chance.below(len(offers))]
            await asyncio.sleep(_ASK_AGAIN)
        return None
