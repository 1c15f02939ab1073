"""Copies of the book: made while a server runs, and put back while none does.

Every copy is checked before it gets its name. Putting one back raises the deployment's epoch: what was bought since the
copy was made is found by its labels, and nobody takes the restored book for the one that was lost.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.stores.connection import APPLICATION_ID, is_sound, pragma
from gpu_shopper.stores.file_lock import FileLock
from gpu_shopper.stores.migrating import schema_number
from gpu_shopper.stores.migrations import known_migrations
from gpu_shopper.stores.trouble import refused

_RAISE_EPOCH = "UPDATE deployment SET epoch = epoch + 1"


def backup(path: Path, target: Path) -> None:
    """Copy the database at `path` to the new file `target`, consistent to one commit, and check the copy.

    Raises:
        StorageRefused: there is no such database, `target` exists already, or the copy is not sound.
    """
    path, target = path.expanduser().resolve(), target.expanduser().resolve()
    if target.exists():
        raise StorageRefused(
            f"backup {target} exists already", hint="name a new file", file=str(target)
        )
    _check_there(path)
    half = _beside(target, "part")
    try:
        _copy(path, half)
        _check_copy(half, path)
        _make_durable(half)
        half.replace(target)
        _make_durable(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        half.unlink(missing_ok=True)


def restore(source: Path, path: Path, *, replace: bool = False) -> Path | None:
    """Put the backup `source` in the place of `path`, and return where the former database lies now, if there was one.

    Raises:
        StorageRefused: a server runs on `path`; a database is there and `replace` was not said; or the backup is not
            sound, not ours or newer than this version.
    """
    source, path = source.expanduser().resolve(), path.expanduser().resolve()
    _check_there(source)
    try:
        lock = FileLock.take(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    half = _beside(path, "restoring")
    try:
        return _put_in_place(source, path, half, replace=replace)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        half.unlink(missing_ok=True)
        lock.release()


def _put_in_place(source: Path, path: Path, half: Path, *, replace: bool) -> Path | None:
    is_there = path.exists() and path.stat().st_size > 0
    if is_there and not replace:
        raise StorageRefused(
            f"database {path} exists already",
            hint="say that it is to be replaced (it will be kept beside)",
            file=str(path),
        )
    _copy(source, half)
    _check_copy(half, source)
    with closing(sqlite3.connect(half, isolation_level=None)) as raw:
        raw.execute(_RAISE_EPOCH)
    _make_durable(half)
    aside = _set_aside(path) if is_there else None
    half.replace(path)
    _make_durable(path.parent)
    return aside


def _set_aside(path: Path) -> Path:
    """Keep the old database under another name, and take its log away from the name that gets a new one.

    A crash in between leaves the old database in its place, whole.
    """
    _fold_log(path)
    aside = next(
        free
        for number in range(1, 10_000)
        if not (free := _beside(path, f"replaced-{number}")).exists()
    )
    for ending in ("-wal", "-shm"):
        left = path.with_name(path.name + ending)
        if left.exists():
            left.replace(aside.with_name(aside.name + ending))
    os.link(path, aside)
    return aside


def _fold_log(path: Path) -> None:
    """Bring the write-ahead log into the file; a database too damaged for that keeps both."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.DatabaseError:
        return


def _copy(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target, isolation_level=None)) as new,
        ):
            old.execute("PRAGMA busy_timeout = 5000").fetchall()
            old.backup(new)
            # One file, without a log beside it, can be carried anywhere.
            new.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.Error as error:
        raise refused(error, source) from error


def _check_copy(copy: Path, source: Path) -> None:
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as raw:
            is_whole = is_sound(raw, "integrity_check")
            is_tied = not raw.execute("PRAGMA foreign_key_check").fetchall()
            is_ours = pragma(raw, "application_id") == APPLICATION_ID
            schema = schema_number(raw, str(source)) if is_ours else 0
    except sqlite3.Error as error:
        raise refused(error, source) from error
    if not is_ours:
        raise StorageRefused(
            f"database {source} belongs to another program", hint="name another", file=str(source)
        )
    if not (is_whole and is_tied):
        raise StorageRefused(
            f"database {source} is damaged",
            hint="use an older backup that is whole",
            file=str(source),
        )
    if schema > len(known_migrations()):
        raise StorageRefused(
            f"database {source} has schema {schema}; this version knows schemas up to"
            f" {len(known_migrations())}",
            hint="use the newer version that wrote it",
            file=str(source),
        )


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise StorageRefused(f"there is no database {path}", hint="check the name", file=str(path))


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> StorageRefused:
    return StorageRefused(
        f"{path} cannot be written ({error.strerror})",
        hint="check the folder, its rights and its free space",
        file=str(path),
    )
