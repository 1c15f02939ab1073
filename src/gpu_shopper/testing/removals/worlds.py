"""Run worlds from a seed on until an invariant does not hold: what runs inside a copy without a rule.

Prints one line of JSON: how many seeds were run, and the first that failed with the check that said so.
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
    options = parser.parse_args(arguments)
    mode = None if options.mode is None else Mode(options.mode)
    began, found = time.monotonic(), {}
    ran = 0
    for seed in range(options.seeds):
        outcome = run_seed(seed, hours=options.hours, mode=mode)
        ran = seed + 1
        if not outcome.ok:
            first = outcome.violations[0]
            found = {"seed": seed, "check": first.check, "message": first.message}
            break
    told = {"package": gpu_shopper.__file__, "ran": ran, "seconds": time.monotonic() - began}
    sys.stdout.write(json.dumps(told | found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
