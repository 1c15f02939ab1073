"""Backups are whole while a server runs, and a restore never loses what it replaces."""

import sqlite3

import pytest

from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.stores.backup import backup, restore
from tests.unit.stores import shelves
from tests.unit.stores.arrange import a_session


@pytest.fixture
def shelf(tmp_path):
    with shelves.opened("file", tmp_path / "live") as found:
        shelves.put(found, a_session(1))
        yield found


@pytest.fixture
def copy(shelf, tmp_path):
    """A backup with session 1; session 2 came after it."""
    backup(shelf.books.path, tmp_path / "copy.db")
    shelves.put(shelf, a_session(2))
    return tmp_path / "copy.db"


@pytest.fixture
def path(copy, shelf):
    """The database after its server stopped."""
    shelf.runner.run(shelf.books.aclose())
    return shelf.books.path


def content(folder):
    with shelves.opened("file", folder) as shelf:
        keys = [key for (key,) in shelf.sql("SELECT id FROM sessions ORDER BY id")]
        return keys, shelf.read(lambda book: book.deployment())


def test_a_backup_beside_a_running_server_is_one_file_with_all_that_was_committed(copy, tmp_path):
    assert {"copy.db", "live"} == {each.name for each in tmp_path.iterdir()}
    assert 0 == copy.stat().st_mode & 0o077
    raw = sqlite3.connect(copy)
    assert [(a_session(1).id,)] == raw.execute("SELECT id FROM sessions").fetchall()
    raw.close()


def test_a_backup_never_overwrites(shelf, copy):
    with pytest.raises(StorageRefused, match="exists already"):
        backup(shelf.books.path, copy)


def test_a_backup_of_nothing_or_to_nowhere_is_refused(shelf, tmp_path):
    with pytest.raises(StorageRefused, match="there is no database"):
        backup(tmp_path / "none.db", tmp_path / "copy.db")
    with pytest.raises(StorageRefused, match="cannot be written"):
        backup(shelf.books.path, tmp_path / "no" / "folder.db")


def test_a_backup_of_a_damaged_database_is_refused_and_leaves_nothing(path, tmp_path):
    ruin(path)

    with pytest.raises(StorageRefused, match="damaged"):
        backup(path, tmp_path / "new.db")

    assert {"copy.db", "live"} == {each.name for each in tmp_path.iterdir()}


def test_a_restore_brings_back_the_copy_with_the_next_epoch(path, copy):
    keys, before = content(path.parent)
    assert 2 == len(keys)

    aside = restore(copy, path, replace=True)

    keys, after = content(path.parent)
    assert [a_session(1).id] == keys
    assert (before.id, before.epoch + 1) == (after.id, after.epoch)
    old = sqlite3.connect(aside)
    assert [(2,)] == old.execute("SELECT count(*) FROM sessions").fetchall()
    old.close()


def test_a_restore_to_a_new_place_needs_no_leave(copy, tmp_path):
    assert restore(copy, tmp_path / "new.db") is None
    assert (tmp_path / "new.db").is_file()


def test_a_restore_over_a_database_must_be_meant(path, copy):
    with pytest.raises(StorageRefused, match="exists already"):
        restore(copy, path)

    assert 2 == len(content(path.parent)[0])


def test_a_restore_under_a_running_server_is_refused(shelf, copy):
    with pytest.raises(StorageRefused, match="in use by another server"):
        restore(copy, shelf.books.path, replace=True)


def test_each_replaced_database_is_kept(path, copy):
    kept = {restore(copy, path, replace=True) for _ in range(3)}

    assert 3 == len(kept)
    assert all(each.is_file() for each in kept)


def test_a_log_that_was_left_behind_is_not_read_into_the_restored_database(path, copy):
    # A server that was killed leaves its log, with commits that the file itself lacks.
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    raw.execute("UPDATE sessions SET gpu_type = 'L4'")
    log = path.with_name(f"{path.name}-wal")
    killed = {each: each.read_bytes() for each in (path, log)}
    raw.close()
    for each, left in killed.items():
        each.write_bytes(left)

    aside = restore(copy, path, replace=True)

    assert [a_session(1).id] == content(path.parent)[0]
    old = sqlite3.connect(aside)
    assert [("L4",), ("L4",)] == old.execute("SELECT gpu_type FROM sessions").fetchall()
    old.close()


def test_a_damaged_database_can_be_replaced(path, copy):
    ruin(path)

    restore(copy, path, replace=True)

    assert [a_session(1).id] == content(path.parent)[0]


@pytest.mark.parametrize("kind", ["garbage", "foreign", "damaged", "newer"])
def test_what_is_no_sound_backup_of_ours_is_refused_and_changes_nothing(path, copy, kind):
    spoil(copy, kind)

    with pytest.raises(StorageRefused):
        restore(copy, path, replace=True)

    assert 2 == len(content(path.parent)[0])
    assert ["book.db", "book.db.lock"] == sorted(each.name for each in path.parent.iterdir())


def spoil(copy, kind):
    if kind == "garbage":
        copy.write_bytes(b"no database" * 500)
    elif kind == "damaged":
        ruin(copy)
    else:
        raw = sqlite3.connect(copy, isolation_level=None)
        raw.execute(
            "PRAGMA application_id = 1"
            if kind == "foreign"
            else "INSERT INTO schema_migrations VALUES (99, 'later', 'x', 1)"
        )
        raw.close()


def ruin(path):
    raw = sqlite3.connect(path)
    page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()[0]
    size = raw.execute("PRAGMA page_size").fetchone()[0]
    raw.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x5a" * size)
