"""How sessions are shown: a row in a list, and all fields of one."""

from gpu_shopper.cli.render import Column
from gpu_shopper.wire.figures import money
from gpu_shopper.wire.sessions import SessionBody


def _gpu(session: SessionBody) -> str:
    if session.gpu_type is None:
        return "-"
    return f"{session.gpu_count or 1} × {session.gpu_type}"


def _reason(session: SessionBody) -> str:
    return session.error or session.stop_reason or ""


def _address(session: SessionBody) -> str | None:
    if session.ssh_host is None:
        return None
    return f"{session.ssh_user}@{session.ssh_host}:{session.ssh_port}"


COLUMNS: tuple[Column[SessionBody], ...] = (
    Column("Session", lambda session: session.id),
    Column("Status", lambda session: session.status),
    Column("Phase", lambda session: session.phase),
    Column("GPU", _gpu),
    Column("USD/h", lambda session: money(session.price_per_hour), right=True),
    Column("Cost", lambda session: money(session.cost_so_far), right=True),
    Column("Consumer", lambda session: session.consumer_id),
    Column("Ends", lambda session: session.expires_at),
    Column("Why", _reason),
)

FIELDS: tuple[Column[SessionBody], ...] = (
    Column("Session", lambda session: session.id),
    Column("Status", lambda session: session.status),
    Column("Phase", lambda session: session.phase),
    Column("Stop reason", lambda session: session.stop_reason),
    Column("Error", lambda session: session.error),
    Column("Consumer", lambda session: session.consumer_id),
    Column("GPU", _gpu),
    Column("Cloud", lambda session: session.provider),
    Column("Offer", lambda session: session.offer_id),
    Column("Price USD/h", lambda session: money(session.price_per_hour)),
    Column("Cost USD", lambda session: money(session.cost_so_far, digits=6)),
    Column("Address", _address),
    Column("Host key", lambda session: session.host_key),
    Column("Asked for", lambda session: session.created_at),
    Column("Running since", lambda session: session.running_at),
    Column("Ends", lambda session: session.expires_at),
    Column("Ended", lambda session: session.stopped_at),
    Column("Last heartbeat", lambda session: session.last_heartbeat_at),
    Column("Tries", lambda session: len(session.attempts)),
)
