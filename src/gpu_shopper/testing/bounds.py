"""The bounds, one function each, asked of the oracle every minute.

A bound holds "while the cloud answers": time in which the house or the way to the cloud was down is excused, and nothing
else is. While the house's clock is wrong, or what it wrote by a wrong clock is still waiting, its own times say nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from gpu_shopper.domain.deadlines import time_to_start
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import DESTROY_PAUSE_AFTER_A_DAY
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.oracle import BOOK, HOUSE, Oracle
from gpu_shopper.testing.rows import AttemptRow

Bound = Callable[[Oracle], None]

UNATTENDED_S: Final = 1800.0
AFTER_OUTAGE_S: Final = 600.0
WITHOUT_US_S: Final = 2100.0
HOUSE_ONLY: Final = "nothing else"
_SWEEP_S: Final = 300.0
_SLACK_S: Final = 120.0
_CLOCKS_DIFFER_S: Final = 60.0
_STARTING: Final = (State.PENDING, State.PROVISIONING)


def s1_ledger_covers_world(o: Oracle) -> None:
    """S1: every live instance of ours has a row."""
    for _, entry in o.ours_alive():
        o.exercised["S1"] += 1
        if entry.name not in o.attempts and entry.name not in o.forgotten:
            o.violate("S1", f"{entry.id} {entry.name} lives without a row")


def s2_what_reappears_is_reopened(o: Oracle) -> None:
    """S2: a closed label that a cloud shows again is owed an end within one sweep.

    Where a listing of that time failed or lied, there was no sweep; then L1's bound holds alone.
    """
    for cloud, entry in o.ours_alive():
        row = o.attempts.get(entry.name)
        if row is None or row.open:
            continue
        o.exercised["S2 reappeared"] += 1
        owed = o.book.surplus_of(cloud.name, entry.id)
        if owed is not None and owed.open:
            continue
        begin = o.unentitled_since(entry)
        if begin is None or cloud.may_lie() or cloud.troubled(begin, o.now):
            o.exercised["S2 excused"] += 1
            continue
        shown_late = cloud.profile.config.listing_lag_s
        left = o.now - begin - o.excused(cloud.name, since=begin)
        if left > _SWEEP_S + _SLACK_S + shown_late:
            o.violate("S2", f"{entry.id} {entry.name} lives for {left:.0f} s, its row {row.state}")


def s1_a_double_has_a_row_of_its_own(o: Oracle) -> None:
    """S1: a second instance of one order is in the book within one sweep, beside the one that its attempt holds.

    Where a listing of that time failed or lied, there was no sweep; then L1's bound holds alone.
    """
    for cloud, entry in o.ours_alive():
        row = o.attempts.get(entry.name)
        if row is None or row.instance_id in {None, entry.id}:
            continue
        o.exercised["S1 doubles"] += 1
        owed = o.book.surplus_of(cloud.name, entry.id)
        begin = o.unentitled_since(entry)
        if begin is None or (owed is not None and owed.open):
            continue
        begin = max(begin, o.rewound_at)
        if cloud.may_lie() or cloud.troubled(begin, o.now):
            o.exercised["S1 doubles excused"] += 1
            continue
        shown_late = cloud.profile.config.listing_lag_s
        left = o.now - begin - o.excused(cloud.name, since=begin)
        if left > _SWEEP_S + _SLACK_S + shown_late:
            o.violate("S1", f"{entry.id} {entry.name} lives for {left:.0f} s beside its attempt's")


def l1_unwanted_instances_die(o: Oracle) -> None:
    """L1, L7: what is unwanted is destroyed, and destroyed again while it lives, never more than the bound apart.

    The bound is L1's worst case. A cloud that ignores or refuses a destroy starts it anew, which makes it L7's. So does one
    that leaves out of a whole listing what the book cannot know of otherwise.
    """
    for cloud, entry in o.ours_alive():
        since = o.unentitled_since(entry)
        if since is None:
            continue
        o.exercised["L1"] += 1
        last = o.last_destroy(cloud, entry.id)
        if last is not None:
            o.exercised["L7"] += 1
        begin = max(since, last or since, _hidden_at(o, cloud, entry, since=since))
        left = o.now - begin - o.excused(cloud.name, since=begin)
        if left > UNATTENDED_S + _slowed_down(o.now - since):
            name = "L1" if last is None else "L7"
            o.violate(name, f"{entry.id} {entry.name} is unattended for {left:.0f} s")


def l2_outages_end_with_a_destroy(o: Oracle) -> None:
    """L2: what was unentitled when an outage ended is destroyed within ten minutes of that, and then by L7.

    A destroy that the cloud could not be made to hear is an outage of its own; L7's longer bound counts it all the same.
    What only a listing can show is owed from when one does, where one after the outage left it out.
    """
    for cloud, entry in o.ours_alive():
        since = o.unentitled_since(entry)
        ends = [o.outages[what].ended_at for what in (HOUSE, BOOK, cloud.name)]
        ends.append(o.facts[cloud.name].failed_destroys.get(entry.id))
        ended_at = max((at for at in ends if at is not None), default=None)
        if since is None or ended_at is None or ended_at < since:
            continue
        row, owed = o.attempts.get(entry.name), o.book.surplus_of(cloud.name, entry.id)
        unknown = entry.name in o.forgotten if row is None else not _is_held(row, entry)
        if unknown and not (owed is not None and owed.open) and cloud.may_lie():
            # Closed and back, forgotten, or a double: only a listing can show it, and where listings lie L1's bound holds alone.
            o.exercised["L2 excused"] += 1
            continue
        o.exercised["L2"] += 1
        last = o.last_destroy(cloud, entry.id)
        begin = max(ended_at, last or ended_at, _hidden_until(o, cloud, entry, since=ended_at))
        left = o.now - begin - o.excused(cloud.name, since=begin)
        if left > AFTER_OUTAGE_S + _slowed_down(o.now - since):
            o.violate("L2", f"{entry.id} {entry.name} lives {left:.0f} s after the outage")


def _hidden_at(o: Oracle, cloud: SimCloud, entry: LedgerEntry, *, since: float) -> float:
    """Return when a whole listing last left out what only a listing can show: the closed, and doubles without a row.

    Once one has shown it, no later lie is an excuse: what was shown has to be written down.
    """
    row, told = o.attempts.get(entry.name), o.witness.of(cloud.name, entry.id)
    closed_at = o.closed_at.get(entry.name)
    if row is not None and _is_held(row, entry) and closed_at is None:
        return 0.0
    until = _written_down_at(o, cloud, entry)
    if until is None:
        unknown_since = max(since, o.rewound_at, closed_at or since)
        until = min([at for at in told.listed if at >= unknown_since], default=o.now)
    hidden = [at for at in told.false_listings if at < until]
    if not hidden:
        return 0.0
    o.exercised["L1 hidden"] += 1
    return hidden[-1]


def _written_down_at(o: Oracle, cloud: SimCloud, entry: LedgerEntry) -> float | None:
    """Return when the row of its own that a double has was opened last, now if that is closed or nobody can tell; None without one."""
    owed = o.book.surplus_of(cloud.name, entry.id)
    if owed is None:
        return None
    return true_time(o, owed.since) if owed.open and o.clock_trusted else o.now


def _hidden_until(o: Oracle, cloud: SimCloud, entry: LedgerEntry, *, since: float) -> float:
    """Return until when listings hid what only they can show, if one since then, or since it was closed last, was false."""
    row, told = o.attempts.get(entry.name), o.witness.of(cloud.name, entry.id)
    begin = max(since, o.closed_at.get(entry.name, since))
    shown_at = min([at for at in told.listed if at >= begin], default=o.now)
    if row is not None and _is_held(row, entry):
        until = min(shown_at, o.reopened_at.get(entry.name, -1.0))
    else:
        written_at = _written_down_at(o, cloud, entry)
        until = shown_at if written_at is None else written_at
    if not any(begin <= at < until for at in told.false_listings):
        return since
    o.exercised["L2 hidden"] += 1
    return until


def _is_held(row: AttemptRow, entry: LedgerEntry) -> bool:
    """Tell whether an open attempt holds this instance, or may: a double is none that it does."""
    return row.open and row.instance_id in {None, entry.id}


def l3_nothing_outlives_us_for_long(o: Oracle) -> None:
    """L3: with the house away for ever, what has an agent is ended by it within 35 minutes.

    A cloud that takes the node's order and does nothing starts the bound anew. Where a node has no means to end its own
    instance, it can only stop the work; and where the agent was still to be brought, there is none to do even that.
    """
    assert o.nodes is not None, "the world is not complete"
    away_since = o.outages[HOUSE].since
    if away_since is None:
        return
    for cloud, entry in o.ours_alive():
        node = o.nodes.of(entry.id)
        if node is None or not node.has_power:
            continue
        if not cloud.profile.capabilities.node_can_end_itself:
            continue
        if node.is_bare:
            o.exercised["L3 without an agent"] += 1
            continue
        o.exercised["L3"] += 1
        begin = max(away_since, node.started_at, o.last_destroy(cloud, entry.id) or 0.0)
        cut = sum(b - a for a, b in o.outages[cloud.name].within(begin, o.now))
        if o.now - begin - cut > WITHOUT_US_S:
            o.violate("L3", f"{entry.id} lives {o.now - begin:.0f} s after the house went away")


def l3_nothing_out_of_reach_lives_for_long(o: Oracle) -> None:
    """L3: whoever is to blame, a node that has been told nothing for 35 minutes has ended itself; see above."""
    assert o.nodes is not None, "the world is not complete"
    for node in o.nodes.all():
        cloud, held = node.cloud, node.cloud.instance(node.instance_id)
        if held is None or not held.alive or not node.has_power or node.is_bare:
            continue
        if not cloud.profile.capabilities.node_can_end_itself or not o.is_ours(held.name):
            continue
        o.exercised["L3 out of reach"] += 1
        begin = max(node.told_at, node.started_at, o.last_destroy(cloud, held.id) or 0.0)
        shut = sum(b - a for a, b in o.outages[cloud.name].within(begin, o.now))
        if o.now - begin - shut > WITHOUT_US_S:
            o.violate(
                "L3", f"{held.id} lives {o.now - begin:.0f} s after it was last told anything"
            )


def l4_unknowns_resolve(o: Oracle) -> None:
    """L4: an attempt whose answer never came is bound or closed within the quarantine and two sweeps."""
    for row in o.attempts.values():
        if row.state not in {"sent", "unknown"} or not o.clock_trusted:
            continue
        o.exercised["L4"] += 1
        quirks = o.clouds[ProviderName(row.provider)].profile.quirks
        begin = max(true_time(o, row.call_deadline), o.rewound_at)
        left = o.now - begin - o.excused(row.provider, since=begin)
        if left > quirks.quarantine.total_seconds() + 2 * _SWEEP_S + 2 * _SLACK_S:
            o.violate("L4", f"{row.label} is {row.state} for {left:.0f} s after its deadline")


def l5_nothing_is_without_a_future(o: Oracle) -> None:
    """L5: all that is not final has a next action, and it is not long overdue."""
    for row in o.sessions.values():
        if row.ended or not o.clock_trusted:
            continue
        o.exercised["L5"] += 1
        if row.next_action_at is None:
            o.violate("L5", f"{row.id} is {row.state} without a next action")
            continue
        due = max(true_time(o, row.next_action_at), true_time(o, row.claimed_until or 0))
        # A book that was put back finds everything overdue.
        due = max(due, o.rewound_at)
        late = o.now - due - o.excused(HOUSE_ONLY, since=due)
        if late > _SWEEP_S + 2 * _SLACK_S:
            o.violate("L5", f"{row.id} is {row.state} and overdue by {late:.0f} s")


def l5_nothing_owed_is_without_a_future(o: Oracle) -> None:
    """L5: every open attempt has a next action, and the session that acts on it is not final without one."""
    for row in o.attempts.values():
        if not row.open or not o.clock_trusted:
            continue
        o.exercised["L5"] += 1
        if row.next_action_at is None:
            o.violate("L5", f"{row.label} is {row.state} without a next action")
            continue
        session = o.book.session(row.session_id)
        if session is None or session.next_action_at is None:
            o.violate("L5", f"{row.label} is {row.state}, and nobody will look at its session")
            continue
        due = max(true_time(o, row.next_action_at), true_time(o, session.claimed_until or 0))
        # A book that was put back finds everything overdue.
        due = max(due, o.rewound_at)
        late = o.now - due - o.excused(HOUSE_ONLY, since=due)
        # Nobody can do anything about what nobody can read, but tell of it.
        if late > _SWEEP_S + 2 * _SLACK_S and row.session_id not in o.poisoned:
            o.violate("L5", f"{row.label} is {row.state} and overdue by {late:.0f} s")


def l6_requests_end_or_run(o: Oracle) -> None:
    """L6: an accepted request runs or fails by its deadline: half an hour here, and longer where the slowest cloud needs it."""
    starting = [row for row in o.sessions.values() if row.state in _STARTING]
    if not starting or not o.clock_trusted:
        return
    graces = [cloud.profile.quirks.boot_grace for cloud in o.clouds.values()]
    longest = max(timedelta(minutes=30), time_to_start(graces)).total_seconds()
    for row in starting:
        o.exercised["L6"] += 1
        begin = max(true_time(o, row.created_at), o.rewound_at)
        left = o.now - begin - o.excused(HOUSE_ONLY, since=begin)
        if left > longest + _SWEEP_S + _SLACK_S:
            o.violate("L6", f"{row.id} is {row.state} for {left:.0f} s")


def l8_operators_are_told(o: Oracle) -> None:
    """L8: who could not be destroyed ten times is told of."""
    for row in o.attempts.values():
        if row.state == "closing" and row.destroy_tries > 10:
            o.exercised["L8"] += 1
            if row.alerted_at is None:
                o.violate("L8", f"{row.label}: {row.destroy_tries} tries and no alert")
    for one in o.book.open_surplus():
        if one.destroy_tries > 10:
            o.exercised["L8 surplus"] += 1
            if one.alerted_at is None:
                o.violate("L8", f"{one.instance_id}: {one.destroy_tries} tries and no alert")


def l8_what_may_be_ours_is_told(o: Oracle) -> None:
    """L8: what nobody can trace, and an unanswered attempt may have bought, is told of two sweeps after its quarantine.

    Where a listing of that time failed or lied, there was no sweep.
    """
    for cloud, entry in o.untraceable_alive():
        row = o.attempts.get(entry.name)
        if row is None or row.instance_id is not None or row.state == "rejected":
            continue
        over = true_time(o, row.call_deadline) + cloud.profile.quirks.quarantine.total_seconds()
        born = entry.created_at - o.loop.start.timestamp()
        timely = born <= over and o.clock_trusted and o.clock_error(born, o.now) < _CLOCKS_DIFFER_S
        known = timely and entry.returned_at is None and row.session_id not in o.poisoned
        if not known or _shows_other_gpus(cloud, entry):
            continue
        o.exercised["L8 suspect"] += 1
        if o.book.has_notice(f"suspect:{cloud.name}:{entry.id}"):
            continue
        begin = max(over, o.rewound_at)
        if cloud.may_lie() or cloud.troubled(begin, o.now):
            o.exercised["L8 suspect excused"] += 1
            continue
        left = o.now - begin - o.excused(cloud.name, since=begin)
        if left > 2 * (_SWEEP_S + _SLACK_S) + cloud.profile.config.listing_lag_s:
            o.violate("L8", f"{entry.id} may be of {row.label}, and nobody was told")


def _shows_other_gpus(cloud: SimCloud, entry: LedgerEntry) -> bool:
    held = cloud.instance(entry.id)
    assert held is not None, entry.id
    index = cloud.catalogue.index_of(held.offer_id)
    assert index is not None, held.offer_id
    sold = cloud.catalogue.offers[index]
    return (sold.gpu_name, sold.gpu_count) != (held.shown_gpu_name, held.shown_gpu_count)


def l9_notices_are_tried_again(o: Oracle) -> None:
    """L9: a notice that has not arrived has a next try."""
    for one, next_try_at in o.book.waiting_notices():
        o.exercised["L9"] += 1
        if next_try_at is None:
            o.violate("L9", f"notice {one} was given up")


def true_time(o: Oracle, micros: int) -> float:
    """Return when something that the house wrote really was, in seconds since the start."""
    return micros / 1e6 - o.loop.start.timestamp() - o.clock_offset


def house_time(o: Oracle, seconds: float) -> int:
    """Return what the house writes of a true moment: the way back from `true_time`, in microseconds."""
    return round((seconds + o.loop.start.timestamp() + o.clock_offset) * 1e6)


def _slowed_down(lived: float) -> float:
    """Return by how much longer a destroy may wait for the next once it has failed for a day."""
    return DESTROY_PAUSE_AFTER_A_DAY.total_seconds() * (lived > 86_400)


EACH_MINUTE: Final = (
    s1_ledger_covers_world,
    s1_a_double_has_a_row_of_its_own,
    s2_what_reappears_is_reopened,
    l1_unwanted_instances_die,
    l2_outages_end_with_a_destroy,
    l3_nothing_outlives_us_for_long,
    l3_nothing_out_of_reach_lives_for_long,
    l4_unknowns_resolve,
    l5_nothing_is_without_a_future,
    l5_nothing_owed_is_without_a_future,
    l6_requests_end_or_run,
    l8_operators_are_told,
    l8_what_may_be_ours_is_told,
    l9_notices_are_tried_again,
)
