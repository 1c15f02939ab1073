"""Bringing a database to the present schema: step by step, each whole or not at all.

A step and the line that records it are one transaction, so that a crash at any statement leaves the step before. A
database from a newer build, or one whose past reads differently, is refused rather than guessed at.
"""

import os
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.stores.connection import APPLICATION_ID, MEMORY, pragma
from gpu_shopper.stores.migrations import Migration
from gpu_shopper.stores.moments import micros

_CREATE_LOG = (
    "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"
)
_LOG_EXISTS = (
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
)
_ANYTHING_EXISTS = "SELECT count(*) FROM sqlite_master"
_READ_LOG = "SELECT number, checksum FROM schema_migrations ORDER BY number"
_WRITE_LOG = (
    "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)"
)


def migrate(
    raw: sqlite3.Connection, steps: Sequence[Migration], *, file: Path | None, now: datetime
) -> int:
    """Apply the steps that are missing and return how many; `file` is copied first if it holds anything.

    Raises:
        StorageRefused: the database is not ours, newer than this build, or has another past.
        sqlite3.Error: a step failed; the database is as it was before that step.
    """
    name = MEMORY if file is None else str(file)
    applied = _applied(raw, name)
    _check_past(applied, steps, name)
    missing = steps[len(applied) :]
    if missing and applied and file is not None:
        _copy(raw, file.with_name(f"{file.name}.schema-{len(applied)}.backup"))
    for step in missing:
        _apply(raw, step, now=now)
    return len(missing)


def schema_number(raw: sqlite3.Connection, name: str) -> int:
    """Return the last step that a database of ours went through; 0 for an empty one.

    Raises:
        StorageRefused: it is not ours.
    """
    return max(_applied(raw, name), default=0)


def _applied(raw: sqlite3.Connection, name: str) -> dict[int, str]:
    mark = pragma(raw, "application_id")
    has_log = bool(raw.execute(_LOG_EXISTS).fetchone()[0])
    is_empty = not raw.execute(_ANYTHING_EXISTS).fetchone()[0]
    if mark not in {0, APPLICATION_ID} or (not has_log and not is_empty):
        raise StorageRefused(
            f"database {name} belongs to another program",
            hint="name another file; this one was left as it is",
            file=name,
        )
    return dict(raw.execute(_READ_LOG).fetchall()) if has_log else {}


def _check_past(applied: dict[int, str], steps: Sequence[Migration], name: str) -> None:
    newest = max(applied, default=0)
    if newest > len(steps):
        raise StorageRefused(
            f"database {name} has schema {newest}; this version knows schemas up to {len(steps)}",
            hint="start the newer version that wrote it, or restore a backup that is older",
            file=name,
            schema=newest,
        )
    for step in steps[:newest]:
        if applied.get(step.number) != step.checksum:
            raise StorageRefused(
                f"database {name} was made with another text of schema step {step.number}"
                f" ({step.name})",
                hint="it comes from an unreleased build: start with a new file",
                file=name,
            )


def _apply(raw: sqlite3.Connection, step: Migration, *, now: datetime) -> None:
    raw.execute("BEGIN IMMEDIATE")
    try:
        raw.execute(_CREATE_LOG)
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for statement in step.statements:
            raw.execute(statement)
        raw.execute(_WRITE_LOG, (step.number, step.name, step.checksum, micros(now)))
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise


def _copy(raw: sqlite3.Connection, target: Path) -> None:
    """Copy the database beside itself; half a copy never bears the full name."""
    half = target.with_name(f"{target.name}.part")
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_CREAT | os.O_WRONLY, 0o600))
    copy = sqlite3.connect(half, isolation_level=None)
    try:
        raw.backup(copy)
    finally:
        copy.close()
    half.replace(target)
