"""The programs under test, each in a folder of its own: started, asked, killed, started again."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_shopper.sandbox import processes

KEY, CONTROL = "account-key", "control-key"
PATIENCE_S = 30.0


def until(what: str, true: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """Wait for something to be true and return it; poll, but not for ever."""
    give_up_at = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < give_up_at, f"not within {within_s:g} s: {what}"
        time.sleep(0.03)
    return found


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
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start it; only what is named here is in its environment."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
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
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def said(self) -> str:
        """All that it ever said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Cloud(Program):
    """A sandbox cloud. It comes back at the same address."""

    url = ""

    def start(self, *, boot_s: float = 0.2, offers: int = 1500) -> None:
        """Start it and wait until it listens."""
        file = self.folder / "url"
        file.unlink(missing_ok=True)
        self.launch(
            "gpu_shopper.sandbox", "--state-dir", str(self.folder / "state"), "--key", KEY,
            "--control-key", CONTROL, "--boot-seconds", str(boot_s), "--offers", str(offers),
            "--port-file", str(file),
        )  # fmt: skip
        until(f"the cloud is up\n{self.said}", lambda: file.exists() and file.read_text().strip())
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
        return self.control("GET", "ledger")["entries"]

    def alive(self) -> list[dict[str, Any]]:
        """Return what is there, and billed, now."""
        return [entry for entry in self.ledger() if entry["alive"]]

    def processes(self) -> list[int]:
        """Return the processes of all instances that ever were: by their mark, whatever the cloud says."""
        marks = {f"{processes.MARK}={entry['id']}".encode() for entry in self.ledger()}
        return [pid for pid, environ in environments() if marks & set(environ.split(b"\0"))]


class Server(Program):
    """A server. It comes back on the same port and the same database."""

    url = ""
    port = 0

    def start(self, *, wait: bool = True, **settings: str) -> None:
        """Start it; wait until it has offers, unless told not to."""
        before = len(self.said)
        environ = {f"GPU_SHOPPER_{name.upper()}": value for name, value in settings.items()}
        self.launch("gpu_shopper", "serve", "--port", str(self.port), **environ)
        found = until(
            "the server has said where it listens",
            lambda: re.search(r"serving (http://\S+:(\d+))", self.said[before:]) or self._is_over(),
        )
        assert isinstance(found, re.Match), self.said[before:]
        self.url, self.port = found[1], int(found[2])
        if wait:
            until("the server is ready", lambda: self.asked("GET", "/ready") == 200)

    def _is_over(self) -> bool:
        return not self.runs

    def asked(self, method: str, path: str) -> int:
        """Return the status of an answer; 0 where there is none."""
        try:
            return ask(self.url, method, path).status
        except (OSError, http.client.HTTPException):
            return 0

    place: Path | None = None

    @property
    def database(self) -> Path:
        """The file of its book."""
        return self.place or self.folder / "shopper.db"


def environments() -> Iterator[tuple[int, bytes]]:
    """Yield every living process with its environment."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                environ = (entry / "environ").read_bytes()
                if processes.find(int(entry.name)) is not None:
                    yield int(entry.name), environ
