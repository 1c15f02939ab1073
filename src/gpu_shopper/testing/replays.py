"""What it takes to run one world again: seed, hours and mode, and what was cut away since; as one line to be typed.

Promises: the line and nothing else gives the same profile, and on the same commit the same trace.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gpu_shopper.testing.cloud_kinds import kind_of
from gpu_shopper.testing.oracle import Violation
from gpu_shopper.testing.profiles import Mode, WorldProfile, draw_profile, with_faults
from gpu_shopper.testing.world import Outcome, run_profile

DAY_HOURS: Final = 24.0
MONTH_HOURS: Final = 30 * 24.0
# A month takes as long as some thirty days: more of them would be most of a soak.
MONTH_EVERY: Final = 250
# How often a run of many seeds runs one of them a second time, to compare the traces.
TWICE_EVERY: Final = 50

Runner = Callable[[WorldProfile], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is left of a profile; None leaves a thing as it was drawn.

    Attributes:
        faults: of the faults and the clouds' habits, these only.
        clouds: of the clouds, these only.
        consumers: at most so many.
        wishes: only the first so many are made.
        strays: so many instances of others at each cloud.
        until_s: faults and demand end at that second.
        dice: another seed for all that is drawn while the world runs; the profile stays.
    """

    faults: tuple[str, ...] | None = None
    clouds: tuple[str, ...] | None = None
    consumers: int | None = None
    wishes: int | None = None
    strays: int | None = None
    until_s: float | None = None
    dice: int | None = None

    def apply(self, profile: WorldProfile) -> WorldProfile:
        """Return what is left of the profile."""
        demand, habits = profile.demand, profile.habits
        if self.consumers is not None:
            demand = replace(demand, consumers=min(demand.consumers, self.consumers))
        if self.wishes is not None:
            demand = replace(demand, most=self.wishes)
        clouds, faults = profile.clouds, profile.faults
        if self.clouds is not None:
            clouds = tuple(cloud for cloud in clouds if cloud.name in self.clouds)
        if self.faults is not None:
            kept = self.faults
            faults = {name: rate for name, rate in faults.items() if name in kept}
            clouds = tuple(
                replace(cloud, rules=tuple(rule for rule in cloud.rules if kind_of(rule) in kept))
                for cloud in clouds
            )
        return replace(
            profile,
            seed=profile.seed if self.dice is None else self.dice,
            demand=demand,
            habits=with_faults(habits, faults),
            faults=faults,
            clouds=clouds,
            strays=profile.strays if self.strays is None else self.strays,
            active_s=profile.active_s if self.until_s is None else self.until_s,
        )

    def options(self) -> list[str]:
        """Return the cut as options of the command."""
        said: list[tuple[str, str | None]] = [
            ("--faults", None if self.faults is None else ",".join(self.faults) or "none"),
            ("--clouds", None if self.clouds is None else ",".join(self.clouds)),
            ("--consumers", _number(self.consumers)),
            ("--wishes", _number(self.wishes)),
            ("--strays", _number(self.strays)),
            ("--until", _number(self.until_s)),
            ("--dice", _number(self.dice)),
        ]
        return [word for name, value in said if value is not None for word in (name, value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One world, to be run any number of times."""

    seed: int
    hours: float | None = None
    mode: Mode | None = None
    only: str | None = None
    cut: Cut = Cut()

    def profile(self) -> WorldProfile:
        """Return the profile that it stands for."""
        hours = self.hours or (MONTH_HOURS if self.mode is Mode.LONG else DAY_HOURS)
        drawn = draw_profile(self.seed, hours=hours, mode=self.mode, only=self.only)
        return self.cut.apply(drawn)

    def line(self) -> str:
        """Return the command that runs it and tells its story."""
        words = ["gpu-shopper", "simulate", "--seed", str(self.seed)]
        words += [] if self.hours is None else ["--hours", f"{self.hours:g}"]
        words += [] if self.mode is None else ["--mode", str(self.mode)]
        words += [] if self.only is None else ["--only", self.only]
        return " ".join([*words, *self.cut.options(), "--explain"])

    def run(self, *, keep: bool = False, twice: bool = False) -> Outcome:
        """Run it; `twice` runs it again as well, and a trace that differs is a violation."""
        outcome = run_profile(self.profile(), keep=keep)
        outcome.seed = self.seed
        if twice:
            again = run_profile(self.profile()).trace_hash
            if again != outcome.trace_hash:
                told = f"the second run's trace is {again[:16]}, not {outcome.trace_hash[:16]}"
                outcome.violations.append(Violation(check="determinism", at=0.0, message=told))
        return outcome


def in_a_long_run(seed: int) -> Replay:
    """Return what a seed stands for in a soak: one in 250 is a month, the others are days."""
    return Replay(seed=seed, mode=Mode.LONG if seed % MONTH_EVERY == MONTH_EVERY - 1 else None)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.10g}"
