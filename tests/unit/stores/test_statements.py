"""Statements that are compiled once: what they ask for, in which order, and what they refuse."""

import sqlite3

import pytest
from sqlalchemy import bindparam, select

from gpu_shopper.stores.schema import accounts
from gpu_shopper.stores.statements import Connection, Prepared, keys_in, spread

_row = accounts.c
ADD = Prepared(accounts.insert(), columns=("provider", "frozen_because"))
FREEZE = Prepared(
    accounts.update()
    .where(_row.provider == bindparam("name"))
    .values(frozen_because=bindparam("because"), frozen_since=7)
)
BECAUSE = Prepared(select(_row.frozen_because).where(_row.provider == bindparam("name")))
SAME = Prepared(
    select(_row.provider).where(
        _row.provider == bindparam("name"), _row.frozen_because == bindparam("name")
    )
)
EVERY = Prepared(select(_row.provider, _row.frozen_since).order_by(_row.provider))


def among(count: int) -> Prepared:
    return Prepared(
        select(_row.provider).where(_row.provider.in_(keys_in(count))).order_by(_row.provider)
    )


@pytest.fixture
def connection():
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.execute(
        "CREATE TABLE accounts (provider TEXT, frozen_since INTEGER, frozen_because TEXT,"
        " unauthorized_since INTEGER)"
    )
    connection = Connection(raw)
    rows = [{"provider": name, "frozen_because": because} for name, because in ("ab", "bb", "ca")]
    connection.execute_each(ADD, rows)
    yield connection
    raw.close()


def test_values_go_in_by_name_and_a_fixed_one_by_itself(connection):
    changed = connection.execute(FREEZE, {"because": "late", "name": "b"}).rowcount

    assert changed == 1
    assert connection.execute(EVERY).fetchall() == [("a", None), ("b", 7), ("c", None)]
    assert connection.value(BECAUSE, {"name": "b"}) == "late"


def test_a_name_may_stand_in_a_statement_twice(connection):
    assert connection.execute(SAME, {"name": "b"}).fetchall() == [("b",)]
    assert connection.execute(SAME, {"name": "a"}).fetchall() == []


def test_a_value_that_is_missing_is_refused_and_one_too_many_passed_over(connection):
    with pytest.raises(KeyError, match="because"):
        connection.execute(FREEZE, {"name": "b"})
    assert connection.value(BECAUSE, {"name": "b", "because": "?"}) == "b"


def test_no_row_has_no_value(connection):
    assert connection.value(BECAUSE, {"name": "z"}) is None


@pytest.mark.parametrize("wanted", [["c"], ["a", "c"], ["c", "a", "b"], ["a", "b", "c", "z", "y"]])
def test_a_list_of_keys_finds_each_once(connection, wanted):
    keys = spread(wanted)

    found = connection.execute(among(len(keys)), keys).fetchall()

    assert [row[0] for row in found] == sorted(set(wanted) & {"a", "b", "c"})


def test_lists_of_keys_come_in_few_lengths():
    lengths = {len(spread([str(number) for number in range(count)])) for count in range(1, 1001)}

    assert lengths == {2**power for power in range(11)}


def test_a_statement_is_compiled_once():
    statement = among(3)

    assert statement.compiled() is statement.compiled()
