"""The sandbox cloud as one sans-I/O model: what it sells, holds, bills, claims and hides.

The program and a simulator use the same model. It has no clock, no chance and no process of its own:
every call is given the time, chance is handed in, and what has to happen for real comes out as
effects. Each call first does what has become due by then, so the order of calls is all that counts.
"""

import random
from collections.abc import Callable, Mapping, Sequence

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.desk import Desk
from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.ledger import LedgerEntry, entry_of
from gpu_shopper.sandbox.messages import Effect, Json, ModelReply, ModelRequest, Row
from gpu_shopper.sandbox.orders import parse_order
from gpu_shopper.sandbox.state import ModelState


def _any(_: Instance) -> bool:
    return True


class CloudModel:
    """One cloud with one account."""

    def __init__(self, catalogue: Catalogue, chance: random.Random, config: ModelConfig) -> None:
        self._state = ModelState(catalogue, chance, config)
        self._desk = Desk(self._state)
        self._changes = 0

    @property
    def version(self) -> int:
        """A number that rises with every change that is worth writing down."""
        return self._changes + self._state.rules.strikes_so_far

    # What callers of the API do.

    def handle(self, request: ModelRequest, *, now: float) -> ModelReply:
        """Answer one call to the API; its effects wait in `take_effects`."""
        self._do_due(now)
        if request.method != "GET":
            self._changes += 1
        return self._desk.answer(request, now=now)

    # What time does.

    def next_event_at(self) -> float | None:
        """Return when the model next has something to do by itself, None if never."""
        return self._state.agenda.next_at()

    def advance(self, now: float) -> list[Effect]:
        """Do what has become due and return all effects that nobody has taken yet."""
        self._do_due(now)
        return self.take_effects()

    def take_effects(self) -> list[Effect]:
        """Return the effects since the last time, in order."""
        return self._state.park.take_effects()

    # What really happened to the instances.

    def instance_ready(
        self, instance_id: str, *, ssh_host: str, ssh_port: int, host_key: str, now: float
    ) -> None:
        """Note that an instance is up; too late for one that is being ended."""
        self._do_due(now)
        self._changes += 1
        self._state.park.ready(
            instance_id, ssh_host=ssh_host, ssh_port=ssh_port, host_key=host_key, now=now
        )

    def instance_died(self, instance_id: str, *, now: float) -> None:
        """Note that nothing of an instance runs any more, whether it was asked to end or not."""
        self._do_due(now)
        self._changes += 1
        self._state.park.died(instance_id, now=now)

    # What the operator, the tests and the program ask.

    def ledger(self, now: float) -> list[LedgerEntry]:
        """Return the truth about every instance that ever was, oldest first."""
        self._do_due(now)
        return [entry_of(instance, now=now) for instance in self._state.park.all()]

    def alive(self, now: float, *, which: Callable[[Instance], bool] = _any) -> list[LedgerEntry]:
        """Return the truth about every instance that is still held and billed, or about some of them."""
        self._do_due(now)
        return [entry_of(one, now=now) for one in self._state.park.living() if which(one)]

    def instance(self, instance_id: str) -> Instance | None:
        """Return the record of an instance, to be read only."""
        return self._state.park.get(instance_id)

    def hosted(self) -> list[Instance]:
        """Return the instances whose machines should exist just now, to be read only."""
        return [each for each in self._state.park.living() if each.hosted]

    def misbehave(self, rules: Sequence[Json]) -> None:
        """Replace all rules of misbehaviour.

        Raises:
            RuleRefusedError: one of them is not known; then none was changed.
        """
        self._state.rules.replace(rules)
        self._changes += 1

    def behave(self) -> None:
        """Drop all rules of misbehaviour."""
        self.misbehave([])

    def misbehaviour(self) -> list[Row]:
        """Return the rules in force."""
        return [rule.as_row() for rule in self._state.rules.rules]

    def kill(self, instance_id: str, *, now: float) -> bool:
        """Lose the host of an instance; tell whether there was one."""
        self._do_due(now)
        instance = self._state.park.get(instance_id)
        if instance is None or not instance.alive:
            return False
        self._changes += 1
        self._state.park.end(instance, reason="host_lost", now=now)
        return True

    def stop(self, instance_id: str, *, now: float) -> bool:
        """Stop an instance, as its customer may at some clouds: its disk stays, and is billed. Tell whether there was one."""
        instance = self._of_customer(instance_id, now)
        if instance is not None:
            self._state.park.stop(instance, now=now)
        return instance is not None

    def rename(self, instance_id: str, name: str, *, now: float) -> bool:
        """Give an instance another name. Tell whether there was one."""
        instance = self._of_customer(instance_id, now)
        if instance is not None:
            instance.name, instance.lost_name = name, None
        return instance is not None

    def admit_key(self, instance_id: str, ssh_key: str, *, now: float) -> bool:
        """Let whoever holds this SSH key log in to an instance. Tell whether there is one."""
        instance = self._of_customer(instance_id, now)
        if instance is not None:
            self._state.park.admit(instance, ssh_key)
        return instance is not None

    def _of_customer(self, instance_id: str, now: float) -> Instance | None:
        self._do_due(now)
        instance = self._state.park.get(instance_id)
        if instance is None or not instance.alive:
            return None
        self._changes += 1
        return instance

    def end_all(self, *, now: float) -> None:
        """End every instance, and forget the creates that would come late."""
        self._do_due(now)
        self._changes += 1
        self._state.parked_orders.clear()
        for instance in self._state.park.living():
            self._state.park.end(instance, reason="shutdown", now=now)

    def drift(self) -> None:
        """Let every price move on by one period."""
        self._state.drift_steps += 1
        self._changes += 1

    # How it is written down.

    def snapshot(self) -> Row:
        """Return everything that the model knows as JSON-able data."""
        return self._state.pack()

    def restore(self, data: Mapping[str, Json]) -> None:
        """Go on exactly where a snapshot was taken.

        Effects that had been handed out by then may have been lost with whoever took them; those
        whose outcome is not known yet are handed out again.

        Raises:
            UnreadableSnapshotError: nothing was changed.
        """
        self._state.unpack(data)
        self._state.park.resume()

    def _do_due(self, now: float) -> None:
        while (entry := self._state.agenda.pop_due(now)) is not None:
            at, _, task, subject = entry
            self._changes += 1
            if task != "create":
                self._state.park.do(task, subject, now=at)
            elif (body := self._state.parked_orders.pop(subject, None)) is not None:
                # The buyer was told nothing or an error, and hears as little of a refusal.
                self._desk.buy(parse_order(body), now=at)
