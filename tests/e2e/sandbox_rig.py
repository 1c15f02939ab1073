"""A sandbox program for the tests: started, asked, killed, and always cleaned up."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gpu_shopper.sandbox import processes

KEY, CONTROL = "account-key", "control-key"
PATIENCE_S = 15.0


class Sandbox:
    """One sandbox program over one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program: subprocess.Popen[str] | None = None
        self.url = ""

    def command(self, *more: str) -> list[str]:
        return [
            sys.executable, "-m", "gpu_shopper.sandbox", "--state-dir", str(self.folder), "--key", KEY,
            "--control-key", CONTROL, "--boot-seconds", "0.1", "--offers", "200", *more,
        ]  # fmt: skip

    def start(self, *more: str) -> None:
        self.program = subprocess.Popen(self.command(*more), stdout=subprocess.PIPE, text=True)
        self.url = self.program.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")

    def end(self, number: signal.Signals) -> int:
        self.program.send_signal(number)
        self.program.stdout.close()
        return self.program.wait(PATIENCE_S)

    def call(self, method: str, path: str, body: Any = None, *, key: str = KEY) -> tuple[int, Any]:
        return self._send(method, path, body, {"Authorization": f"Bearer {key}"})

    def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self._send(method, f"/control/{path}", body, {"X-Control-Key": CONTROL})

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def create(self, *, gpus: int = 1, **more: Any) -> dict[str, Any]:
        offers = self.call("GET", "/v1/offers?limit=200")[1]["offers"]
        offer = next(offer for offer in offers if offer["gpu_count"] == gpus)
        order = {"offer_id": offer["id"], "name": "n", "image": "any", "disk_gb": 10, **more}
        status, instance = self.call("POST", "/v1/instances", order)
        assert status == 201, instance
        return instance

    def running(self, **more: Any) -> dict[str, Any]:
        instance = self.create(**more)
        until(lambda: self.show(instance)["status"] == "running")
        return self.show(instance)

    def show(self, instance: dict[str, Any]) -> dict[str, Any]:
        return self.call("GET", f"/v1/instances/{instance['id']}")[1]

    def destroy(self, instance: dict[str, Any]) -> None:
        assert self.call("DELETE", f"/v1/instances/{instance['id']}")[0] == 202
        until(lambda: "error" in self.show(instance))

    def home(self, instance: dict[str, Any]) -> Path:
        return self.folder / "instances" / instance["id"] / "home"

    def root(self, instance: dict[str, Any]) -> processes.Process:
        ready = json.loads((self.home(instance).parent / "ready.json").read_text())
        process = processes.find(ready["pid"])
        assert process is not None
        return process

    def entry(self, instance: dict[str, Any]) -> dict[str, Any]:
        entries = self.control("GET", "ledger")[1]["entries"]
        return next(entry for entry in entries if entry["id"] == instance["id"])


_SHUTDOWNS = 3


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    cloud = Sandbox(tmp_path / "cloud")
    cloud.start()
    yield cloud
    if cloud.program.poll() is not None:
        cloud.program.stdout.close()
        cloud.start()
    left = -1
    for _ in range(_SHUTDOWNS):
        status, body = cloud.control("POST", "shutdown")
        left = body["left"]
        assert cloud.program is not None
        assert cloud.program.stdout is not None
        cloud.program.stdout.close()
        assert (status, cloud.program.wait(PATIENCE_S)) == (200, 0)
        if left == 0:
            break
        # Dozens of machines may take a busy computer longer to end than the program waits: the next one goes on with it.
        cloud.start()
    assert 0 == left


def until(true: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def a_key() -> tuple[asyncssh.SSHKey, str]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key, key.export_public_key().decode().strip()


def login(instance: dict[str, Any], key: asyncssh.SSHKey, **more: Any) -> Any:
    """Log in with the host key pinned."""
    pinned = f"[127.0.0.1]:{instance['ssh_port']} {instance['host_key']}\n"
    known_hosts = asyncssh.import_known_hosts(pinned)
    options = {
        "username": "gpu",
        "client_keys": [key],
        "known_hosts": known_hosts,
        "config": None,
        **more,
    }
    return asyncssh.connect("127.0.0.1", instance["ssh_port"], agent_path=None, **options)


def run(instance: dict[str, Any], key: asyncssh.SSHKey, command: str | None, **more: Any) -> Any:
    async def once() -> Any:
        async with login(instance, key) as connection:
            return await connection.run(command, **more)

    return asyncio.run(once())
