"""The bounds, one function each, asked of the oracle every minute.

A bound holds "while the cloud answers": time in which the house or the way to the cloud was down is excused, and nothing
else is. While the house's clock is wrong, or what it wrote by a wrong clock is still waiting, its own times say nothing.
"""

from datetime import timedelta
from typing import Final

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import DESTROY_PAUSE_AFTER_A_DAY
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.rows import OPEN

UNATTENDED_S: Final = 1800.0
HOUSE_ONLY: Final = "nothing else"
_SWEEP_S: Final = 300.0
_SLACK_S: Final = 120.0


def s1_ledger_covers_world(o: Oracle) -> None:
    """S1: every live instance of ours has a row."""
    for _, entry in o.ours_alive():
        o.exercised["S1"] += 1
        if entry.name not in o.attempts and entry.name not in o.forgotten:
            o.violate("S1", f"{entry.id} {entry.name} lives without a row")


def l1_unwanted_instances_die(o: Oracle) -> None:
    """L1, L2, L7: what is unwanted is destroyed, and destroyed again while it lives, never more than the bound apart.

    The bound is L1's worst case. A cloud that ignores a destroy starts it anew, which makes it L7's.
    """
    for cloud, entry in o.ours_alive():
        since = _unentitled_since(o, entry.name, born_at=entry.created_at)
        if since is None:
            continue
        o.exercised["L1"] += 1
        last = _last_destroy(o, cloud, entry)
        if last is not None:
            o.exercised["L7"] += 1
        begin = max(since, last or since)
        bound = UNATTENDED_S + DESTROY_PAUSE_AFTER_A_DAY.total_seconds() * (o.now - since > 86_400)
        left = o.now - begin - o.excused(cloud.name, since=begin)
        if left > bound:
            o.violate("L1", f"{entry.id} {entry.name} is unattended for {left:.0f} s")


def l4_unknowns_resolve(o: Oracle) -> None:
    """L4: an attempt whose answer never came is bound or closed within the quarantine and two sweeps."""
    for row in o.attempts.values():
        if row.state not in {"sent", "unknown"} or not o.clock_trusted:
            continue
        o.exercised["L4"] += 1
        quirks = o.clouds[ProviderName(row.provider)].profile.quirks
        begin = true_time(o, row.call_deadline)
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
        late = o.now - due - o.excused(HOUSE_ONLY, since=due)
        if late > _SWEEP_S + 2 * _SLACK_S:
            o.violate("L5", f"{row.id} is {row.state} and overdue by {late:.0f} s")


def l6_requests_end_or_run(o: Oracle) -> None:
    """L6: an accepted request runs or fails by its deadline (at most half an hour here)."""
    for row in o.sessions.values():
        if row.state not in {State.PENDING, State.PROVISIONING} or not o.clock_trusted:
            continue
        o.exercised["L6"] += 1
        begin = true_time(o, row.created_at)
        left = o.now - begin - o.excused(HOUSE_ONLY, since=begin)
        if left > timedelta(minutes=30).total_seconds() + _SWEEP_S + _SLACK_S:
            o.violate("L6", f"{row.id} is {row.state} for {left:.0f} s")


def l8_operators_are_told(o: Oracle) -> None:
    """L8: who could not be destroyed ten times is told of."""
    for row in o.attempts.values():
        if row.state == "closing" and row.destroy_tries > 10:
            o.exercised["L8"] += 1
            if row.alerted_at is None:
                o.violate("L8", f"{row.label}: {row.destroy_tries} tries and no alert")


def true_time(o: Oracle, micros: int) -> float:
    """Return when something that the house wrote really was, in seconds since the start."""
    return micros / 1e6 - o.loop.start.timestamp() - o.clock_offset


def _last_destroy(o: Oracle, cloud: SimCloud, entry: LedgerEntry) -> float | None:
    """Return when the cloud last heard that it shall destroy this, to the minute; a request that was lost is none."""
    destroys = o.facts[cloud.name].destroys
    calls, at = destroys.get(entry.id, (0, 0.0))
    if entry.destroy_calls > calls:
        calls, at = destroys[entry.id] = (entry.destroy_calls, o.now)
    return at if calls else None


def _unentitled_since(o: Oracle, label: str, *, born_at: float) -> float | None:
    """Return since when nobody may have this instance; None while somebody may."""
    row = o.attempts.get(label)
    if row is not None and row.wanted and row.state in OPEN:
        return None
    born = born_at - o.loop.start.timestamp()
    return max(born, o.unwanted_at.get(label, born))


EACH_MINUTE: Final = (
    s1_ledger_covers_world,
    l1_unwanted_instances_die,
    l4_unknowns_resolve,
    l5_nothing_is_without_a_future,
    l6_requests_end_or_run,
    l8_operators_are_told,
)
