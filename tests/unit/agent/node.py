"""A node that is nowhere: its clock, commands, answers and signals are what a test says."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gpu_shopper.agent.beating import Beat
from gpu_shopper.agent.config import AgentConfig
from gpu_shopper.agent.daemon import Courier, Daemon
from gpu_shopper.agent.deadman import Boot
from gpu_shopper.agent.outside import Answer, Asking, Outside, Ran
from gpu_shopper.wire.agent import Orders

CONFIG = AgentConfig(
    label="gs-abc-1",
    token="gsa_0123456789",
    stop_in_seconds=7_200.0,
    control_urls=("https://control.example/heartbeat",),
    heartbeat_seconds=15.0,
    lease_seconds=1_800.0,
    grace_seconds=300.0,
)
GO_ON = Orders("continue", stop_in_seconds=3_600.0, lease_seconds=1_800.0, heartbeat_seconds=15.0)
ONE_GPU = "NVIDIA GeForce RTX 4090, 24564, GPU-1, {use}, 512, 550.54.15\n"


def orders(**changes: object) -> Orders:
    return replace(GO_ON, **changes)


def ok(told: Orders = GO_ON) -> Answer:
    return Answer(200, told.to_json().encode())


@dataclass
class Node:
    """Everything outside of the agent, in a folder of the test."""

    folder: Path
    now: float = 1_000.0
    answer: Callable[[Asking], Answer] = lambda _: Answer(0, error="unreachable")
    gpu_use: str = "0"
    gpu_listing: str = ""
    gpu_list: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    asked: list[Asking] = field(default_factory=list)
    commands: list[tuple[str, ...]] = field(default_factory=list)
    launched: list[tuple[str, ...]] = field(default_factory=list)
    signals: list[tuple[int, int]] = field(default_factory=list)
    living_groups: set[int] = field(default_factory=set)
    stubborn: bool = False
    logged: list[str] = field(default_factory=list)
    boot_id: str = "boot-1"

    def __post_init__(self) -> None:
        self.place = self.folder / "home" / ".gpu-shopper"
        self.place.mkdir(parents=True, exist_ok=True)
        self.root = self.folder / "root"
        self.add_process(1, name="init")
        tool = self.folder / "bin" / "nvidia-smi"
        tool.parent.mkdir(exist_ok=True)
        tool.write_text("never run")
        tool.chmod(0o755)
        self.environ["PATH"] = str(tool.parent)

    def outside(self) -> Outside:
        return Outside(
            place=self.place,
            root=self.root,
            environ=self.environ,
            clock=lambda: self.now,
            calendar=lambda: "2000-01-01T00:00:00Z",
            run=self.run,
            launch=lambda words: self.launched.append(tuple(words)),
            send=self.send,
            signal_group=self.signal_group,
            signal_one=self.signal_group,
            log=self.logged.append,
        )

    def boot(self) -> Boot:
        return Boot(self.boot_id, self.now, up_seconds=self.now)

    def daemon(self, config: AgentConfig = CONFIG, courier: Courier | None = None) -> Daemon:
        return Daemon(self.outside(), config, self.boot(), courier or Courier(at_once))

    def pass_time(self, daemon: Daemon, seconds: float, step: float = 5.0) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            daemon.step()

    def run(self, words: Sequence[str], _timeout: float) -> Ran:
        self.commands.append(tuple(words))
        if not words[0].endswith("nvidia-smi"):
            return Ran(0, "")
        if self.gpu_use == "hang":
            return Ran(None, "", "nvidia-smi did not answer within 15 s")
        if any(word.startswith("--query-gpu=") for word in words):
            return Ran(0, self.gpu_listing or ONE_GPU.format(use=self.gpu_use))
        if "-L" in words:
            return Ran(0, self.gpu_list)
        return Ran(0, "| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4 |")

    def send(self, asking: Asking) -> Answer:
        self.asked.append(asking)
        return self.answer(asking)

    def signal_group(self, number: int, how: int) -> bool:
        if how:
            self.signals.append((number, how))
        alive = number in self.living_groups
        if how == signal.SIGKILL or (how == signal.SIGTERM and not self.stubborn):
            self.living_groups.discard(number)
        return alive

    def add_process(
        self,
        pid: int,
        *,
        name: str = "sh",
        parent: int = 0,
        command: str = "",
        env: dict[str, str] | None = None,
        up: float = 900.0,
        holds: str | None = None,
    ) -> None:
        entry = self.root / "proc" / str(pid)
        (entry / "fd").mkdir(parents=True, exist_ok=True)
        started = int((self.now - up) * 100)
        fields = ["S", str(parent), *["0"] * 17, str(started), "0"]
        (entry / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")
        (entry / "cmdline").write_bytes(command.replace(" ", "\0").encode())
        pairs = [f"{key}={value}\0" for key, value in (env or {}).items()]
        (entry / "environ").write_bytes("".join(pairs).encode())
        if holds is not None:
            (entry / "fd" / "7").symlink_to(holds)


def at_once(make: Callable[[], Beat], deliver: Callable[[Beat], None]) -> None:
    deliver(make())


class Hung:
    """A courier's way that never comes back until it is let go."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Beat], Callable[[Beat], None]]] = []

    def __call__(self, make: Callable[[], Beat], deliver: Callable[[Beat], None]) -> None:
        self.waiting.append((make, deliver))

    def let_go(self) -> None:
        for make, deliver in self.waiting:
            deliver(make())
        self.waiting.clear()
