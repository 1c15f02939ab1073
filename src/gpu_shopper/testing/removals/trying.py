"""Trying a removal: a copy of the package without the rule, worlds in it until one is violated, and its scenario.

What a world says counts only if the same world with all rules kept does not say it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gpu_shopper.testing.removals.removal import PACKAGE, Removal, copy_without

SEEDS = 500
# Where scenarios are looked for, the worlds' own first; relative to the root of a checkout.
SCENARIOS: Final = (
    "tests/sim/test_scenarios.py",
    "tests/sim/test_lying_clouds.py",
    "tests/sim/test_house_scenarios.py",
    "tests/sim/test_clock_scenarios.py",
    "tests/sim/test_outages.py",
    "tests/unit/domain/test_plan.py",
    "tests/unit/domain/test_proof.py",
    "tests/unit/domain/test_hearing.py",
    "tests/unit/domain/test_census.py",
    "tests/unit/transactions",
    "tests/unit/engine",
    "tests/unit/agent",
)
_FAILED = "FAILED "
_PYTEST_FAILED = 1


class NotTried(Exception):
    """The worlds could not be run at all: the copy does not start, or it was not the copy that ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the worlds without a rule. `seed` is the first that was violated, None if none was.

    A violation counts if it is one of those that the removal expects; `others` is how many seeds failed by something else.
    `scenario` is a test that was run and failed without the rule.
    """

    rule: str
    ran: int
    seconds: float
    others: int = 0
    seed: int | None = None
    check: str = ""
    message: str = ""
    scenario: str = ""

    @property
    def noticed(self) -> bool:
        """A world was violated, or a test failed."""
        return self.seed is not None or bool(self.scenario)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worlds:
    hours: float
    mode: str | None
    only: str | None
    expected: frozenset[str]

    def run(self, path: Path, *, first: int, seeds: int) -> dict[str, Any]:
        """Run worlds of the package in `path` and return what was told."""
        command = [sys.executable, "-m", "gpu_shopper.testing.removals.worlds"]
        command += ["--first", str(first), "--seeds", str(seeds), "--hours", f"{self.hours:g}"]
        command += ["--mode", self.mode] if self.mode else []
        command += ["--only", self.only] if self.only else []
        command += ["--expected", ",".join(sorted(self.expected))]
        ended = subprocess.run(  # noqa: S603 - our own program in our own copy
            command, env=_environment(path), cwd=path, capture_output=True, text=True, check=False
        )
        if ended.returncode != 0:
            tail = ended.stderr.strip().rpartition("\n")[2]
            raise NotTried(f"the worlds ended with {ended.returncode}: {tail}")
        told: dict[str, Any] = json.loads(ended.stdout)
        if not told["package"].startswith(str(path)):
            raise NotTried(f"it was {told['package']} that ran, not the copy")
        return told


def try_without(
    removal: Removal | None,
    *,
    seeds: int = SEEDS,
    hours: float | None = None,
    mode: str | None = None,
    only: str | None = None,
    scenarios: Sequence[str] = (),
) -> Verdict:
    """Run worlds from seed 0 on without the rule (None: with all of them), until one is violated.

    `scenarios` are tests, or files and folders of tests, of which one shall fail without the rule.

    Raises:
        NotTried: see there.
        DoesNotFit: the table is older than the code.
    """
    fault = only or (removal.only if removal and not mode else None)
    worlds = _Worlds(
        hours=hours if hours is not None else (removal.hours if removal else 2.0),
        mode=mode or (removal.mode if removal and not fault else None),
        only=fault,
        expected=removal.expected if removal else frozenset(),
    )
    began, rule = time.monotonic(), removal.rule if removal else "all kept"
    with tempfile.TemporaryDirectory(prefix="without-") as place:
        path = copy_without(removal, Path(place))
        if removal is not None and removal.not_in_worlds:
            found: dict[str, Any] = {"ran": 0, "others": 0}
        else:
            found = _first_seed(worlds, path, seeds=seeds, kept=removal is None)
        seconds = time.monotonic() - began
        failed = first_failure(path, scenarios)
    return Verdict(
        rule=rule,
        ran=found["ran"],
        others=found["others"],
        seconds=seconds,
        seed=found.get("seed"),
        check=found.get("check", ""),
        message=found.get("message", ""),
        scenario=failed,
    )


def first_failure(path: Path, tests: Sequence[str]) -> str:
    """Return the first of `tests` that fails with the package in `path`, by file and name; empty if all pass.

    Raises:
        NotTried: they could not be run.
    """
    if not tests:
        return ""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "--tb=no"]
    command += ["-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    ended = subprocess.run(  # noqa: S603 - our own tests with our own copy
        command, env=_environment(path), capture_output=True, text=True, check=False
    )
    if ended.returncode == 0:
        return ""
    told = [line for line in ended.stdout.splitlines() if line.startswith(_FAILED)]
    if ended.returncode != _PYTEST_FAILED or not told:
        raise NotTried(f"the tests ended with {ended.returncode}: {ended.stdout[-400:]}")
    return told[0].removeprefix(_FAILED).partition(" - ")[0].partition("[")[0]


def _first_seed(worlds: _Worlds, path: Path, *, seeds: int, kept: bool) -> dict[str, Any]:
    ran = others = 0
    while ran < seeds:
        told = worlds.run(path, first=ran, seeds=seeds - ran)
        ran, others = ran + told["ran"], others + told["others"]
        found = told | {"ran": ran, "others": others}
        if "seed" not in told or kept:
            return found
        control = worlds.run(PACKAGE.parent, first=told["seed"], seeds=1)
        if control.get("check") != told["check"]:
            return found
        # With the rule kept this world says the same: it speaks of something else.
        others += 1
    return {"ran": ran, "others": others}


def _environment(path: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(path), "PYTHONHASHSEED": "0"}
