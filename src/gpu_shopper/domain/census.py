"""The census: our book against one complete listing of an account. Pure; who acts on it is the sweep.

Read the cloud first, then the book: an instance is an orphan by its absence from the book, so the book must be the
fresher of the two. A listing that is not complete changes nothing and never gets here.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gpu_shopper.domain.ids import AttemptId, DeploymentId, InstanceId, ProviderName, SessionId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label, LabelFacts, is_cut_of, read_label
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt


@dataclass(frozen=True, slots=True)
class Sighting:
    """An instance, and the attempt whose label it bears."""

    attempt: LaunchAttempt
    instance: Instance


@dataclass(frozen=True, slots=True)
class Orphan:
    """An instance that bears a genuine label of ours which the book does not know: a restored or lost book."""

    facts: LabelFacts
    instance: Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """All that is known of an attempt whose row holds what this build cannot read, and what is wrong with it."""

    id: AttemptId
    session_id: SessionId
    provider: ProviderName
    label: Label
    instance_id: InstanceId | None
    because: str

    def is_of(self, instance: Instance) -> bool:
        """Return whether `instance` is this attempt's, as far as anybody can say."""
        at_home = self.provider == instance.provider and self.instance_id == instance.id
        by_name = self.label == instance.label or is_cut_of(instance.label, self.label)
        return at_home or by_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What the comparison found. The parts do not overlap.

    Of `unreadable` nothing follows: somebody has to repair the row first.
    """

    refreshed: tuple[Sighting, ...]
    adopted: tuple[Sighting, ...]
    duplicates: tuple[Sighting, ...]
    reappeared: tuple[Sighting, ...]
    orphans: tuple[Orphan, ...]
    strays: tuple[Instance, ...]
    unreadable: tuple[Instance, ...]
    missing: tuple[LaunchAttempt, ...]
    absent: tuple[LaunchAttempt, ...]


def take_census(
    listing: Listing,
    *,
    attempts: Iterable[LaunchAttempt],
    unreadable: Collection[Unreadable] = (),
    deployment: DeploymentId,
    key: bytes,
) -> Census:
    """Sort every instance of a complete listing, and every open attempt that is not in it.

    `attempts` are those of this account that are open, and those of any age whose label is in the listing, whole or cut,
    or whose instance is there without one. An instance of an `unreadable` one is known, and nothing is said of it.
    """
    assert listing.complete, listing.trouble
    by_label = {attempt.label: attempt for attempt in attempts}
    sorter = _Sorter(by_label)
    # Pages shift while they are read, so that one instance may stand on two of them: it is no double of itself.
    for instance in {instance.id: instance for instance in listing.instances}.values():
        if any(one.is_of(instance) for one in unreadable):
            sorter.unreadable.append(instance)
            continue
        facts = read_label(instance.label, key=key)
        if facts is None or facts.deployment != deployment:
            sorter.sort_unlabelled(instance)
        else:
            sorter.sort(instance, facts)
    return sorter.census(began_at=listing.began_at)


class _Sorter:
    def __init__(self, by_label: Mapping[Label, LaunchAttempt]) -> None:
        self._by_label = by_label
        self._by_id = {
            attempt.instance_id: attempt
            for attempt in sorted(by_label.values(), key=lambda each: each.open)
            if attempt.instance_id is not None
        }
        self._seen: set[Label] = set()
        self.refreshed: list[Sighting] = []
        self.adopted: list[Sighting] = []
        self.duplicates: list[Sighting] = []
        self.reappeared: list[Sighting] = []
        self.orphans: list[Orphan] = []
        self.strays: list[Instance] = []
        self.unreadable: list[Instance] = []

    def sort(self, instance: Instance, facts: LabelFacts) -> None:
        attempt = self._by_label.get(Label(instance.label))
        if attempt is None:
            self.orphans.append(Orphan(facts, instance))
        else:
            self._sort_named(attempt, instance)

    def _sort_named(self, attempt: LaunchAttempt, instance: Instance) -> None:
        sighting = Sighting(attempt, instance)
        is_first = attempt.label not in self._seen
        self._seen.add(attempt.label)
        held = attempt.instance_id if attempt.open else None
        if instance.id == held:
            # Whatever else bears its label, and wherever in the listing: this is the one that we hold.
            self.refreshed.append(sighting)
        elif held is not None or not is_first:
            self.duplicates.append(sighting)
        elif attempt.open:
            self.adopted.append(sighting)
        else:
            self.reappeared.append(sighting)

    def sort_unlabelled(self, instance: Instance) -> None:
        """Sort an instance without a label of ours: it is ours all the same if the cloud gave us its id for a create.

        An id of long ago may have been given to somebody else, so that what is left of the label must be ours as well.
        Where no id is known, what is left must name one attempt of the book, and no other.
        """
        attempt = self._by_id.get(instance.id)
        if attempt is None or not (attempt.open or attempt.label.startswith(instance.label)):
            self._sort_cut(instance)
            return
        sighting, is_first = Sighting(attempt, instance), attempt.label not in self._seen
        self._seen.add(attempt.label)
        if attempt.open:
            self.refreshed.append(sighting)
        else:
            (self.reappeared if is_first else self.duplicates).append(sighting)

    def _sort_cut(self, instance: Instance) -> None:
        """Sort an instance by the beginning of a label: the attempt is in the book, so that no MAC is needed to believe it."""
        of = [
            attempt
            for attempt in self._by_label.values()
            if attempt.provider == instance.provider and is_cut_of(instance.label, attempt.label)
        ]
        if len(of) == 1:
            self._sort_named(of[0], instance)
        else:
            self.strays.append(instance)

    def census(self, *, began_at: datetime) -> Census:
        # A double is no sight of the one that is held: that is missing, or absent, beside it.
        held = {sighting.instance.id for sighting in self.refreshed}
        return Census(
            refreshed=tuple(self.refreshed),
            adopted=tuple(self.adopted),
            duplicates=tuple(self.duplicates),
            reappeared=tuple(self.reappeared),
            orphans=tuple(self.orphans),
            strays=tuple(self.strays),
            unreadable=tuple(self.unreadable),
            missing=tuple(
                attempt
                for attempt in self._by_label.values()
                if attempt.state is AttemptState.BOUND and attempt.instance_id not in held
            ),
            absent=tuple(
                attempt
                for attempt in self._by_label.values()
                if attempt.instance_id not in held and speaks_of_absence(attempt, began_at=began_at)
            ),
        )


def speaks_of_absence(attempt: LaunchAttempt, *, began_at: datetime) -> bool:
    """Return whether a listing that began then, and lacks the instance, is evidence that it is gone.

    Only one that began after the last destroy was answered and after direct reads said gone.
    """
    answered, read_at = attempt.destroy_answered_at, attempt.absence.read_at
    if attempt.state is not AttemptState.CLOSING or answered is None or read_at is None:
        return False
    return attempt.absence.gone_reads > 0 and began_at > answered
