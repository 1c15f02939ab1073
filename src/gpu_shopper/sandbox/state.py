"""Everything that one cloud model knows, in one place, and how it is written down and read back."""

import random
from collections.abc import Iterable, Mapping

import msgspec

from gpu_shopper.sandbox.agenda import Agenda, Entry
from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.misbehaviour import Misbehaviour, Rule
from gpu_shopper.sandbox.park import Park

FORMAT = 1


class UnreadableSnapshotError(Exception):
    """The snapshot is damaged, or another version of the sandbox wrote it."""


class _Chance(msgspec.Struct, kw_only=True):
    version: int
    words: tuple[int, ...]
    gauss_next: float | None


class _Snapshot(msgspec.Struct, kw_only=True):
    format: int
    sequence: int
    drift_steps: int
    instances: list[Instance]
    agenda: list[Entry]
    parked_orders: dict[str, Row]
    rules: list[Rule]
    chance: _Chance


class ModelState:
    """What the cloud knows; the model and its desk share it."""

    def __init__(self, catalogue: Catalogue, chance: random.Random, config: ModelConfig) -> None:
        self.catalogue = catalogue
        self.chance = chance
        self.config = config
        self.rules = Misbehaviour(chance)
        self.parked_orders: dict[str, Row] = {}
        self.drift_steps = 0
        self.sequence = 0
        self.occupy([], [])

    def occupy(self, instances: Iterable[Instance], agenda: list[Entry]) -> None:
        """Take these instances and plans for the whole truth."""
        self.agenda = Agenda(agenda)
        self.park = Park(self.config, self.agenda, instances)

    def period(self, now: float) -> int:
        """Return the number of the price period that `now` lies in."""
        return int(now // self.config.drift_period_s) + self.drift_steps

    def next_sequence(self) -> int:
        """Return a number that was never used before."""
        self.sequence += 1
        return self.sequence

    def pack(self) -> Row:
        """Return everything as JSON-able data."""
        version, words, gauss_next = self.chance.getstate()
        packed: Row = msgspec.to_builtins(
            _Snapshot(
                format=FORMAT,
                sequence=self.sequence,
                drift_steps=self.drift_steps,
                instances=self.park.all(),
                agenda=self.agenda.entries(),
                parked_orders=self.parked_orders,
                rules=self.rules.rules,
                chance=_Chance(version=version, words=words, gauss_next=gauss_next),
            )
        )
        return packed

    def unpack(self, data: Mapping[str, Json]) -> None:
        """Become what was packed.

        Raises:
            UnreadableSnapshotError: nothing was changed.
        """
        try:
            known = msgspec.convert(data, _Snapshot)
        except msgspec.ValidationError as error:
            raise UnreadableSnapshotError(str(error)) from error
        if known.format != FORMAT:
            raise UnreadableSnapshotError(f"format {known.format}, not {FORMAT}")
        chance = known.chance
        self.chance.setstate((chance.version, chance.words, chance.gauss_next))
        self.rules = Misbehaviour(self.chance, known.rules)
        self.parked_orders = known.parked_orders
        self.drift_steps = known.drift_steps
        self.sequence = known.sequence
        self.occupy(known.instances, known.agenda)
