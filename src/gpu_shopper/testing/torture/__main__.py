"""Torture the real programs: `python -m gpu_shopper.testing.torture --cycles 200 --seed 1`.

Starts a server and a sandbox cloud in a folder of their own, lets clients rent, kills until enough was killed, and says
whether every promise was kept: 0 if so, 1 if not, 130 if interrupted. What failed stays in the folder.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpu_shopper.testing.evidence import append, code_version
from gpu_shopper.testing.torture.run import Plan, Result, run

_SHOWN = 20
_ENDS = (signal.SIGINT, signal.SIGTERM)


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for."""
    options = _parser().parse_args(arguments)
    plan = Plan(
        cycles=options.cycles,
        seed=options.seed,
        consumers=options.consumers,
        small_disk=not options.no_small_disk,
        wait_for_certainty=not options.short,
    )
    folder = Path(tempfile.mkdtemp(prefix="torture-", dir=options.folder)).resolve()
    _say(f"{plan.cycles} kills, seed {plan.seed}, in {folder}")
    # Either must clean up, also where a shell started us in the background; a second one must not cut that short.
    for number in _ENDS:
        signal.signal(number, _interrupt)
    try:
        result = run(folder, plan, say=_say)
    except KeyboardInterrupt:
        _say(f"interrupted; everything that was started is gone, the logs stay in {folder}")
        return 130
    except BaseException:
        _say(f"the run itself failed; logs and histories are in {folder}\n  again: {_again(plan)}")
        raise
    told = "\n".join(report(result)) + "\n"
    (folder / "summary.txt").write_text(told, encoding="utf-8")
    sys.stdout.write(told)
    if options.record is not None:
        append(options.record, record_of(result, code=code_version(), at=datetime.now(UTC)))
    if not result.ok:
        _say(f"logs, histories and ledgers are in {folder}\n  again: {_again(plan)}")
        _say("the same seed draws the same blows, but real time is never the same twice")
        return 1
    if options.keep:
        _say(f"logs, histories and ledgers are in {folder}")
    else:
        shutil.rmtree(folder)
    return 0


def report(result: Result) -> Iterator[str]:
    """Yield the summary."""
    figures = result.figures
    yield (
        f"{result.kills} kills in {result.blows_s:.0f} s ({result.blows_s / max(1, result.kills):.1f} s each),"
        f" {result.took_s:.0f} s in all; the server was back after {_spread(result.restart_s)}"
    )
    yield "blows:        " + _counted(result.blows)
    yield (
        f"disk full:    on {result.disk}"
        if "skip" not in result.disk
        else f"disk full:    {result.disk}"
    )
    yield f"sessions:     {_counted(figures.sessions)}; attempts: {_counted(figures.attempts)}; instances {figures.instances}"
    yield (
        f"acknowledged: {_counted(result.acknowledged)};"
        f" {result.checked_after_restart} creations asked for again right after a restart, {result.lost} lost"
    )
    yield "checks:       " + _counted(result.exercised)
    yield f"ended until gone: {_spread(figures.unattended_s)}; two of one session at once: {_spread(figures.duplicates_s)}"
    yield (
        f"bills:        {figures.billed_micros / 1e6:.2f} USD, wrong by {_spread(figures.bill_errors_s)} of the price,"
        f" {figures.beyond_a_cent} by more than 1 % and a cent"
    )
    yield f"at rest:      after {result.rest_s:.0f} s, {result.orphans} left over, {result.owed} orders still looked for"
    yield f"violations:   {len(result.violations)}"
    if figures.worst_bill:
        yield f"worst bill:   {figures.worst_bill}"
    for violation in result.violations[:_SHOWN]:
        yield f"  {violation.check}: {violation.message}"


def record_of(result: Result, *, code: str, at: datetime) -> dict[str, Any]:
    """Return the line that is kept of a run."""
    figures = result.figures
    return {
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "code": code,
        "seed": result.plan.seed,
        "kills": result.kills,
        "blows": dict(sorted(result.blows.items())),
        "disk": result.disk,
        "sessions": dict(sorted(figures.sessions.items())),
        "instances": figures.instances,
        "acknowledged": dict(sorted(result.acknowledged.items())),
        "lost": result.lost,
        "orphans": result.orphans,
        "violations": len(result.violations),
        "unattended_s": {"p50": _at(figures.unattended_s, 0.5), "p99": _at(figures.unattended_s, 0.99), "max": _at(figures.unattended_s, 1)},
        "bills_beyond_a_cent": figures.beyond_a_cent,
        "rest_s": round(result.rest_s),
        "took_s": round(result.took_s),
    }  # fmt: skip


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"


def _spread(values: list[float]) -> str:
    if not values:
        return "never"
    return f"p50 {_at(values, 0.5):.1f} s, p99 {_at(values, 0.99):.1f} s, longest {_at(values, 1):.1f} s"


def _at(values: list[float], share: float) -> float:
    ranked = sorted(values)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], 2) if ranked else 0.0


def _again(plan: Plan) -> str:
    return f"make torture CYCLES={plan.cycles} SEED={plan.seed}"


def _interrupt(_number: int, _frame: object) -> None:
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="torture", description="Torture the real programs.")
    add = parser.add_argument
    add("--cycles", type=int, default=50, help="how many kill -9 (default: %(default)s)")
    add(
        "--seed",
        type=int,
        default=1,
        help="what is drawn, and in which order (default: %(default)s)",
    )
    add("--consumers", type=int, default=6, help="clients at once (default: %(default)s)")
    add("--folder", type=Path, help="where the run's folder is made (default: the system's)")
    add("--record", type=Path, metavar="FILE", help="append a line about this run to FILE")
    add(
        "--no-small-disk",
        action="store_true",
        help="never fill a disk, even where one can be mounted",
    )
    add("--keep", action="store_true", help="keep the folder also of a run that went well")
    add(
        "--short",
        action="store_true",
        help="don't wait five minutes for orders that never arrived to be certain",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
