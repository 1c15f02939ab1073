"""The agent as a real process, started by the real script on this machine, against a small server on loopback."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gpu_shopper.agent.boot_script import boot_script
from gpu_shopper.agent.config import AgentConfig, EndByRequest
from gpu_shopper.agent.pack import zipapp_bytes
from gpu_shopper.wire.agent import Heartbeat, Orders
from gpu_shopper.wire.heartbeats import read_heartbeat

PATIENCE_SECONDS = 15.0
KEY = "ssh-ed25519 " + "A" * 68
SCOPE = "GPU_SHOPPER_AGENT_TEST"
NVIDIA_SMI = """#!/bin/sh
case "$*" in
--query-gpu=*) echo "NVIDIA GeForce RTX 4090, 24564, GPU-1, 0, 512, 550.54.15" ;;
*) echo "| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4 |" ;;
esac
"""
GO_ON = Orders("continue", stop_in_seconds=3_600.0, lease_seconds=60.0, heartbeat_seconds=0.2)
STOP = Orders("stop", stop_in_seconds=0.0, lease_seconds=60.0, heartbeat_seconds=0.2)


def python_38() -> str | None:
    """Find a Python 3.8 on this machine."""
    places = [*Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8"), shutil.which("python3.8")]
    for place in places:
        if place is not None:
            answer = subprocess.run(
                [str(place), "-c", "import sys; print(sys.version_info[:2] == (3, 8))"],
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.stdout.strip() == "True":
                return str(place)
    return None


class Control:
    """A control plane and a cloud in one: keeps what it hears, answers what it is told."""

    def __init__(self) -> None:
        self.orders = GO_ON
        self.status = 200
        self.heartbeats: list[Heartbeat] = []
        self.tokens: set[str] = set()
        self.ends: list[tuple[str, str]] = []
        control = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                control.heartbeats.append(read_heartbeat(body))
                control.tokens.add(self.headers["Authorization"])
                self.answer(control.status, control.orders.to_json().encode())

            def do_DELETE(self) -> None:
                control.ends.append((self.path, self.headers["Authorization"]))
                self.answer(200, b"{}")

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Machine:
    """A home of its own with a stand-in nvidia-smi, a Python of choice, and an agent in it."""

    def __init__(self, folder: Path, python: str, control: Control) -> None:
        self.home = folder / "home"
        self.place = self.home / ".gpu-shopper"
        self.control = control
        self.python = python
        tools = folder / "bin"
        tools.mkdir()
        self.home.mkdir()
        (tools / "nvidia-smi").write_text(NVIDIA_SMI)
        (tools / "nvidia-smi").chmod(0o755)
        (tools / "python3").symlink_to(python)
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{tools}:/usr/bin:/bin",
            SCOPE: str(folder),
            "CONTAINER_ID": "i-7",
            "CONTAINER_KEY": "own-key",
        }

    def boot(self, user_script: str | None, **changes: object) -> None:
        config = AgentConfig(
            label="gs-e2e-1",
            token="gsa_0123456789",
            stop_in_seconds=3_600.0,
            control_urls=(self.control.url + "/heartbeat",),
            heartbeat_seconds=0.2,
            lease_seconds=60.0,
            end=EndByRequest(
                "DELETE",
                self.control.url + "/instances/${CONTAINER_ID}",
                {"Authorization": "Bearer ${CONTAINER_KEY}"},
            ),
            process_scope_env=SCOPE,
        )
        config = AgentConfig(**{**config.__dict__, **changes})
        text = boot_script(
            config, zipapp=zipapp_bytes(), user_script=user_script, authorized_probe_key=KEY
        )
        subprocess.run(["sh"], input=text, text=True, env=self.env, check=True, timeout=10)

    def report(self, orders: str = "") -> subprocess.CompletedProcess[str]:
        line = (self.home / ".ssh" / "authorized_keys").read_text().strip().split("\n")[-1]
        command = line.partition('command="')[2].partition('" ')[0]
        return subprocess.run(
            ["sh", "-c", command],
            input=orders,
            text=True,
            capture_output=True,
            env=self.env,
            check=False,
            timeout=10,
        )

    def processes(self, word: str) -> set[int]:
        """Return the living processes of this machine whose command line holds the word."""
        mark = f"{SCOPE}={self.env[SCOPE]}".encode()
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                alive = b"State:\tZ" not in (entry / "status").read_bytes()
                ours = mark in (entry / "environ").read_bytes().split(b"\0")
                if alive and ours and word in (entry / "cmdline").read_text():
                    found.add(int(entry.name))
            except OSError:
                continue
        return found

    def clear(self) -> None:
        """Kill what is left, watchdog first so that it restarts nothing."""
        for word in ("watchdog.sh", ""):
            for pid in self.processes(word):
                # It may have come to its own end meanwhile.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def control() -> Iterator[Control]:
    control = Control()
    yield control
    control.server.shutdown()
    control.server.server_close()


@pytest.fixture(params=["this Python", "Python 3.8"])
def machine(request: pytest.FixtureRequest, tmp_path: Path, control: Control) -> Iterator[Machine]:
    python = sys.executable if request.param == "this Python" else python_38()
    if python is None:
        pytest.skip("there is no Python 3.8 on this machine")
    machine = Machine(tmp_path, str(Path(python).resolve()), control)
    yield machine
    machine.clear()


def test_heartbeats_arrive_and_an_order_to_stop_ends_workload_and_instance(
    machine: Machine, control: Control
) -> None:
    machine.boot("echo started\nsleep 1000 &\nexec sleep 2000\n")
    eventually(lambda: len(control.heartbeats) >= 4, "heartbeats arrive")
    eventually(lambda: machine.processes("sleep") != set(), "the workload runs")

    counters = [heartbeat.counter for heartbeat in control.heartbeats]
    assert counters == sorted(set(counters))
    assert control.tokens == {"Bearer gsa_0123456789"}
    newest = control.heartbeats[-1]
    assert newest.gpus[0].name == "NVIDIA GeForce RTX 4090"
    assert (newest.cuda_version, newest.gpu_error) == ("12.4", None)
    assert (newest.ssh_sessions, newest.workload.state) == (0, "running")
    assert newest.idle_seconds > 0

    control.orders = STOP
    eventually(lambda: control.ends, "the instance's own end is called")
    assert control.ends[0] == ("/instances/i-7", "Bearer own-key")
    assert machine.processes("sleep") == set()
    assert json.loads((machine.place / "ended.json").read_text())["reason"] == "ordered"


def test_a_killed_daemon_comes_back_and_its_counter_goes_on(
    machine: Machine, control: Control
) -> None:
    machine.boot(None)
    eventually(lambda: control.heartbeats, "a first heartbeat arrives")
    victims = machine.processes("agent.pyz")
    daemons = {pid for pid in victims if pid not in machine.processes("watchdog.sh")}
    for pid in daemons:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not (daemons & machine.processes("agent.pyz")), "the daemon is dead")
    heard = len(control.heartbeats)
    eventually(lambda: len(control.heartbeats) > heard + 1, "heartbeats go on")

    counters = [heartbeat.counter for heartbeat in control.heartbeats]
    assert counters == sorted(set(counters))


def test_over_ssh_the_report_prints_the_heartbeat_and_leaves_orders(
    machine: Machine, control: Control
) -> None:
    machine.boot("sleep 1000\n", control_urls=())
    eventually((machine.place / "heartbeat.json").exists, "a heartbeat is written")

    seen = machine.report(GO_ON.to_json())
    assert (seen.returncode, seen.stderr) == (0, "")
    assert read_heartbeat(seen.stdout).label == "gs-e2e-1"
    assert machine.report().returncode == 0
    refused = machine.report('{"order": "explode"}')
    assert refused.returncode == 2
    assert read_heartbeat(refused.stdout).label == "gs-e2e-1"
    assert control.heartbeats == []

    machine.report(STOP.to_json())
    eventually(lambda: control.ends, "the order is obeyed")
    assert machine.processes("sleep") == set()


def test_a_node_whose_control_plane_is_silent_ends_itself(
    machine: Machine, control: Control
) -> None:
    control.status = 401
    machine.boot("sleep 1000\n", lease_seconds=2.0)
    eventually(lambda: control.ends, "the lease runs out")

    assert json.loads((machine.place / "ended.json").read_text())["reason"] == "silent"
    assert len(control.heartbeats) > 1


def test_a_second_start_changes_nothing_that_runs(machine: Machine, control: Control) -> None:
    machine.boot("sleep 1000\n")
    eventually(lambda: control.heartbeats, "a first heartbeat arrives")
    eventually(lambda: len(machine.processes("sleep")) == 1, "the workload runs")
    before = machine.processes("sleep")
    machine.boot("sleep 1000\n")
    eventually(lambda: len(machine.processes("watchdog.sh")) == 1, "one watchdog is left")

    assert machine.processes("sleep") == before
    keys = (machine.home / ".ssh" / "authorized_keys").read_text()
    assert keys.count(KEY) == 1


def test_a_workloads_exit_code_is_reported(machine: Machine, control: Control) -> None:
    machine.boot("#!/bin/sh\necho out; echo err >&2\nexit 3\n")
    eventually(
        lambda: control.heartbeats and control.heartbeats[-1].workload.exit_code == 3,
        "the exit code arrives",
    )

    assert (machine.home / "workload.log").read_text() == "out\nerr\n"


def test_once_prints_a_heartbeat_for_people(tmp_path: Path) -> None:
    archive = tmp_path / "agent.pyz"
    archive.write_bytes(zipapp_bytes())
    shown = subprocess.run(
        [sys.executable, "-I", str(archive), "once"],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        timeout=20,
    )

    assert read_heartbeat(shown.stdout).label == "unconfigured"
    assert not (tmp_path / ".gpu-shopper").exists()
