"""Try removals: `python -m gpu_shopper.testing.removals [R7 …] [--seeds 500]`.

Returns 1 if the worlds did not notice that one of the rules is missing, or if they find fault with the code as it is.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gpu_shopper.testing.removals.evidence import write_page
from gpu_shopper.testing.removals.removal import Removal
from gpu_shopper.testing.removals.table import BY_RULE, REMOVALS
from gpu_shopper.testing.removals.trying import SCENARIOS, SEEDS, Verdict, try_without

_BASELINE_SEEDS = 40
_PAGE = Path("docs/evidence/rules.md")


def main(arguments: list[str] | None = None) -> int:
    """Try what the command line asks for."""
    options = _parser().parse_args(arguments)
    chosen = [BY_RULE[rule] for rule in options.rules] or list(REMOVALS)
    missed, verdicts = [], []

    def attempt(removal: Removal) -> Verdict:
        named = (removal.scenario,) if removal.scenario else ()
        return try_without(
            removal,
            seeds=options.seeds,
            hours=options.hours,
            mode=options.mode,
            only=options.only,
            scenarios=named or (SCENARIOS if options.scenarios else ()),
        )

    # Each try is a process of its own, so that threads need do nothing but wait.
    with ThreadPoolExecutor(options.jobs) as pool:
        for removal, verdict in zip(chosen, pool.map(attempt, chosen), strict=True):
            verdicts.append(verdict)
            sys.stdout.write(_line(verdict) + "\n")
            sys.stdout.flush()
            if not verdict.noticed:
                missed.append(removal.rule)
    if options.baseline:
        verdict = try_without(
            None, seeds=options.baseline, hours=options.hours, mode=options.mode, only=options.only
        )
        sys.stdout.write(_line(verdict) + "\n")
        missed += [verdict.rule] if verdict.noticed else []
        if options.write and len(verdicts) == len(REMOVALS):
            write_page(_PAGE, verdicts, baseline=verdict, seeds=options.seeds)
    sys.stdout.write(f"{len(chosen)} rules, amiss: {', '.join(missed) or 'none'}\n")
    return 1 if missed else 0


def _line(verdict: Verdict) -> str:
    if verdict.seed is not None:
        what = f"seed {verdict.seed}: {verdict.check} {verdict.message[:120]}"
    else:
        what = f"{verdict.ran} seeds without a violation" if verdict.ran else "not in worlds"
    others = f" ({verdict.others} seeds failed by other checks)" if verdict.others else ""
    failed = f"; {verdict.scenario} fails" if verdict.scenario else ""
    return f"{verdict.rule:11} {verdict.seconds:6.1f} s  {what}{others}{failed}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="removals", description="Take each safety rule out of a copy, and see who notices."
    )
    parser.add_argument("rules", nargs="*", metavar="RULE", help="which (default: all)")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="at most so many each (default: %(default)s)"
    )
    parser.add_argument("--write", action="store_true", help=f"write {_PAGE}; needs all rules")
    parser.add_argument(
        "--scenarios",
        action="store_true",
        help="where no test is named, look for one that fails (minutes)",
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="so many at once (default: %(default)s)"
    )
    parser.add_argument("--hours", type=float, help="simulated hours (default: the rule's own)")
    parser.add_argument("--mode", help="the worlds' mode (default: the rule's own)")
    parser.add_argument("--only", help="the one fault of the worlds (default: the rule's own)")
    parser.add_argument(
        "--baseline",
        type=int,
        default=_BASELINE_SEEDS,
        help="so many seeds with all rules kept (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
