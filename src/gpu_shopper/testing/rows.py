"""The book as the oracle reads it: plain SQL over what is committed, past the store's own code."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from gpu_shopper.stores.inline import Memory

OPEN = ("bound", "closing", "sent", "unknown")
FINAL = ("stopped", "failed")


class AttemptRow(NamedTuple):
    """One attempt, as committed; times are microseconds since 1970."""

    label: str
    session_id: str
    number: int
    provider: str
    state: str
    wanted: int
    instance_id: str | None
    unwanted_because: str | None
    heard: str | None
    read_back_at: int | None
    destroy_tries: int
    call_deadline: int
    alerted_at: int | None
    next_action_at: int | None
    proof: str | None
    billed_from: int | None
    billing_ended_at: int | None
    rate: int
    id: str
    looks: int
    offer: str

    @property
    def open(self) -> bool:
        """Something is owed."""
        return self.state in OPEN


class SurplusRow(NamedTuple):
    """One instance that bears our label and has no attempt, as committed."""

    provider: str
    instance_id: str
    label: str
    destroy_tries: int
    alerted_at: int | None
    closed_at: int | None
    since: int

    @property
    def open(self) -> bool:
        """Its end is owed."""
        return self.closed_at is None


class SessionRow(NamedTuple):
    """One session, as committed."""

    id: str
    state: str
    launch: int | None
    stop_reason: str | None
    stop_actor: str | None
    created_at: int
    running_at: int | None
    reserved_hours: int
    hard_max_override: int | None
    next_action_at: int | None
    epoch: int
    claimed_until: int | None

    @property
    def ended(self) -> bool:
        """It is over."""
        return self.state in FINAL


_ATTEMPT = f"SELECT {', '.join(AttemptRow._fields)} FROM attempts"  # noqa: S608 - its own column names
_SESSION = f"SELECT {', '.join(SessionRow._fields)} FROM sessions"  # noqa: S608
_SURPLUS = f"SELECT {', '.join(SurplusRow._fields)} FROM surplus"  # noqa: S608
# Tables that are asked every minute, and seldom written.
_KEPT = ("surplus", "sweeps", "notices")
_OPEN = f"{_ATTEMPT} WHERE state IN {OPEN!r}"
_LIVE = f"{_SESSION} WHERE state IN ('pending', 'provisioning', 'running', 'stopping')"


class Rewind(NamedTuple):
    """A book that was put back: to which moment, and what every key had made in it (consumer, key, session)."""

    to: float
    keys: frozenset[tuple[str, str, str]]


class CommittedBook:
    """Reads of one in-memory book. Triggers of its own tell it which rows were written, whoever wrote them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._watched: sqlite3.Connection | None = None
        # In the order in which they were written; what was rolled back stands here too, and reads as it was.
        self._moved_labels: dict[str, None] = {}
        self._moved_ids: dict[str, None] = {}
        # What was read of a table since a row of it was last written, be it for nothing.
        self._read: dict[str, dict[tuple[object, ...], list[tuple[Any, ...]]]] = {}

    @property
    def _raw(self) -> sqlite3.Connection:
        return self._memory.desk.raw

    def moved(self) -> tuple[list[AttemptRow], list[SessionRow]]:
        """Return the attempts and sessions that were written since the last call: all of them at the first."""
        if self._watched is not self._raw:
            self._watch()
            return self.attempts(), self.sessions()
        labels, ids = list(self._moved_labels), list(self._moved_ids)
        self._moved_labels.clear()
        self._moved_ids.clear()
        attempts = [row for label in labels if (row := self.attempt(label)) is not None]
        sessions = [each for key in ids if (each := self.session(key)) is not None]
        return attempts, sessions

    def _watch(self) -> None:
        # A book that went back in time has a new connection: the triggers are temporary, which is the connection's.
        raw, self._moved_labels, self._moved_ids = self._raw, {}, {}
        for table, key, note in (
            ("attempts", "label", self._moved_labels.setdefault),
            ("sessions", "id", self._moved_ids.setdefault),
        ):
            raw.create_function(f"wrote_{table}", 1, note)
            for verb, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
                raw.execute(
                    f"CREATE TEMP TRIGGER oracle_{table}_{verb} AFTER {verb} ON main.{table}"
                    f" BEGIN SELECT wrote_{table}({row}.{key}); END"
                )
        self._keep(raw)
        self._watched = raw

    def _keep(self, raw: sqlite3.Connection) -> None:
        read = self._read = {table: {} for table in _KEPT}
        # What SQLite holds, the collector does not see: had it us, no book would ever be let go.
        raw.create_function("wrote_kept", 1, lambda table: read[table].clear())
        for table in _KEPT:
            for verb in ("INSERT", "UPDATE", "DELETE"):
                raw.execute(
                    f"CREATE TEMP TRIGGER oracle_{table}_{verb} AFTER {verb} ON main.{table}"
                    f" BEGIN SELECT wrote_kept('{table}'); END"
                )

    def _rows(self, table: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what is read of a table; while no row of it is written, reading again gives the same."""
        raw = self._raw
        if raw.in_transaction or self._watched is not raw:
            return raw.execute(query, values).fetchall()
        known = self._read[table]
        rows = known.get((query, *values))
        if rows is None:
            rows = known[query, *values] = raw.execute(query, values).fetchall()
        return rows

    def open_attempts(self) -> list[AttemptRow]:
        """Return all that is owed."""
        return [AttemptRow(*row) for row in self._raw.execute(_OPEN)]

    def live_sessions(self) -> list[SessionRow]:
        """Return all sessions that are not over."""
        return [SessionRow(*row) for row in self._raw.execute(_LIVE)]

    def attempt(self, label: str) -> AttemptRow | None:
        """Return one attempt."""
        row = self._raw.execute(f"{_ATTEMPT} WHERE label = ?", (label,)).fetchone()
        return None if row is None else AttemptRow(*row)

    def session(self, session_id: str) -> SessionRow | None:
        """Return one session."""
        row = self._raw.execute(f"{_SESSION} WHERE id = ?", (session_id,)).fetchone()
        return None if row is None else SessionRow(*row)

    def surplus(self) -> list[SurplusRow]:
        """Return whatever has no attempt, open or closed."""
        return [SurplusRow(*row) for row in self._raw.execute(_SURPLUS)]

    def open_surplus(self) -> list[SurplusRow]:
        """Return those of them whose end is owed."""
        query = f"{_SURPLUS} WHERE closed_at IS NULL"
        return [SurplusRow(*row) for row in self._rows("surplus", query)]

    def surplus_of(self, provider: str, instance_id: str) -> SurplusRow | None:
        """Return one of them."""
        query = f"{_SURPLUS} WHERE provider = ? AND instance_id = ?"
        rows = self._rows("surplus", query, provider, instance_id)
        return SurplusRow(*rows[0]) if rows else None

    def attempts(self) -> list[AttemptRow]:
        """Return every attempt, by session and number."""
        return [
            AttemptRow(*row) for row in self._raw.execute(f"{_ATTEMPT} ORDER BY session_id, number")
        ]

    def sessions(self) -> list[SessionRow]:
        """Return every session, by age."""
        return [
            SessionRow(*row) for row in self._raw.execute(f"{_SESSION} ORDER BY created_at, id")
        ]

    def keys(self) -> set[tuple[str, str, str]]:
        """Return what every key has made: consumer, key, session."""
        return set(self._raw.execute("SELECT consumer_id, key, session_id FROM idempotency_keys"))

    def charges(self) -> list[tuple[str, int, int, int, int]]:
        """Return every cost entry: attempt, begin, end, rate, amount."""
        query = (
            "SELECT attempt_id, begins_at, ends_at, rate, amount FROM cost_entries"
            " ORDER BY attempt_id, begins_at"
        )
        return self._raw.execute(query).fetchall()

    def events(self, session_id: str) -> list[tuple[int, int, str, str, str]]:
        """Return a session's history: sequence, time, kind, actor, details."""
        query = (
            "SELECT sequence, at, kind, actor, details FROM events WHERE session_id = ?"
            " ORDER BY sequence"
        )
        return self._raw.execute(query, (session_id,)).fetchall()

    def frozen(self, provider: str) -> bool:
        """Return whether nothing may be inferred about this account now."""
        query = "SELECT frozen_since FROM accounts WHERE provider = ?"
        row = self._raw.execute(query, (provider,)).fetchone()
        return row is not None and row[0] is not None

    def last_sweep(self, provider: str) -> tuple[int, int] | None:
        """Return when the last complete sweep of an account ended, and how many bound instances it missed."""
        query = (
            "SELECT ended_at, missing FROM sweeps WHERE provider = ? AND complete = 1"
            " ORDER BY id DESC LIMIT 1"
        )
        rows = self._rows("sweeps", query, provider)
        return (rows[0][0], rows[0][1]) if rows else None

    def sweeps_since(self, provider: str, moment: int) -> int:
        """Return how many sweeps of an account, whole or not, have begun since then."""
        query = "SELECT count(*) FROM sweeps WHERE provider = ? AND began_at >= ?"
        return int(self._raw.execute(query, (provider, moment)).fetchone()[0])

    def price_cap(self, session_id: str) -> int | None:
        """Return what a session's request allows for an hour, in micro-dollars."""
        query = "SELECT request FROM sessions WHERE id = ?"
        request = json.loads(self._raw.execute(query, (session_id,)).fetchone()[0])
        cap = request["price_cap"]
        return None if cap is None else int(cap["micros"])

    def notices(self, kinds: Iterable[str] = ()) -> list[str]:
        """Return the kinds of all notices."""
        return [row[0] for row in self._raw.execute("SELECT kind FROM notices")]

    def has_notice(self, notice_id: str) -> bool:
        """Return whether this was told, or is to be."""
        return bool(self._rows("notices", "SELECT 1 FROM notices WHERE id = ?", notice_id))

    def notice_rows(self) -> list[tuple[str, int | None, int | None]]:
        """Return every notice: id, when it arrived, when it is tried next."""
        query = "SELECT id, delivered_at, next_try_at FROM notices ORDER BY at, id"
        return self._raw.execute(query).fetchall()

    def waiting_notices(self) -> list[tuple[str, int | None]]:
        """Return the notices that have not arrived: id, and when it is tried next."""
        query = "SELECT id, next_try_at FROM notices WHERE delivered_at IS NULL ORDER BY at, id"
        return [(key, next_try_at) for key, next_try_at in self._rows("notices", query)]

    def undelivered(self) -> int:
        """Return how many notices have not arrived."""
        query = "SELECT count(*) FROM notices WHERE delivered_at IS NULL"
        return int(self._raw.execute(query).fetchone()[0])
