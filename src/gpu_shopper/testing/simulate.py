"""Run worlds from seeds: `python -m gpu_shopper.testing.simulate --seeds 500`.

Each seed is one world of the real commands, engine and store. The summary names what was exercised, and what was not. A
seed that fails is told with the one line that runs it again; `--explain` tells its whole story.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from gpu_shopper.testing.distributions import Figures, add_up, lines
from gpu_shopper.testing.invariants import never_asked
from gpu_shopper.testing.profiles import MISDEEDS, TROUBLES, Mode
from gpu_shopper.testing.story import tell
from gpu_shopper.testing.world import Outcome, run_seed

# What a fault is called when it strikes, where that is not its own name.
_STRUCK_AS = {
    "network_loses": "request_lost",
    "network_slow": "request_slow",
    "heartbeats_lost": "heartbeat_lost",
    "heartbeats_replayed": "heartbeat_replayed",
    "webhook_fails": "webhook_failed",
    "mute_nodes": "node_mute",
    "late_drivers": "driver_late",
}


@dataclass(slots=True)
class Summary:
    """What many seeds gave together."""

    seeds: int = 0
    simulated_s: float = 0.0
    lives: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    exercised: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    figures: Figures = field(default_factory=dict)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Add one seed."""
        self.seeds += 1
        self.simulated_s += outcome.simulated_s
        self.lives += outcome.lives
        self.faults += outcome.faults
        self.exercised += outcome.exercised
        self.states += outcome.states
        add_up(self.figures, outcome.figures)
        if not outcome.ok:
            self.failed.append(outcome)

    def unexercised(self) -> list[str]:
        """Return the faults and invariants that nothing has tried."""
        faults = [
            name for name in (*MISDEEDS, *TROUBLES) if not self.faults[_STRUCK_AS.get(name, name)]
        ]
        return faults + never_asked(self.exercised)

    def lines(self, *, took_s: float) -> Iterator[str]:
        """Yield the report."""
        sessions = sum(self.states.values())
        yield (
            f"{self.seeds} seeds, {self.simulated_s / 86_400:.1f} simulated days, {sessions} sessions,"
            f" {self.lives} lives of the house, {sum(self.faults.values())} faults in {took_s:.0f} s:"
            f" {self.seeds / took_s:.2f} seeds/s, {self.simulated_s / took_s:,.0f} × real time"
        )
        yield "sessions:   " + _counted(self.states)
        yield "faults:     " + _counted(self.faults)
        yield "checks:     " + _counted(self.exercised)
        yield from lines(self.figures)
        missing = self.unexercised()
        yield "never tried: " + (", ".join(missing) if missing else "nothing")
        yield f"violations: {sum(len(outcome.violations) for outcome in self.failed)} in {len(self.failed)} seeds"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))


def replay_line(
    outcome: Outcome, *, hours: float, mode: Mode | None, only: str | None = None
) -> str:
    """Return the command that runs this seed again and tells its story."""
    options = f" --mode {mode}" if mode is not None else ""
    options += f" --only {only}" if only is not None else ""
    return f"python -m gpu_shopper.testing.simulate --seed {outcome.seed} --hours {hours:g}{options} --explain"


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return 1 if an invariant did not hold."""
    options = _parser().parse_args(arguments)
    mode = None if options.mode is None else Mode(options.mode)
    if options.seed is not None:
        outcome = run_seed(
            options.seed, hours=options.hours, mode=mode, only=options.only, keep=True
        )
        lines = tell(outcome) if options.explain and outcome.oracle else _short(outcome)
        sys.stdout.write("\n".join(lines) + "\n")
        return 0 if outcome.ok else 1
    seeds = (
        count(options.start)
        if options.forever
        else range(options.start, options.start + options.seeds)
    )
    return _run(
        seeds,
        hours=options.hours,
        mode=mode,
        only=options.only,
        stop_at_first=not options.keep_going,
    )


def _run(
    seeds: "count[int] | range",
    *,
    hours: float,
    mode: Mode | None,
    only: str | None,
    stop_at_first: bool,
) -> int:
    summary, began = Summary(), time.monotonic()
    try:
        for seed in seeds:
            outcome = run_seed(seed, hours=hours, mode=mode, only=only)
            summary.add(outcome)
            if not outcome.ok:
                sys.stdout.write("\n".join(_short(outcome)) + "\n")
                again = replay_line(outcome, hours=hours, mode=mode, only=only)
                sys.stdout.write(f"  again: {again}\n")
                if stop_at_first:
                    break
            if summary.seeds % 50 == 0:
                sys.stderr.write(f"{summary.seeds} seeds, {len(summary.failed)} failed\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
    took_s = max(1e-9, time.monotonic() - began)
    sys.stdout.write("\n".join(summary.lines(took_s=took_s)) + "\n")
    return 1 if summary.failed else 0


def _short(outcome: Outcome) -> Iterator[str]:
    verdict = "holds" if outcome.ok else "FAILS"
    yield f"seed {outcome.seed} ({outcome.mode}) {verdict}, trace {outcome.trace_hash[:16]}"
    for violation in outcome.violations[:5]:
        yield f"  {violation.check} at {violation.at:.1f} s: {violation.message}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulate", description="Run simulated worlds.")
    parser.add_argument(
        "--seeds", type=int, default=100, help="how many seeds (default: %(default)s)"
    )
    parser.add_argument(
        "--start", type=int, default=0, help="the first seed (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--explain", action="store_true", help="tell the story of that seed")
    parser.add_argument(
        "--forever", action="store_true", help="until interrupted, or until a seed fails"
    )
    parser.add_argument("--keep-going", action="store_true", help="go on after a seed has failed")
    parser.add_argument(
        "--hours",
        type=float,
        default=4.0,
        help="simulated hours with faults (default: %(default)s)",
    )
    parser.add_argument("--mode", choices=[str(mode) for mode in Mode], help="faults of all seeds")
    parser.add_argument(
        "--only", choices=[*MISDEEDS, *TROUBLES], metavar="FAULT", help="this fault, and no other"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
