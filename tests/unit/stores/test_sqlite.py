"""The book in a file: what opening refuses, what a commit survives, what trouble says."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.stores.connection import APPLICATION_ID, connect_file, pragma
from gpu_shopper.stores.sqlite import open_books
from gpu_shopper.stores.trouble import RuleBroken
from tests.unit.stores import shelves
from tests.unit.stores.arrange import (
    MINUTE,
    NOON,
    US,
    StoppedClock,
    a_session,
)


def opened(path, **options):
    return open_books(path, clock=StoppedClock(), deployment=US, **options)


@pytest.fixture
def shelf(tmp_path):
    with shelves.opened("file", tmp_path) as found:
        yield found


@pytest.fixture
def path(tmp_path):
    """A database that a server has used and closed, with one session in it."""
    with shelves.opened("file", tmp_path) as shelf:
        shelves.put(shelf, a_session())
        shelves.take(shelf, until=NOON + MINUTE)
    return tmp_path / "book.db"


def refusal(path, **options) -> StorageRefused:
    with pytest.raises(StorageRefused) as caught:
        opened(path, **options)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


# ── settings ──


@pytest.mark.parametrize("read_only", [False, True])
def test_every_connection_is_set_up_for_durability(path, read_only):
    raw = connect_file(path, busy_timeout_ms=5000, read_only=read_only)
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "application_id": APPLICATION_ID,
        "query_only": int(read_only),
    }

    assert expected == {name: pragma(raw, name) for name in expected}
    raw.close()


def test_the_files_are_readable_to_nobody_else(shelf):
    for name in ("book.db", "book.db-wal", "book.db.lock"):
        mode = shelf.books.path.with_name(name).stat().st_mode
        assert 0 == stat.S_IMODE(mode) & 0o077, name


def test_closing_leaves_one_file_and_a_free_lock(path):
    assert ["book.db", "book.db.lock"] == sorted(each.name for each in path.parent.iterdir())
    assert "" == path.with_name("book.db.lock").read_text()


def test_a_missing_folder_is_made(tmp_path):
    with shelves.opened("file", tmp_path / "a" / "b") as shelf:
        assert shelf.books.path.is_file()


# ── a life after the last one ──


def test_a_new_server_finds_everything_and_forgets_the_claims_of_the_last(path):
    with shelves.opened("file", path.parent) as shelf:
        assert [a_session().id] == shelf.read(lambda book: book.sessions.due(now=NOON, limit=9))
        assert 2 == shelves.take(shelf, owner="two").epoch


def test_the_deployment_is_the_same_at_every_start(path):
    def who():
        with shelves.opened("file", path.parent) as shelf:
            return shelf.read(lambda book: book.deployment())

    assert who() == who()


# ── refusals at the door ──


def test_a_second_server_on_the_same_file_is_told_who_has_it(shelf):
    refused = refusal(shelf.books.path)

    assert f"process {os.getpid()}" in refused.message


def test_another_name_of_the_same_file_is_the_same_file(shelf, tmp_path):
    (tmp_path / "alias.db").symlink_to(shelf.books.path)

    with pytest.raises(StorageRefused, match="in use by another server"):
        opened(tmp_path / "alias.db")


def test_another_process_is_refused_too(shelf):
    program = (
        "import sys; from pathlib import Path\n"
        "from gpu_shopper.domain.errors import StorageRefused\n"
        "from gpu_shopper.stores.file_lock import FileLock\n"
        "try: FileLock.take(Path(sys.argv[1]))\n"
        "except StorageRefused as error: print(error.message)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, shelf.books.path],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert f"in use by another server (process {os.getpid()})" in done.stdout


def test_a_refused_start_leaves_the_lock_free(path):
    path.write_bytes(b"garbage" * 1000)
    refusal(path)
    path.unlink()

    with shelves.opened("file", path.parent):
        pass


def test_a_folder_is_no_database(tmp_path):
    assert "is a folder" in refusal(tmp_path).message


def test_a_place_where_nothing_can_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    assert "cannot be made" in refusal(tmp_path / "file" / "book.db").message


def test_what_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary " * 100)

    assert "is no database" in refusal(path).message
    assert path.read_text().startswith("dear diary")


@pytest.mark.parametrize("mark", [0, 77])
def test_another_programs_database_is_refused(tmp_path, mark):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
        raw.execute(f"PRAGMA application_id = {mark}")
    raw.close()

    assert "belongs to another program" in refusal(path).message


def test_damage_is_found_at_the_door(path):
    raw = sqlite3.connect(path)
    page, size = (
        raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()[0],
        raw.execute("PRAGMA page_size").fetchone()[0],
    )
    raw.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x5a" * size)

    refused = refusal(path)

    assert "is damaged" in refused.message
    assert "backup" in refused.hint


def test_a_newer_schema_is_refused(path):
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO schema_migrations VALUES (99, 'later', 'x', 1)")
    raw.close()

    refused = refusal(path)

    assert "has schema 99" in refused.message
    assert "newer version" in refused.hint


def test_a_database_that_somebody_writes_to_is_refused_at_the_door(path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert "locked by another program" in refusal(path, busy_timeout_ms=20).message
    other.close()


# ── trouble at work ──


def test_a_lock_held_by_a_shell_makes_the_book_unavailable_for_as_long(shelf):
    other = sqlite3.connect(shelf.books.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(BookUnavailable, match="locked by another program") as caught:
        shelves.put(shelf, a_session())
    assert str(shelf.books.path) in str(caught.value)
    other.execute("ROLLBACK")
    other.close()

    shelves.put(shelf, a_session())


def test_a_full_disk_makes_the_book_unavailable_and_loses_nothing_else(shelf):
    shelves.put(shelf, a_session(1))
    pages = shelf.sql("PRAGMA page_count")[0][0]
    shelf.sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(BookUnavailable, match="disk is full"):
        shelves.put(shelf, *(a_session(number) for number in range(2, 200)))

    assert shelves.stored(shelf, 1) is not None
    assert shelves.stored(shelf, 2) is None
    shelf.sql("PRAGMA max_page_count = 100000")
    shelves.put(shelf, a_session(2))


def test_a_broken_rule_is_a_bug_not_a_trouble(shelf):
    shelves.put(shelf, a_session())

    with pytest.raises(RuleBroken, match="UNIQUE"):
        shelves.put(shelf, a_session())


# ── many at once ──


def test_writes_that_wait_together_share_a_commit_but_not_a_failure(shelf):
    async def many():
        def add(number):
            def work(book):
                book.sessions.add(a_session(number))
                if number % 5 == 0:
                    raise KeyError(number)
                return number

            return shelf.books.write(work)

        return await asyncio.gather(*(add(n) for n in range(1, 201)), return_exceptions=True)

    results = shelf.runner.run(many())

    failed = [number for number, result in enumerate(results, 1) if isinstance(result, KeyError)]
    assert list(range(5, 201, 5)) == failed
    assert [(160,)] == shelf.sql("SELECT count(*) FROM sessions")


def test_a_read_sees_one_snapshot_while_others_write(shelf):
    shelves.put(shelf, a_session(1))

    async def both():
        loop = asyncio.get_running_loop()

        def read(book):
            before = book.sessions.get(a_session(2).id)
            asyncio.run_coroutine_threadsafe(shelf.books.write(add), loop).result(timeout=10)
            return before, book.sessions.get(a_session(2).id)

        return await shelf.books.read(read)

    def add(book):
        book.sessions.add(a_session(2))

    assert (None, None) == shelf.runner.run(both())
    assert shelves.stored(shelf, 2) is not None


def test_closing_finishes_what_was_begun(tmp_path):
    async def story():
        books = opened(tmp_path / "book.db")
        writes = [
            asyncio.ensure_future(books.write(lambda book, n=n: book.sessions.add(a_session(n))))
            for n in range(1, 51)
        ]
        for _ in range(2):
            await books.read(lambda book: None)
        await asyncio.gather(books.aclose(), books.aclose())
        await asyncio.gather(*writes)

    asyncio.run(story())

    with shelves.opened("file", tmp_path) as shelf:
        assert [(50,)] == shelf.sql("SELECT count(*) FROM sessions")


def test_a_cancelled_caller_does_not_stop_the_books(shelf):
    async def story():
        write = asyncio.ensure_future(
            shelf.books.write(lambda book: book.sessions.add(a_session(1)))
        )
        await asyncio.sleep(0)
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        await shelf.books.write(lambda book: book.sessions.add(a_session(2)))

    shelf.runner.run(story())

    assert shelves.stored(shelf, 2) is not None
