"""The way from callers to the house in simulation: the real API, and a network that loses, delays, doubles and is cut.

Promises: a request is answered in the house's own process and dies with it; who gets no answer knows only whether it
can have been heard. What leaves the house is shown to the witnesses, whether or not it arrives.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gpu_shopper.client.exchange import Answer, Call, Server, T, unreachable
from gpu_shopper.testing.asgi import Answered, Asked, Connection
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.house import House, HouseDown, Life, NobodyListens

TIMEOUT_S: Final = 30.0
_MOST_TURNS: Final = 40
_REPEATABLE: Final = frozenset({"GET", "HEAD", "DELETE"})

Witness = Callable[[Asked, Answered, Life], None]


class Unanswered(Exception):
    """There was no answer; `sent` tells whether the request may have been heard."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(slots=True, kw_only=True)
class Wire:
    """How the way to the front door behaves just now; rates from 0 to 1, per request."""

    latency_s: tuple[float, float] = (0.002, 0.08)
    loses: float = 0.0
    slow: float = 0.0
    hangs_up: float = 0.0
    doubles: float = 0.0

    def heal(self) -> None:
        """Work from now on."""
        self.loses = self.slow = self.hangs_up = self.doubles = 0.0


def _nobody(fault: str) -> None:
    pass


class FrontDoor:
    """Where all who are no part of the house ask it something."""

    def __init__(self, house: House, *, chance: SeededChance) -> None:
        self.wire = Wire()
        self.witnesses: list[Witness] = []
        self.struck: Callable[[str], None] = _nobody
        self._house = house
        self._chance = chance
        self.answered = 0

    async def ask(self, asked: Asked, *, timeout_s: float = TIMEOUT_S) -> Answered:
        """Return what the house answers.

        Raises:
            Unanswered: see there.
        """
        await self._travel()
        if self._strikes(self.wire.loses):
            self.struck("front_request_lost")
            await asyncio.sleep(timeout_s)
            raise Unanswered("the request was lost on its way", sent=True)
        if self._strikes(self.wire.doubles) and _may_be_doubled(asked):
            self.struck("front_request_doubled")
            copy = self._unheard(asked, Connection(), timeout_s=timeout_s)
            _ = self._house.around.loop.spawn(copy, name="doubled request")
        answered = await self._exchange(asked, timeout_s)
        await self._travel()
        if self._strikes(self.wire.loses):
            self.struck("front_reply_lost")
            raise Unanswered("the connection broke before the reply", sent=True)
        return answered

    async def _exchange(self, asked: Asked, timeout_s: float) -> Answered:
        if not self._strikes(self.wire.hangs_up):
            return await self._carry(asked, Connection(), timeout_s=timeout_s)
        self.struck("front_hung_up")
        half = bool(asked.body) and self._chance.uniform() < 0.3
        connection = Connection(half_body=half)
        carried = self._house.around.loop.spawn(
            self._unheard(asked, connection, timeout_s=timeout_s), name="hung up"
        )
        # A handler takes no time here: turns of the loop, not seconds, decide how far it comes.
        for _ in range(self._chance.below(_MOST_TURNS)):
            await asyncio.sleep(0)
        if self._chance.uniform() < 0.5:
            self.struck("front_handler_cancelled")
            connection.abort()
        connection.hang_up()
        carried.cancel()
        raise Unanswered("the caller hung up", sent=True)

    async def _unheard(self, asked: Asked, connection: Connection, *, timeout_s: float) -> None:
        with contextlib.suppress(Unanswered):
            await self._carry(asked, connection, timeout_s=timeout_s)

    async def _carry(self, asked: Asked, connection: Connection, *, timeout_s: float) -> Answered:
        answered = False

        async def answer(life: Life) -> Answered:
            if life.closing:
                raise NobodyListens("connection refused")
            task = asyncio.current_task()
            assert task is not None, "asked in a task"
            life.requests[task] = None
            try:
                reply = await connection.carry(life.api, asked)
            finally:
                life.requests.pop(task, None)
            self.answered += 1
            for witness in self.witnesses:
                witness(asked, reply, life)
            return reply

        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._house.ask(answer)
            answered = True
        except TimeoutError as error:
            raise Unanswered("no answer in time", sent=True) from error
        except HouseDown as error:
            raise Unanswered(str(error), sent=not isinstance(error, NobodyListens)) from error
        finally:
            if not answered:
                connection.hang_up()
        return reply

    async def _travel(self) -> None:
        low, high = self.wire.latency_s
        seconds = low + (high - low) * self._chance.uniform()
        if self._strikes(self.wire.slow):
            self.struck("front_slow")
            seconds += 20 * self._chance.uniform()
        await asyncio.sleep(seconds)

    def _strikes(self, rate: float) -> bool:
        return rate > 0 and self._chance.uniform() < rate


class DoorConnection:
    """The client's connection through a front door."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door

    async def exchange(
        self, server: Server, call: Call[T], headers: Mapping[str, str], *, timeout_s: float
    ) -> Answer:
        """See the protocol."""
        asked = Asked(
            method=call.method,
            path=server.prefix + call.path,
            headers=headers,
            body=call.body or b"",
        )
        try:
            reply = await self._door.ask(asked, timeout_s=timeout_s)
        except Unanswered as error:
            raise unreachable(server, error, sent=error.sent) from error
        return Answer(status=reply.status, headers=reply.headers, body=reply.body)

    async def close(self) -> None:
        """See the protocol."""


def _may_be_doubled(asked: Asked) -> bool:
    return asked.method in _REPEATABLE or bool(asked.header("idempotency-key"))
