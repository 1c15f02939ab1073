"""Nodes for the simulation: an agent in each instance that really runs, with the agent's own dead-man switch.

A node has the GPUs that were really handed over, whatever was sold or shown. It reports to the house, or is read by it,
over a wire that loses; it obeys orders, and ends itself by its own means when its time is over or nobody answers.
"""

import asyncio
import json
from collections.abc import Callable

from gpu_shopper.agent.config import AgentConfig
from gpu_shopper.agent.deadman import (
    Boot,
    Life,
    aged,
    born,
    counted,
    decide,
    ends_at,
    obeyed,
    resumed,
)
from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.ports.books import BookUnavailable, UnreadableRow
from gpu_shopper.ports.probe import AgentMissing, ProbeFailed
from gpu_shopper.ports.vault import KeyPair
from gpu_shopper.sandbox.messages import InstanceSpec
from gpu_shopper.testing.asgi import Asked
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.front_door import FrontDoor, Unanswered
from gpu_shopper.testing.house import House, HouseDown
from gpu_shopper.testing.loop import VirtualLoop
from gpu_shopper.testing.node_habits import NodeHabits
from gpu_shopper.testing.process import crash_point
from gpu_shopper.wire.agent import GpuReading, Heartbeat, Orders, Workload

_END_AGAIN = 60.0
_BOOT_S = 20.0
# As the agent's own: a house that neither answers nor refuses must not keep it from its deadlines.
_SEND_LIMIT_S = 10.0
HEARTBEAT_PATH = "/api/v1/agent/heartbeat"
_NO_ORDERS = (HouseDown, Unanswered, Refusal, BookUnavailable, UnreadableRow, TimeoutError)


class Node:
    """One agent on one instance."""

    def __init__(self, nodes: "Nodes", cloud: SimCloud, spec: InstanceSpec, number: int) -> None:
        self.spec = spec
        self.cloud = cloud
        self._nodes = nodes
        self._boots = 1
        self._back: asyncio.Event | None = None
        self.new_host_key = ""
        self._chance = nodes.chance.fork(f"node {cloud.name} {number}")
        self.mute = self._chance.uniform() < nodes.habits.mute
        self._gpus_from = 120.0 if self._chance.uniform() < nodes.habits.driver_late else 0.0
        self.idle = self._chance.uniform() < nodes.habits.idle
        if self.mute:
            nodes.struck("node_mute")
        if self._gpus_from:
            nodes.struck("driver_late")
        self._number = number
        self.started_at = self.told_at = nodes.loop.time()
        self._born_at = 0.0
        self._life: Life | None = None
        self.token = ""
        self._given: AgentConfig | None = None
        self._has_agent = asyncio.Event()
        if spec.on_start:
            self.take(spec.on_start)

    def take(self, script: str) -> None:
        """Run a start-up script; one that was run before goes on."""
        if self._given is not None:
            return
        birth = json.loads(script)
        self.token = birth["token"]
        self._given = AgentConfig(
            label=birth["label"], token=self.token, stop_in_seconds=birth["stop_in"]
        )
        self._has_agent.set()

    async def live(self) -> None:
        """Come up, report, obey, end."""
        nodes, loop = self._nodes, self._nodes.loop
        await self._has_agent.wait()
        low, high = nodes.habits.install_s
        await asyncio.sleep(low + (high - low) * self._chance.uniform())
        self._born_at = loop.time()
        self._life = born(
            self._config, Boot(boot_id=f"boot-{self._number}", clock=0.0, up_seconds=0.0)
        )
        while True:
            await self._has_power()
            life = self._aged()
            because = decide(life, self._config, answer_awaited=False)
            if because is not None:
                await self._end(because)
                return
            if nodes.habits.pushes and not self.mute:
                await self._push()
            rest = max(0.1, ends_at(self._aged(), self._config) - self._aged().age)
            await asyncio.sleep(min(nodes.habits.beat_s, rest))

    def answer(self, orders: bytes) -> bytes:
        """Take orders and return a report, for one who logs in to read it.

        Raises:
            ProbeFailed: nothing answers.
        """
        if not self.is_up or self.mute or self.loses_a_word():
            raise ProbeFailed("connection timed out")
        self._obey(Orders.from_json(orders))
        return self.heartbeat().to_json().encode()

    def let_in(self, host_key: str | None) -> None:
        """Let a login in that comes with its own key, and has pinned ours.

        Raises:
            ProbeFailed: it does not know the key yet, or the other side does not know it.
        """
        nodes = self._nodes
        if host_key not in {None, self.host_key}:
            nodes.struck("host_key_refused")
            raise ProbeFailed("shows another host key than before", host_key_changed=True)
        if nodes.loop.time() - self.started_at < nodes.habits.keys_late_s:
            nodes.struck("keys_late")
            raise ProbeFailed("permission denied")

    @property
    def is_bare(self) -> bool:
        """Whether it waits for its start-up script."""
        return self._given is None

    @property
    def _config(self) -> AgentConfig:
        assert self._given is not None, self.spec.name
        return self._given

    @property
    def instance_id(self) -> str:
        """The instance that it runs on."""
        return self.spec.instance_id

    @property
    def is_up(self) -> bool:
        """Whether its agent runs."""
        return self._life is not None and self._back is None

    @property
    def has_power(self) -> bool:
        """Whether its machine runs."""
        return self._back is None

    @property
    def host_key(self) -> str:
        """The key that its SSH server shows: the one that the cloud knows of, unless the host was set up anew."""
        held = self.cloud.instance(self.instance_id)
        return self.new_host_key or (held and held.host_key) or "ssh-ed25519 AAAAUnknown"

    def lose_power(self) -> None:
        """Stop here, as a machine without power does; the disk keeps what the agent has written."""
        if self.is_up:
            self._aged()
            self._back = asyncio.Event()

    def power_up(self) -> None:
        """Boot again: the agent goes on with its life, and the time without power does not count."""
        if self._back is None or self._life is None:
            return
        loop, self._boots = self._nodes.loop, self._boots + 1
        boot = Boot(boot_id=f"boot-{self._number}-{self._boots}", clock=_BOOT_S, up_seconds=_BOOT_S)
        self._life = resumed(self._life, boot)
        self._born_at, self.started_at = loop.time() - _BOOT_S, loop.time()
        self._back.set()
        self._back = None

    async def _has_power(self) -> None:
        if self._back is not None:
            await self._back.wait()

    def _obey(self, orders: Orders) -> None:
        self._life = obeyed(self._aged(), orders, self._aged().age)
        self.told_at = self._nodes.loop.time()

    def loses_a_word(self) -> bool:
        """Draw whether what is said between it and the house just now gets lost."""
        if self._nodes.is_cut(self):
            return True
        return self._chance.uniform() < self._nodes.habits.lose

    def _aged(self) -> Life:
        assert self._life is not None, self.spec.name
        self._life = aged(self._life, self._nodes.loop.time() - self._born_at)
        return self._life

    async def _push(self) -> None:
        nodes, heartbeat = self._nodes, self.heartbeat()
        times = 2 if self._chance.uniform() < nodes.habits.replay else 1
        for again in range(times):
            if self.loses_a_word():
                nodes.struck("heartbeat_lost")
                continue
            if again:
                nodes.struck("heartbeat_replayed")
            try:
                async with asyncio.timeout(_SEND_LIMIT_S):
                    orders = await self._report(heartbeat)
            except _NO_ORDERS:
                continue
            if self.loses_a_word():
                nodes.struck("orders_lost")
                continue
            if self.is_up:
                self._obey(orders)

    async def _report(self, heartbeat: Heartbeat) -> Orders:
        nodes = self._nodes
        if not nodes.habits.by_api or nodes.door is None:
            return await nodes.house.ask(lambda life: life.heartbeats.report(self.token, heartbeat))
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = heartbeat.to_json().encode()
        asked = Asked(method="POST", path=HEARTBEAT_PATH, headers=headers, body=body)
        answered = await nodes.door.ask(asked, timeout_s=_SEND_LIMIT_S)
        nodes.struck("heartbeat_by_api")
        if answered.status != 200:
            raise Unanswered(f"refused with {answered.status}", sent=True)
        return Orders.from_json(answered.body)

    def heartbeat(self) -> Heartbeat:
        """Return the next report of this node; its counter grows."""
        life = self._life = counted(self._aged())
        gpus = self.spec.gpus
        ready = life.age >= self._gpus_from
        reading = GpuReading(
            name=gpus.driver_name,
            # Of a slice, a driver tells the name of its profile alone.
            memory_mib=None if " MIG " in gpus.driver_name else gpus.memory_mib,
            uuid="GPU-0",
            utilization_percent=0.0,
            memory_used_mib=0,
        )
        return Heartbeat(
            label=life.label,
            boot_id=life.boot_id,
            counter=life.counter,
            agent_version="1",
            sent_at="2026-01-01T00:00:00Z",
            gpus=(reading,) * gpus.count if ready else (),
            gpu_error=None if ready else "no driver",
            driver_version=gpus.driver,
            cuda_version=gpus.cuda,
            disk_total_gb=100.0,
            disk_free_gb=50.0,
            ram_total_gb=64.0,
            cpu_count=8,
            idle_seconds=life.age if self.idle else 0.0,
            ssh_sessions=0,
            uptime_seconds=life.age,
            host_key=None,
            workload=Workload(state="none"),
            instance_id=self.instance_id if self.cloud.profile.names_itself else None,
        )

    async def _end(self, because: str) -> None:
        self._nodes.struck(f"node_ended_itself {because}")
        # Taken is not done: a cloud that only claims to have ended it is asked again, until the power goes.
        while True:
            await self._has_power()
            self.cloud.end_itself(self.spec.instance_key)
            await asyncio.sleep(_END_AGAIN)


def _nobody(fault: str) -> None:
    pass


class Nodes:
    """All nodes that live, by cloud and instance; also the login by which the house reads them."""

    def __init__(
        self, loop: VirtualLoop, house: House | None, *, habits: NodeHabits, chance: SeededChance
    ) -> None:
        self.loop = loop
        self.habits = habits
        self.chance = chance
        self.struck: Callable[[str], None] = _nobody
        self._house = house
        self.door: FrontDoor | None = None
        self._number = 0
        # Where somebody else's machine answers at an instance's address.
        self.tenants: dict[str, Node] = {}
        # Which nodes and the house are cut off from each other; each stands until it is taken out.
        self.cuts: list[Callable[[Node], bool]] = []
        self._nodes: dict[str, Node] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def house(self) -> House:
        """The house that nodes report to."""
        assert self._house is not None, "set before the first node"
        return self._house

    @house.setter
    def house(self, house: House) -> None:
        self._house = house

    def start(self, cloud: SimCloud, spec: InstanceSpec) -> None:
        """Bring an instance's agent to life; a stranger's instance has none."""
        ordered_by_us = spec.on_start or spec.ssh_keys
        if spec.instance_id in self._nodes or not ordered_by_us:
            return
        self._number += 1
        node = Node(self, cloud, spec, self._number)
        self._nodes[spec.instance_id] = node
        name = f"node {self._number}"
        self._tasks[spec.instance_id] = self.loop.spawn(node.live(), name=name)

    def stop(self, instance_id: str) -> None:
        """Let a machine lose its power."""
        self._nodes.pop(instance_id, None)
        task = self._tasks.pop(instance_id, None)
        if task is not None:
            task.cancel()

    def is_cut(self, node: Node) -> bool:
        """Tell whether house and node can't reach each other just now."""
        return any(reaches(node) for reaches in self.cuts)

    def all(self) -> list[Node]:
        """Return all nodes, also those that have not come up or lost their power."""
        return list(self._nodes.values())

    def alive(self) -> list[Node]:
        """Return all nodes that have come up."""
        return [node for node in self._nodes.values() if node.is_up]

    def of(self, instance_id: str) -> Node | None:
        """Return the node of an instance that runs."""
        return self._nodes.get(instance_id)

    async def read_report(
        self,
        endpoint: Endpoint,
        *,
        key: KeyPair,
        host_key: str | None,
        orders: bytes,
        timeout: float,
    ) -> tuple[bytes, str]:
        """See the probe's port."""
        with crash_point("read report"):
            await asyncio.sleep(0.3)
            instance_id = endpoint.host.partition(".")[0]
            node = self.tenants.get(instance_id) or self._nodes.get(instance_id)
            if node is None:
                raise ProbeFailed("no route to host")
            node.let_in(host_key)
            if node.instance_id != instance_id:
                self.struck("foreign_report")
                # Somebody else's agent, and somebody else's orders are none of its business.
                return node.heartbeat().to_json().encode(), node.host_key
            if node.is_bare and node.has_power and not node.mute:
                raise AgentMissing("there is no agent", host_key=node.host_key)
            return node.answer(orders), node.host_key

    async def deliver(
        self, endpoint: Endpoint, *, key: KeyPair, host_key: str, script: str, timeout: float
    ) -> None:
        """See the probe's port. An answer may be lost although the script ran."""
        with crash_point("deliver"):
            await asyncio.sleep(0.3)
            node = self._nodes.get(endpoint.host.partition(".")[0])
            if node is None or not node.has_power or node.mute or node.loses_a_word():
                raise ProbeFailed("no route to host")
            node.let_in(host_key)
            node.take(script)
            self.struck("agent_brought")
            if node.loses_a_word():
                raise ProbeFailed("connection lost")
