"""S11: what we say that something cost, held against the cloud's own meter.

It cannot hold exactly where nobody could see the end: a host that died, a node that ended itself, an instance that was
preempted or ran into the cloud's own deadline are known to have lived until they were last seen, and no longer. There,
the difference is bounded by the price of the time between two looks, plus the time in which nobody could look. Where the
cloud or the book failed, or the cloud lied, around the end, it is bounded by ten minutes of the price, plus outages. Where the order to destroy
does not end billing, the first absence that is read does, some seconds late. A price that the cloud hides is charged as it
was shown. What is stopped instead of destroyed is charged in full until it is gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.rows import AttemptRow

_CENT: Final = 10_000
_LOOK_S: Final = 330.0
_TROUBLED_S: Final = 600.0
_FIRST_READ_S: Final = 12.0
_AT_ONCE_S: Final = 5.0
_READ_S: Final = 35.0
_SEEN_ENDS: Final = frozenset({"destroyed"})


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
        entry = entries.get((row.provider, row.label))
        if entry is None or row.instance_id is None or row.label in o.rewritten:
            continue
        held = o.clouds[ProviderName(row.provider)].instance(entry.id)
        assert held is not None, entry.id
        # Hidden prices are charged as shown.
        due = entry.billed_micros * held.shown_price_micros // max(1, held.price_micros)
        yield Bill(row=row, entry=entry, said=ours.get(row.id, 0), due=due)


def s11_cost_is_the_clouds_meter(o: Oracle) -> None:
    """S11: within max(1 %, $0.01) per attempt, or within the bound for an end that nobody saw."""
    ours, entries = _charged(o), _entries(o)
    for row in o.book.attempts():
        if row.label in o.rewritten:
            o.exercised["S11 rewritten"] += 1
        elif (row.provider, row.label) not in entries:
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
        (str(cloud.name), entry.name): entry
        for cloud in o.clouds.values()
        for entry in cloud.ledger()
    }


def _compare(o: Oracle, bill: Bill) -> None:
    row, entry, said, due = bill.row, bill.entry, bill.said, bill.due
    cloud = o.clouds[ProviderName(row.provider)]
    held = cloud.instance(entry.id)
    assert held is not None, entry.id
    allowed = max(_CENT, due // 100)
    rate = held.shown_price_micros / 3600
    end = (entry.ended_at or cloud.now()) - o.loop.start.timestamp()
    if entry.end_reason in _SEEN_ENDS:
        o.exercised["S11"] += 1
    else:
        o.exercised["S11 unseen end"] += 1
        allowed += round(rate * (_LOOK_S + _blind(o, row, end)))
    said_end = _said_end(o, row, end)
    first = o.facts[row.provider].first_destroy_at.get(entry.id)
    if first is not None and end - first > _AT_ONCE_S:
        # A cloud that takes its time is read only so often.
        allowed += round(rate * _READ_S)
    if first is not None and cloud.struck_rules["stop_instead_of_destroy"]:
        # A cloud that stops what it shall destroy bills less for it, and does not say how much.
        allowed += round(rate * max(0.0, end - first))
    # A bill written by a clock that was wrong is wrong by as much.
    allowed += round(rate * o.clock_error(min(end, said_end) - 3600, max(end, said_end)))
    # Between the end and our first look at its absence, nobody may have been there to look.
    allowed += round(
        rate * _blind_between(o, row, min(end, said_end) - 5.0, max(end, said_end) + 5.0)
    )
    begin, until = min(end, said_end) - 35.0, max(end, said_end) + 35.0
    # A book that fails may leave a claim that nobody gave back, and with it the row unread until the claim runs out.
    unwritten = any(begin <= at <= until for at in o.commit_faults_at)
    if unwritten or cloud.troubled(begin, until):
        o.exercised["S11 troubled end"] += 1
        allowed += round(rate * (_TROUBLED_S + _blind(o, row, max(end, said_end))))
    elif not cloud.profile.quirks.destroy_ends_billing:
        # The end is the first absence that was read, not the order.
        allowed += round(rate * _FIRST_READ_S)
    if abs(said - due) > allowed:
        o.violate(
            "S11",
            f"{row.label}: we say {said}, the cloud {due} ({entry.end_reason}), allowed {allowed}",
        )


def _said_end(o: Oracle, row: AttemptRow, end: float) -> float:
    if row.billing_ended_at is None:
        return end
    return row.billing_ended_at / 1e6 - o.loop.start.timestamp()


def _blind(o: Oracle, row: AttemptRow, end: float) -> float:
    """Return for how long before the end nobody could look."""
    return _blind_between(o, row, max(0.0, end - 7200), end)


def _blind_between(o: Oracle, row: AttemptRow, begin: float, end: float) -> float:
    return o.excused(row.provider, since=begin, until=end)
