"""What many worlds gave together: what was exercised and what was not, how long anything was unattended, what failed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gpu_shopper.testing.distributions import Figures, add_up, lines
from gpu_shopper.testing.faults import MISDEEDS, TROUBLES
from gpu_shopper.testing.invariants import never_asked
from gpu_shopper.testing.world import Outcome

# What a fault is called when it strikes, where that is not its own name.
_STRUCK_AS = {
    "network_loses": "request_lost",
    "network_slow": "request_slow",
    "heartbeats_lost": "heartbeat_lost",
    "heartbeats_replayed": "heartbeat_replayed",
    "webhook_fails": "webhook_failed",
    "mute_nodes": "node_mute",
    "late_drivers": "driver_late",
    "front_loses": "front_request_lost",
    "front_hangs_up": "front_hung_up",
    "front_doubles": "front_request_doubled",
}


@dataclass(slots=True)
class Summary:
    """What many seeds gave together."""

    seeds: int = 0
    twice: int = 0
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

    def struck(self, fault: str) -> int:
        """Return how often a fault of the profiles' tables struck."""
        return self.faults[_STRUCK_AS.get(fault, fault)]

    def unexercised(self) -> list[str]:
        """Return the faults and invariants that nothing has tried."""
        faults = [name for name in (*MISDEEDS, *TROUBLES) if not self.struck(name)]
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
        yield f"run twice:  {self.twice} seeds"
        missing = self.unexercised()
        yield "never tried: " + (", ".join(missing) if missing else "nothing")
        yield f"violations: {sum(len(outcome.violations) for outcome in self.failed)} in {len(self.failed)} seeds"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))


def brief(outcome: Outcome) -> Iterator[str]:
    """Yield one line on a seed, and one for each of its first violations."""
    verdict = "holds" if outcome.ok else "FAILS"
    yield f"seed {outcome.seed} ({outcome.mode}) {verdict}, trace {outcome.trace_hash[:16]}"
    for violation in outcome.violations[:5]:
        yield f"  {violation.check} at {violation.at:.1f} s: {violation.message}"
