"""Every crash of the core scenarios: enumerated, not sampled.

    python -m gpu_shopper.testing.crashes                     each effect of each scenario, before and after
    python -m gpu_shopper.testing.crashes --steps create      each await as well
    python -m gpu_shopper.testing.crashes --pairs create      each pair: once in the first life, once in the second

After each the house starts again and has to make it good; at rest every invariant is asked. A point that fails is printed
with what was violated, and the command ends with 1.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from gpu_shopper.testing.core_scenarios import CORE, Core
from gpu_shopper.testing.process import CrashPlan, Process
from gpu_shopper.testing.scenarios import Played

Plans = tuple[CrashPlan, ...]
_SIDES: tuple[Literal["before", "after"], ...] = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of many crashes of one scenario."""

    name: str
    points: int = 0
    failures: list[str] = field(default_factory=list)


def at_effects(core: Core) -> list[CrashPlan]:
    """Return a crash before and after each effect of the scenario's window."""
    return [
        CrashPlan(at_effect=effect, when=when) for effect in core.play().effects for when in _SIDES
    ]


def at_steps(core: Core) -> list[CrashPlan]:
    """Return a crash at each step of the scenario's window: wherever something is awaited."""
    return [CrashPlan(at_step=step) for step in core.play().steps]


def second_crashes(core: Core, first: CrashPlan) -> list[CrashPlan]:
    """Return a crash before and after each effect of the life that begins after the first crash."""
    effects = _lives(core.play([first]))[1]
    return [
        CrashPlan(at_effect=effect, when=when)
        for effect in range(1, effects + 1)
        for when in _SIDES
    ]


def pairs_after(core: Core, first: CrashPlan, *, every: int = 1) -> Iterator[Plans]:
    """Yield the pairs that begin with this crash, or every n-th of them."""
    # Each first crash begins its count elsewhere, so that a sample sees different second ones.
    begin = ((first.at_effect or 0) * 2 + (first.when == "after")) % every
    for second in islice(second_crashes(core, first), begin, None, every):
        yield (first, second)


def trouble(core: Core, plans: Plans) -> str | None:
    """Play with these crashes; return what went wrong, None if everything was made good."""
    played = core.play(plans)
    outcome = played.outcome
    if outcome.violations:
        return f"{_told(plans)}: {outcome.violations[0]}"
    lives = _houses(played)
    deaths = sum(process.died_of.startswith("planned") for process in lives)
    if deaths != len(plans) and not _still_under_way(lives[-1]):
        return f"{_told(plans)}: only {deaths} of {len(plans)} crashes happened"
    return None


def _still_under_way(life: Process) -> bool:
    """Tell whether the crash was to come after a call that had not come back when the scenario was over."""
    return life.plan.when == "after" and life.plan.at_effect in life.under_way


def try_all(name: str, points: Iterator[Plans]) -> Found:
    """Try each of these."""
    core, count, failures = CORE[name], 0, []
    for plans in points:
        count += 1
        failed = trouble(core, plans)
        if failed is not None:
            failures.append(failed)
    return Found(name=name, points=count, failures=failures)


def _houses(played: Played) -> list[Process]:
    return [one for one in played.stage.world.loop.processes if one.name == "house"]


def _lives(played: Played) -> list[int]:
    return [house.effects for house in _houses(played)]


def _told(plans: Plans) -> str:
    return ", then ".join(
        f"step {plan.at_step}" if plan.at_effect is None else f"{plan.when} effect {plan.at_effect}"
        for plan in plans
    )


def _try_singles(name: str, steps: bool) -> Found:
    core = CORE[name]
    plans = at_effects(core) + (at_steps(core) if steps else [])
    return try_all(name, ((plan,) for plan in plans))


def _try_pairs(name: str, first: CrashPlan, every: int) -> Found:
    return try_all(name, pairs_after(CORE[name], first, every=every))


def _report(found: Found, totals: dict[str, Found]) -> None:
    before = totals.get(found.name, Found(name=found.name))
    totals[found.name] = Found(
        name=found.name,
        points=before.points + found.points,
        failures=before.failures + found.failures,
    )
    for failure in found.failures:
        print(f"{found.name}: {failure}", flush=True)  # noqa: T201 - a command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gpu_shopper.testing.crashes")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; all if none is named")
    parser.add_argument("--steps", action="store_true", help="crash at each await as well")
    parser.add_argument("--pairs", action="store_true", help="crash twice, in two lives")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="try every n-th pair only"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many at once")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(CORE))
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; known are {', '.join(CORE)}")
    return given


def main() -> int:
    """Try what the command line asks for, and sum up."""
    given = _arguments()
    names = given.names or list(CORE)
    began, totals = time.monotonic(), dict[str, Found]()
    with ProcessPoolExecutor(given.jobs) as pool:
        if given.pairs:
            tasks = [
                pool.submit(_try_pairs, name, first, given.every)
                for name in names
                for first in at_effects(CORE[name])
            ]
        else:
            tasks = [pool.submit(_try_singles, name, given.steps) for name in names]
        for task in tasks:
            _report(task.result(), totals)
    seconds = time.monotonic() - began
    for found in totals.values():
        print(f"{found.name:16} {found.points:7} points {len(found.failures):5} failures")  # noqa: T201
    points = sum(found.points for found in totals.values())
    failures = sum(len(found.failures) for found in totals.values())
    print(  # noqa: T201
        f"{points} points, {failures} failures, {seconds:.0f} s, {points / seconds:.1f} points/s"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
