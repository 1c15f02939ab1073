"""What is held and billed at all clouds, looked at no more than once for each moment."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from gpu_shopper.domain.ids import DeploymentId
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.clouds import SimCloud

# An instance, and where it is.
Held = tuple[SimCloud, LedgerEntry]


class Judge(Protocol):
    """Who says what is whose, and when it is."""

    deployment: DeploymentId | None

    @property
    def now(self) -> float:
        """True time, in seconds since the start."""
        ...

    def is_ours(self, name: str) -> bool:
        """Return whether a label is genuine and of this deployment."""
        ...

    def untraceable(self, cloud: SimCloud, entry: LedgerEntry) -> bool:
        """Return whether nobody can know whose an instance is."""
        ...


class Living:
    """Every instance of ours that is held and billed anywhere."""

    def __init__(self, judge: Judge, clouds: Callable[[], Iterable[SimCloud]]) -> None:
        self._judge = judge
        self._clouds = clouds
        self._ours: list[Held] = []
        self._looked_at: tuple[object, ...] = ()
        self._still: tuple[list[Held], list[Held]] | None = None

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let whoever asks in here be answered from one look: nothing may happen meanwhile."""
        self._still = self._told_apart()
        try:
            yield
        finally:
            self._still = None

    def told_apart(self) -> tuple[list[Held], list[Held]]:
        """Return those that can be traced, and those that nobody can."""
        return self._still or self._told_apart()

    def _told_apart(self) -> tuple[list[Held], list[Held]]:
        apart: tuple[list[Held], list[Held]] = ([], [])
        for pair in self._all_of_ours():
            apart[self._judge.untraceable(*pair)].append(pair)
        return apart

    def _all_of_ours(self) -> list[Held]:
        # Several checks of one moment ask for the same.
        if self._moment() != self._looked_at:
            is_ours = self._judge.is_ours
            self._ours = [
                (cloud, entry)
                for cloud in self._clouds()
                for entry in cloud.those_alive(lambda held: is_ours(held.name))
            ]
            # What was due by now has happened meanwhile.
            self._looked_at = self._moment()
        return self._ours

    def _moment(self) -> tuple[object, ...]:
        # Versions only rise: their sum stays where each of them does.
        changes = sum([cloud.model.version for cloud in self._clouds()])
        return (self._judge.now, self._judge.deployment, changes)
