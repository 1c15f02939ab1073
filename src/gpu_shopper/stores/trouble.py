"""What goes wrong with a database, said so that a person can act: what, which file, what to do.

A rule of the schema that was broken is a bug of ours and nothing that anybody could repair by waiting; everything else
is the state of the machine.
"""

import sqlite3
from pathlib import Path

from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.ports.books import BookUnavailable


class RuleBroken(AssertionError):
    """The book refused a write that must never happen: an illegal move, an edit of a ledger, a second bound attempt."""


_CLEAR_UP = "stop the server and put the newest backup in its place: gpu-shopper restore"
_RIGHTS = "check the rights and the mount of its folder; the server must be able to write there"
_TROUBLES: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another program",
        "close what else has it open (a database shell, a copy in progress) and try again",
    ),
    sqlite3.SQLITE_LOCKED: ("is locked by another connection", "try again"),
    sqlite3.SQLITE_FULL: ("cannot grow: its disk is full", "make room on the disk, then try again"),
    sqlite3.SQLITE_READONLY: ("can only be read", _RIGHTS),
    sqlite3.SQLITE_PERM: ("may not be opened", _RIGHTS),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", _RIGHTS),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk reports an error",
        "check the disk and its free space, then start again",
    ),
    sqlite3.SQLITE_PROTOCOL: ("is locked by another program", "try again"),
    sqlite3.SQLITE_NOMEM: ("cannot be used: memory is short", "free memory, then try again"),
    sqlite3.SQLITE_INTERRUPT: ("was interrupted at work", "try again"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _CLEAR_UP),
    sqlite3.SQLITE_NOTADB: ("is no database", "name another file, or put a backup in its place"),
}


def primary_code(error: BaseException) -> int:
    """Return SQLite's result code without its extension; 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def as_met(error: BaseException, file: Path | str) -> BaseException:
    """Return how the house calls what a unit of work ran into: its own errors stay as they are."""
    if not isinstance(error, sqlite3.Error):
        return error
    trouble = _TROUBLES.get(primary_code(error))
    met: Exception
    if trouble is not None:
        met = BookUnavailable(f"database {file} {trouble[0]} ({error}); {trouble[1]}")
    elif primary_code(error) == sqlite3.SQLITE_CONSTRAINT:
        met = RuleBroken(str(error))
    else:
        return error
    met.__cause__ = error
    return met


def as_read(error: BaseException, file: Path | str) -> BaseException:
    """Return how the house calls what a read ran into. That the book is read-only is then no trouble, but the point."""
    if primary_code(error) == sqlite3.SQLITE_READONLY:
        return RuleBroken(f"a read may not write ({error})")
    return as_met(error, file)


def damaged(file: Path | str) -> StorageRefused:
    """Return the refusal of a file whose check found damage that no statement stumbled over yet."""
    return _refusal("the check found damage", sqlite3.SQLITE_CORRUPT, file)


def refused(error: BaseException, file: Path | str) -> StorageRefused:
    """Return the refusal to open `file` that `error` stands for."""
    refusal = _refusal(str(error), primary_code(error), file)
    refusal.__cause__ = error
    return refusal


def _refusal(found: str, code: int, file: Path | str) -> StorageRefused:
    what, hint = _TROUBLES.get(code, ("cannot be used", "see the message"))
    return StorageRefused(f"database {file} {what} ({found})", hint=hint, file=str(file))


def lost(file: Path | str, cause: BaseException | None) -> BookUnavailable:
    """Return that a batch of writes was not committed, to whoever waited for one of them."""
    unavailable = BookUnavailable(f"database {file} did not commit; nothing was changed ({cause})")
    unavailable.__cause__ = cause
    return unavailable
