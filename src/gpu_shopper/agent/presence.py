"""How many people are logged in over SSH; the agent's own visits don't count.

Login records can't be relied on in containers, so the process table is asked first and `who` only where it is hidden.
"""

from __future__ import annotations

import re
from typing import Callable, Optional

from gpu_shopper.agent.outside import Outside
from gpu_shopper.agent.processes import Process, ProcessTable

Method = Callable[[], Optional[int]]

# What takes in processes whose parent is gone: their login is over.
_REAPERS = ("init", "systemd", "tini", "dumb-init", "docker-init", "s6-svscan", "catatonit")
_LOGIN_TITLE = re.compile(r"sshd(-session)?: [^ ]+@")
# A login between its authentication and its first process looks like a session without one, and so does the probe's.
_EMPTY_LOGIN_COUNTS_AFTER_SECONDS = 20.0


class Presence:
    """Asks each method in turn until one can tell."""

    def __init__(self, methods: tuple[Method, ...]) -> None:
        """Take the methods in the order of trust."""
        self._methods = methods

    def sessions(self) -> Optional[int]:
        """Return the number of SSH sessions, or None where nothing can tell."""
        for method in self._methods:
            count = method()
            if count is not None:
                return count
        return None


def usual_methods(outside: Outside, table: ProcessTable, *, scoped: bool) -> tuple[Method, ...]:
    """Return the methods for a node; where the process table is shared, login records would show strangers."""
    by_table: Method = lambda: count_in_table(table)  # noqa: E731 -- one of a list of methods
    return (by_table,) if scoped else (by_table, lambda: count_by_who(outside))


def count_by_who(outside: Outside) -> Optional[int]:
    """Count the remote logins that `who` lists."""
    ran = outside.run(("who",), 5.0)
    if ran.code != 0:
        return None
    return len(re.findall(r"\((?!:)[^)\s]+\)\s*$", ran.output, re.MULTILINE))


def count_in_table(table: ProcessTable) -> Optional[int]:
    """Count the connections that a living login stands behind.

    A process that carries SSH_CONNECTION proves little: what a login left running carries it too. The topmost such
    process counts only while its parent is not one that takes in orphans.
    """
    processes = table.all()
    if processes is None:
        return None
    logins = {pid for pid, process in processes.items() if _LOGIN_TITLE.match(process.command)}
    connections: set[str] = set()
    visited: set[int] = set()
    for process in processes.values():
        connection = process.variable("SSH_CONNECTION")
        if connection is None or process.pid in logins or _carried(processes.get(process.parent)):
            continue
        if process.parent in logins:
            visited.add(process.parent)
        if not _left_behind(table, process) and not _own_visit(process):
            connections.add(str(process.parent) if process.parent in logins else connection)
    empty = logins - visited
    waiting = [
        pid for pid in empty if table.seconds_up(processes[pid]) < _EMPTY_LOGIN_COUNTS_AFTER_SECONDS
    ]
    return len(connections) + len(empty) - len(waiting)


def _carried(parent: Optional[Process]) -> bool:
    return parent is not None and parent.variable("SSH_CONNECTION") is not None


def _left_behind(table: ProcessTable, process: Process) -> bool:
    if process.parent <= 1:
        return True
    parent = table.one(process.parent)
    return parent is None or parent.name in _REAPERS


def _own_visit(process: Process) -> bool:
    return re.search(r"agent\.pyz'? report", process.command) is not None
