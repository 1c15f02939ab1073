"""Consumers for the simulation: they ask, watch, extend, finish, delete, look at others' things, and give wrong keys.

Each has a token of its own and asks by the real client, through the front door. Half choose an offer, half say what they
need. What they were told is checked on the spot: one session per key, and nothing of anybody else's.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec.structs import replace

from gpu_shopper.client.async_shopper import AsyncShopper
from gpu_shopper.client.errors import ApiError, NotFound, ServerUnreachable, ShopperError
from gpu_shopper.client.watching import ENDING
from gpu_shopper.domain.errors import Refusal
from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.testing.accounts import ADMIN, ASK_AGAIN_S, STRANGER, TRIES, Accounts
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.house import House, HouseDown, Life
from gpu_shopper.testing.wishes import draw_order
from gpu_shopper.wire.offers import OfferBody, OfferPage
from gpu_shopper.wire.sessions import SessionBody, SessionCreated, SessionOrder

T = TypeVar("T")
Ask = Callable[[AsyncShopper], Awaitable[object]]
_RASH = 0.25
_FIRST_S = 600.0
_LOOK_AGAIN_S = 120.0
_LOOKS = 10
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
        watch: share that is followed by its consumer until it runs, look by look.
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
    watch: float = 0.05
    use_minutes: tuple[float, float] = (5.0, 50.0)
    most: int = 1_000_000

    def names(self) -> list[str]:
        """Return everybody who may ask for something."""
        return [f"consumer-{number}" for number in range(self.consumers)]


class Consumers:
    """Everybody who wants GPUs."""

    def __init__(
        self,
        house: House,
        accounts: Accounts,
        *,
        demand: Demand,
        chance: SeededChance,
        violate: Callable[[str, str], None],
        asked: Callable[[str], None],
    ) -> None:
        self.sessions: dict[str, str] = {}
        self.stories: list[asyncio.Task[None]] = []
        self.accounts = accounts
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
            await self.accounts.insist(consumer, lambda shopper: shopper.delete(session))  # noqa: B023

    async def clear_up(self, sessions: Iterable[str]) -> None:
        """Let the operator end what nobody else can: what was taken in after the book had forgotten it."""
        for session in sessions:
            await self.accounts.insist(ADMIN, lambda shopper: shopper.delete(session))  # noqa: B023

    async def create(
        self, consumer: str, order: SessionOrder, key: str
    ) -> SessionCreated | ApiError | None:
        """Ask for a session with this key until there is an answer; None if there was none for too long."""
        return await self.accounts.insist(
            consumer, lambda shopper: shopper.create_session(order, idempotency_key=key)
        )

    async def misuse_key(
        self, consumer: str, order: SessionOrder, key: str, *, book: float
    ) -> None:
        """Give a key that made a session with another body: it is refused, whatever became of the first.

        `book` is how often the book had been put back before the key was first given: one that was put back since then may
        have forgotten it.
        """
        hours = (order.reservation_hours + 5) % 12 + 1
        answer = await self.create(consumer, replace(order, reservation_hours=hours), key)
        refused = isinstance(answer, ApiError) and answer.code == "idempotency_key_reused"
        if answer is not None and not refused and book == self.rewinds():
            self._violate("S12", f"{key} with another body was answered with {answer!r}")
        self._asked("key_reused")

    async def insist(
        self, question: Callable[[Life], Coroutine[Any, Any, T]]
    ) -> T | Refusal | None:
        """Ask the house past its front door until there is an answer; None if there was none for too long."""
        for _ in range(TRIES):
            try:
                return await self._house.ask(question)
            except Refusal as refusal:
                self._asked(f"refused {refusal.code}")
                return refusal
            except (HouseDown, BookUnavailable):
                await asyncio.sleep(ASK_AGAIN_S)
        return None


class _Story:
    """One wish of one consumer, from asking to the end."""

    def __init__(self, consumers: Consumers, number: int) -> None:
        self._all = consumers
        self._number = number
        self._demand = consumers._demand
        self._chance = consumers._chance.fork(f"story {number}")
        names = self._demand.names()
        self._name = names[self._chance.below(len(names))]
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
        await self._be_curious(session)
        if draw < self._demand.cancel_early:
            # Some change their mind while the answer is still on their screen: the offer is being chosen just then.
            patience = self._chance.uniform()
            await asyncio.sleep(0.0 if patience < _RASH else 90 * patience**2)
            await self._end(session)
        elif draw < self._demand.cancel_early + self._demand.run_to_expiry:
            self._all._asked("runs_to_expiry")
            if self._chance.uniform() < 0.3:
                await self._race(session)
        else:
            await self._use(session)

    async def _use(self, session: str) -> None:
        if self._chance.uniform() < self._demand.watch:
            await self._watch(session)
        if self._extends:
            await asyncio.sleep(30 * self._minutes)
            await self._extend(session, hours=max(1, math.ceil(self._minutes / 120)))
        await asyncio.sleep(60 * self._minutes * (0.5 if self._extends else 1.0))
        self._all._asked("finish")
        await self._ask(lambda shopper: shopper.done(session))
        if self._chance.uniform() < 0.3:
            self._all._asked("cost")
            await self._ask(lambda shopper: shopper.cost(session))
            await self._ask(lambda shopper: shopper.costs(consumer_id=self._name))

    async def _watch(self, session: str) -> None:
        self._all._asked("watch")
        shopper = self._all.accounts.of(self._name)
        try:
            await shopper.wait_until_running(session)
        except ShopperError as error:
            self._all._asked(f"watched in vain {type(error).__name__}")

    async def _extend(self, session: str, *, hours: int) -> None:
        """Prolong once: whether a request without an answer was heard is looked up, not tried out."""
        self._all._asked("extend")
        try:
            await self._all.accounts.of(self._name).extend(session, hours)
        except ServerUnreachable:
            await self._ask(lambda shopper: shopper.get(session))
        except ApiError as error:
            self._all._asked(f"refused {error.code}")

    async def _race(self, session: str) -> None:
        """End, prolong and finish it all at once, around the moment at which it ends by itself."""
        seen = await self._ask(lambda shopper: shopper.get(session))
        while isinstance(seen, SessionBody) and seen.status not in ENDING:
            loop = self._all._house.around.loop
            left = (seen.expires_at - loop.start).total_seconds() - loop.time()
            if left < 2.0:
                self._all._asked("race at the end")
                ends = [self._end(session), self._extend(session, hours=1)]
                await asyncio.gather(*[loop.create_task(each) for each in ends])
                return
            await asyncio.sleep(max(0.5, min(600.0, left - 2 * self._chance.uniform())))
            seen = await self._ask(lambda shopper: shopper.get(session))

    async def _end(self, session: str) -> None:
        self._all._asked("cancel")
        for _ in range(1 + self._chance.below(2)):
            await self._ask(lambda shopper: shopper.delete(session))

    async def _be_curious(self, session: str) -> None:
        """Let another one try everything on this session: to him it is not there."""
        if self._chance.uniform() > 0.1:
            return
        others = [name for name in (*self._demand.names(), STRANGER) if name != self._name]
        other = others[self._chance.below(len(others))]
        tries: list[Ask] = [
            lambda shopper: shopper.get(session),
            lambda shopper: shopper.extend(session, 1),
            lambda shopper: shopper.done(session),
            lambda shopper: shopper.delete(session),
            lambda shopper: shopper.diagnostics(session),
            lambda shopper: shopper.cost(session),
            lambda shopper: anext(shopper.events(session), None),
        ]
        for ask in tries:
            try:
                answer = await self._all.accounts.insist(other, ask)
            except ServerUnreachable:
                continue
            if answer is not None and not isinstance(answer, NotFound):
                self._all._violate("S13", f"{other} asked for {session}, and got {answer!r}")
        self._all._asked("stranger")

    async def _request(self) -> str | None:
        order, key = await self._order(), f"key-{self._number}"
        if order is None:
            return None
        book = self._all.rewinds()
        copies = 2 if self._chance.uniform() < self._demand.duplicate else 1
        loop = self._all._house.around.loop
        asks = [loop.create_task(self._create(order, key)) for _ in range(copies)]
        made = {
            answer.session.id
            for answer in await asyncio.gather(*asks)
            if isinstance(answer, SessionCreated)
        }
        if copies > 1:
            self._all._asked("duplicate")
        if len(made) > 1 and book == self._all.rewinds():
            self._all._violate("S12", f"one key made {sorted(made)}")
        for session in made:
            self._all.sessions[session] = self._name
            await self._misuse(order, key, book)
            return session
        return None

    async def _misuse(self, order: SessionOrder, key: str, book: float) -> None:
        if self._chance.uniform() > 0.1:
            return
        await self._all.misuse_key(self._name, order, key, book=book)

    async def _create(self, order: SessionOrder, key: str) -> SessionCreated | ApiError | None:
        return await self._all.create(self._name, order, key)

    async def _ask(self, call: Callable[[AsyncShopper], Awaitable[T]]) -> T | ApiError | None:
        return await self._all.accounts.insist(self._name, call)

    async def _order(self) -> SessionOrder | None:
        offer = await self._browse()
        if offer is None:
            return None
        # All of the time that is needed, or half of it where it will be prolonged.
        minutes = self._minutes * (0.5 if self._extends else 1.0)
        return draw_order(offer, self._name, minutes=minutes, chance=self._chance)

    async def _browse(self) -> OfferBody | None:
        for _ in range(_LOOKS):
            page = await self._ask(lambda shopper: shopper.inventory(limit=100))
            if isinstance(page, OfferPage) and page.offers:
                return page.offers[self._chance.below(len(page.offers))]
            await asyncio.sleep(_LOOK_AGAIN_S)
        return None
