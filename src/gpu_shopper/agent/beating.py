"""One heartbeat: gather the facts, write them down, tell the control plane, bring back its orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from gpu_shopper.agent import AGENT_VERSION
from gpu_shopper.agent.config import AgentConfig
from gpu_shopper.agent.deadman import Life
from gpu_shopper.agent.gpus import GpuState, GpuWatch
from gpu_shopper.agent.machine import (
    cpu_count,
    disk_gb,
    host_key,
    instance_id,
    ram_gb,
    seconds_up,
)
from gpu_shopper.agent.notebook import HEARTBEAT, Notebook
from gpu_shopper.agent.outside import Answer, Asking, Outside
from gpu_shopper.agent.presence import Presence, usual_methods
from gpu_shopper.agent.processes import ProcessTable
from gpu_shopper.agent.workload import workload_of
from gpu_shopper.wire.agent import BodyError, Heartbeat, Orders


@dataclass(frozen=True)
class Beat:
    """What came of one heartbeat: whether the node is in use, the orders if any came, and what went wrong."""

    busy: bool
    orders: Optional[Orders]
    trouble: tuple[str, ...] = ()


class Pulse:
    """Makes heartbeats, one after the other."""

    def __init__(self, outside: Outside, config: AgentConfig) -> None:
        """Look at the given node and report as the given config says."""
        self._outside = outside
        self._config = config
        self._notebook = Notebook(outside.place)
        self._gpus = GpuWatch(outside)
        self._table = ProcessTable(outside, config.process_scope_env)
        scoped = config.process_scope_env is not None
        self._presence = Presence(usual_methods(outside, self._table, scoped=scoped))

    def beat(self, life: Life) -> Beat:
        """Send one heartbeat for a life whose counter was taken and saved."""
        heartbeat, busy = self.read(life)
        trouble = []
        failure = self._notebook.write(HEARTBEAT, heartbeat.to_json())
        if failure is not None:
            trouble.append(failure)
        for url in self._config.control_urls:
            orders, why_not = self._tell(url, heartbeat)
            if orders is not None:
                return Beat(busy, orders, tuple(trouble))
            trouble.append(why_not)
        return Beat(busy, None, tuple(trouble))

    def read(self, life: Life) -> tuple[Heartbeat, bool]:
        """Gather one heartbeat, and tell whether the node is in use."""
        state = self._gpus.look()
        sessions = self._presence.sessions()
        busy = is_busy(state, sessions, self._config.idle_utilization_percent)
        total, free = disk_gb(self._outside)
        heartbeat = Heartbeat(
            label=life.label,
            boot_id=life.boot_id,
            counter=life.counter,
            agent_version=AGENT_VERSION,
            sent_at=self._outside.calendar(),
            gpus=state.gpus,
            gpu_error=state.error,
            driver_version=state.driver,
            cuda_version=self._gpus.cuda_version(),
            disk_total_gb=total,
            disk_free_gb=free,
            ram_total_gb=ram_gb(self._outside),
            cpu_count=cpu_count(),
            idle_seconds=0.0 if busy else round(max(0.0, life.age - life.busy_at), 3),
            ssh_sessions=sessions or 0,
            uptime_seconds=round(seconds_up(self._outside), 3),
            host_key=host_key(self._outside),
            workload=workload_of(self._notebook, self._table),
            instance_id=instance_id(self._outside, self._table, self._config.instance_id_env),
        )
        return heartbeat, busy

    def _tell(self, url: str, heartbeat: Heartbeat) -> tuple[Optional[Orders], str]:
        headers = {
            "Authorization": "Bearer " + self._config.token,
            "Content-Type": "application/json",
        }
        answer = self._outside.send(Asking("POST", url, headers, heartbeat.to_json().encode()))
        try:
            return orders_in(answer), ""
        except BodyError as error:
            return None, "%s: %s" % (url.partition("?")[0], error.message)


def orders_in(answer: Answer) -> Orders:
    """Return the orders of a good answer; anything else renews nothing and raises BodyError."""
    if answer.error is not None:
        raise BodyError("", answer.error)
    if answer.status != 200:
        raise BodyError("", "answered %d, which renews no lease" % answer.status)
    return Orders.from_json(answer.body)


def is_busy(state: GpuState, sessions: Optional[int], threshold_percent: float) -> bool:
    """Tell whether the node is in use. What can't be seen is not idle: nobody's work ends because we are blind."""
    if state.error is not None or sessions is None or sessions > 0:
        return True
    return any(
        gpu.utilization_percent is None or gpu.utilization_percent > threshold_percent
        for gpu in state.gpus
    )
