"""Run one world, or many, and tell what came of them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gpu_shopper.testing.collecting import collected_seldom
from gpu_shopper.testing.replays import TWICE_EVERY, Replay
from gpu_shopper.testing.shrink import shrink
from gpu_shopper.testing.story import tell
from gpu_shopper.testing.summary import Summary, brief
from gpu_shopper.testing.world import run_profile

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """A run of many seeds: which, how, and when to stop."""

    seeds: Iterable[int]
    like: Replay
    keep_going: bool = False


def run_one(replay: Replay, *, explain: bool, shrunk: bool, say: Say) -> bool:
    """Run one world and tell what came of it; tell whether every invariant held."""
    outcome = replay.run(keep=explain)
    for line in brief(outcome):
        say(line)
    if outcome.ok or not shrunk:
        told = outcome
    else:
        smaller = shrink(replay, run=run_profile)
        assert smaller is not None, "the same seed is the same run"
        say(f"smallest of {smaller.runs} worlds: {smaller.replay.line()}")
        told = smaller.replay.run(keep=explain)
        for line in brief(told):
            say(line)
    if explain and told.oracle is not None:
        for line in tell(told):
            say(line)
    return outcome.ok


@collected_seldom()
def run_many(many: Many, *, say: Say, note: Say) -> bool:
    """Run many worlds and say what they gave together; tell whether every invariant held.

    One in fifty is run twice, and fails if the traces differ. `say` gets the result, `note` the progress.
    """
    summary, began = Summary(), time.monotonic()
    try:
        for seed in many.seeds:
            replay = replace(many.like, seed=seed)
            twice = summary.seeds % TWICE_EVERY == 0
            outcome = replay.run(twice=twice)
            summary.add(outcome)
            summary.twice += twice
            if not outcome.ok:
                for line in brief(outcome):
                    say(line)
                say(f"  again: {replay.line()}")
                if not many.keep_going:
                    break
            if summary.seeds % 50 == 0:
                note(f"{summary.seeds} seeds, {len(summary.failed)} failed")
    except KeyboardInterrupt:
        note("interrupted")
    took_s = max(1e-9, time.monotonic() - began)
    for line in summary.lines(took_s=took_s):
        say(line)
    return not summary.failed
