"""The one place that writes DDL: tables and indexes from `schema`, and the guards that no CHECK can state.

A guard compares a row with what it was. Its condition is plain SQL that PostgreSQL reads as well; only the wrapping
around it belongs to SQLite. `python -m gpu_shopper.stores.ddl` prints the whole schema, as a first migration needs it.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from gpu_shopper.domain.launch import ATTEMPT_MOVES, AttemptState
from gpu_shopper.domain.lifecycle import MOVES
from gpu_shopper.stores import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A write that is refused: what kind, to which table, under which condition, and what the refusal says."""

    name: str
    table: str
    on: str
    when: str
    says: str
    # The columns that `when` compares: an update that gives none of them a value need not be asked.
    of: tuple[str, ...] = ()


def _pairs(moves: Iterable[tuple[str, str]]) -> str:
    return ", ".join(sorted(f"'{before}>{after}'" for before, after in moves))


def _edited(*columns: str) -> str:
    """Return the condition that one of these columns, none of them ever empty, changed."""
    return " OR ".join(f"NEW.{column} <> OLD.{column}" for column in columns)


def _once_set(column: str) -> str:
    """Return the condition that a value which was there changed or went away."""
    return f"OLD.{column} IS NOT NULL AND (NEW.{column} IS NULL OR NEW.{column} <> OLD.{column})"


def _never(table: str, *kinds: str) -> tuple[Guard, ...]:
    return tuple(
        Guard(
            name=f"{table}_no_{kind.lower()}",
            table=table,
            on=kind,
            when="1 = 1",
            says=f"{table}: {kind} is never allowed",
        )
        for kind in kinds
    )


_SESSION_MOVES = _pairs((before.value, after.value) for (before, _), after in MOVES.items())
_ATTEMPT_MOVES = _pairs((before.value, after.value) for before, after in ATTEMPT_MOVES)
_MOVED = "NEW.state <> OLD.state AND OLD.state || '>' || NEW.state NOT IN"
_HELD = f"OLD.state IN ('{AttemptState.BOUND}', '{AttemptState.CLOSING}')"
_SESSION_IDENTITY = ("id", "consumer_id", "request", "created_at")

GUARDS: tuple[Guard, ...] = (
    Guard(
        name="sessions_move",
        table="sessions",
        on="UPDATE",
        when=f"{_MOVED} ({_SESSION_MOVES})",
        of=("state",),
        says="sessions: no such move of state",
    ),
    Guard(
        name="sessions_identity",
        table="sessions",
        on="UPDATE",
        when=_edited(*_SESSION_IDENTITY),
        of=_SESSION_IDENTITY,
        says="sessions: who asked for what never changes",
    ),
    Guard(
        name="sessions_reason",
        table="sessions",
        on="UPDATE",
        when=f"({_once_set('stop_reason')}) OR ({_once_set('stop_actor')})",
        of=("stop_reason", "stop_actor"),
        says="sessions: why and by whom it was stopped never changes",
    ),
    Guard(
        name="sessions_end",
        table="sessions",
        on="UPDATE",
        when=_once_set("stopped_at"),
        of=("stopped_at",),
        says="sessions: the end never changes",
    ),
    Guard(
        name="sessions_epoch",
        table="sessions",
        on="UPDATE",
        when="NEW.epoch < OLD.epoch",
        of=("epoch",),
        says="sessions: an epoch only grows",
    ),
    *_never("sessions", "DELETE"),
    Guard(
        name="attempts_move",
        table="attempts",
        on="UPDATE",
        when=f"{_MOVED} ({_ATTEMPT_MOVES})",
        of=("state",),
        says="attempts: no such move of state",
    ),
    Guard(
        name="attempts_wanted",
        table="attempts",
        on="UPDATE",
        when="NEW.wanted > OLD.wanted",
        of=("wanted",),
        says="attempts: what is unwanted is never wanted again",
    ),
    Guard(
        name="attempts_identity",
        table="attempts",
        on="UPDATE",
        when=_edited(*schema.ATTEMPT_IDENTITY),
        of=schema.ATTEMPT_IDENTITY,
        says="attempts: what was ordered under which label never changes",
    ),
    Guard(
        name="attempts_instance",
        table="attempts",
        on="UPDATE",
        when=f"({_once_set('instance_id')}) AND (NEW.instance_id IS NULL OR {_HELD})",
        of=("instance_id",),
        says="attempts: an instance that is held or owed is never exchanged or forgotten",
    ),
    *_never("attempts", "DELETE"),
    Guard(
        name="events_gapless",
        table="events",
        on="INSERT",
        when="NEW.sequence <> 1 + (SELECT coalesce(max(sequence), 0) FROM events"
        " WHERE session_id = NEW.session_id)",
        says="events: a sequence has no gaps",
    ),
    *_never("events", "UPDATE", "DELETE"),
    Guard(
        name="cost_entries_once",
        table="cost_entries",
        on="INSERT",
        when="EXISTS (SELECT 1 FROM cost_entries WHERE attempt_id = NEW.attempt_id"
        " AND begins_at < NEW.ends_at AND ends_at > NEW.begins_at)",
        says="cost_entries: a moment is charged once",
    ),
    *_never("cost_entries", "UPDATE", "DELETE"),
    Guard(
        name="deployment_identity",
        table="deployment",
        on="UPDATE",
        when=f"{_edited('singleton', 'id', 'created_at')} OR NEW.epoch < OLD.epoch",
        says="deployment: who we are never changes, and its epoch only grows",
    ),
    *_never("deployment", "DELETE"),
)


def sqlite_statements() -> tuple[str, ...]:
    """Return what makes the whole schema out of an empty database, one statement each."""
    dialect = sqlite.dialect()
    statements: list[str] = []
    for table in schema.tables():
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements.extend(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes)
    statements.extend(_sqlite_trigger(guard) for guard in GUARDS)
    return tuple(statement.strip().replace("\t", "    ") for statement in statements)


def _sqlite_trigger(guard: Guard) -> str:
    columns = f" OF {', '.join(guard.of)}" if guard.of else ""
    return (
        f"CREATE TRIGGER {guard.name} BEFORE {guard.on}{columns} ON {guard.table}\n"
        f"FOR EACH ROW WHEN {guard.when}\n"
        f"BEGIN\n    SELECT RAISE(ABORT, '{guard.says}');\nEND"
    )


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(f"{statement};" for statement in sqlite_statements()) + "\n")
