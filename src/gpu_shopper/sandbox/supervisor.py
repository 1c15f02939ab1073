"""Looks after the processes of all instances: starts, finds again, watches and ends them.

It knows nothing of offers and prices. What it promises: an instance that it calls ended has no
process left and no home; an instance that was started lives on when this program dies and is found
again by process number and moment of start.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import gpu_shopper
from gpu_shopper.sandbox import processes
from gpu_shopper.sandbox.messages import InstanceSpec
from gpu_shopper.sandbox.processes import MARK, Process

START_LIMIT_S = 60.0
WATCH_PERIOD_S = 1.0
_READY_POLL_S = 0.02
# More interpreters starting at once than cores only make all of them late.
_STARTS_AT_ONCE = max(2, os.cpu_count() or 1)


class InstanceFailedError(Exception):
    """An instance's process did not come up."""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance says when it is up."""

    pid: int
    process_started: int
    port: int
    host_key: str
    started_at: float


@dataclass(slots=True)
class _Watched:
    process: Process
    child: "subprocess.Popen[bytes] | None"

    def lives(self) -> bool:
        if self.child is not None:
            # Reaps it; a dead child of ours would otherwise stay in the process table.
            self.child.poll()
        return processes.find(self.process.pid) == self.process


class Supervisor:
    """The processes of all instances below one folder."""

    def __init__(self, folder: Path, *, api: str) -> None:
        self._folder = folder
        self._api = api
        self._watched: dict[str, _Watched] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._starts = asyncio.Semaphore(_STARTS_AT_ONCE)

    async def start(self, spec: InstanceSpec) -> Ready:
        """Bring an instance to life, or find it if it lives already.

        Raises:
            InstanceFailedError: its process ended or said nothing in time; nothing of it is left.
        """
        ready = self.adopt(spec.instance_id)
        if ready is not None:
            return ready
        async with self._starts:
            # What a start that was cut short has left behind must not stand beside the new one.
            await self.stop(spec.instance_id)
            root = self._folder / spec.instance_id
            child = self._spawn(spec, root)
            self._children[spec.instance_id] = child
            ready = await self._wait_until_up(spec.instance_id, root, child)
        if ready is None:
            tail = _tail(root / "instance.log")
            await self.stop(spec.instance_id)
            raise InstanceFailedError(f"instance {spec.instance_id} did not come up: {tail}")
        return ready

    def adopt(self, instance_id: str) -> Ready | None:
        """Find an instance that is up and watch it; None if its process is not there."""
        ready = _read_ready(self._folder / instance_id)
        process = None if ready is None else processes.find(ready.pid)
        if ready is None or process is None or process.started != ready.process_started:
            return None
        self._watched[instance_id] = _Watched(process, self._children.get(instance_id))
        return ready

    async def stop(self, instance_id: str, *, keep_disk: bool = False) -> None:
        """End everything that runs in an instance; with its home unless the disk is kept.

        Raises:
            StubbornProcessesError: something is still running; call again.
        """
        root = self._folder / instance_id
        watched = self._watched.get(instance_id)
        process = watched.process if watched is not None else _root_process(root)
        await asyncio.to_thread(processes.end_all, instance_id, process)
        self._watched.pop(instance_id, None)
        child = self._children.pop(instance_id, None)
        if child is not None:
            await asyncio.to_thread(child.wait)
        if not keep_disk:
            await asyncio.to_thread(_remove, root)

    def admit(self, instance_id: str, ssh_key: str) -> None:
        """Let whoever holds this key log in to an instance; one that is gone by now needs none."""
        keys = self._folder / instance_id / "home" / ".ssh" / "authorized_keys"
        if not keys.exists():
            return
        known = keys.read_text(encoding="utf-8")
        if ssh_key not in known.splitlines():
            parted = "" if known.endswith("\n") or not known else "\n"
            with keys.open("a", encoding="utf-8") as file:
                file.write(f"{parted}{ssh_key}\n")

    def known_on_disk(self) -> list[str]:
        """Return the instances that have a folder, whatever is in it."""
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_dir())

    async def watch(self, on_death: Callable[[str], None]) -> None:
        """Tell of each instance whose process is found dead, once; runs until cancelled."""
        while True:
            await asyncio.sleep(WATCH_PERIOD_S)
            for instance_id in self._found_dead():
                del self._watched[instance_id]
                on_death(instance_id)

    def _found_dead(self) -> Iterable[str]:
        return [name for name, watched in self._watched.items() if not watched.lives()]

    def _spawn(self, spec: InstanceSpec, root: Path) -> "subprocess.Popen[bytes]":
        root.mkdir(mode=0o700, parents=True)
        order = root / "spec.json"
        order.touch(mode=0o600)
        order.write_bytes(msgspec.json.encode({"spec": spec, "api": self._api}))
        package_root = Path(gpu_shopper.__file__).resolve().parent.parent
        with (root / "instance.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-s", "-m", "gpu_shopper.sandbox.instance", "--spec", str(order)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=root, start_new_session=True,
                env={
                    "PATH": os.defpath, "PYTHONPATH": str(package_root), MARK: spec.instance_id,
                },
            )  # fmt: skip

    async def _wait_until_up(
        self, instance_id: str, root: Path, child: "subprocess.Popen[bytes]"
    ) -> Ready | None:
        give_up_at = time.monotonic() + START_LIMIT_S
        while child.poll() is None and time.monotonic() < give_up_at:
            if (root / "ready.json").exists():
                return self.adopt(instance_id)
            await asyncio.sleep(_READY_POLL_S)
        return None


def _read_ready(root: Path) -> Ready | None:
    try:
        return msgspec.json.decode((root / "ready.json").read_bytes(), type=Ready)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _root_process(root: Path) -> Process | None:
    ready = _read_ready(root)
    process = None if ready is None else processes.find(ready.pid)
    if ready is None or process is None or process.started != ready.process_started:
        return None
    return process


def _tail(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-500:].strip() or "it said nothing"
    except OSError:
        return "it said nothing"


def _remove(root: Path) -> None:
    def let_me(_: Callable[..., Any], path: str, problem: Any) -> None:
        """Open up a folder that its tenant has closed, and try once more."""
        if isinstance(problem[1], FileNotFoundError):
            return
        Path(path).parent.chmod(0o700)
        if Path(path).is_dir():
            Path(path).chmod(0o700)
            shutil.rmtree(path)
        else:
            Path(path).unlink()

    shutil.rmtree(root, onerror=let_me)
