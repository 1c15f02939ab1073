"""Migrations are whole or not at all, refuse what they do not know, and add up to the schema."""

import sqlite3
from dataclasses import fields

import pytest

from gpu_shopper.domain.cost import CostEntry
from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.session import Session
from gpu_shopper.stores import ddl, migrations, schema
from gpu_shopper.stores.connection import APPLICATION_ID, pragma
from gpu_shopper.stores.migrating import migrate
from gpu_shopper.stores.migrations import Migration, known_migrations
from tests.unit.stores.arrange import NOON

FIRST = Migration(
    number=1,
    name="first",
    statements=("CREATE TABLE cats (name TEXT)", "INSERT INTO cats VALUES ('tom')"),
)
SECOND = Migration(
    number=2,
    name="second",
    statements=(
        "ALTER TABLE cats ADD COLUMN lives INTEGER",
        "UPDATE cats SET lives = 9",
        "CREATE INDEX cats_by_name ON cats (name)",
    ),
)


class Killed(Exception):
    pass


class Mortal(sqlite3.Connection):
    """A connection whose process dies before its n-th statement."""

    left = 10**9

    def execute(self, *given):
        self.left -= 1
        if self.left < 0:
            raise Killed
        return super().execute(*given)


def connect(path, *, left=10**9):
    raw = sqlite3.connect(path, isolation_level=None, factory=Mortal)
    raw.left = left
    return raw


def drawn(raw):
    """Everything that a database says about its schema, in any order and spacing."""
    rows = sqlite3.Connection.execute(raw, "SELECT type, name, sql FROM sqlite_master")
    return {(kind, name): " ".join((sql or "").split()) for kind, name, sql in rows}


def test_the_migrations_add_up_to_the_schema():
    """A new step goes beside the old ones; before the first release, the first one is written anew:
    python -m gpu_shopper.stores.ddl.
    """
    grown, whole = connect(":memory:"), connect(":memory:")
    migrate(grown, known_migrations(), file=None, now=NOON)
    for statement in ddl.sqlite_statements():
        whole.execute(statement)

    expected, found = drawn(whole), drawn(grown)
    found.pop(("table", "schema_migrations"))
    assert expected == found
    grown.close()
    whole.close()


def test_no_field_lacks_a_column():
    mine_alone = {"claimed_by", "claimed_until", "nudged_at"}

    assert {each.name for each in fields(Session)} == set(schema.sessions.c.keys()) - mine_alone
    assert {each.name for each in fields(LaunchAttempt)} == set(schema.attempts.c.keys())
    assert {each.name for each in fields(CostEntry)} == set(schema.cost_entries.c.keys())


def test_a_script_is_cut_between_statements_and_not_inside_triggers():
    script = (
        "CREATE TABLE a (x);\n\nCREATE TRIGGER t BEFORE DELETE ON a\nBEGIN\n    SELECT 1;\nEND;\n"
    )

    assert [
        "CREATE TABLE a (x)",
        "CREATE TRIGGER t BEFORE DELETE ON a\nBEGIN\n    SELECT 1;\nEND",
    ] == list(migrations.split(script))


def test_steps_are_applied_once_and_recorded(tmp_path):
    raw = connect(tmp_path / "book.db")

    assert 2 == migrate(raw, [FIRST, SECOND], file=None, now=NOON)
    assert 0 == migrate(raw, [FIRST, SECOND], file=None, now=NOON)

    rows = raw.execute("SELECT number, name, checksum FROM schema_migrations").fetchall()
    assert [(1, "first", FIRST.checksum), (2, "second", SECOND.checksum)] == rows
    assert APPLICATION_ID == pragma(raw, "application_id")
    raw.close()


@pytest.mark.parametrize("steps", [(FIRST, SECOND), known_migrations()])
def test_a_crash_at_any_statement_leaves_a_database_that_the_next_start_completes(tmp_path, steps):
    expected = connect(":memory:")
    migrate(expected, steps, file=None, now=NOON)
    crashes, finished = 0, False
    while not finished:
        path = tmp_path / f"{crashes}.db"
        raw = connect(path, left=crashes)
        try:
            migrate(raw, steps, file=path, now=NOON)
            finished = True
        except Killed:
            crashes += 1
        sqlite3.Connection.close(raw)

        raw = connect(path)
        migrate(raw, steps, file=path, now=NOON)
        assert drawn(expected) == drawn(raw)
        raw.close()
    expected.close()
    assert crashes > sum(len(step.statements) for step in steps)


def test_an_older_database_is_copied_before_it_is_changed(tmp_path):
    path = tmp_path / "book.db"
    raw = connect(path)
    migrate(raw, [FIRST], file=path, now=NOON)
    assert ["book.db"] == [each.name for each in tmp_path.iterdir()]

    migrate(raw, [FIRST, SECOND], file=path, now=NOON)
    raw.close()

    copy = connect(tmp_path / "book.db.schema-1.backup")
    assert [("tom",)] == copy.execute("SELECT * FROM cats").fetchall()
    copy.close()


def test_a_newer_database_is_refused(tmp_path):
    raw = connect(tmp_path / "book.db")
    migrate(raw, [FIRST, SECOND], file=None, now=NOON)

    with pytest.raises(StorageRefused, match="has schema 2; this version knows schemas up to 1"):
        migrate(raw, [FIRST], file=None, now=NOON)
    raw.close()


def test_a_database_with_another_past_is_refused(tmp_path):
    raw = connect(tmp_path / "book.db")
    migrate(raw, [FIRST], file=None, now=NOON)
    other = Migration(number=1, name="first", statements=("CREATE TABLE dogs (name TEXT)",))

    with pytest.raises(StorageRefused, match="another text of schema step 1"):
        migrate(raw, [other, SECOND], file=None, now=NOON)
    raw.close()
