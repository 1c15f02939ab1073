"""Trying a removal: a copy of the package without the rule, and worlds in it until one is violated."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gpu_shopper.testing.removals.removal import Removal, copy_without

SEEDS = 500


class NotTried(Exception):
    """The worlds could not be run at all: the copy does not start, or it was not the copy that ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the worlds without a rule. `seed` is the first that was violated, None if none was.

    A violation counts if it is one of those that the removal expects; `others` is how many seeds failed by something else.
    """

    rule: str
    ran: int
    seconds: float
    others: int = 0
    seed: int | None = None
    check: str = ""
    message: str = ""

    @property
    def noticed(self) -> bool:
        """A world was violated."""
        return self.seed is not None


def try_without(
    removal: Removal | None,
    *,
    seeds: int = SEEDS,
    hours: float | None = None,
    mode: str | None = None,
    only: str | None = None,
) -> Verdict:
    """Run worlds from seed 0 on without the rule (None: with all of them), until one is violated.

    Raises:
        NotTried: see there.
        DoesNotFit: the table is older than the code.
    """
    lasting = hours if hours is not None else (removal.hours if removal else 2.0)
    fault = only or (removal.only if removal and not mode else None)
    chosen = mode or (removal.mode if removal and not fault else None)
    with tempfile.TemporaryDirectory(prefix="without-") as place:
        path = copy_without(removal, Path(place))
        command = [sys.executable, "-m", "gpu_shopper.testing.removals.worlds"]
        command += ["--seeds", str(seeds), "--hours", f"{lasting:g}"]
        command += ["--mode", chosen] if chosen else []
        command += ["--only", fault] if fault else []
        command += ["--expected", ",".join(sorted(removal.expected))] if removal else []
        environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONHASHSEED": "0"}
        ended = subprocess.run(  # noqa: S603 - our own program in our own copy
            command, env=environment, cwd=path, capture_output=True, text=True, check=False
        )
        if ended.returncode != 0:
            tail = ended.stderr.strip().rpartition("\n")[2]
            raise NotTried(f"the worlds ended with {ended.returncode}: {tail}")
        told = json.loads(ended.stdout)
        if not told["package"].startswith(str(path)):
            raise NotTried(f"it was {told['package']} that ran, not the copy")
    return Verdict(
        rule=removal.rule if removal else "all kept",
        ran=told["ran"],
        others=told["others"],
        seconds=told["seconds"],
        seed=told.get("seed"),
        check=told.get("check", ""),
        message=told.get("message", ""),
    )
