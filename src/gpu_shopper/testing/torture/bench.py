"""The programs under torture in one folder, what is planted among them, and the end of all of it.

Whatever was started from the folder, by whomever, is killed by its process number when the bench is closed, however the
run ended.
"""

import contextlib
import http.client
import json
import shutil
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu_shopper.domain.ids import DeploymentId, SessionId
from gpu_shopper.domain.label import LabelFacts, write_label
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.sandbox import processes
from gpu_shopper.testing.programs import (
    KEY,
    PATIENCE_S,
    Cloud,
    Server,
    ask,
    free_port,
    marked,
    started_from,
    until,
)
from gpu_shopper.testing.torture.small_disk import SmallDisk
from gpu_shopper.testing.torture.truth import Truth

_OFFERS = 400
_BOOT_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """An instance in the same account that is not ours."""

    instance: str
    label: str
    process: processes.Process


@dataclass(slots=True)
class Spans:
    """When something could not be reached or lied, in unix seconds."""

    spans: list[tuple[float, float]] = field(default_factory=list)
    _since: float | None = None

    def begin(self) -> None:
        """Trouble from now on."""
        if self._since is None:
            self._since = time.time()

    def end(self) -> None:
        """No more."""
        if self._since is not None:
            self.spans.append((self._since, time.time()))
            self._since = None

    def within_s(self, begin: float, end: float) -> float:
        """Return how much of that time was trouble."""
        open_now = [] if self._since is None else [(self._since, time.time())]
        return sum(
            max(0.0, min(end, until_) - max(begin, since))
            for since, until_ in (*self.spans, *open_now)
        )


class Bench:
    """A cloud, a server and their folder."""

    def __init__(self, folder: Path) -> None:
        """Prepare the folder; nothing is started yet."""
        self.folder = folder
        self.cloud = Cloud(folder / "cloud", folder / "cloud.log")
        self.server = Server(folder / "data", folder / "server.log")
        self.server.port, self._cloud_port = free_port(), free_port()
        self._others: list[Server] = []
        self.disk = SmallDisk(folder)
        self.strays: list[Stray] = []
        self.server_away = Spans()
        self.cloud_away = Spans()
        self.cloud_lies = Spans()

    @property
    def settings(self) -> dict[str, str]:
        """What the server is told: everything that takes minutes with people takes seconds here."""
        return {
            "data_dir": str(self.server.folder),
            "database": str(self.server.database),
            "provider_sandbox_url": self.cloud.url,
            "provider_sandbox_key": KEY,
            "heartbeat_seconds": "1",
            "accrue_period_s": "1",
            "sweep_period_s": "2",
            "silence_minutes": "0.25",
            "lease_minutes": "1",
            "log_format": "json",
        }

    @property
    def truth(self) -> Truth:
        """Where to look for what is true."""
        return Truth(cloud=self.cloud.state, database=self.server.database, account_key=KEY)

    def open(self, *, small_disk: bool) -> None:
        """Start everything, and plant what must survive."""
        if small_disk and self.disk.mount():
            self.server.database_file = self.disk.place / "shopper.db"
        self.start_cloud()
        self._plant("somebody-elses", "a-label-of-nobody", _another_deployments())
        self.start_server(wait=True)

    def start_cloud(self) -> None:
        """Start the cloud, for the first time or again."""
        self.cloud.start(boot_s=_BOOT_S, offers=_OFFERS, port=self._cloud_port)
        self.cloud_away.end()

    def start_server(self, *, wait: bool) -> None:
        """Start the server as anybody would; there is no other recovery."""
        self.server.start(wait=wait, **self.settings)
        self.server_away.end()

    def kill_cloud(self) -> None:
        """End the cloud as a power cut would; its instances live on."""
        assert self.cloud.runs, f"the cloud ended by itself\n{self.cloud.said[-3000:]}"
        self.cloud_away.begin()
        self.cloud.kill()

    def kill_server(self) -> None:
        """End the server as a power cut would."""
        assert self.server.runs, f"the server ended by itself\n{self.server.said[-3000:]}"
        self.server_away.begin()
        self.server.kill()

    def another_server(self) -> Server:
        """Return a server that has no book yet and shares only the cloud."""
        number = len(self._others)
        server = Server(self.folder / f"fresh-{number}", self.folder / "fresh.log")
        self._others.append(server)
        return server

    def offers(self) -> list[str]:
        """Return dear offers, so that a wrong second shows."""
        query = "min_gpu_count=4&interruptible=false&sort=price&limit=200"
        page = ask(self.server.url, "GET", f"/api/v1/inventory?{query}").body
        return [offer["id"] for offer in page["offers"]]

    def close(self) -> None:
        """End everything that was started from here, by its process number; may be called twice."""
        give_up_at = time.monotonic() + PATIENCE_S
        while left := set(started_from(self.folder)) | self._instances():
            for pid in left:
                processes.send(processes.find(pid), signal.SIGKILL)
            assert time.monotonic() < give_up_at, f"processes {left} do not end"
            time.sleep(0.05)
        for program in (self.server, self.cloud, *self._others):
            if program.process is not None:
                program.wait()
        if self.server.database_file is not None and self.disk.kind:
            self.disk.free()
            for file in self.disk.place.glob("shopper.db*"):
                shutil.copy2(file, self.folder)
        self.disk.unmount()

    def _instances(self) -> set[int]:
        with contextlib.suppress(OSError):
            return {pid for pid, _ in marked(self.truth.instances())}
        return set()

    def _plant(self, *labels: str) -> None:
        bearer = f"Bearer {KEY}"
        offers = ask(self.cloud.url, "GET", "/v1/offers?limit=200", Authorization=bearer).body[
            "offers"
        ]
        for label, offer in zip(labels, offers, strict=False):
            order = {"offer_id": offer["id"], "name": label, "image": "any", "disk_gb": 10}
            made = ask(self.cloud.url, "POST", "/v1/instances", order, Authorization=bearer)
            assert made.status == 201, made
            instance = str(made.body["id"])
            ready = self.cloud.state / "instances" / instance / "ready.json"
            until("what is planted is up", ready.exists)
            process = processes.find(json.loads(ready.read_text())["pid"])
            assert process is not None, "what is planted is up"
            self.strays.append(Stray(instance=instance, label=label, process=process))

    def misbehave(self, *rules: dict[str, Any]) -> None:
        """Let the cloud misbehave in these ways, or behave; it may be away, and then nothing changes."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.cloud.misbehave(*rules)
            if rules:
                self.cloud_lies.begin()
            else:
                self.cloud_lies.end()


def _another_deployments() -> str:
    """Return a label as another deployment in the same account would write it, long overdue."""
    facts = LabelFacts(
        deployment=DeploymentId("dep_" + "a" * 16),
        session=SessionId("ses_" + "a" * 16),
        number=1,
        expires_at=RealClock().now(),
    )
    return write_label(facts, key=b"another deployment's key, 32 byte")
