"""Who may ask: an operator and consumers, each with a token of their own and the real client at the front door.

Promises: tokens are made by the real commands, the first ones past a server as an operator does on the first day; a
consumer whose token is worthless gets another from the operator, after a while.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from gpu_shopper.client.async_shopper import AsyncShopper
from gpu_shopper.client.errors import (
    ApiError,
    ServerFailed,
    ServerUnreachable,
    ShopperError,
    Unauthenticated,
    Unavailable,
)
from gpu_shopper.client.surroundings import Surroundings
from gpu_shopper.commands.desk import Desk
from gpu_shopper.commands.tokens import TokenCommands
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import ConsumerId
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import BookUnavailable, TokenKind
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.front_checks import FrontRecord
from gpu_shopper.testing.front_door import DoorConnection, FrontDoor
from gpu_shopper.testing.house import DEPLOYMENT_KEY, House, HouseDown
from gpu_shopper.wire.operations import TokenOrder

T = TypeVar("T")
ADMIN: Final = "admin"
STRANGER: Final = "stranger"
ASK_AGAIN_S: Final = 20.0
TRIES: Final = 60
_COME_BACK_S: Final = 60.0
_OPERATOR: Final = Caller(name="local")
_URL: Final = "http://house.test"
# Answers of 503 that stay the same however often one asks.
_FINAL: Final = frozenset({"no_offer", "offer_unavailable", "frozen", "storage"})


@dataclass(slots=True, kw_only=True)
class Account:
    """One who asks."""

    token: str
    token_id: str
    shopper: AsyncShopper


class Accounts:
    """All who ask, by name."""

    def __init__(
        self,
        house: House,
        door: FrontDoor,
        *,
        chance: SeededChance,
        noted: Callable[[str], None],
        record: FrontRecord,
    ) -> None:
        self.by_name: dict[str, Account] = {}
        self._house = house
        self.door = door
        self._chance = chance
        self._noted = noted
        self._record = record
        self._keys = 0

    async def open(self, names: list[str]) -> None:
        """Make an admin's and everybody's first token, straight in the book; no house may live yet."""
        assert not self._house.up, "this is done without a server"
        around = self._house.around
        clock, chance = around.clock, self._chance.fork("first tokens")
        vault = DeploymentVault(DEPLOYMENT_KEY, chance.fork("vault"))
        books = around.memory.books(clock=clock, deployment=vault.deployment)
        desk = Desk(
            books=books,
            clock=clock,
            chance=chance,
            vault=vault,
            market=Market(),
            wakeup=LocalWakeup(),
            meter=around.meter,
            capabilities={},
            quirks={},
            limits=Limits(),
        )
        for name in (ADMIN, *names):
            await self._make(TokenCommands(desk), name)

    def of(self, name: str) -> AsyncShopper:
        """Return somebody's client."""
        return self.by_name[name].shopper

    async def insist(
        self, name: str, call: Callable[[AsyncShopper], Awaitable[T]]
    ) -> T | ApiError | None:
        """Let somebody ask until there is an answer; None if there was none for too long.

        The client's own rules of asking again come first; what it gives up, a person tries again.
        """
        for _ in range(TRIES):
            try:
                return await call(self.of(name))
            except Unauthenticated:
                await self.renew(name)
            except (ServerUnreachable, ServerFailed):
                await asyncio.sleep(ASK_AGAIN_S)
            except Unavailable as error:
                if error.code in _FINAL:
                    return self._refused(error)
                await asyncio.sleep(_COME_BACK_S)
            except ApiError as error:
                return self._refused(error)
        return None

    async def renew(self, name: str) -> None:
        """Get another token for somebody, from the operator, who may be slow and may fail."""
        self._noted("token renewed")
        await asyncio.sleep(30 + 300 * self._chance.uniform())
        order = TokenOrder(kind="consumer", name=name, consumer_id=name)
        if name == ADMIN:
            order = TokenOrder(kind="admin", name=name)
        try:
            made = await self.of(ADMIN).create_token(order)
        except Unauthenticated:
            # The book no longer knows the admin either: it was lost, and the operator begins anew.
            await self._begin_anew(name)
        except ShopperError:
            await asyncio.sleep(ASK_AGAIN_S)
        else:
            self._take(name, made.secret, made.token.id)

    async def _begin_anew(self, name: str) -> None:
        for each in dict.fromkeys((ADMIN, name)):
            try:
                await self._house.ask(
                    lambda life, each=each: self._make(life.rooms.commands.tokens, each)  # type: ignore[misc]
                )
            except (HouseDown, BookUnavailable):
                return

    async def _make(self, tokens: TokenCommands, name: str) -> None:
        record, secret = await tokens.create(
            kind=TokenKind.ADMIN if name == ADMIN else TokenKind.CONSUMER,
            consumer_id=None if name == ADMIN else ConsumerId(name),
            name=name,
            lifetime=None,
            by=_OPERATOR,
        )
        self._take(name, secret.text, record.id)

    def _take(self, name: str, token: str, token_id: str) -> None:
        self._record.learn("API token", token)
        self._record.know(token, "" if name == ADMIN else name)
        loop = self._house.around.loop
        draws = self._chance.fork(f"keys of {name} {token_id}")
        surroundings = Surroundings(
            monotonic=loop.time,
            sleep_async=asyncio.sleep,
            draw_key=lambda: f"{draws.draw_bits(128):032x}",
        )
        shopper = AsyncShopper(
            _URL,
            token=token,
            consumer=name,
            surroundings=surroundings,
            connection=DoorConnection(self.door),
        )
        self.by_name[name] = Account(token=token, token_id=token_id, shopper=shopper)

    def _refused(self, error: ApiError) -> ApiError:
        self._noted(f"refused {error.code}")
        return error
