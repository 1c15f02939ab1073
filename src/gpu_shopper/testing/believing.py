"""The invariants about belief: whether what the house concludes follows from what it was told.

A house that is lied to in every answer is fooled, and that is no fault of its own; one that concludes more than it was told
is careless. Both look the same in the book, so these ask the witness what was really said.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.label import read_label
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.sandbox import instances as status
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.bounds import house_time, true_time
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.oracle import BOOK, HOUSE, Oracle
from gpu_shopper.testing.rows import AttemptRow, SessionRow
from gpu_shopper.testing.sim_door import SLOWEST_S

_AT_ONCE_S: Final = 30.0
_TO_KEEP_S: Final = 120.0
_SLACK_S: Final = 30.0
_TIMER_SLACK_S: Final = 120.0
# The first sweeps after a start are ten seconds apart, or thirty where nothing is held; a slow line takes up to fifteen more.
_FAST_S: Final = (200.0, 270.0)
_FEWEST_SWEEPS: Final = 4
_MASS: Final = 3
_MASS_SHARE: Final = 0.3
_GONE: Final = "holds no such instance any more"


def l3_the_timer_is_inside_the_create(
    o: Oracle, cloud: SimCloud, body: Mapping[str, object]
) -> None:
    """L3: what is ordered carries its own end, for node and cloud, and that is no later than its label's.

    A clock that is set while the order is on its way is nobody's mistake: the end was right when it was written.
    """
    name, script = str(body.get("name")), str(body.get("on_start") or "")
    facts = read_label(name, key=o.label_key)
    if not o.is_ours(name) or facts is None or not script:
        return
    o.exercised["L3 timer"] += 1
    left = o.now - SLOWEST_S - _SLACK_S
    set_meanwhile = max((by for at, by in o.clock_errors if at >= left), default=0.0)
    slack = _TIMER_SLACK_S + set_meanwhile
    latest = (facts.expires_at - o.loop.start).total_seconds() - o.clock_offset + slack
    told_node = o.now + float(json.loads(script)["stop_in"])
    ends_by = datetime.fromisoformat(str(body.get("expires_at")))
    told_cloud = (ends_by - o.loop.start).total_seconds() - o.clock_offset
    if max(told_node, told_cloud) > latest:
        late = max(told_node, told_cloud) - latest
        o.violate("L3", f"{name} was ordered to end {late:.0f} s after its label does")


def s1_an_id_is_written_down_at_once(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S1: an id that the cloud's answer gave is in the book before anything is waited for."""
    told_at = o.witness.ids_told.get(new.label)
    known_before = old is not None and old.instance_id is not None
    if new.instance_id is None or known_before or told_at is None:
        return
    o.exercised["S1 ids"] += 1
    if o.now - told_at > _AT_ONCE_S and not _disturbed(o, told_at):
        o.violate(
            "S1", f"the id of {new.label} was told {o.now - told_at:.0f} s before it was kept"
        )


def s1_no_id_is_forgotten(o: Oracle) -> None:
    """S1: an id that the cloud named, be it in an error, is in the book a minute later."""
    for label, told_at in list(o.witness.ids_told.items()):
        if o.now - told_at <= _TO_KEEP_S:
            continue
        del o.witness.ids_told[label]
        row = o.book.attempt(label)
        if row is None or _disturbed(o, told_at):
            continue
        o.exercised["S1 ids"] += 1
        if row.instance_id is None:
            o.violate("S1", f"{label} is {row.state}, and the id that was told for it is not known")


def s2_proved_means_absent(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S2, S8: when absence is said to be proved, nothing that bills is left, unless every answer of the proof lacked it."""
    if new.proof != "proved" or (old is not None and old.proof == "proved"):
        return
    o.exercised["S2"] += 1
    o.exercised["S8"] += 1
    cloud = o.clouds[ProviderName(new.provider)]
    quirks = cloud.profile.quirks
    for entry in _alive(cloud, new.label):
        if o.untraceable(cloud, entry) or _owed_beside(o, cloud, entry, new):
            continue
        told = o.witness.of(cloud.name, entry.id)
        reads = quirks.absence_reads if entry.id == new.instance_id else 0
        # A book that was put back may know of an older destroy than the last.
        forgot = o.rewound_at > max(0.0, told.destroy_sent_at)
        heard = o.witness.listings_of(cloud.name)
        if forgot or told.fooled(reads=reads, listings=quirks.absence_listings, heard=heard):
            o.faults["fooled_by_lies"] += 1
            continue
        name = "S8" if entry.status == status.STOPPED else "S2"
        o.violate(name, f"{new.label} closed as proved while {entry.id} is {entry.status}")


def _owed_beside(o: Oracle, cloud: SimCloud, entry: LedgerEntry, row: AttemptRow) -> bool:
    """Tell whether it is a double with an open row of its own: its end is owed there, and proved there."""
    owed = None if entry.id == row.instance_id else o.book.surplus_of(cloud.name, entry.id)
    if owed is None or not owed.open:
        return False
    o.exercised["S2 owed beside"] += 1
    return True


def s2_refused_means_never_bought(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S2: when a create is said to be refused for certain, it has bought nothing and will buy nothing."""
    if new.state != "rejected" or (old is not None and old.state == "rejected"):
        return
    o.exercised["S2 rejected"] += 1
    cloud = o.clouds[ProviderName(new.provider)]
    for entry in _alive(cloud, new.label):
        o.violate("S2", f"{new.label} counts as refused while {entry.id} is {entry.status}")
    if cloud.is_on_its_way(new.label):
        o.violate("S2", f"{new.label} counts as refused while its create is on its way")


def s2_presumed_means_waited_for(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S2: what was presumed absent and came after all came after the quarantine, or was hidden all the time."""
    if old is None or old.proof != "presumed" or new.state != "closing" or not o.clock_trusted:
        return
    if new.label in o.rewritten or new.label in o.forgotten:
        return
    o.exercised["S2 presumed"] += 1
    cloud = o.clouds[ProviderName(new.provider)]
    quirks = cloud.profile.quirks
    deadline = new.call_deadline / 1e6 - o.clock_offset + quirks.quarantine.total_seconds()
    for entry in _alive(cloud, new.label):
        held = cloud.instance(entry.id)
        if held is not None and held.shown_name != new.label:
            # Looks ask for the label: what is left of it is found by the sweep alone, which need not be the last look.
            o.exercised["S2 presumed, its name cut"] += 1
            continue
        # Looks from before it came were true; the one that has to come after the quarantine must have been a lie.
        hidden = o.witness.of(cloud.name, entry.id).false_listings
        over_at = deadline - o.loop.start.timestamp()
        lied_to = new.looks >= quirks.quarantine_listings and any(at >= over_at for at in hidden)
        if entry.created_at < deadline and not lied_to:
            early = deadline - entry.created_at
            o.violate(
                "S2",
                f"{new.label} was presumed absent; it came {early:.0f} s before its time was up",
            )


def s5_gone_is_not_concluded_early(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S5: what lives is not given up as gone before the grace since it was last seen or heard is over."""
    because = new.unwanted_because or ""
    if (
        old is None
        or not old.wanted
        or new.wanted
        or not (because == "lost" or because.endswith(_GONE))
    ):
        return
    o.exercised["S5 gone"] += 1
    cloud = o.clouds[ProviderName(new.provider)]
    grace = cloud.profile.quirks.ghost_after.total_seconds()
    for entry in _alive(cloud, new.label):
        if entry.id != new.instance_id:
            # A double of what is gone indeed.
            continue
        born_at = entry.created_at - o.loop.start.timestamp()
        shown_at = o.witness.of(cloud.name, entry.id).shown_at
        since = max(born_at, shown_at, o.heard_at.get(new.label, 0.0))
        if o.clock_trusted and o.now - since < grace - _SLACK_S and not _disturbed(o, since):
            o.violate(
                "S5", f"{entry.id} was given up as gone {o.now - since:.0f} s after a sign of it"
            )


def s15_running_costs_no_more_than_allowed(
    o: Oracle, old: SessionRow | None, new: SessionRow
) -> None:
    """S15: what runs costs no more than its request allows, as far as the cloud shows its price."""
    if new.state != State.RUNNING or (old is not None and old.state == State.RUNNING):
        return
    cap = o.book.price_cap(new.id)
    wanted = [a for a in o.attempts.values() if a.session_id == new.id and a.number == new.launch]
    if cap is None:
        return
    for row in wanted:
        held = o.clouds[ProviderName(row.provider)].instance(row.instance_id or "")
        o.exercised["S15 price"] += 1
        if held is not None and held.shown_price_micros > cap:
            o.violate("S15", f"{new.id} runs at {held.shown_price_micros}, allowed are {cap}")


def s17_frozen_is_not_given_up(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S17: while an account is frozen, no instance there is given up as gone, whether it ran already or not."""
    if old is None or not old.wanted or new.wanted:
        return
    because = new.unwanted_because or ""
    if because == "lost" or because.endswith(_GONE):
        o.exercised["S17 given up"] += 1
        if o.book.frozen(new.provider):
            o.violate("S17", f"{new.label} is given up as gone while {new.provider} is frozen")


def s17_mass_absence_freezes(o: Oracle) -> None:
    """S17: a sweep that misses many at once freezes the account, before anything can be inferred."""
    for name in o.clouds:
        sweep = o.book.last_sweep(name)
        if sweep is None or sweep[1] < _MASS or not o.clock_trusted:
            continue
        ended_at, missing = sweep
        if o.now - true_time(o, ended_at) >= 60:
            continue
        bound = sum(row.provider == name and row.state == "bound" for row in o.attempts.values())
        if missing <= _MASS_SHARE * (bound + missing):
            continue
        o.exercised["S17"] += 1
        if not o.book.frozen(name):
            o.violate(
                "S17",
                f"{missing} of at most {bound + missing} are missing at {name}, and it is not frozen",
            )


def l2_a_new_house_looks_often(o: Oracle) -> None:
    """L2: in its first minutes, a house sweeps each account many times."""
    age = o.now - o.house_since
    if not _FAST_S[0] <= age <= _FAST_S[1] or not o.clock_trusted or _disturbed(o, o.house_since):
        return
    for name, cloud in o.clouds.items():
        cut = o.outages[name].within(o.house_since, o.now)
        if cut or cloud.troubled(o.house_since, o.now):
            continue
        o.exercised["L2 sweeps"] += 1
        swept = o.book.sweeps_since(name, house_time(o, o.house_since))
        if swept < _FEWEST_SWEEPS:
            o.violate("L2", f"{name} was swept {swept} times in the first {age:.0f} s of a house")


def _alive(cloud: SimCloud, label: str) -> list[LedgerEntry]:
    return [entry for entry in cloud.alive() if entry.name == label]


def _disturbed(o: Oracle, since: float) -> bool:
    """Tell whether the house was away, or its book failed or forgot, at any time since then: then it may be late."""
    failed = o.book_failed_at >= since or o.rewound_at > since
    return failed or any(o.outages[what].within(since, o.now) for what in (HOUSE, BOOK))


ON_CREATE: Final = (l3_the_timer_is_inside_the_create,)
ON_ATTEMPT: Final = (
    s1_an_id_is_written_down_at_once,
    s2_proved_means_absent,
    s2_refused_means_never_bought,
    s2_presumed_means_waited_for,
    s5_gone_is_not_concluded_early,
    s17_frozen_is_not_given_up,
)
ON_SESSION: Final = (s15_running_costs_no_more_than_allowed,)
EACH_MINUTE: Final = (s1_no_id_is_forgotten, s17_mass_absence_freezes, l2_a_new_house_looks_often)
