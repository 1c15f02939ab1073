"""Everything behind the API, put together over the engine's desk: the same commands and queries for every house."""

from collections.abc import Callable, Iterable

from gpu_shopper.api.rooms import Commands, Queries, Rooms
from gpu_shopper.commands.desk import Desk as CommandDesk
from gpu_shopper.commands.heartbeats import HeartbeatCommands
from gpu_shopper.commands.sessions import SessionCommands
from gpu_shopper.commands.tokens import TokenCommands
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.schedule import Engine
from gpu_shopper.ports.clock import Clock
from gpu_shopper.queries.costs import CostQueries
from gpu_shopper.queries.fit import FitQueries
from gpu_shopper.queries.health import HealthQueries, Reading
from gpu_shopper.queries.history import HistoryQueries
from gpu_shopper.queries.odds import OddsQueries
from gpu_shopper.queries.offers import OfferQueries
from gpu_shopper.queries.operations import OperationQueries
from gpu_shopper.queries.providers import ProviderQueries
from gpu_shopper.queries.sessions import SessionQueries

# A task that has not finished a round for so long hangs.
_BEAT_LIMIT_S = 900.0


def rooms_over(
    desk: Desk,
    engine: Engine,
    *,
    render_metrics: Callable[[Iterable[Reading]], bytes],
    public_url: str | None,
) -> Rooms:
    """Return the commands and queries over what the engine acts through, as the API wants them."""
    capabilities = {name: cloud.capabilities for name, cloud in desk.clouds.items()}
    quirks = {name: cloud.quirks for name, cloud in desk.clouds.items()}
    billing = {name: each.billing for name, each in quirks.items()}
    command_desk = CommandDesk(
        books=desk.books,
        clock=desk.clock,
        chance=desk.chance,
        vault=desk.vault,
        market=desk.market,
        wakeup=desk.wakeup,
        meter=desk.meter,
        capabilities=capabilities,
        quirks=quirks,
        limits=desk.limits,
        sweep_soon=engine.sweep_soon,
    )
    names = sorted(desk.clouds)
    health = HealthQueries(desk.books, desk.market, desk.clock, providers=names)
    host = public_url.split("://", 1)[-1].split("/", 1)[0] if public_url else ""
    return Rooms(
        commands=Commands(
            sessions=SessionCommands(command_desk),
            heartbeats=HeartbeatCommands(command_desk),
            tokens=TokenCommands(command_desk),
        ),
        queries=Queries(
            sessions=SessionQueries(desk.books, desk.clock, desk.limits),
            offers=OfferQueries(desk.market, desk.clock, billing=billing),
            odds=OddsQueries(desk.books, desk.market, desk.clock, billing=billing),
            fit=FitQueries(desk.market),
            history=HistoryQueries(desk.books, desk.clock),
            costs=CostQueries(desk.books, desk.clock),
            providers=ProviderQueries(
                desk.books,
                desk.market,
                desk.clock,
                capabilities=capabilities,
                quirks=quirks,
            ),
            operations=OperationQueries(desk.books, providers=names),
            health=health,
        ),
        clock=desk.clock,
        chance=desk.chance,
        meter=desk.meter,
        ready=lambda: desk.market.snapshot.ready,
        engine_alive=lambda: _alive(engine, desk.clock),
        sweep_soon=engine.sweep_soon,
        render_metrics=render_metrics,
        public_hosts=frozenset({host}) if host else frozenset(),
    )


def _alive(engine: Engine, clock: Clock) -> bool:
    now = clock.monotonic()
    return all(now - beat < _BEAT_LIMIT_S for beat in engine.beats.values())
