"""What a seed stands for: which clouds, how much demand, which faults at which rates.

Mixed: every fault may strike, each at a low rate. Swarm: a random half of the faults, at higher rates. Single: one fault
only, at a high rate. Storm: every fault, often. Calm: none. Long: mixed, with little demand, meant for 30 days. A
profile is drawn from seed, hours and mode, and from nothing else.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gpu_shopper.sandbox.messages import Json
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clouds import CloudProfile
from gpu_shopper.testing.consumers import Demand
from gpu_shopper.testing.drawn_clouds import draw_cloud, draw_names, real_clouds
from gpu_shopper.testing.faults import MISDEEDS, TROUBLES, params_of
from gpu_shopper.testing.node_habits import NodeHabits


class Mode(StrEnum):
    """How the faults of a seed are chosen."""

    CALM = "calm"
    MIXED = "mixed"
    SWARM = "swarm"
    SINGLE = "single"
    STORM = "storm"
    LONG = "long"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldProfile:
    """Everything that is drawn before a world begins."""

    seed: int
    mode: Mode
    clouds: tuple[CloudProfile, ...]
    demand: Demand
    habits: NodeHabits
    faults: Mapping[str, float]
    active_s: float
    clean_end: bool = True
    sweep_s: float = 300.0
    strays: int = 2
    keeps_prices: bool = False

    def rate(self, fault: str) -> float:
        """Return how often a fault strikes here."""
        return self.faults.get(fault, 0.0)


def draw_profile(
    seed: int, *, hours: float, mode: Mode | None = None, only: str | None = None
) -> WorldProfile:
    """Return what the seed stands for; `only` names the one fault of a seed in single mode, or some (`a,b=0.5`)."""
    chance = SeededChance(seed).fork("profile")
    drawn = Mode.SINGLE if only else mode or _draw_mode(seed)
    faults = _thinned(_draw_faults(chance.fork("faults"), drawn, only), hours=hours)
    clouds = chance.fork("clouds")
    with_habits = drawn not in {Mode.CALM, Mode.SINGLE}
    return WorldProfile(
        seed=seed,
        mode=drawn,
        clouds=tuple(
            draw_cloud(
                name,
                clouds.fork(name),
                faults=_rules(clouds.fork(f"rules of {name}"), faults),
                with_habits=with_habits,
            )
            for name in draw_names(clouds, real=real_clouds())
        ),
        demand=_draw_demand(chance.fork("demand"), hours=hours, mode=drawn),
        habits=_draw_habits(chance.fork("habits"), faults),
        faults=faults,
        active_s=hours * 3600,
        clean_end=chance.uniform() < 0.7,
    )


_DEATHS: Final = frozenset(
    {"kill_at_step", "kill_at_effect", "terminated", "terminated_buying", "crash_loop"}
)
_FULL_OF_DEATHS_H: Final = 3.0
_SESSIONS_A_DAY_IN_STORMS: Final = (25.0, 60.0)
# Which share of the seeds, added up, begins about how many sessions in 24 hours.
_SESSIONS_A_DAY: Final = ((0.7, (1.5, 5.0)), (0.95, (5.0, 15.0)), (1.0, (30.0, 90.0)))


def _draw_mode(seed: int) -> Mode:
    if seed % 5 == 0:
        return Mode.SWARM
    if seed % 5 == 1:
        return Mode.SINGLE
    return Mode.CALM if seed % 50 == 2 else Mode.MIXED


def _draw_faults(chance: SeededChance, mode: Mode, only: str | None) -> dict[str, float]:
    known = {**MISDEEDS, **TROUBLES}
    match mode:
        case Mode.CALM:
            return {}
        case Mode.MIXED | Mode.LONG:
            return {name: fault.usual * 2 * chance.uniform() for name, fault in known.items()}
        case Mode.SWARM:
            return {
                name: fault.usual + (fault.most - fault.usual) * 0.4 * chance.uniform()
                for name, fault in known.items()
                if chance.uniform() < 0.5
            }
        case Mode.STORM:
            return {
                name: fault.usual + (fault.most - fault.usual) * 0.15 * chance.uniform()
                for name, fault in known.items()
            }
        case Mode.SINGLE:
            asked = only.split(",") if only else [list(known)[chance.below(len(known))]]
            named = [name.partition("=") for name in asked]
            drawn = {
                name: known[name].most * (0.4 + 0.6 * chance.uniform()) for name, _, _ in named
            }
            return drawn | {name: float(rate) for name, _, rate in named if rate}


def _thinned(faults: dict[str, float], *, hours: float) -> dict[str, float]:
    """Let the house die as often in a long world as in one of a few hours: each start is followed by many sweeps."""
    thin = min(1.0, _FULL_OF_DEATHS_H / max(hours, 0.1))
    return {name: rate * (thin if name in _DEATHS else 1.0) for name, rate in faults.items()}


def _draw_habits(chance: SeededChance, faults: Mapping[str, float]) -> NodeHabits:
    drawn = NodeHabits(
        pushes=chance.uniform() < 0.7,
        beat_s=(45.0, 90.0, 150.0)[chance.below(3)],
        by_api=chance.uniform() < 0.5,
    )
    return with_faults(drawn, faults)


def with_faults(habits: NodeHabits, faults: Mapping[str, float]) -> NodeHabits:
    """Return the habits with the rates of those faults that strike at nodes."""
    return replace(
        habits,
        lose=faults.get("heartbeats_lost", 0.0),
        mute=faults.get("mute_nodes", 0.0),
        replay=faults.get("heartbeats_replayed", 0.0),
        driver_late=faults.get("late_drivers", 0.0),
    )


def _draw_demand(chance: SeededChance, *, hours: float, mode: Mode) -> Demand:
    """Most worlds are small, some are not: in 24 hours eight sessions on average, in one of twenty about sixty."""
    draw, crowd = chance.uniform(), chance.uniform()
    few, many = next(span for share, span in _SESSIONS_A_DAY if draw < share)
    if mode is Mode.STORM:
        few, many = _SESSIONS_A_DAY_IN_STORMS
    a_day = few + (many - few) * chance.uniform()
    # Shorter worlds are busier, longer ones quieter: neither should pass without an event, or be nothing else.
    begun = a_day * math.sqrt(hours / 24) * (0.5 if mode is Mode.LONG else 1.0)
    return Demand(
        consumers=2 + int(19 * crowd**3),
        sessions_per_hour=begun / max(hours, 0.1),
        run_to_expiry=0.05 + 0.1 * chance.uniform(),
        use_minutes=(5.0, min(720.0, 60.0 * max(1.0, hours))),
    )


def _rules(chance: SeededChance, faults: Mapping[str, float]) -> tuple[Json, ...]:
    return tuple(
        {"kind": kind, "rate": min(1.0, faults[kind]), "params": params_of(chance, kind)}
        for kind in MISDEEDS
        if kind in faults
    )
