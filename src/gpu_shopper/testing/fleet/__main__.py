"""Torture a mixed fleet: every simulated vendor at once, real processes, faults on, a server that is killed every few seconds.

`python -m gpu_shopper.testing.fleet --sessions 100 --minutes 10`: says at the end whether every cloud's own ledger is empty
but for what was planted there, whether nothing foreign was touched, and how far the book's bill is from the clouds'.
0 if every promise was kept, 1 if not, 130 if interrupted.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpu_shopper.testing.evidence import append, code_version
from gpu_shopper.testing.fleet.bills import Account
from gpu_shopper.testing.fleet.consumers import Demand
from gpu_shopper.testing.fleet.fleet import Fleet
from gpu_shopper.testing.fleet.judge import Outcome
from gpu_shopper.testing.vendors.program import simulated

_SHOWN = 20


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for."""
    options = _parser().parse_args(arguments)
    names = options.vendors.split(",") if options.vendors else simulated()
    demand = Demand(sessions=options.sessions, minutes=options.minutes, seed=options.seed)
    folder = Path(tempfile.mkdtemp(prefix="fleet-")).resolve()
    fleet = Fleet(folder, names, demand=demand, say=_say)
    # Either must clean up, also where a shell started us in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        fleet.open()
        fleet.run(to_certainty=options.to_certainty)
    except KeyboardInterrupt:
        _say(f"interrupted; everything that was started is gone, the logs stay in {folder}")
        return 130
    finally:
        fleet.close()
    found = fleet.outcome
    sys.stdout.write("\n".join(report(found)) + "\n")
    if options.record is not None:
        append(options.record, record_of(found, code=code_version(), at=datetime.now(UTC)))
    if found.wrong or options.keep:
        _say(f"logs and the book are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if found.wrong else 0


def report(found: Outcome) -> Iterator[str]:
    """Yield the summary."""
    yield (
        f"{found.kills} kills of the server, {found.asked} sessions acknowledged:"
        f" {_counted(found.sessions)}; {found.took_s:.0f} s in all"
    )
    yield f"instances:  {_counted(found.instances)}"
    yield f"faults:     {found.struck.total()}: {_counted(found.struck)}"
    yield f"{'bills':<14}{'number':>7}{'due $':>10}{'booked $':>10}{'error':>9}{'middle':>9}{'most':>9}  a bill ends"
    for each in found.accounts:
        ends = "with the order" if each.name in found.ends_with_order else "when it is seen"
        yield f"{_line(each)}  {ends}"
    yield from map(_line, found.sums)
    yield "  error: the sum of all differences between book and ledger, without their signs, as a share of the ledger"
    yield f"beside:     {_counted(found.beside)}, which cost nothing and are cleared away later"
    yield f"at rest:    after {found.rest_s:.0f} s; of {found.owed} sessions an unanswered order is still looked for"
    yield f"wrong:      {len(found.wrong)}"
    yield from (f"  {each}" for each in found.wrong[:_SHOWN])


def _line(sums: Account) -> str:
    return (
        f"  {sums.name:<12}{sums.bills:>7}{sums.due:>10.4f}{sums.booked:>10.4f}{sums.error:>9.2%}"
        f"{sums.middle_off_s:>+8.1f}s{sums.most_off_s:>+8.1f}s"
    )


def record_of(found: Outcome, *, code: str, at: datetime) -> dict[str, Any]:
    """Return the line of evidence about a run."""
    return {
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "code": code,
        "seed": found.seed,
        "clouds": len(found.instances),
        "kills": found.kills,
        "sessions": dict(sorted(found.sessions.items())),
        "acknowledged": found.asked,
        "instances": dict(sorted(found.instances.items())),
        "faults": found.struck.total(),
        "due_usd": round(found.total.due, 4),
        "booked_usd": round(found.total.booked, 4),
        "bill_error": round(found.total.error, 5),
        "bill_error_where_ends_are_known": round(found.sums[0].error, 5),
        "bill_error_where_ends_are_seen": round(found.sums[1].error, 5),
        "bill_error_by_cloud": {each.name: round(each.error, 5) for each in found.accounts},
        "worst_bill_off_s": round(found.total.most_off_s, 1),
        "rest_s": round(found.rest_s),
        "unanswered": found.owed,
        "wrong": len(found.wrong),
        "took_s": round(found.took_s),
    }


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fleet", description="Torture a mixed fleet.")
    add = parser.add_argument
    add("--sessions", type=int, default=100)
    add("--minutes", type=float, default=10.0, help="for so long the server is killed")
    add("--seed", type=int, default=1)
    add("--vendors", default="", help="by commas; default: all")
    add("--to-certainty", action="store_true", help="wait until no unanswered order is looked for")
    add("--record", type=Path, metavar="FILE", help="append a line about this run to FILE")
    add("--keep", action="store_true", help="keep the folder also of a good run")
    return parser


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
