"""The node's process table, read from /proc with suspicion: entries vanish, hide and belong to others."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator, Optional

from gpu_shopper.agent.outside import Outside


class Process:
    """One entry of the table; unreadable parts are empty."""

    def __init__(self, entry: Path) -> None:
        """Read what can be read; raises OSError or ValueError if the process is gone."""
        stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        # The name is in brackets and may itself hold brackets and blanks, so the fields are counted from the last one.
        self.name, _, rest = stat[stat.index("(") + 1 :].rpartition(")")
        fields = rest.split()
        self.pid = int(entry.name)
        self.parent = int(fields[1])
        self.started_ticks = int(fields[19])
        self.dead = fields[0] in "ZX"
        self.command = _read(entry / "cmdline").replace("\0", " ").strip()
        self._environ = _read(entry / "environ")
        self._entry = entry

    def variable(self, name: str) -> Optional[str]:
        """Return one variable of the environment that the process was started with."""
        return self.variables().get(name)

    def variables(self) -> dict[str, str]:
        """Return the whole environment that the process was started with."""
        pairs = (pair.partition("=") for pair in self._environ.split("\0"))
        return {name: value for name, separator, value in pairs if separator}

    def holds_gpu(self) -> bool:
        """Tell whether the process has an NVIDIA device open and is ours to stop."""
        try:
            if self._entry.stat().st_uid != os.getuid():
                return False
            links = [os.readlink(str(link)) for link in (self._entry / "fd").iterdir()]
        except OSError:
            return False
        return any(re.match(r"/dev/nvidia\d", link) for link in links)


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:131_072].decode("utf-8", "replace")
    except OSError:
        return ""


class ProcessTable:
    """All processes that belong to this node."""

    def __init__(self, outside: Outside, scope_env: Optional[str]) -> None:
        """Where a scope is named, only processes that carry the agent's own value of it belong here."""
        self._outside = outside
        self._scope_env = scope_env

    def all(self) -> Optional[dict[int, Process]]:
        """Return the table by pid, or None where it can't be read at all."""
        found = {
            process.pid: process
            for process in self._entries()
            if not process.dead and self._belongs(process)
        }
        return found or None

    def one(self, pid: int) -> Optional[Process]:
        """Return one living process, whatever it belongs to."""
        process = self._entry(self._outside.root / "proc" / str(pid))
        return process if process is not None and not process.dead else None

    def readable(self) -> bool:
        """Tell whether processes can be looked at here at all."""
        return self.one(os.getpid()) is not None

    def seconds_up(self, process: Process) -> float:
        """Return how long a process has been running."""
        return self._outside.clock() - process.started_ticks / os.sysconf("SC_CLK_TCK")

    def _entries(self) -> Iterator[Process]:
        try:
            entries = list((self._outside.root / "proc").iterdir())
        except OSError:
            return
        for entry in entries:
            process = self._entry(entry) if entry.name.isdigit() else None
            if process is not None:
                yield process

    def _entry(self, entry: Path) -> Optional[Process]:
        try:
            return Process(entry)
        except (OSError, ValueError, IndexError):
            return None

    def _belongs(self, process: Process) -> bool:
        if self._scope_env is None:
            return True
        mine = self._outside.environ.get(self._scope_env)
        return mine is not None and process.variable(self._scope_env) == mine
