"""Torture a mixed fleet: every simulated vendor at once, real processes, faults on, a server that is killed every few seconds.

`python -m gpu_shopper.testing.fleet --sessions 100 --minutes 10`: says at the end whether every cloud's own ledger is empty
but for what was planted there, whether nothing foreign was touched, and how far the book's bill is from the clouds'.
0 if every promise was kept, 1 if not.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gpu_shopper.testing.fleet.fleet import Fleet
from gpu_shopper.testing.fleet.judge import Outcome
from gpu_shopper.testing.vendors.program import simulated


def report(found: Outcome) -> Iterator[str]:
    """Yield the summary."""
    yield f"{found.kills} kills of the server, {found.asked} sessions asked for: {dict(found.sessions)}"
    yield f"instances:  {sum(found.by_cloud.values())}: {dict(sorted(found.by_cloud.items()))}"
    yield f"faults:     {sum(found.struck.values())}: {dict(sorted(found.struck.items()))}"
    yield f"bill:       booked {found.booked:.4f}, the clouds' own {found.billed:.4f} USD, apart by {found.cost_error:.2%}"
    if found.off_s:
        ranked = sorted(found.off_s)
        middle = ranked[len(ranked) // 2]
        yield f"each bill:  off by {ranked[0]:+.1f} to {ranked[-1]:+.1f} s of its price, {middle:+.1f} in the middle"
    yield f"beside:     {dict(sorted(found.beside.items()))}, which cost nothing and are cleared away later"
    yield f"at rest:    after {found.rest_s:.0f} s, {found.owed} unanswered orders still looked for"
    yield f"wrong:      {len(found.wrong)}"
    yield from (f"  {each}" for each in found.wrong[:20])


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="fleet", description="Torture a mixed fleet.")
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vendors", default="", help="by commas; default: all")
    parser.add_argument("--keep", action="store_true", help="keep the folder also of a good run")
    options = parser.parse_args(arguments)
    names = options.vendors.split(",") if options.vendors else simulated()
    folder = Path(tempfile.mkdtemp(prefix="fleet-")).resolve()
    fleet = Fleet(folder, names, seed=options.seed)
    try:
        fleet.open()
        found = fleet.run(sessions=options.sessions, minutes=options.minutes)
    finally:
        fleet.close()
    sys.stdout.write("\n".join(report(found)) + "\n")
    if found.wrong or options.keep:
        sys.stderr.write(f"logs and the book are in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
