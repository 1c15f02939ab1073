"""Run worlds from a seed on until an invariant does not hold: what runs inside a copy without a rule.

Prints one line of JSON: how many seeds were run, and the first that failed with the check that said so. Where the checks that
should notice are named, only those count; how many seeds failed by others is told beside it.
"""

import argparse
import json
import sys
import time

import gpu_shopper
from gpu_shopper.testing.profiles import Mode
from gpu_shopper.testing.world import run_seed


def main(arguments: list[str]) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="worlds")
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--hours", type=float, required=True)
    parser.add_argument("--mode", choices=[str(mode) for mode in Mode])
    parser.add_argument("--only", help="the one fault of all worlds")
    parser.add_argument("--expected", default="", help="the checks that count; none: every one")
    options = parser.parse_args(arguments)
    mode = None if options.mode is None else Mode(options.mode)
    expected = frozenset(options.expected.split(",")) - {""}
    began, found, others = time.monotonic(), {}, 0
    ran = 0
    for seed in range(options.seeds):
        outcome = run_seed(seed, hours=options.hours, mode=mode, only=options.only)
        ran = seed + 1
        meant = [one for one in outcome.violations if not expected or one.check in expected]
        others += bool(outcome.violations) and not meant
        if meant:
            found = {"seed": seed, "check": meant[0].check, "message": meant[0].message}
            break
    took = time.monotonic() - began
    told = {"package": gpu_shopper.__file__, "ran": ran, "seconds": took, "others": others}
    sys.stdout.write(json.dumps(told | found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
