"""Soak: new worlds on every core for hours, and one line of results: `python -m gpu_shopper.testing.soak --hours 8`.

Promises: no seed is run by two soaks that write to the same file; a world that fails is kept with the line that runs it
again, and the run goes on; Ctrl-C ends it in order, and what was done by then is written.
"""

import argparse
import multiprocessing
import os
import queue
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from gpu_shopper.testing.collecting import collected_seldom
from gpu_shopper.testing.distributions import ANSWERED, UNATTENDED, share_of
from gpu_shopper.testing.evidence import append, code_version, rows
from gpu_shopper.testing.oracle import Violation
from gpu_shopper.testing.replays import TWICE_EVERY, Replay, in_a_long_run
from gpu_shopper.testing.summary import Summary, brief
from gpu_shopper.testing.world import Outcome

# Seeds below are those of the tests.
FIRST_SEED: Final = 1_000_000
YEAR_S: Final = 365.25 * 86_400
_NOTE_S: Final = 30.0
_LOOK_S: Final = 0.5
# A month that has just begun may take so long to end.
_DRAIN_S: Final = 900.0
_KEPT: Final = 50
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A soak: for how long, on how many processes, from which seed, and at most how many."""

    wall_s: float
    jobs: int
    first_seed: int
    most_seeds: int | None = None
    hours: float | None = None

    def replay(self, seed: int) -> Replay:
        """Return the world of one seed."""
        return in_a_long_run(seed) if self.hours is None else Replay(seed=seed, hours=self.hours)


@dataclass(slots=True, kw_only=True)
class Soaked:
    """What came of it."""

    plan: Plan
    summary: Summary = field(default_factory=Summary)
    next_seed: int = 0
    core_s: float = 0.0
    wall_s: float = 0.0
    interrupted: bool = False


def soak(plan: Plan, *, note: Note) -> Soaked:
    """Run worlds until the time is over or Ctrl-C; then let those that have begun come to their end."""
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("Q", plan.first_seed), context.Event()
    results: Any = context.Queue()
    workers = [
        context.Process(target=_work, args=(plan, counter, stop, results), daemon=True)
        for _ in range(plan.jobs)
    ]
    for worker in workers:
        worker.start()
    soaked, began = Soaked(plan=plan), time.monotonic()
    watch = _Watch(soaked, began, note)
    try:
        _attend(workers, results, stop, watch)
    finally:
        for worker in workers:
            worker.terminate()
    with suppress(queue.Empty):
        while True:
            watch.take(*results.get(timeout=_LOOK_S))
    soaked.next_seed, soaked.wall_s = counter.value, time.monotonic() - began
    return soaked


def _attend(workers: Sequence[BaseProcess], results: Any, stop: Any, watch: "_Watch") -> None:
    """Take in results until all workers are done, or must not be waited for any longer."""
    while any(worker.is_alive() for worker in workers):
        try:
            with suppress(queue.Empty):
                watch.take(*results.get(timeout=_LOOK_S))
        except KeyboardInterrupt:
            if not watch.interrupted():
                return
        if watch.is_over:
            stop.set()
        if watch.is_long_over:
            return


class _Watch:
    """Takes in what workers send, and says now and then how far it is."""

    def __init__(self, soaked: Soaked, began: float, note: Note) -> None:
        self._soaked = soaked
        self._began = began
        self._noted_at = -_NOTE_S
        self._note = note

    @property
    def is_over(self) -> bool:
        """No new world shall begin."""
        return self._soaked.interrupted or self._over_s > 0

    @property
    def is_long_over(self) -> bool:
        """Those that have begun are not waited for any longer."""
        return self._over_s > _DRAIN_S

    def interrupted(self) -> bool:
        """Note a Ctrl-C; tell whether it was the first."""
        if self._soaked.interrupted:
            return False
        self._soaked.interrupted = True
        self._note("ending; once more Ctrl-C gives up the worlds that have begun")
        return True

    @property
    def _over_s(self) -> float:
        return time.monotonic() - self._began - self._soaked.plan.wall_s

    def take(self, outcome: Outcome, core_s: float, twice: bool) -> None:
        """Add the result of one world."""
        soaked = self._soaked
        soaked.summary.add(outcome)
        soaked.summary.twice += twice
        soaked.core_s += core_s
        if not outcome.ok:
            again = soaked.plan.replay(outcome.seed).line()
            self._note("\n".join([*brief(outcome), f"  again: {again}"]))
        took = time.monotonic() - self._began
        if took - self._noted_at >= _NOTE_S:
            self._noted_at = took
            summary = soaked.summary
            self._note(
                f"{took / 60:.0f} of {soaked.plan.wall_s / 60:.0f} min: {summary.seeds} seeds,"
                f" {summary.simulated_s / YEAR_S:.2f} simulated years, {len(summary.failed)} failed"
            )


@collected_seldom()
def _work(plan: Plan, counter: Any, stop: Any, results: Any) -> None:
    # Ctrl-C reaches all processes of a terminal; the first one says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = None if plan.most_seeds is None else plan.first_seed + plan.most_seeds
    while not stop.is_set():
        with counter.get_lock():
            seed = counter.value
            if end is not None and seed >= end:
                return
            counter.value += 1
        began, twice = time.process_time(), seed % TWICE_EVERY == 0
        outcome = _lived(plan.replay(seed), twice=twice)
        results.put((outcome, time.process_time() - began, twice))


def _lived(replay: Replay, *, twice: bool) -> Outcome:
    try:
        return replay.run(twice=twice)
    except Exception:  # noqa: BLE001 - a world that breaks the simulator is a finding as well
        told = traceback.format_exc(limit=-3)
        broken = Violation(check="simulator", at=0.0, message=told)
        return Outcome(seed=replay.seed, mode="unknown", violations=[broken])


def row_of(soaked: Soaked, *, code: str, at: datetime) -> Mapping[str, object]:
    """Return the line that is kept of a soak. Speed is per core: seconds are those of the processor."""
    summary, core_s = soaked.summary, max(1e-9, soaked.core_s)
    return {
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "code": code,
        "first_seed": soaked.plan.first_seed,
        "next_seed": soaked.next_seed,
        "seeds": summary.seeds,
        "run_twice": summary.twice,
        "simulated_years": round(summary.simulated_s / YEAR_S, 6),
        "sessions": sum(summary.states.values()),
        "crashes": summary.lives - summary.seeds,
        "faults": sum(summary.faults.values()),
        "violations": sum(len(outcome.violations) for outcome in summary.failed),
        "failed_seeds": len(summary.failed),
        "failed": [
            {
                "seed": outcome.seed,
                "check": outcome.violations[0].check,
                "message": outcome.violations[0].message[:300],
                "again": soaked.plan.replay(outcome.seed).line(),
            }
            for outcome in summary.failed[:_KEPT]
        ],
        "unattended_s": _spread(summary.figures.get(UNATTENDED, [])),
        "unattended_while_cloud_answers_s": _spread(summary.figures.get(ANSWERED, [])),
        "never_tried": summary.unexercised(),
        "exercised": dict(sorted((summary.faults + summary.exercised).items())),
        "seeds_per_core_s": round(summary.seeds / core_s, 3),
        "times_real_time": round(summary.simulated_s / core_s),
        "jobs": soaked.plan.jobs,
        "wall_s": round(soaked.wall_s),
        "interrupted": soaked.interrupted,
    }


def _spread(values: list[float]) -> Mapping[str, float]:
    ranked = sorted(values)
    if not ranked:
        return {"count": 0}
    return {
        "count": len(ranked),
        "p50": share_of(ranked, 0.5),
        "p99": share_of(ranked, 0.99),
        "max": ranked[-1],
    }


def main(arguments: list[str] | None = None) -> int:
    """Soak; return 0 if every world held, 1 if one did not, 130 if interrupted before either was known."""
    options = _parser().parse_args(arguments)
    before = rows(options.record) if options.record is not None else []
    start = max([FIRST_SEED, *(int(row["next_seed"]) for row in before)])
    plan = Plan(
        wall_s=options.hours * 3600,
        jobs=options.jobs,
        first_seed=start if options.start is None else options.start,
        most_seeds=options.seeds,
        hours=options.simulated_hours,
    )
    # What runs in the background of a script begins with Ctrl-C switched off.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    _say(f"from seed {plan.first_seed} on {plan.jobs} processes")
    code = code_version()
    soaked = soak(plan, note=_say)
    for line in soaked.summary.lines(took_s=max(1e-9, soaked.wall_s)):
        sys.stdout.write(line + "\n")
    if options.record is not None and soaked.summary.seeds:
        append(options.record, row_of(soaked, code=code, at=datetime.now(UTC)))
    if soaked.summary.failed:
        return 1
    return 130 if soaked.interrupted else 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soak", description="Run new worlds for hours.")
    add = parser.add_argument
    add("--hours", type=float, default=1.0, help="for how long (default: %(default)s)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    add("--seeds", type=int, help="end after so many worlds")
    add("--start", type=int, help="first seed (default: after the last one in the file)")
    add("--record", type=Path, metavar="FILE", help="append a line of results to FILE")
    add("--simulated-hours", type=float, help="hours per world (default: 24, one in 250 720)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
