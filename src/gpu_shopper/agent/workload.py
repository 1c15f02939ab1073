"""The consumer's workload as the start-up script left it: what became of it, and how it is stopped."""

from __future__ import annotations

import os
import re
from typing import Optional

from gpu_shopper.agent.notebook import WORKLOAD_EXIT, WORKLOAD_PID, WORKLOAD_SCRIPT, Notebook
from gpu_shopper.agent.outside import Outside
from gpu_shopper.agent.processes import ProcessTable
from gpu_shopper.wire.agent import Workload


def workload_of(notebook: Notebook, table: ProcessTable) -> Workload:
    """Tell whether a workload was started, runs, or has ended."""
    code = (notebook.read(WORKLOAD_EXIT) or "").strip()
    if re.fullmatch(r"\d{1,3}", code) and int(code) <= 255:
        return Workload("exited", int(code))
    pid = _leader(notebook)
    if pid is None:
        return Workload("none")
    if not table.readable():
        return Workload("running" if _exists(pid) else "exited")
    return Workload("running" if _is_ours(table, pid) else "exited")


def stop_workload(outside: Outside, notebook: Notebook, table: ProcessTable, *, how: int) -> bool:
    """Signal the workload's process group and what else holds a GPU; return whether anybody was there.

    Signal 0 disturbs nobody and only asks.
    """
    anybody = False
    group = _leader(notebook)
    if group is not None and not _taken_over(table, group):
        anybody = outside.signal_group(group, how)
    kept = _ancestors(table)
    for process in (table.all() or {}).values():
        if process.pid not in kept and process.holds_gpu():
            anybody = outside.signal_one(process.pid, how) or anybody
    return anybody


def _leader(notebook: Notebook) -> Optional[int]:
    text = (notebook.read(WORKLOAD_PID) or "").strip()
    # A group of 0 or 1 would be our own, or everybody.
    return int(text) if re.fullmatch(r"\d{1,9}", text) and int(text) > 1 else None


def _is_ours(table: ProcessTable, pid: int) -> bool:
    process = table.one(pid)
    return process is not None and WORKLOAD_SCRIPT in process.command


def _taken_over(table: ProcessTable, pid: int) -> bool:
    # While a group has members its number is not given away, so a leader that is gone leaves the group ours.
    return table.one(pid) is not None and not _is_ours(table, pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _ancestors(table: ProcessTable) -> set[int]:
    kept = {0, 1}
    pid = os.getpid()
    while pid not in kept:
        kept.add(pid)
        process = table.one(pid)
        pid = process.parent if process is not None else 0
    return kept
