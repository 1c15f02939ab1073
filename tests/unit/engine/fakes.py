"""Stand-ins for what the engine tells, asks and reads, each with a memory."""

from collections import Counter
from collections.abc import Mapping

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.ports.boot import BootOrder
from gpu_shopper.ports.notifier import NotDelivered
from gpu_shopper.ports.probe import AgentMissing, ProbeFailed
from gpu_shopper.ports.records import Notice


class Recorder:
    """A meter that remembers."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.events: list[str] = []
        self.alarms: list[str] = []

    def event(self, name: str, **fields: object) -> None:
        self.events.append(name)

    def alarm(self, name: str, **fields: object) -> None:
        self.alarms.append(name)

    def count(self, name: str, **labels: str) -> None:
        self.counted[name] += 1

    def timed(self, name: str, seconds: float, **labels: str) -> None:
        assert seconds >= 0, name


class FakeProbe:
    """A node that is read over SSH; None while nobody answers there."""

    def __init__(self) -> None:
        self.report: bytes | None = None
        self.host_key = "ssh-ed25519 AAAAnode"
        # Where it lets in and no agent is there.
        self.lets_in = False
        self.refuses: ProbeFailed | None = None
        self.delivered: list[tuple[str, str]] = []
        self.pinned: list[str | None] = []
        self.orders: list[bytes] = []

    async def read_report(self, endpoint, *, key, host_key, orders: bytes, timeout: float):
        self.pinned.append(host_key)
        self.orders.append(orders)
        if self.lets_in:
            raise AgentMissing("there is no agent", host_key=self.host_key)
        if self.report is None:
            raise ProbeFailed("connection refused")
        return self.report, self.host_key

    async def deliver(self, endpoint, *, key, host_key: str, script: str, timeout: float):
        self.delivered.append((host_key, script))
        if self.refuses is not None:
            raise self.refuses


class FakeBootScripts:
    def __init__(self) -> None:
        self.node_can_reach_us = True
        self.orders: list[BootOrder] = []

    def size_bytes(self, provider: ProviderName, user_script: str | None) -> int:
        return 10 + len(user_script or "")

    def script(self, order: BootOrder) -> str:
        self.orders.append(order)
        return "#!/bin/sh\n" + (order.user_script or "")

    def environment(self, provider: ProviderName) -> Mapping[str, str]:
        return {"FROM": provider}


class FakeNotifier:
    def __init__(self) -> None:
        self.delivered: list[Notice] = []
        self.down = False

    async def deliver(self, notice: Notice) -> None:
        if self.down:
            raise NotDelivered("the webhook answered 503")
        self.delivered.append(notice)
