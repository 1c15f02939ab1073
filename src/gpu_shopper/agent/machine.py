"""Facts about the node besides its GPUs: boot, disk, memory, processors, host key."""

from __future__ import annotations

import os
import re
import shutil
from typing import Callable, Optional

from gpu_shopper.agent.deadman import Boot
from gpu_shopper.agent.notebook import BOOT_ID, Notebook
from gpu_shopper.agent.outside import Outside
from gpu_shopper.agent.processes import ProcessTable

_GB = 1e9


def boot_of(outside: Outside, notebook: Notebook, draw: Callable[[], str]) -> Boot:
    """Return the boot that the node is in.

    Where the kernel's boot id is hidden, an id is drawn once and kept; a clock that went back still shows a new boot.
    """
    boot_id = _line_of(outside, "proc/sys/kernel/random/boot_id")
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", boot_id):
        boot_id = (notebook.read(BOOT_ID) or "").strip()
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", boot_id):
        boot_id = draw()
        notebook.write(BOOT_ID, boot_id)
    clock = outside.clock()
    return Boot(boot_id, clock, seconds_up(outside))


def seconds_up(outside: Outside) -> float:
    """Return how long the node has been up: in a container that is the container, not its host."""
    table = ProcessTable(outside, None)
    first = table.one(1)
    up = outside.clock() if first is None else table.seconds_up(first)
    return max(0.0, min(up, outside.clock()))


def disk_gb(outside: Outside) -> tuple[float, float]:
    """Return total and free space of the disk that holds the agent's folder."""
    try:
        usage = shutil.disk_usage(str(outside.place.parent))
    except OSError:
        return (0.0, 0.0)
    return (round(usage.total / _GB, 3), round(usage.free / _GB, 3))


def ram_gb(outside: Outside) -> float:
    """Return the memory that may be used: the machine's, or the container's share of it."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text_of(outside, "proc/meminfo"), re.MULTILINE)
    limits = [int(found.group(1)) * 1024] if found else []
    for path in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limit = _line_of(outside, path)
        if re.fullmatch(r"\d{1,15}", limit):
            limits.append(int(limit))
    return round(min(limits) / _GB, 3) if limits else 0.0


def cpu_count() -> int:
    """Return the processors that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 0


def host_key(outside: Outside) -> Optional[str]:
    """Return the node's Ed25519 host key without its comment."""
    named = outside.environ.get("SSH_HOST_KEY_PUB")
    text = _text_of(outside, named.lstrip("/") if named else "etc/ssh/ssh_host_ed25519_key.pub")
    found = re.match(r"ssh-ed25519 [A-Za-z0-9+/=]{16,1000}(?=\s|$)", text)
    return found.group(0) if found else None


def instance_id(outside: Outside, table: ProcessTable, name: Optional[str]) -> Optional[str]:
    """Return by what name the cloud lets this node know itself: the variable's value, here or in the first process."""
    if name is None:
        return None
    first = table.one(1)
    found = outside.environ.get(name) or (first.variables() if first is not None else {}).get(name)
    return found if found and re.fullmatch(r"[!-~]{1,200}", found) else None


def _line_of(outside: Outside, path: str) -> str:
    return _text_of(outside, path).strip()


def _text_of(outside: Outside, path: str) -> str:
    try:
        return (outside.root / path).read_bytes()[:65_536].decode("utf-8", "replace")
    except OSError:
        return ""
