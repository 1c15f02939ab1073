"""Make a world that fails smaller: drop faults, clouds, wishes, strays and time while the same check still fails.

Promises: what comes out fails the check that was named; no more worlds are run than allowed. A world is chaotic: without
one fault everything after it is drawn anew, so each smaller profile is tried with a few seeds for its dice. What cannot
be dropped that way may still not be a cause.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gpu_shopper.testing.cloud_kinds import kind_of
from gpu_shopper.testing.profiles import WorldProfile
from gpu_shopper.testing.replays import Cut, Replay, Runner
from gpu_shopper.testing.world import Outcome

_DICE: Final = 3
_FEW: Final = (1, 2, 3, 5, 8, 13, 21, 34)
# Wishes end ten minutes before the faults do.
_LAST_WISH_S: Final = 660.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest world found that still fails, and how many were run to find it."""

    replay: Replay
    outcome: Outcome
    runs: int


def shrink(replay: Replay, *, run: Runner, most_runs: int = 200) -> Shrunk | None:
    """Return the smallest world found; None if this one fails no check."""
    outcome = run(replay.profile())
    if outcome.ok:
        return None
    search = _Search(replay, outcome, run=run, most_runs=most_runs)
    while search.another_round():
        pass
    return Shrunk(replay=search.best, outcome=search.outcome, runs=search.runs)


class _Search:
    def __init__(self, replay: Replay, outcome: Outcome, *, run: Runner, most_runs: int) -> None:
        self.best = replay
        self.outcome = outcome
        self.runs = 1
        self._check = outcome.violations[0].check
        self._run = run
        self._most_runs = most_runs

    def another_round(self) -> bool:
        """Try each way of cutting once; tell whether anything became smaller."""
        before = self.best.cut
        self._first_of(self._shorter())
        self._first_of(self._fewer_clouds())
        self._first_of(self._fewer_wishes())
        self._drop_faults()
        self._first_of(iter([replace(self.best.cut, strays=0)]))
        self._first_of(iter([replace(self.best.cut, consumers=1)]))
        return self.best.cut != before

    def _shorter(self) -> Iterator[Cut]:
        at = self.outcome.violations[0].at
        active = self.best.profile().active_s
        for until in (at + 1, at + _LAST_WISH_S, at / 2):
            if until < active - 60:
                yield replace(self.best.cut, until_s=float(round(until)))

    def _fewer_clouds(self) -> Iterator[Cut]:
        names = [cloud.name for cloud in self.best.profile().clouds]
        if len(names) > 1:
            for name in names:
                yield replace(self.best.cut, clouds=(name,))

    def _fewer_wishes(self) -> Iterator[Cut]:
        for wishes in _FEW:
            if self.best.cut.wishes is None or wishes < self.best.cut.wishes:
                yield replace(self.best.cut, wishes=wishes)

    def _drop_faults(self) -> None:
        """Keep halves, then all but ever smaller pieces, as delta debugging does."""
        pieces = 2
        while (faults := _faults_of(self.best.profile())) and pieces <= 2 * len(faults):
            parts = _split(faults, pieces)
            kept = [*parts, *([name for name in faults if name not in part] for part in parts)]
            cuts = [replace(self.best.cut, faults=tuple(names)) for names in ([], *kept)]
            smaller = self._first_of(
                cut for cut in cuts if cut.faults is not None and len(cut.faults) < len(faults)
            )
            pieces = 2 if smaller else pieces * 2

    def _first_of(self, cuts: Iterator[Cut]) -> bool:
        """Take the first cut that still fails; tell whether there was one."""
        return any(cut != self.best.cut and self._fails(cut) for cut in cuts)

    def _fails(self, cut: Cut) -> bool:
        dice = dict.fromkeys([cut.dice, *range(1, _DICE)])
        for each in dice:
            if self.runs >= self._most_runs:
                return False
            smaller = replace(self.best, cut=replace(cut, dice=each))
            outcome = self._run(smaller.profile())
            self.runs += 1
            # The first one counts: what follows may only be its consequence.
            if outcome.violations and outcome.violations[0].check == self._check:
                self.best, self.outcome = smaller, outcome
                return True
        return False


def _faults_of(profile: WorldProfile) -> list[str]:
    by_habit = [kind_of(rule) for cloud in profile.clouds for rule in cloud.rules]
    return list(dict.fromkeys([*profile.faults, *by_habit]))


def _split(names: Sequence[str], pieces: int) -> list[list[str]]:
    size = max(1, -(-len(names) // pieces))
    return [list(names[at : at + size]) for at in range(0, len(names), size)]
