"""Opening SQLite so that a commit is durable and a broken file is noticed.

Every setting is read back: one that did not take (a strange build, a strange disk) refuses the file at once. There is
one SQLAlchemy engine for the whole process, so that each statement is compiled once, whoever uses it.
"""

import sqlite3
import threading
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

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


class _Engine:
    """The one engine: it wraps a connection that is handed to it instead of making its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: sqlite3.Connection | None = None
        self._engine = create_engine(
            "sqlite://", creator=self._hand_over, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )

    def _hand_over(self) -> sqlite3.Connection:
        assert self._next is not None, "only `wrap` connects"
        return self._next

    def wrap(self, raw: sqlite3.Connection) -> Connection:
        with self._lock:
            self._next = raw
            try:
                return self._engine.connect()
            finally:
                self._next = None


_ENGINE = _Engine()


def wrapped(raw: sqlite3.Connection) -> Connection:
    """Return `raw` as the statements need it; transactions stay with whoever owns `raw`."""
    return _ENGINE.wrap(raw)


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
