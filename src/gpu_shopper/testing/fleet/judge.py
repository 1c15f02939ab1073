"""The verdict on a fleet: by the clouds' own ledgers, and the book in its file."""

import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gpu_shopper.testing.fleet.vendor import PLANTED, Vendor

# An end is known only when somebody has looked, at the cloud's pace, by a server that is killed meanwhile.
_MOST_OFF_S = 120.0
# What is left beside instances and costs nothing; it is dropped when nothing can need it any more.
_FREE = frozenset(
    {"ssh_keys", "scripts", "keypairs", "key_pairs", "security_groups", "tags", "environments"}
)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    asked: int = 0
    kills: int = 0
    sessions: Counter[str] = field(default_factory=Counter)
    by_cloud: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    billed: float = 0.0
    booked: float = 0.0
    off_s: list[float] = field(default_factory=list)
    beside: Counter[str] = field(default_factory=Counter)
    rest_s: float = 0.0
    owed: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def cost_error(self) -> float:
        """How far the book's bill is from the clouds', as a share of theirs."""
        return abs(self.booked - self.billed) / self.billed if self.billed else 0.0


class Judge:
    """Judges one fleet. `beside` is what each cloud kept beside instances before."""

    def __init__(
        self,
        vendors: Sequence[Vendor],
        database: Path,
        *,
        beside: Mapping[str, Mapping[str, int]],
    ) -> None:
        """Take what there is to look at."""
        self._vendors = vendors
        self._database = database
        self._beside = beside

    def left_over(self) -> Iterator[str]:
        """Yield what is not at rest yet, in words."""
        for vendor in self._vendors:
            for entry in vendor.ledger():
                if entry["alive"] and entry["name"] != PLANTED:
                    yield f"{vendor.name} holds {entry['id']} ({entry['name']}), {entry['status']}"
        # An order that was never answered is looked for long after; of one that bought nothing nothing is left to see.
        waiting = "SELECT session_id FROM attempts WHERE state IN ('sent', 'unknown')"
        for row in self.book(
            f"SELECT id, state FROM sessions WHERE id NOT IN ({waiting})"  # noqa: S608 - its own text
        ):
            if row["state"] not in {"stopped", "failed"}:
                yield f"session {row['id']} is {row['state']}"

    def judge(self, found: Outcome) -> None:
        """Write the verdict down."""
        found.wrong.extend(self.left_over())
        for vendor in self._vendors:
            found.wrong.extend(self._instances_of(vendor, found))
            found.wrong.extend(self._beside_of(vendor, found))
        found.sessions = Counter(
            str(row["state"]) for row in self.book("SELECT state FROM sessions")
        )
        found.owed = len(self.book("SELECT id FROM attempts WHERE state IN ('sent', 'unknown')"))
        found.booked = (
            sum(row["amount"] for row in self.book("SELECT amount FROM cost_entries")) / 1e6
        )
        found.wrong.extend(self._bills(found))

    def _instances_of(self, vendor: Vendor, found: Outcome) -> Iterator[str]:
        ours = {row["label"] for row in self.book("SELECT label FROM attempts")}
        for entry in vendor.ledger():
            if entry["name"] == PLANTED:
                if not entry["alive"] or entry["destroy_calls"]:
                    yield f"{vendor.name}: what is somebody else's was touched"
                continue
            found.billed += entry["billed_micros"] / 1e6
            found.by_cloud[vendor.name] += 1
            if entry["name"] not in ours:
                yield f"{vendor.name}: {entry['id']} is in no attempt"

    def _beside_of(self, vendor: Vendor, found: Outcome) -> Iterator[str]:
        before = self._beside[vendor.name]
        for kind, count in vendor.leftovers().items():
            if count > before.get(kind, 0):
                found.beside[f"{vendor.name} {kind}"] = count - before.get(kind, 0)
                if kind not in _FREE:
                    yield f"{vendor.name}: {kind} left behind, and billed"

    def _bills(self, found: Outcome) -> Iterator[str]:
        """Hold the bill of each instance against its cloud's own, in seconds of its price."""
        entries = {entry["name"]: entry for vendor in self._vendors for entry in vendor.ledger()}
        booked = Counter[str]()
        for row in self.book(
            "SELECT label, amount FROM attempts JOIN cost_entries ON attempt_id = attempts.id"
        ):
            booked[row["label"]] += row["amount"]
        for label, entry in entries.items():
            if label != PLANTED and entry["price_per_hour_micros"]:
                off = booked[label] - entry["billed_micros"]
                found.off_s.append(off * 3600 / entry["price_per_hour_micros"])
        if any(abs(off) > _MOST_OFF_S for off in found.off_s):
            yield f"a bill is off by more than {_MOST_OFF_S:g} s of its price"

    def book(self, statement: str) -> list[sqlite3.Row]:
        """Read the database file, beside whoever has it open or died over it."""
        address = f"{self._database.as_uri()}?mode=ro"
        for _ in range(100):
            try:
                with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10)) as book:
                    book.row_factory = sqlite3.Row
                    return book.execute(statement).fetchall()
            except sqlite3.OperationalError:
                time.sleep(0.1)
        message = "the book cannot be read"
        raise RuntimeError(message)
