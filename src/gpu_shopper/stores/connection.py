"""Opening SQLite so that a commit is durable and a broken file is noticed.

Every setting is read back: one that did not take (a strange build, a strange disk) refuses the file at once.
"""

import sqlite3
from pathlib import Path

from gpu_shopper.domain.errors import StorageRefused

# "GPUS": marks a file as ours, for `file`, for restore, and against mistaken paths.
APPLICATION_ID = 0x47505553
MEMORY = ":memory:"
_OLDEST_SQLITE = (3, 37, 0)
_FULL = 2

_SETTINGS: tuple[tuple[str, str, object], ...] = (
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
    ("recursive_triggers", "ON", 1),
    ("synchronous", "FULL", _FULL),
)


def connect_memory() -> sqlite3.Connection:
    """Open a database that lives in memory, with the same settings as one on disk."""
    raw = sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)
    for name, value, expected in _SETTINGS:
        _set(raw, name, value, expected)
    return raw


def connect_file(
    path: Path, *, busy_timeout_ms: int, read_only: bool = False
) -> sqlite3.Connection:
    """Open a database on disk.

    Raises:
        StorageRefused: this SQLite is too old, or a setting does not hold here.
        sqlite3.Error: it could not be opened.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StorageRefused(
            f"SQLite {sqlite3.sqlite_version} is too old",
            hint=f"use a Python with SQLite {'.'.join(map(str, _OLDEST_SQLITE))} or newer",
        )
    raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _set(raw, "busy_timeout", str(busy_timeout_ms), busy_timeout_ms)
        _set(raw, "journal_mode", "WAL", "wal")
        for name, value, expected in _SETTINGS:
            _set(raw, name, value, expected)
        if read_only:
            _set(raw, "query_only", "ON", 1)
    except BaseException:
        raw.close()
        raise
    return raw


def pragma(raw: sqlite3.Connection, name: str) -> object:
    """Return the value of a pragma that has one."""
    row = raw.execute(f"PRAGMA {name}").fetchone()
    return None if row is None else row[0]


def is_sound(raw: sqlite3.Connection, check: str) -> bool:
    """Return whether `quick_check` or `integrity_check` has nothing to say."""
    return raw.execute(f"PRAGMA {check}").fetchall() == [("ok",)]


def _set(raw: sqlite3.Connection, name: str, value: str, expected: object) -> None:
    raw.execute(f"PRAGMA {name} = {value}").fetchall()
    found = pragma(raw, name)
    if found != expected:
        raise StorageRefused(
            f"SQLite setting {name} is {found!r} and cannot be made {expected!r}",
            hint="keep the database on a local disk, and use a stock SQLite",
        )
