"""Real servers and sandbox clouds in a folder that goes away, and with it every process that was started there.

Nothing of the caller's environment but PATH and LANG reaches them, so that neither its settings nor its switches
(bytecode that may not be written costs every start two to three times as much) get into a figure.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_SOURCES = Path(__file__).resolve().parent.parent / "src"
KEY, CONTROL = "account-key", "control-key"
PATIENCE_S = 30.0
# Launches are answered only after the measurement, and no machine starts: what is left is our own work.
LAUNCHES_HANG: tuple[Mapping[str, Any], ...] = (
    {"kind": "never_boot"},
    {"kind": "answer_late", "params": {"seconds": 600}, "operations": ["create"]},
)
NOTHING_BOOTS: tuple[Mapping[str, Any], ...] = ({"kind": "never_boot"},)
# What the book says is not compared with a cloud that knows nothing of it.
NO_LISTINGS: tuple[Mapping[str, Any], ...] = ({"kind": "down", "operations": ["list"]},)


def until(what: str, found: Callable[[], T], *, pause_s: float = 0.01) -> T:
    """Wait for something to be there and return it; poll, but not for ever."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not (it := found()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"not within {PATIENCE_S:g} s: {what}")
        time.sleep(pause_s)
    return it


def ask(url: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """Send one request and return status and decoded body. Underscores in header names stand for dashes."""
    host, _, port = url.removeprefix("http://").partition(":")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        given["content-type"] = "application/json"
    data = None if body is None else json.dumps(body).encode()
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=20)) as connection:
        connection.request(method, path, data, given)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text.decode()


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Return what a program of ours finds around it; settings by their names."""
    known = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    given = {f"GPU_SHOPPER_{name.upper()}": value for name, value in settings.items()}
    # What lies beside this file is measured, and not what the interpreter has installed.
    return {**known, "HOME": str(home), "PYTHONPATH": str(_SOURCES), **given}


@dataclass(kw_only=True)
class Cloud:
    """A sandbox cloud that runs."""

    url: str
    process: "subprocess.Popen[bytes]"

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Use the control API."""
        status, answer = ask(self.url, method, f"/control/{path}", body, X_Control_Key=CONTROL)
        assert status < 300, answer
        return answer

    def misbehave(self, *rules: Mapping[str, Any]) -> None:
        """Put these rules into force; none: behave."""
        self.control("PUT", "misbehaviour", {"rules": list(rules)})

    def ledger(self) -> list[dict[str, Any]]:
        """Return every instance that ever was."""
        entries: list[dict[str, Any]] = self.control("GET", "ledger")["entries"]
        return entries

    @property
    def settings(self) -> dict[str, str]:
        """What connects a server with it."""
        return {"provider_sandbox_url": self.url, "provider_sandbox_key": KEY}


@dataclass(kw_only=True)
class Server:
    """A server that runs. `started_at` is on the monotonic clock."""

    url: str
    process: "subprocess.Popen[bytes]"
    started_at: float

    def ready(self) -> bool:
        """Return whether it has offers to show."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return ask(self.url, "GET", "/ready")[0] == 200
        return False

    def await_ready(self) -> float:
        """Wait for that and return the seconds since its start."""
        until("the server is ready", self.ready)
        return time.monotonic() - self.started_at

    def memory_mb(self) -> float:
        """Return its resident memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        assert found is not None, text
        return int(found[1]) / 1024

    def cpu_s(self) -> float:
        """Return the processor time that it has used, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(") ")
        user, system = fields[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Ask it to end, and wait."""
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@dataclass(kw_only=True)
class Place:
    """A folder in which things are started."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def cloud(
        self, *, offers: int = 3000, boot_s: float = 0.2, prices_stand_s: float = 3600
    ) -> Cloud:
        """Start a sandbox cloud and wait until it listens."""
        here = self.folder / f"cloud-{next(self._numbers)}"
        here.mkdir()
        file = here / "url"
        process = self._start(
            here, "gpu_shopper.sandbox", "--state-dir", str(here / "state"), "--key", KEY,
            "--control-key", CONTROL, "--offers", str(offers), "--boot-seconds", str(boot_s),
            "--drift-seconds", str(prices_stand_s), "--port-file", str(file), "--ephemeral",
        )  # fmt: skip
        url = until("the cloud is up", lambda: file.exists() and file.read_text(encoding="utf-8"))
        assert isinstance(url, str), url
        return Cloud(url=url.strip(), process=process)

    def data(self) -> Path:
        """Make a data folder for a server."""
        here = self.folder / f"data-{next(self._numbers)}"
        here.mkdir()
        return here

    def server(self, data: Path, *, brought: Path | None = None, **settings: str) -> Server:
        """Start a server on a data folder and wait until it has said where it listens; `brought` is more on its path."""
        log = data / "server.log"
        before = len(_said(log))
        started_at = time.monotonic()
        process = self._start(
            data, "gpu_shopper", "serve", "--port", "0",
            brought=brought, data_dir=str(data), log_level="warning", **settings,
        )  # fmt: skip

        def spoken() -> "re.Match[str] | None":
            if process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{_said(log)}")
            return re.search(r"serving (http://\S+)", _said(log)[before:])

        found = until("the server says where it listens", spoken)
        return Server(url=found[1], process=process, started_at=started_at)

    def floor(self) -> Server:
        """Start the server without the house: an application that has its answer ready (`_floor.py`)."""
        data = self.data()
        started_at = time.monotonic()
        process = self._start(
            data, "uvicorn", "_floor:app", "--app-dir", str(Path(__file__).parent), "--port", "0",
            "--lifespan", "off", "--no-access-log", "--no-proxy-headers", "--no-server-header",
            "--no-date-header",
        )  # fmt: skip
        found = until(
            "uvicorn listens",
            lambda: re.search(r"running on (http://[\d.:]+)", _said(data / "server.log")),
        )
        assert found is not None
        return Server(url=found[1], process=process, started_at=started_at)

    def _start(
        self, home: Path, *command: str, brought: Path | None = None, **settings: str
    ) -> "subprocess.Popen[bytes]":
        around = environment(home, **settings)
        if brought is not None:
            around["PYTHONPATH"] += f":{brought}"
        with (home / "server.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=around,
                start_new_session=True,
            )

    def end_everything(self) -> None:
        """End every process that names this folder, and what those have started: they all carry it."""
        mark = str(self.folder).encode()
        for _ in range(100):
            left = [pid for pid in _processes() if mark in _identity(pid)]
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        raise RuntimeError(f"processes of {self.folder} do not end: {left}")


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Lend a folder; nothing of it is left afterwards, however the measurement ended."""
    with tempfile.TemporaryDirectory(prefix="gpu-shopper-bench-", ignore_cleanup_errors=True) as it:
        here = Place(folder=Path(it))
        try:
            yield here
        finally:
            here.end_everything()


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _processes() -> list[int]:
    return [
        int(entry.name) for entry in Path("/proc").glob("[0-9]*") if int(entry.name) != os.getpid()
    ]


def _identity(pid: int) -> bytes:
    found = b""
    for name in ("cmdline", "environ"):
        with contextlib.suppress(OSError):
            found += Path(f"/proc/{pid}/{name}").read_bytes()
    return found
