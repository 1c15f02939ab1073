"""The real programs, each in a folder of its own: started, asked, killed, held still, started again.

Only what is named here is in a program's environment, and its home is below the folder that it was given: so whatever was
started from there, by whomever, is found again in the kernel's table of processes.
"""

import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gpu_shopper.sandbox import processes

KEY, CONTROL = "account-key", "control-key"
PATIENCE_S = 30.0
_POLL_S, _LONGEST_POLL_S = 0.03, 0.2
_QUIET_PORTS = (20_000, 32_000)

T = TypeVar("T")


def until(what: str, true: Callable[[], T], *, within_s: float = PATIENCE_S) -> T:
    """Wait for something to be true and return it; poll, but not for ever."""
    began = time.monotonic()
    while not (found := true()):
        waited_s = time.monotonic() - began
        assert waited_s < within_s, f"not within {within_s:g} s: {what}"
        time.sleep(pause_after(waited_s))
    return found


def pause_after(waited_s: float) -> float:
    """Return how long to wait before asking again: what takes long is asked for less often, for each question costs."""
    return min(max(_POLL_S, waited_s / 20), _LONGEST_POLL_S)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What was answered over HTTP."""

    status: int
    body: Any
    headers: dict[str, str]


def ask(url: str, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """Send one request; an error of the network is the caller's. Underscores in header names stand for dashes."""
    host, _, port = url.removeprefix("http://").partition(":")
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        given.setdefault("content-type", "application/json")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        connection.request(method, path, data, given)
        answer = connection.getresponse()
        text = answer.read()
        kind = answer.headers.get_content_type()
        content = json.loads(text) if kind.endswith("json") and text else text.decode()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(status=answer.status, body=content, headers=names)


class Program:
    """A program of ours, started in a folder that its environment names."""

    def __init__(self, folder: Path, log: Path) -> None:
        """Say where its home is and where its talk goes; nothing is started yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start it; only what is named here is in its environment."""
        assert not self.runs, "it runs already"
        known = {
            name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ
        }
        environ = {**known, "HOME": str(self.folder), **environ}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ,
                start_new_session=True,
            )  # fmt: skip
        return self.process

    def kill(self) -> None:
        """End it as a power cut would."""
        process = self._started()
        process.kill()
        process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code."""
        process = self._started()
        process.send_signal(number)
        return process.wait(PATIENCE_S)

    def hold(self) -> None:
        """Let it stand still in the middle of whatever it does, until `release`."""
        self._started().send_signal(signal.SIGSTOP)

    def release(self) -> None:
        """Let it go on as if nothing had been."""
        self._started().send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self._started().wait(PATIENCE_S)

    def _started(self) -> "subprocess.Popen[bytes]":
        assert self.process is not None, "it was never started"
        return self.process

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def said(self) -> str:
        """All that it ever said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def said_since(self, place: int) -> str:
        """Return what it said after its log had this many bytes."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(place)
            return log.read().decode(errors="replace")

    @property
    def place(self) -> int:
        """How many bytes it has said."""
        return self.log.stat().st_size if self.log.exists() else 0


class Cloud(Program):
    """A sandbox cloud. It comes back at the same address."""

    url = ""
    # What else it is told at each start.
    options: tuple[str, ...] = ()

    @property
    def state(self) -> Path:
        """The folder in which it keeps its ledger and its instances."""
        return self.folder / "state"

    def start(self, *, boot_s: float = 0.2, offers: int = 1500, port: int = 0) -> None:
        """Start it and wait until it listens; without a port, on the last one again if that is free."""
        file = self.folder / "url"
        file.unlink(missing_ok=True)
        self.launch(
            "gpu_shopper.sandbox", "--state-dir", str(self.state), "--key", KEY,
            "--control-key", CONTROL, "--boot-seconds", str(boot_s), "--offers", str(offers),
            "--port-file", str(file), "--port", str(port), *self.options,
        )  # fmt: skip
        until(
            "the cloud is up",
            lambda: not self.runs or (file.exists() and file.read_text().strip()),
        )
        assert self.runs, f"the cloud did not start\n{self.said[-2000:]}"
        self.url = file.read_text().strip()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Use the control API."""
        reply = ask(self.url, method, f"/control/{path}", body, X_Control_Key=CONTROL)
        assert reply.status < 300, reply
        return reply.body

    def misbehave(self, *rules: dict[str, Any]) -> None:
        """Put these rules into force instead of all others; none: behave."""
        self.control("PUT", "misbehaviour", {"rules": list(rules)})

    def struck(self) -> dict[str, int]:
        """Return how often each kind of misbehaviour has struck."""
        rules = self.control("GET", "misbehaviour")["rules"]
        return {rule["kind"]: rule["struck"] for rule in rules}

    def ledger(self) -> list[dict[str, Any]]:
        """Return the truth about every instance that ever was."""
        entries: list[dict[str, Any]] = self.control("GET", "ledger")["entries"]
        return entries

    def alive(self) -> list[dict[str, Any]]:
        """Return what is there, and billed, now."""
        return [entry for entry in self.ledger() if entry["alive"]]

    def processes(self) -> list[int]:
        """Return the processes of all instances that ever were: by their mark, whatever the cloud says."""
        return [pid for pid, _ in marked(entry["id"] for entry in self.ledger())]


class Server(Program):
    """A server. It comes back on the same port and the same database."""

    url = ""
    port = 0
    database_file: Path | None = None

    def start(self, *, wait: bool = True, **settings: str) -> None:
        """Start it; wait until it has offers, unless told not to."""
        before = self.place
        self.begin(**settings)
        found = until(
            "the server has said where it listens",
            lambda: self._address(before) or not self.runs,
        )
        assert isinstance(found, re.Match), self.said_since(before)
        self.url, self.port = found[1], int(found[2])
        if wait:
            until("the server is ready", lambda: self.asked("GET", "/ready") == 200)

    def begin(self, **settings: str) -> None:
        """Start it and wait for nothing."""
        environ = {f"GPU_SHOPPER_{name.upper()}": value for name, value in settings.items()}
        self.launch("gpu_shopper", "serve", "--port", str(self.port), **environ)

    def _address(self, before: int) -> re.Match[str] | None:
        return re.search(r"serving (http://\S+:(\d+))", self.said_since(before))

    def asked(self, method: str, path: str) -> int:
        """Return the status of an answer; 0 where there is none."""
        try:
            return ask(self.url, method, path).status
        except (OSError, http.client.HTTPException):
            return 0

    @property
    def database(self) -> Path:
        """The file of its book."""
        return self.database_file or self.folder / "shopper.db"


def free_port() -> int:
    """Return a port for a program that will be away now and then.

    It is none of those that the kernel gives to outgoing connections: such a connection would keep the program from coming
    back, or, when it goes to that very port, find itself.
    """
    dice = random.SystemRandom()
    while True:
        with contextlib.closing(socket.socket()) as door, contextlib.suppress(OSError):
            door.bind(("127.0.0.1", dice.randrange(*_QUIET_PORTS)))
            port: int = door.getsockname()[1]
            return port


def environments() -> Iterator[tuple[int, bytes]]:
    """Yield every living process with its environment."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                environ = (entry / "environ").read_bytes()
                if processes.find(int(entry.name)) is not None:
                    yield int(entry.name), environ


def marked(instances: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield every living process that bears the mark of one of these instances, and which one."""
    names = {f"{processes.MARK}={name}".encode(): name for name in instances}
    for pid, environ in environments():
        for variable in environ.split(b"\0"):
            if variable in names:
                yield pid, names[variable]
                break


def command_line(pid: int) -> bytes:
    """Return a process's arguments, each ended by a zero byte; empty where it is gone."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def started_from(folder: Path) -> Iterator[int]:
    """Yield every living process that lives below a folder: by its home, or as an instance whose order lies there.

    An instance's own process has no home in its environment, but the path of its order among its arguments.
    """
    below = f"{folder}/".encode()
    for pid, environ in environments():
        at_home = any(each.startswith(b"HOME=" + below) for each in environ.split(b"\0"))
        instance = b"gpu_shopper.sandbox.instance\0--spec\0" + below
        if at_home or instance in command_line(pid):
            yield pid
