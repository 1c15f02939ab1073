"""What the API needs of the house: the commands, the queries, and a few facts about this deployment."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gpu_shopper.api.recent import Recent, WrittenPage
from gpu_shopper.commands.heartbeats import HeartbeatCommands
from gpu_shopper.commands.sessions import SessionCommands
from gpu_shopper.commands.tokens import TokenCommands
from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.meter import Meter
from gpu_shopper.queries.costs import CostQueries
from gpu_shopper.queries.fit import FitQueries
from gpu_shopper.queries.health import HealthQueries, Reading
from gpu_shopper.queries.history import HistoryQueries
from gpu_shopper.queries.odds import OddsQueries
from gpu_shopper.queries.offers import OfferQueries
from gpu_shopper.queries.operations import OperationQueries
from gpu_shopper.queries.providers import ProviderQueries
from gpu_shopper.queries.sessions import SessionQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """All that may be asked for."""

    sessions: SessionCommands
    heartbeats: HeartbeatCommands
    tokens: TokenCommands


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """All that may be asked about."""

    sessions: SessionQueries
    offers: OfferQueries
    odds: OddsQueries
    fit: FitQueries
    history: HistoryQueries
    costs: CostQueries
    providers: ProviderQueries
    operations: OperationQueries
    health: HealthQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Everything behind the API.

    `ready` says whether requests can be served well, `engine_alive` whether sessions are looked after at all;
    `sweep_soon` asks for a look at every account; `render_metrics` puts the book's gauges beside this process's own
    counters. `public_hosts` are the names, beside localhost, under which a server without tokens may be asked. `recent`
    are pages of the menu that are asked for again and again.
    """

    commands: Commands
    queries: Queries
    clock: Clock
    chance: Chance
    meter: Meter
    ready: Callable[[], bool]
    engine_alive: Callable[[], bool]
    sweep_soon: Callable[[], None]
    render_metrics: Callable[[Iterable[Reading]], bytes]
    public_hosts: frozenset[str] = frozenset()
    public_docs: bool = True
    recent: Recent[WrittenPage] = field(default_factory=Recent)
