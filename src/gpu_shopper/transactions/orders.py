"""Reading what a node is to be told, and turning its report into the house's own words."""

from datetime import datetime

from gpu_shopper.domain.deadlines import Limits, reserved_until
from gpu_shopper.domain.hearing import GpuSeen, NodeReport
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.session import Session
from gpu_shopper.wire.agent import ORDER_CONTINUE, ORDER_STOP, Heartbeat, Orders


def orders_for(
    session: Session, attempt: LaunchAttempt, *, limits: Limits, now: datetime
) -> Orders:
    """Return the orders for this attempt's agent; times are relative, for the node's clock is not trusted."""
    # The node is told the end of its reservation only: for silence it has the lease, which outlasts our own absences.
    reserved = reserved_until(session, honoured_until=attempt.expires_at)
    go_on = attempt.wanted and attempt.open and not session.ending
    # Before it runs, the start-up deadline is ours to keep, not the node's.
    until = attempt.expires_at if session.running_at is None else reserved.at
    return Orders(
        order=ORDER_CONTINUE if go_on else ORDER_STOP,
        stop_in_seconds=max(0.0, (until - now).total_seconds()),
        lease_seconds=limits.lease.total_seconds(),
        heartbeat_seconds=limits.heartbeat.total_seconds(),
    )


def node_report(heartbeat: Heartbeat) -> NodeReport:
    """Return what the house keeps of a heartbeat."""
    gpus = tuple(GpuSeen(gpu.name, gpu.memory_mib or 0) for gpu in heartbeat.gpus)
    return NodeReport(
        boot_id=heartbeat.boot_id,
        counter=heartbeat.counter,
        gpus=gpus if gpus and heartbeat.gpu_error is None else None,
        idle_seconds=heartbeat.idle_seconds,
        host_key=heartbeat.host_key,
        instance_id=None if heartbeat.instance_id is None else InstanceId(heartbeat.instance_id),
    )
