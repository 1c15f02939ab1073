"""Where node agents report. The body is the agent's own, read by its own strict reader."""

from gpu_shopper.api.problems import BadInput
from gpu_shopper.api.routes import Access, Ask, NoQuery, Reply, Route
from gpu_shopper.domain import errors
from gpu_shopper.wire.agent import BodyError, Heartbeat, Orders
from gpu_shopper.wire.heartbeats import read_heartbeat
from gpu_shopper.wire.problems import FieldProblem


async def report_heartbeat(ask: Ask[NoQuery, bytes]) -> Reply:
    """Take a sign of life from a node, and answer with what it is to do."""
    try:
        heartbeat = read_heartbeat(ask.body)
    except BodyError as error:
        path = f"$.{error.path}" if error.path else "$"
        raise BadInput((FieldProblem(path=path, message=error.message),)) from error
    orders = await ask.rooms.commands.heartbeats.report(ask.token, heartbeat)
    return Reply(orders.to_json().encode())


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/agent/heartbeat",
        answer=report_heartbeat,
        access=Access.AGENT,
        raw_body=Heartbeat,
        reply=Orders,
        tag="agent",
        refuses=(errors.Replayed,),
    ),
)
