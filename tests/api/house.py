"""A whole house behind the API, in memory: real commands, queries, stores and market; no engine and no cloud."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gpu_shopper.api.app import create_app
from gpu_shopper.api.rooms import Commands, Queries, Rooms
from gpu_shopper.commands.desk import Desk
from gpu_shopper.commands.heartbeats import HeartbeatCommands
from gpu_shopper.commands.sessions import SessionCommands
from gpu_shopper.commands.tokens import TokenCommands
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import ConsumerId, OfferId, ProviderName, deployment_id
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import Book, TokenKind
from gpu_shopper.queries.costs import CostQueries
from gpu_shopper.queries.fit import FitQueries
from gpu_shopper.queries.health import HealthQueries
from gpu_shopper.queries.history import HistoryQueries
from gpu_shopper.queries.odds import OddsQueries
from gpu_shopper.queries.offers import OfferQueries
from gpu_shopper.queries.operations import OperationQueries
from gpu_shopper.queries.providers import ProviderQueries
from gpu_shopper.queries.sessions import SessionQueries
from gpu_shopper.runtime.metrics import PrometheusMeter
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.stores.inline import Memory
from gpu_shopper.testing.chance import SeededChance
from tests.api.asgi import Browser

START = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
CLOUD = ProviderName("cumulus")
OTHER_CLOUD = ProviderName("nimbus")
OPERATOR = Caller(name="test")


class HandClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def forward(self, **amount: float) -> None:
        self.at += timedelta(**amount)


class NoWakeup:
    def __init__(self) -> None:
        self.hints = 0

    def hint(self) -> None:
        self.hints += 1

    async def wait(self, timeout: float) -> None:
        return


class Notebook(PrometheusMeter):
    """The real meter, whose alarms a test may read."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[tuple[str, dict[str, object]]] = []

    def event(self, name: str, **fields: object) -> None:
        pass

    def alarm(self, name: str, **fields: object) -> None:
        self.alarms.append((name, fields))


def an_offer(number: int = 1, **changed: Any) -> Offer:
    offer = Offer(
        id=OfferId(f"{CLOUD}:{number}"),
        provider=CLOUD,
        provider_id=str(number),
        machine_id=f"machine-{number}",
        gpu_type="RTX 4090",
        gpu_count=1,
        vram_gb=24,
        price=rate("0.40"),
        country="DE",
        region="eu-central",
        location="Frankfurt, DE",
        reliability=0.99,
        fetched_at=START,
        disk_gb=500,
        cuda_version="12.4",
    )
    return replace(offer, **changed)


OFFERS = (
    an_offer(1),
    an_offer(2, price=rate("0.50"), country="US", region="us-west", reliability=0.9),
    an_offer(3, gpu_type="H100 SXM", vram_gb=80, price=rate("2.10"), gpu_count=2),
)

ORDER = {
    "consumer_id": "alice",
    "workload_type": "llm",
    "reservation_hours": 2,
    "requirements": {"gpu_types": ["rtx4090"]},
}


@dataclass
class House:
    clock: HandClock
    books: Any
    vault: DeploymentVault
    market: Market
    meter: Notebook
    wakeup: NoWakeup
    rooms: Rooms
    desk: Desk
    app: Any
    sweeps: list[datetime] = field(default_factory=list)

    def browser(self, token: str | None = None, *, peer: str = "127.0.0.1") -> Browser:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return Browser(self.app, headers=headers, peer=peer)

    def token(self, consumer: str | None = None, *, lifetime: timedelta | None = None) -> str:
        if consumer is not None and not self.read(lambda book: book.tokens.list()):
            # The first token of a deployment is an operator's.
            self.token()
        made = self.rooms.commands.tokens.create(
            kind=TokenKind.ADMIN if consumer is None else TokenKind.CONSUMER,
            consumer_id=None if consumer is None else ConsumerId(consumer),
            name=consumer or "boss",
            lifetime=lifetime,
            by=OPERATOR,
        )
        return asyncio.run(made)[1].text

    def write(self, work: Callable[[Book], Any]) -> Any:
        return asyncio.run(self.books.write(work))

    def read(self, work: Callable[[Book], Any]) -> Any:
        return asyncio.run(self.books.read(work))

    def session(self, consumer: str = "alice", **changed: object) -> str:
        """Ask for a session as an operator, and return its id."""
        by = self.browser(self.token())
        made = by.post("/api/v1/sessions", ORDER | {"consumer_id": consumer} | changed)
        assert made.status == 201, made.body
        return made.json["session"]["id"]


def a_house(
    *,
    listed: bool = True,
    capabilities: dict[ProviderName, Capabilities] | None = None,
    **changed: Any,
) -> House:
    clock, chance, meter, wakeup = HandClock(), SeededChance(7), Notebook(), NoWakeup()
    books = Memory().books(clock=clock, deployment=deployment_id(1))
    capabilities = capabilities or {
        CLOUD: Capabilities(native_ttl=True),
        OTHER_CLOUD: Capabilities(),
    }
    market = Market(list(capabilities))
    if listed and CLOUD in capabilities:
        market.replace(CLOUD, OFFERS, START)
    vault = DeploymentVault(b"k" * 32, chance)
    desk = Desk(
        books=books,
        clock=clock,
        chance=chance,
        vault=vault,
        market=market,
        wakeup=wakeup,
        meter=meter,
        capabilities=capabilities,
        quirks={},
        limits=Limits(),
    )
    sweeps: list[datetime] = []
    rooms = Rooms(
        commands=Commands(
            sessions=SessionCommands(desk),
            heartbeats=HeartbeatCommands(desk),
            tokens=TokenCommands(desk),
        ),
        queries=queries(desk),
        clock=clock,
        chance=chance,
        meter=meter,
        ready=lambda: market.snapshot.ready,
        engine_alive=lambda: True,
        sweep_soon=lambda: sweeps.append(clock.now()),
        render_metrics=meter.render,
    )
    rooms = replace(rooms, **changed)
    return House(
        clock=clock,
        books=books,
        vault=vault,
        market=market,
        meter=meter,
        wakeup=wakeup,
        rooms=rooms,
        desk=desk,
        app=create_app(rooms),
        sweeps=sweeps,
    )


def queries(desk: Desk) -> Queries:
    names = sorted(desk.capabilities)
    hourly = Quirks(billing=BillingTerms(increment=timedelta(hours=1)), destroy_ends_billing=True)
    quirks = {name: hourly if name == CLOUD else Quirks() for name in names}
    billing = {name: quirks[name].billing for name in names}
    books, clock, market = desk.books, desk.clock, desk.market
    return Queries(
        sessions=SessionQueries(books, clock, desk.limits),
        offers=OfferQueries(market, clock, billing=billing),
        odds=OddsQueries(books, market, clock, billing=billing),
        fit=FitQueries(market),
        history=HistoryQueries(books, clock),
        costs=CostQueries(books, clock),
        providers=ProviderQueries(
            books, market, clock, capabilities=desk.capabilities, quirks=quirks
        ),
        operations=OperationQueries(books, providers=names),
        health=HealthQueries(books, market, clock, providers=names),
    )
