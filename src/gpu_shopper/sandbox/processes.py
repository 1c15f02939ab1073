"""Which processes belong to an instance, and how to end every one of them.

An instance's processes are found in two ways: by a mark in their environment that all descendants
inherit, and as descendants of the instance's own process, to which the kernel hands every orphan of
the tree. The first finds them when that process is dead, the second when one has wiped its
environment. Linux only: it reads `/proc`.
"""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARK = "GPU_SANDBOX_INSTANCE"
GRACE_S = 1.0
LONGEST_END_S = 15.0
_POLL_S = 0.02
_PROC = Path("/proc")


class StubbornProcessesError(Exception):
    """Processes of an instance outlived every attempt to end them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process; the moment of its start tells it from a later one with the same number."""

    pid: int
    started: int
    parent: int = field(compare=False)


def find(pid: int) -> Process | None:
    """Return the process with this number if it lives; one that only waits to be reaped does not."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may itself hold anything, parentheses too.
    fields = stat.rpartition(")")[2].split()
    if not fields or fields[0] in {"Z", "X"}:
        return None
    return Process(pid=pid, started=int(fields[19]), parent=int(fields[1]))


def belonging_to(instance_id: str, root: Process | None = None) -> list[Process]:
    """Return the living processes of an instance, `root` and this very process left out."""
    everyone = [process for process in map(find, _pids()) if process is not None]
    mine = {process.pid for process in everyone if _is_marked(process.pid, instance_id)}
    if root is not None and root in everyone:
        mine |= set(_descendants(root.pid, everyone))
    mine -= {os.getpid(), root.pid if root is not None else 0}
    return [process for process in everyone if process.pid in mine]


def end_all(instance_id: str, root: Process | None) -> None:
    """End every process of an instance and return when none is left; may be called again.

    The root is held still first, so that it can start nothing new, and ended last, because it is
    what orphans are handed to. Waits by sleeping: call it from a thread.

    Raises:
        StubbornProcessesError: some are still there; they are named.
    """
    send(root, signal.SIGSTOP)
    left = belonging_to(instance_id, root)
    for process in left:
        send(process, signal.SIGTERM)
        # A process that is held still would not hear the request.
        send(process, signal.SIGCONT)
    give_up_at = time.monotonic() + LONGEST_END_S
    kill_at = time.monotonic() + GRACE_S
    while left:
        if time.monotonic() > give_up_at:
            pids = ", ".join(str(process.pid) for process in left)
            raise StubbornProcessesError(f"instance {instance_id}: processes {pids} do not end")
        if time.monotonic() >= kill_at:
            for process in left:
                send(process, signal.SIGKILL)
        time.sleep(_POLL_S)
        # All known ones gone proves nothing: they may have left children that nobody has seen yet.
        still_there = [process for process in left if find(process.pid) == process]
        left = still_there or belonging_to(instance_id, root)
    send(root, signal.SIGKILL)
    while root is not None and find(root.pid) == root and time.monotonic() < give_up_at:
        time.sleep(_POLL_S)
    for process in belonging_to(instance_id):
        # Whatever the root had started between being asked and standing still.
        send(process, signal.SIGKILL)


def send(process: Process | None, number: signal.Signals) -> None:
    """Send a signal to exactly this process, never to a later one with its number."""
    if process is None:
        return
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        found = find(process.pid)
        if found is not None and found.started == process.started:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _is_marked(pid: int, instance_id: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={instance_id}".encode() in environment.split(b"\0")


def _descendants(root: int, everyone: Iterable[Process]) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for process in everyone:
        children.setdefault(process.parent, []).append(process.pid)
    waiting = list(children.get(root, []))
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting.extend(children.get(pid, []))
