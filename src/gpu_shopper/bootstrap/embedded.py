"""The embedded sandbox cloud: a program of its own, started beside the server where no cloud is configured.

It is not a part of the server. It lives on when the server dies, for its instances must be metered and must be there when
the server comes back; the next server finds it by its folder.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from gpu_shopper.domain.errors import Refusal
from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor, HttpRequest, NoAnswer, NotSent
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.key_file import load_or_create_key
from gpu_shopper.settings import Settings
from gpu_shopper.transport.decoding import decode
from gpu_shopper.transport.door import AiohttpDoor

_START_LIMIT_S = 20.0
_POLL_S = 0.05
_BUSY = 3
_OK = 200


class _Count(Struct):
    total: int


class _Ledger(Struct):
    entries: "tuple[Metered, ...]"


class SandboxRefused(Refusal):
    """The embedded sandbox cloud did not come up."""

    code = "sandbox_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSandbox:
    """A running sandbox cloud. `process` is None where an earlier server's was found."""

    url: str
    key: str
    control_key: str
    log: Path
    process: "subprocess.Popen[bytes] | None"

    @property
    def settings(self) -> dict[str, dict[str, str]]:
        """What connects the service with it."""
        return {"sandbox": {"url": self.url, "key": self.key}}

    async def alive(self, door: HttpDoor) -> int:
        """Return how many instances it has now."""
        headers = {"Authorization": f"Bearer {self.key}"}
        url = f"{self.url}/v1/instances?limit=1"
        reply = await door.request(HttpRequest(method="GET", url=url, headers=headers))
        return decode(reply, _Count, what="the sandbox's instances").total

    async def stop_if_idle(self, door: HttpDoor, clock: Clock) -> bool:
        """End the program if it is ours and has no instance left; return whether it is gone."""
        if self.process is None:
            return False
        try:
            if await self.alive(door):
                return False
        except (NotSent, NoAnswer):
            return self.process.poll() is not None
        self.process.terminate()
        waited = 0.0
        while self.process.poll() is None and waited < _START_LIMIT_S:
            await clock.sleep(_POLL_S)
            waited += _POLL_S
        return self.process.poll() is not None


@dataclass(frozen=True, slots=True)
class Metered:
    """What the cloud's own ledger says of one instance; its label is in `name`."""

    name: str
    billed_micros: int
    alive: bool


async def read_ledger(data_dir: Path) -> tuple[Metered, ...]:
    """Return the ledger of the embedded sandbox of a data folder: every instance that it ever had."""
    url = _url_in(data_dir / "sandbox" / "url", newer_than=0)
    key = load_or_create_key(data_dir / "sandbox-control.key", RealChance()).hex()
    door = AiohttpDoor()
    try:
        reply = await door.request(
            HttpRequest(method="GET", url=f"{url}/control/ledger", headers={"X-Control-Key": key})
        )
    finally:
        await door.aclose()
    return decode(reply, _Ledger, what="the sandbox's ledger").entries


async def start_sandbox(
    settings: Settings, *, clock: Clock, chance: Chance, door: HttpDoor, seed: int = 1
) -> EmbeddedSandbox:
    """Start the sandbox of this data folder, or find the one that runs already.

    Raises:
        SandboxRefused: it did not come up; the message names its log.
    """
    folder = settings.data_dir / "sandbox"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = load_or_create_key(settings.data_dir / "sandbox.key", chance).hex()
    control = load_or_create_key(settings.data_dir / "sandbox-control.key", chance).hex()
    port_file, log = folder / "url", settings.data_dir / "sandbox.log"
    before = _written_at(port_file)
    command = [
        *(sys.executable, "-m", "gpu_shopper.sandbox"),
        *("--state-dir", str(folder), "--key-file", str(_text_key(settings.data_dir, key))),
        *("--control-key", control, "--seed", str(seed)),
        *("--boot-seconds", str(settings.sandbox_boot_seconds), "--port-file", str(port_file)),
    ]
    process = _spawn(command, log)
    waited = 0.0
    while waited < _START_LIMIT_S:
        if process.poll() == _BUSY:
            return await _found(port_file, key, control, log=log, door=door)
        if process.poll() is not None:
            break
        url = _url_in(port_file, newer_than=before)
        if url:
            return EmbeddedSandbox(url=url, key=key, control_key=control, log=log, process=process)
        await clock.sleep(_POLL_S)
        waited += _POLL_S
    if process.poll() is None:
        process.terminate()
    raise SandboxRefused("the sandbox cloud did not come up", hint=f"see {log}")


async def _found(
    port_file: Path, key: str, control: str, *, log: Path, door: HttpDoor
) -> EmbeddedSandbox:
    url = _url_in(port_file, newer_than=0)
    headers = {"Authorization": f"Bearer {key}"}
    try:
        reply = await door.request(
            HttpRequest(method="GET", url=f"{url}/v1/account", headers=headers, timeout=5.0)
        )
    except (NotSent, NoAnswer, ValueError) as error:
        message = f"a sandbox cloud holds {port_file.parent} but does not answer"
        raise SandboxRefused(message, hint=f"see {log}") from error
    if reply.status != _OK:
        message = f"the sandbox cloud at {url} does not know our key"
        raise SandboxRefused(message, hint=f"it was started by hand; see {log}")
    return EmbeddedSandbox(url=url, key=key, control_key=control, log=log, process=None)


def _spawn(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a program that outlives us."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own program, our own arguments
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def _written_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _url_in(path: Path, *, newer_than: int) -> str:
    return path.read_text().strip() if _written_at(path) > newer_than else ""


def _text_key(folder: Path, key: str) -> Path:
    """Write the key as the text file that the program reads, so that it never stands in a command line."""
    path = folder / "sandbox-account.key"
    if not path.exists() or path.read_text().strip() != key:
        path.touch(mode=0o600)
        path.write_text(key)
    return path
