"""Statements that are written with SQLAlchemy Core, compiled once, and then given to the driver as text.

SQLAlchemy's own way to execute builds a context, a cursor and a result around every run of a statement: several times
what SQLite takes for a row by its key. What is kept of it is what it is good for: one language for every database,
columns that must exist, and the text. Rows come back as the driver's tuples, in the order of the select; values go in
as the driver takes them, which is why the schema has only whole numbers, texts and bytes.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, Delete, Insert, Select, Update, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from gpu_shopper.stores.trouble import RuleBroken

Core = Select[Any] | Insert | Update | Delete
Values = Mapping[str, object]

# The one database there is so far. Another brings its dialect and its driver's connection, and no statement changes.
_DIALECT = sqlite.dialect()
_NO_VALUES: Values = {}
# As many values as go into one IN list: every database takes these.
_PIECE = 1000
_MAY_NOT_WRITE = "a read may not write"


class Prepared:
    """One statement, compiled when it is first wanted; an insert needs the `columns` that it gives, if not all."""

    __slots__ = ("_columns", "_compiled", "_core", "reads")

    def __init__(self, core: Core, *, columns: Sequence[str] | None = None) -> None:
        self._core = core
        self._columns = columns
        # Whether it changes nothing.
        self.reads = core.is_select
        self._compiled: tuple[str, Callable[[Values], Sequence[object]]] | None = None

    @property
    def text(self) -> str:
        """The statement as the database reads it."""
        return self.compiled()[0]

    def compiled(self) -> tuple[str, Callable[[Values], Sequence[object]]]:
        """Return the text, and what puts named values into the order in which the text wants them."""
        # Two threads that come at once both compile it, to the same end.
        if self._compiled is None:
            self._compiled = _compile(self._core, self._columns)
        return self._compiled


class Connection:
    """A driver's connection, for prepared statements; transactions and the connection stay with whoever owns `raw`.

    Raises:
        sqlite3.Error: what the database says, unchanged.
        KeyError: a value that the statement needs was not given.
    """

    __slots__ = ("_execute", "raw")

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self._execute = raw.execute

    def execute(self, statement: Prepared, values: Values = _NO_VALUES) -> sqlite3.Cursor:
        """Run a statement. A cursor that is not read to its end must not be kept."""
        text, ordered = statement.compiled()
        return self._execute(text, ordered(values))

    def execute_each(self, statement: Prepared, rows: Iterable[Values]) -> None:
        """Run a statement once per row."""
        text, ordered = statement.compiled()
        self.raw.executemany(text, [ordered(row) for row in rows])

    def rows_of(
        self,
        statement_of: Callable[[int], Prepared],
        keys: Iterable[str],
        values: Values = _NO_VALUES,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of as many keys as there are; `statement_of` makes the statement for a number of `keys_in`."""
        left = iter(keys)
        while piece := list(islice(left, _PIECE)):
            named = spread(piece)
            yield from self.execute(statement_of(len(named)), {**named, **values})

    def value(self, statement: Prepared, values: Values = _NO_VALUES) -> Any:
        """Return the first column of the first row; None without a row."""
        text, ordered = statement.compiled()
        row = self._execute(text, ordered(values)).fetchone()
        return None if row is None else row[0]


class ReadingConnection(Connection):
    """The same for reads alone, where there is nobody else from whom a transaction would have to shield them.

    Raises:
        RuleBroken: a statement would write; it was not run.
    """

    __slots__ = ()

    def execute(self, statement: Prepared, values: Values = _NO_VALUES) -> sqlite3.Cursor:
        """Run a statement that reads."""
        if not statement.reads:
            raise RuleBroken(_MAY_NOT_WRITE)
        text, ordered = statement.compiled()
        return self._execute(text, ordered(values))

    def execute_each(self, statement: Prepared, rows: Iterable[Values]) -> None:
        """Run a statement once per row, should there be one that reads."""
        for row in rows:
            self.execute(statement, row)

    def value(self, statement: Prepared, values: Values = _NO_VALUES) -> Any:
        """Return the first column of the first row; None without a row."""
        row = self.execute(statement, values).fetchone()
        return None if row is None else row[0]


def keys_in(count: int) -> list[BindParameter[Any]]:
    """Return the parameters of an `IN` list for `rows_of`."""
    return [bindparam(name) for name in _key_names(count)]


def spread(keys: Sequence[str]) -> dict[str, object]:
    """Name keys for an `IN` list; the last one fills the list up, so that few lengths and few statements exist."""
    length = 1 << (len(keys) - 1).bit_length()
    filled = [*keys, *[keys[-1]] * (length - len(keys))]
    return dict(zip(_key_names(length), filled, strict=True))


@cache
def _key_names(count: int) -> list[str]:
    return [f"key_{number}" for number in range(count)]


def _compile(
    core: Core, columns: Sequence[str] | None
) -> tuple[str, Callable[[Values], Sequence[object]]]:
    compiled = core.compile(
        dialect=_DIALECT, column_keys=columns, compile_kwargs={"render_postcompile": True}
    )
    assert isinstance(compiled, SQLCompiler), core
    names = compiled.positiontup or []
    needed = {name for name, bind in compiled.binds.items() if bind.required}
    fixed = {name: compiled.params[name] for name in names if name not in needed}
    return str(compiled), _ordering(tuple(names), fixed)


def _ordering(names: tuple[str, ...], fixed: Values) -> Callable[[Values], Sequence[object]]:
    if not names:
        return _nothing
    if len(names) == 1 and not fixed:
        (name,) = names
        return lambda values: (values[name],)
    if len(names) == 1:
        return lambda values: (values.get(names[0], fixed[names[0]]),)
    pick = itemgetter(*names)
    if not fixed:
        return pick
    return lambda values: pick({**fixed, **values})


def _nothing(_: Values) -> Sequence[object]:
    return ()
