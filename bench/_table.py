"""What every measurement prints: a machine line, then figures beside their targets and the distance between them.

A figure that misses its target is told, not failed: these are goals. Absolute figures drift with the machine and with
whatever else runs there, so a page of them always carries the machine line.
"""

import argparse
import os
import platform
import re
import sqlite3
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_HEAD = ("figure", "measured", "target", "distance", "how")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number. `target` is the most that it should be, or the least where `more_is_better`."""

    what: str
    value: float
    unit: str
    target: float | None = None
    more_is_better: bool = False
    how: str = ""

    def row(self) -> tuple[str, ...]:
        """Return it as it is printed."""
        if self.target is None:
            return (self.what, f"{number(self.value)} {self.unit}", "", "", self.how)
        sign = "≥" if self.more_is_better else "≤"
        target = f"{sign} {number(self.target)} {self.unit}"
        return (self.what, f"{number(self.value)} {self.unit}", target, self.distance(), self.how)

    def distance(self) -> str:
        """Return how far the target is away, as a factor."""
        assert self.target is not None, self.what
        good, bad = (self.value, self.target) if self.more_is_better else (self.target, self.value)
        if good >= bad:
            # A latency that came out below zero has no factor.
            return f"met, {good / bad:.1f}×" if bad > 0 else "met"
        return f"missed, {bad / good:.1f}×" if good > 0 else "missed"


def options(about: str | None, *, seconds: float = 5.0) -> argparse.Namespace:
    """Read the command line that all measurements share."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--seconds", type=float, default=seconds, help="length of each load (default: %(default)s)"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table for a page")
    return parser.parse_args()


def show(figures: Sequence[Figure], *, markdown: bool) -> None:
    """Print the machine line and the table."""
    rows = [_HEAD, *(figure.row() for figure in figures)]
    print(machine_line())
    if markdown:
        rows.insert(1, ("---",) * len(_HEAD))
        print("\n".join(f"| {' | '.join(row)} |" for row in rows))
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def number(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie; 0.5 is the median."""
    ranked = sorted(values)
    assert ranked, "nothing was measured"
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def machine_line() -> str:
    """Say on what, with what and of what the figures are."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"machine: {_cpu()}, {cores} cores, load {os.getloadavg()[0]:.1f}, {platform.system()} {platform.release()}; "
        f"{_python()}; SQLite {sqlite3.sqlite_version}; commit {_commit()}"
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _python() -> str:
    # An interpreter built without these is up to twice as slow, so the build belongs to the figure.
    given = sysconfig.get_config_var("CONFIG_ARGS") or ""
    built = [name for name in ("enable-optimizations", "with-lto", "disable-gil") if name in given]
    built += re.findall(r"-O\S+", sysconfig.get_config_var("PY_CORE_CFLAGS") or "")[-1:]
    name = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{name} ({', '.join([platform.python_compiler(), *built])})"


def _commit() -> str:
    def git(*arguments: str) -> str:
        found = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
        return found.stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--", "src") else ""
    return f"{git('log', '-1', '--format=%h of %cs') or 'unknown'}{changed}"
