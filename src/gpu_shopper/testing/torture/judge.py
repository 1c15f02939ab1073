"""The verdict at the end: nothing of ours is left, nothing of others was touched, nothing acknowledged is lost, bills are right.

The judge asks the kernel, the cloud's state on disk and the database file; the programs' own words are evidence against
them only.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gpu_shopper.sandbox import processes
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.torture.bench import Bench
from gpu_shopper.testing.torture.checker import Violation
from gpu_shopper.testing.torture.history import Call
from gpu_shopper.testing.torture.truth import Truth

_CENT = 10_000
# Between an end and the first look at it, where all are there and tell the truth.
_LOOK_S = 10.0
# Where they are not, an end is known within this, however long the trouble.
_TROUBLED_S = 120.0
# Two instances of one session at once: one of them is on its way out.
_DUPLICATE_S = 600.0


@dataclass(slots=True)
class Figures:
    """What was measured on the way; seconds, and micro-dollars."""

    sessions: Counter[str] = field(default_factory=Counter)
    instances: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    duplicates_s: list[float] = field(default_factory=list)
    unattended_s: list[float] = field(default_factory=list)
    bill_errors_s: list[float] = field(default_factory=list)
    beyond_a_cent: int = 0
    worst_bill: str = ""
    billed_micros: int = 0


class Judge:
    """Judges one bench."""

    def __init__(self, bench: Bench) -> None:
        """Take the bench; it is asked nothing but where its files are."""
        self._bench = bench
        self.figures = Figures()
        self.looks = 0

    @property
    def _truth(self) -> Truth:
        return self._bench.truth

    def bought_only_what_is_written(self) -> Iterator[Violation]:
        """At any moment, dead or alive: whatever the cloud holds was written down before it was ordered."""
        held = self._ours(now=time.time())
        labels = {str(row["label"]) for row in self._truth.book("SELECT label FROM attempts")}
        self.looks += 1
        for entry in held:
            if entry.name not in labels:
                yield Violation("unwritten", f"{entry.id} ({entry.name}) is in no attempt")

    def left_over(self) -> list[str]:
        """Return what is not at rest yet, in words."""
        strays = {stray.instance for stray in self._bench.strays}
        running = {name for _, name in self._truth.processes() if name not in strays}
        alive = [entry.id for entry in self._ours(now=time.time()) if entry.alive]
        return [
            *(f"processes of {name}" for name in sorted(running)),
            *(f"instance {name} is billed" for name in alive),
            *(
                f"session {row['id']} is {row['state']}"
                for row in self._truth.book(
                    "SELECT id, state FROM sessions WHERE state NOT IN ('stopped', 'failed')"
                )
            ),
            *(
                f"attempt {row['label']} is {row['state']}"
                for row in self._truth.book(
                    "SELECT label, state FROM attempts WHERE state NOT IN ('closed', 'rejected')"
                )
            ),
        ]

    def owed_only(self) -> bool:
        """Tell whether all that is left are orders of which the cloud holds nothing, still looked for."""
        held = {entry.name for entry in self._ours(now=time.time())}
        strays = {stray.instance for stray in self._bench.strays}
        running = {name for _, name in self._truth.processes() if name not in strays}
        left = self._truth.book(
            "SELECT label, state, next_action_at FROM attempts WHERE state NOT IN ('closed', 'rejected')"
        )
        waiting = self._truth.book(
            "SELECT id FROM sessions WHERE state NOT IN ('stopped', 'failed') AND id NOT IN"
            " (SELECT session_id FROM attempts WHERE state IN ('sent', 'unknown'))"
        )
        alive = any(entry.alive for entry in self._ours(now=time.time()))
        owed = all(row["state"] in {"sent", "unknown"} and row["label"] not in held for row in left)
        return owed and not alive and not running and not waiting

    def strays_untouched(self) -> Iterator[Violation]:
        """What was planted lives, as the same process, and nobody asked for its end."""
        entries = {entry.id: entry for entry in self._truth.ledger(now=time.time())}
        for stray in self._bench.strays:
            entry = entries[stray.instance]
            if not entry.alive or processes.find(stray.process.pid) != stray.process:
                yield Violation("wrongful kill", f"{stray.label} is gone: {entry.end_reason}")
            if entry.destroy_calls:
                yield Violation("wrongful kill", f"{stray.label}: {entry.destroy_calls} destroys")

    def verdict(self, calls: Iterable[Call]) -> Iterator[Violation]:
        """Judge the end, when all is at rest."""
        yield from self.bought_only_what_is_written()
        yield from self.strays_untouched()
        yield from self._attempts()
        yield from self._bills()
        yield from self._duplicates()
        yield from self._keys(list(calls))
        yield from self._histories()

    def ends(self) -> dict[str, float]:
        """Return when the last instance of each session ended, in unix seconds."""
        owners = {
            str(row["label"]): str(row["session_id"])
            for row in self._truth.book("SELECT label, session_id FROM attempts")
        }
        ends: dict[str, float] = {}
        for entry in self._ours(now=time.time()):
            session = owners.get(entry.name)
            if session is not None and entry.ended_at is not None:
                ends[session] = max(entry.ended_at, ends.get(session, 0.0))
        return ends

    def _ours(self, *, now: float) -> list[LedgerEntry]:
        strays = {stray.instance for stray in self._bench.strays}
        return [entry for entry in self._truth.ledger(now=now) if entry.id not in strays]

    def _attempts(self) -> Iterator[Violation]:
        rows = {str(row["label"]): row for row in self._truth.book("SELECT * FROM attempts")}
        self.figures.attempts = Counter(
            f"{row['state']} {row['proof'] or ''}".strip() for row in rows.values()
        )
        states = self._truth.book("SELECT state, count(*) AS n FROM sessions GROUP BY state")
        self.figures.sessions = Counter({row["state"]: row["n"] for row in states})
        times = Counter(entry.name for entry in self._ours(now=time.time()))
        self.figures.instances = times.total()
        for entry in self._ours(now=time.time()):
            row = rows.get(entry.name)
            if times[entry.name] > 1:
                yield Violation("double", f"{entry.name} was bought {times[entry.name]} times")
            if row is None:
                continue
            if not _is_known(row, entry):
                told = f"{row['state']}, {row['proof']}, {row['instance_id']}"
                yield Violation("unproved", f"{entry.name} was {entry.id}, the book says {told}")

    def _bills(self) -> Iterator[Violation]:
        entries = {entry.name: entry for entry in self._ours(now=time.time())}
        charged = {
            str(row["attempt_id"]): int(row["sum"])
            for row in self._truth.book(
                "SELECT attempt_id, sum(amount) AS sum FROM cost_entries GROUP BY attempt_id"
            )
        }
        twice = self._truth.book(
            "SELECT a.attempt_id FROM cost_entries a JOIN cost_entries b ON a.attempt_id = b.attempt_id"
            " AND a.begins_at < b.begins_at AND a.ends_at > b.begins_at"
        )
        for row in twice:
            yield Violation("billed twice", f"attempt {row['attempt_id']}")
        for row in self._truth.book(
            "SELECT id, label, billing_ended_at, closing_since FROM attempts"
        ):
            entry = entries.get(str(row["label"]))
            ours = charged.get(str(row["id"]), 0)
            if entry is None:
                if ours:
                    yield Violation("wrong bill", f"{row['label']} cost {ours} and never was")
                continue
            # From when its end was asked for, it may be stopped, and cheaper, without our being told.
            said = [row[name] for name in ("billing_ended_at", "closing_since")]
            moments = [int(at) / 1e6 for at in said if at is not None]
            yield from self._bill(entry, ours=ours, said=moments)

    def _bill(self, entry: LedgerEntry, *, ours: int, said: list[float]) -> Iterator[Violation]:
        figures, bench = self.figures, self._bench
        figures.billed_micros += entry.billed_micros
        second = entry.price_per_hour_micros / 3600
        wrong = abs(ours - entry.billed_micros)
        figures.bill_errors_s.append(wrong / second)
        plain = max(_CENT, entry.billed_micros // 100)
        if wrong <= plain:
            return
        figures.beyond_a_cent += 1
        end = entry.ended_at or time.time()
        begin, until = min([end, *said]), max([end, *said])
        trouble_s = sum(
            spans.within_s(begin - _LOOK_S, until + _LOOK_S)
            for spans in (bench.server_away, bench.cloud_away, bench.cloud_lies)
        )
        told = (
            f"{entry.name}: we say {ours}, the cloud {entry.billed_micros} ({entry.end_reason}),"
            f" {wrong / second:.1f} s of its price, {trouble_s:.1f} s of trouble around its end"
        )
        if wrong / second >= max(figures.bill_errors_s):
            figures.worst_bill = told
        if wrong > plain + second * min(_TROUBLED_S, _LOOK_S + trouble_s):
            yield Violation("wrong bill", told)

    def _duplicates(self) -> Iterator[Violation]:
        sessions: dict[str, list[LedgerEntry]] = defaultdict(list)
        owners = {
            str(row["label"]): str(row["session_id"])
            for row in self._truth.book("SELECT label, session_id FROM attempts")
        }
        for entry in self._ours(now=time.time()):
            sessions[owners.get(entry.name, entry.name)].append(entry)
        for session, entries in sessions.items():
            for index, one in enumerate(entries):
                for other in entries[index + 1 :]:
                    both_s = _overlap_s(one, other)
                    if both_s > 0:
                        self.figures.duplicates_s.append(both_s)
                    if both_s > _DUPLICATE_S:
                        yield Violation("double", f"{session}: two instances for {both_s:.0f} s")

    def _keys(self, calls: list[Call]) -> Iterator[Violation]:
        """Every session of the book was asked for, by one key."""
        asked = {(call.consumer, call.key) for call in calls if call.op == "create"}
        rows = self._truth.book("SELECT consumer_id, key, session_id FROM idempotency_keys")
        keys = {str(row["session_id"]): (row["consumer_id"], row["key"]) for row in rows}
        for row in self._truth.book("SELECT id, consumer_id FROM sessions"):
            if keys.get(str(row["id"])) not in asked:
                yield Violation("unasked", f"session {row['id']} was made by no call that we know")
        for call in calls:
            acknowledged = call.op == "create" and call.outcome == "ok"
            if acknowledged and keys.get(call.session) != (call.consumer, call.key):
                yield Violation("lost", f"{call.session} is not in the book under its key")

    def _histories(self) -> Iterator[Violation]:
        """Each session has its events without a gap, and one end."""
        rows = self._truth.book("SELECT session_id, sequence, kind FROM events ORDER BY 1, 2")
        events: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for row in rows:
            events[str(row["session_id"])].append((int(row["sequence"]), str(row["kind"])))
        for session, told in events.items():
            if [number for number, _ in told] != list(range(1, len(told) + 1)):
                yield Violation("history", f"{session}: events {[number for number, _ in told]}")


def unattended_s(calls: Iterable[Call], ends: dict[str, float], *, offset_s: float) -> list[float]:
    """Return, per session, the seconds from its first acknowledged end to the end of its last instance."""
    asked: dict[str, float] = {}
    for call in calls:
        if call.op in {"done", "delete"} and call.outcome == "ok":
            asked.setdefault(call.session, call.ended_s)
    return [
        max(0.0, ends[session] - (at + offset_s))
        for session, at in asked.items()
        if session in ends
    ]


def _is_known(row: Mapping[str, Any], entry: LedgerEntry) -> bool:
    """Tell whether the book ended with the truth about an instance.

    One whose order was never answered, and that had died before anybody could look, is presumed absent: rightly so, if that
    was said after its death.
    """
    if row["instance_id"] is None and row["proof"] == "presumed":
        return entry.ended_at is not None and entry.ended_at <= int(row["closed_at"]) / 1e6
    return bool(row["instance_id"] == entry.id and row["proof"] == "proved")


def _overlap_s(one: LedgerEntry, other: LedgerEntry) -> float:
    now = time.time()
    begin = max(one.created_at, other.created_at)
    return min(one.ended_at or now, other.ended_at or now) - begin
