"""Run worlds from a seed on until an invariant does not hold: what runs inside a copy without a rule.

Prints one line of JSON: how many seeds were run, and the first that failed with the check that said so. Where the checks that
should notice are named, only those count; how many seeds failed by others is told beside it.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from typing import Any, Final

import gpu_shopper
from gpu_shopper.testing.profiles import Mode, draw_profile
from gpu_shopper.testing.world import run_profile

# More sessions an hour than worlds have by default, and more changes of mind: what a rule is for happens sooner.
_BROKEN: Final = ("NameError", "AttributeError", "TypeError", "ImportError", "UnboundLocalError")
_BUSY: Final[dict[str, Any]] = {"sessions_per_hour": 6.0, "cancel_early": 0.3}


def main(arguments: list[str]) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="worlds")
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
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
    for seed in range(options.first, options.first + options.seeds):
        profile = draw_profile(seed, hours=options.hours, mode=mode, only=options.only)
        outcome = run_profile(replace(profile, demand=replace(profile.demand, **_BUSY)))
        ran += 1
        for one in outcome.violations:
            # A rule that is missing breaks a promise; a copy that is broken proves nothing.
            assert not any(word in one.message for word in _BROKEN), one.message
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
