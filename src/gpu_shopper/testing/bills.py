"""S11: what we say that something cost, held against the cloud's own meter.

A bill can be no better than what was known of the instance's end. So the allowance is derived from what was known: the price
of the time between the last moment at which the house saw the instance alive, or heard it, and the first read that showed it
gone, both answered and written down. A look whose answer was lost, or whose commit failed, or after which the house died, is
none. Where that time is short, 1 % or $0.01 is asked.

Beyond that, three things are nobody's to know: a price that the cloud hides is charged as it was shown; what the cloud stops
instead of destroying is charged in full until it is gone; a bill written by a clock that was wrong is wrong by as much.
What a double that nobody can know of says under the same token counts as a sight as well.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import DESTROY_PAUSE_LONGEST
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.oracle import HOUSE, Oracle
from gpu_shopper.testing.rows import AttemptRow

_CENT: Final = 10_000
# Answers and commits take a moment, and so does the cloud that obeys.
_MOMENT_S: Final = 5.0
_ROUND_TRIPS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What we say that one instance cost, in micro-dollars, beside what its cloud's meter shows."""

    row: AttemptRow
    entry: LedgerEntry
    said: int
    due: int


def bills(o: Oracle) -> Iterator[Bill]:
    """Yield the bill of every instance that the book has named, at the price that the cloud has shown.

    What a book that was put back had known of a bill is gone, so those are left out.
    """
    ours = _charged(o)
    entries = _entries(o)
    for row in o.book.attempts():
        entry = entries.get((row.provider, row.instance_id or ""))
        if entry is None or row.label in o.rewritten:
            continue
        held = o.clouds[ProviderName(row.provider)].instance(entry.id)
        assert held is not None, entry.id
        # Hidden prices are charged as shown.
        due = entry.billed_micros * held.shown_price_micros // max(1, held.price_micros)
        yield Bill(row=row, entry=entry, said=ours.get(row.id, 0), due=due)


def s11_cost_is_the_clouds_meter(o: Oracle) -> None:
    """S11: within max(1 %, $0.01) per attempt, or within the bound for an end that nobody saw."""
    ours = _charged(o)
    bought = {(provider, entry.name) for (provider, _), entry in _entries(o).items()}
    for row in o.book.attempts():
        if row.label in o.rewritten:
            o.exercised["S11 rewritten"] += 1
        elif (row.provider, row.label) not in bought:
            o.exercised["S11 never bought"] += 1
            if ours.get(row.id, 0):
                o.violate("S11", f"{row.label} cost {ours[row.id]} and never was")
        elif row.instance_id is None:
            o.exercised["S11 never seen"] += 1
    for bill in bills(o):
        _compare(o, bill)


def _charged(o: Oracle) -> dict[str, int]:
    ours: dict[str, int] = {}
    for attempt_id, _, _, _, amount in o.book.charges():
        ours[attempt_id] = ours.get(attempt_id, 0) + amount
    return ours


def _entries(o: Oracle) -> dict[tuple[str, str], LedgerEntry]:
    return {
        (str(cloud.name), entry.id): entry
        for cloud in o.clouds.values()
        for entry in cloud.ledger()
    }


def _compare(o: Oracle, bill: Bill) -> None:
    exact = max(_CENT, bill.due // 100)
    allowed = max(exact, allowance(o, bill))
    o.exercised["S11" if allowed == exact else "S11 loosely"] += 1
    if abs(bill.said - bill.due) > allowed:
        o.violate(
            "S11",
            f"{bill.row.label}: we say {bill.said}, the cloud {bill.due} ({bill.entry.end_reason}), allowed {allowed}",
        )


def allowance(o: Oracle, bill: Bill) -> int:
    """Return by how much a bill may be off for what nobody could know, in micro-dollars."""
    row, entry = bill.row, bill.entry
    cloud = o.clouds[ProviderName(row.provider)]
    held = cloud.instance(entry.id)
    assert held is not None, entry.id
    end = (entry.ended_at or cloud.now()) - o.loop.start.timestamp()
    known = known_end(o, cloud, row, entry, end=end)
    # What a cloud showed is older, when it arrives, by its way here: some pages, one after the other.
    travelled = _ROUND_TRIPS * 2 * cloud.profile.latency_s[1]
    seconds = known.gone_at - known.alive_at + _MOMENT_S + travelled
    seconds += o.clock_error(known.alive_at - 3600, known.gone_at)
    # An end that is known to within some seconds may lie on either side of a step that is billed whole.
    step, least = cloud.profile.config.billing_step_s, cloud.profile.config.least_billed_s
    seconds = _whole(seconds, step)
    # So may the end of each earlier life; and what is billed of that beyond the begin of the next is booked once only.
    seconds += held.returns * max(step, least)
    price = held.shown_price_micros / 3600
    # Both are rounded.
    rounding = 2
    # What is stopped, or never came up, bills less in the end, and no cloud says how much: no step of all that it lived.
    lived = _whole(max(least, end - (entry.created_at - o.loop.start.timestamp())), step)
    return rounding + round(price * seconds) + max(0, round(price * lived) - bill.due)


def _whole(seconds: float, step: float) -> float:
    return math.ceil(seconds / step) * step if step else seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEnd:
    """Between what the end of an instance was known to lie, in seconds since the start."""

    alive_at: float
    gone_at: float


def known_end(
    o: Oracle, cloud: SimCloud, row: AttemptRow, entry: LedgerEntry, *, end: float
) -> KnownEnd:
    """Return the last sight of it before its end, and the first true news of its absence after."""
    born = entry.created_at - o.loop.start.timestamp()
    told = o.witness.of(cloud.name, entry.id)
    reads = [(at, there) for at, there in told.reads if _kept(o, at)]
    seen = max((at for at, there in reads if there and at <= end + _MOMENT_S), default=born)
    # Whether a lie was written down, nobody can tell from a commit whose answer was lost.
    lied = [at for at, there in told.reads if not there and seen < at < end]
    heard = o.heard_at.get(row.label, born)
    # A read from before what was heard last is outvoted by it.
    heard_until = _spoken_for_until(o, cloud, row, entry, end=end)
    gone = [at for at, there in reads if not there and at >= heard_until]
    gone_at = min(gone, default=max(end, o.now))
    # Somebody who was told that it is gone, falsely, may have taken that for its end.
    alive_at = seen if lied else max(seen, heard)
    if entry.end_reason == "destroyed" and not lied:
        # It ended by our own order: nobody may think that it had ended before that took effect, or, where no answer to it
        # was heard, before it was sent.
        ordered_at, answered = max(
            (one for one in told.destroys if one[0] <= end), default=(end, True)
        )
        if _left_alone(alive_at, ordered_at=ordered_at, gone_at=gone_at):
            o.exercised["S11 left alone on its way out"] += 1
        else:
            alive_at = end if answered else max(alive_at, ordered_at)
    return KnownEnd(alive_at=min(alive_at, end), gone_at=gone_at)


def _left_alone(alive_at: float, *, ordered_at: float, gone_at: float) -> bool:
    """Tell whether an order had left it standing, and then nobody could look for longer than between any two tries.

    That order tells no moment then: it may have taken so long, or the instance may have ended by itself in the meantime.
    """
    return alive_at > ordered_at and gone_at - alive_at > DESTROY_PAUSE_LONGEST.total_seconds()


def _spoken_for_until(
    o: Oracle, cloud: SimCloud, row: AttemptRow, entry: LedgerEntry, *, end: float
) -> float:
    """Return until when a double that nobody knew of was heard under its token: no listing had shown it under its name.

    A sign of life outvotes what the cloud says, and nothing tells these two apart where nodes do not know their own id.
    """
    if cloud.profile.names_itself:
        return end
    doubles = (each for each in cloud.ledger() if each.name == row.label and each.id != entry.id)
    unknown_until = max((_unknown_until(o, cloud, each) for each in doubles), default=end)
    if unknown_until <= end:
        return end
    o.exercised["S11 spoken for by a double"] += 1
    return max(end, min(unknown_until, o.heard_at.get(row.label, end)))


def _unknown_until(o: Oracle, cloud: SimCloud, double: LedgerEntry) -> float:
    """Return when the first listing showed a double, or it ended."""
    ended = (double.ended_at or cloud.now()) - o.loop.start.timestamp()
    if o.untraceable(cloud, double):
        return ended
    return min([ended, *o.witness.of(cloud.name, double.id).listed[:1]])


def _kept(o: Oracle, at: float) -> bool:
    """Tell whether what was read then was written down: no commit failed, and the house lived on."""
    soon = at + _MOMENT_S
    unwritten = any(at <= failed <= soon for failed in o.commit_faults_at)
    return not unwritten and not o.outages[HOUSE].within(at, soon)
