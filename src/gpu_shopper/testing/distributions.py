"""How long things take in simulated worlds, and how far bills are off: distributions, not only pass or fail.

Seconds unattended are told twice. *Unattended* is all of it: from the moment at which nobody was entitled to an instance
any more to its end in truth. *While the cloud answers* is the longest stretch of that in which nobody asked the cloud to end
it, less the time in which the house was down or the way to the cloud cut. An order that the cloud took and did not carry out
begins a new stretch; one that it refused, or that never reached it, does not.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.bills import bills
from gpu_shopper.testing.bounds import true_time
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.oracle import HOUSE, Oracle
from gpu_shopper.testing.rows import AttemptRow, SessionRow

Figures = dict[str, list[float]]

UNATTENDED: Final = "unattended, s"
ANSWERED: Final = "unattended while the cloud answers, s"
DUPLICATE: Final = "second instance of a session, s"
ADOPTION: Final = "lost reply to bound, s"
UNPROVED: Final = "gone to proved absent, s"
RUNNING: Final = "asked to running, s"
COST_MICROS: Final = "cost error, µ$"
COST_PERCENT: Final = "cost error, %"
KINDS: Final = (
    UNATTENDED,
    ANSWERED,
    DUPLICATE,
    ADOPTION,
    UNPROVED,
    RUNNING,
    COST_MICROS,
    COST_PERCENT,
)


class Stopwatch:
    """Notes, as the book is committed, when things were first known."""

    def __init__(self) -> None:
        self._asked_at: dict[str, float] = {}
        self._running_at: dict[str, float] = {}
        self._sent_at: dict[str, float] = {}
        self._lost: set[str] = set()
        self._found_at: dict[str, float] = {}
        self._proved_at: dict[str, float] = {}

    def saw_session(self, o: Oracle, old: SessionRow | None, new: SessionRow) -> None:
        """Note when a session was asked for, or taken in again by a book that had lost it, and when it ran."""
        if old is None and new.id not in self._running_at:
            self._asked_at[new.id] = o.now
        if new.state == "running":
            self._running_at.setdefault(new.id, o.now)

    def saw_attempt(self, o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
        """Note when an attempt was sent, lost, found and proved absent."""
        self._sent_at.setdefault(new.label, o.now)
        if new.state == "unknown":
            self._lost.add(new.label)
        if new.instance_id is not None and new.label not in self._found_at:
            self._found_at[new.label] = o.now
            if o.outages[HOUSE].within(self._sent_at[new.label], o.now):
                # The house died, or slept, between the call and its answer.
                self._lost.add(new.label)
        if new.proof == "proved":
            self._proved_at[new.label] = o.now
        else:
            self._proved_at.pop(new.label, None)

    def figures(self, o: Oracle) -> Figures:
        """Sum up what is known at the end of a world."""
        told: Figures = {kind: [] for kind in KINDS}
        told[RUNNING] = [at - self._asked_at[one] for one, at in self._running_at.items()]
        lives: dict[str, list[tuple[float, float]]] = {}
        for cloud in o.clouds.values():
            for entry in cloud.ledger():
                if o.is_ours(entry.name):
                    self._tell(told, o, cloud, entry)
                    row = o.attempts.get(entry.name)
                    owner = row.session_id if row is not None else entry.name
                    lives.setdefault(owner, []).append(_life(o, cloud, entry))
        told[DUPLICATE] = [seconds for one in lives.values() for seconds in _second_lives(one)]
        for bill in bills(o):
            told[COST_MICROS].append(abs(bill.said - bill.due))
            told[COST_PERCENT].append(100 * abs(bill.said - bill.due) / max(1, bill.due))
        return {kind: [round(number, 3) for number in told[kind]] for kind in KINDS}

    def _tell(self, told: Figures, o: Oracle, cloud: SimCloud, entry: LedgerEntry) -> None:
        born, ended = _life(o, cloud, entry)
        since = _unentitled_since(o, entry)
        if since is not None:
            told[UNATTENDED].append(max(0.0, ended - since))
            if not o.untraceable(cloud, entry):
                told[ANSWERED].append(_longest_stretch(o, cloud, entry, since=since, ended=ended))
        if entry.name in self._lost and (found := self._found_at.get(entry.name)) is not None:
            told[ADOPTION].append(max(0.0, found - born))
        proved = self._proved_at.get(entry.name)
        if proved is not None:
            told[UNPROVED].append(max(0.0, proved - ended))


def _unentitled_since(o: Oracle, entry: LedgerEntry) -> float | None:
    """Return since when nobody was entitled to it: an expired one since its reservation ended, whenever that was noticed."""
    since, row = o.unentitled_since(entry), o.attempts.get(entry.name)
    if since is None or row is None:
        return None
    session = o.sessions.get(row.session_id)
    if session is None or session.stop_reason != "expired" or session.launch != row.number:
        return since
    if session.running_at is None or o.clock_errors:
        return since
    return min(since, true_time(o, session.running_at) + 3600 * session.reserved_hours)


def _life(o: Oracle, cloud: SimCloud, entry: LedgerEntry) -> tuple[float, float]:
    start = o.loop.start.timestamp()
    return entry.created_at - start, (entry.ended_at or cloud.now()) - start


def _longest_stretch(
    o: Oracle, cloud: SimCloud, entry: LedgerEntry, *, since: float, ended: float
) -> float:
    asked = [at for at in o.facts[cloud.name].destroys.get(entry.id, ()) if since < at < ended]
    marks = [since, *asked, max(since, ended)]
    return max(
        end - begin - o.excused(cloud.name, since=begin, until=end)
        for begin, end in pairwise(marks)
    )


def _second_lives(lives: list[tuple[float, float]]) -> Iterator[float]:
    """Yield for how long each later instance of a session lived beside an earlier one."""
    reached = 0.0
    for born, ended in sorted(lives):
        if min(reached, ended) > born:
            yield min(reached, ended) - born
        reached = max(reached, ended)


def add_up(total: Figures, more: Mapping[str, list[float]]) -> None:
    """Add the figures of one world to those of many."""
    for kind, numbers in more.items():
        total.setdefault(kind, []).extend(numbers)


def lines(figures: Mapping[str, list[float]]) -> Iterator[str]:
    """Yield one line for each kind of figure that there is: how many, and p50, p99 and the largest."""
    for kind in KINDS:
        ranked = sorted(figures.get(kind, ()))
        if ranked:
            yield (
                f"{kind}: {len(ranked)} times, p50 {share_of(ranked, 0.5):,.1f},"
                f" p99 {share_of(ranked, 0.99):,.1f}, max {ranked[-1]:,.1f}"
            )


def share_of(ranked: list[float], share: float) -> float:
    """Return the number below which that share of a sorted list lies."""
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
