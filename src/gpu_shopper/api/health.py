"""Whether the service lives, and whether it is ready to be asked."""

from gpu_shopper.api.rooms import Rooms
from gpu_shopper.api.routes import Access, Ask, NoQuery, Reply, Route
from gpu_shopper.wire.operations import Health

_KIND = "health"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def get_health(ask: Ask[NoQuery, None]) -> Reply:
    """Tell whether the service lives: 503 if sessions are not looked after."""
    alive = ask.rooms.engine_alive()
    return _reply(ask.rooms, "ok" if alive else "failing", fine=alive)


async def get_readiness(ask: Ask[NoQuery, None]) -> Reply:
    """Tell whether the service is ready to be asked: 503 until it is."""
    ready = ask.rooms.ready()
    return _reply(ask.rooms, "ready" if ready else "starting", fine=ready)


async def get_metrics(ask: Ask[NoQuery, None]) -> Reply:
    """Give the safety metrics as the book knows them now, and the counters of this process, for Prometheus."""
    readings = await ask.rooms.queries.health.readings()
    return Reply(ask.rooms.render_metrics(readings), media_type=_METRICS_TYPE)


def _reply(rooms: Rooms, status: str, *, fine: bool) -> Reply:
    services = {
        "lifecycle": "running" if rooms.engine_alive() else "stopped",
        "inventory": "available" if rooms.queries.offers.ready else "starting",
        "ready": "true" if rooms.ready() else "false",
    }
    body = Health(status=status, timestamp=rooms.clock.now(), services=services)
    return Reply(body, status=200 if fine else 503)


ROUTES = (
    Route(
        method="GET",
        path="/health",
        answer=get_health,
        access=Access.OPEN,
        reply=Health,
        unready=True,
        tag=_KIND,
    ),
    Route(
        method="GET",
        path="/ready",
        answer=get_readiness,
        access=Access.OPEN,
        reply=Health,
        unready=True,
        tag=_KIND,
    ),
    Route(
        method="GET",
        path="/metrics",
        answer=get_metrics,
        access=Access.SCRAPER,
        reply=None,
        media_type="text/plain",
        tag=_KIND,
    ),
)
