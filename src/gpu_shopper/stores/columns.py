"""What the tables are made of: the kinds of columns, rules and indexes, for any database."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    Text,
    text,
)

metadata = MetaData()

# SQLite's strict tables know one integer, which has 64 bits.
Whole = BigInteger().with_variant(Integer(), "sqlite")


def listed(values: Iterable[StrEnum]) -> str:
    """Print enum members as SQL text literals, always in the same order."""
    return ", ".join(sorted(f"'{value.value}'" for value in values))


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return the rule that a column holds a member of an enum, by its name."""
    return CheckConstraint(f"{column} IN ({listed(values)})", name=f"{column}_is_known")


def rule(name: str, condition: str) -> CheckConstraint:
    """Return a rule about one row."""
    return CheckConstraint(condition, name=name)


def needed(name: str, kind: Any = Text) -> Column[Any]:
    """Return a column that always has a value."""
    return Column(name, kind, nullable=False)


def maybe(name: str, kind: Any = Text) -> Column[Any]:
    """Return a column that may be empty."""
    return Column(name, kind, nullable=True)


def partial(name: str, *columns: Column[Any], where: str, unique: bool = False) -> None:
    """Add an index of those rows for which `where` holds, to the table of `columns`."""
    condition = text(where)
    Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
