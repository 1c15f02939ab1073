"""Prints data on stdout: as a table for people, as JSON or CSV for programs. Talk goes to stderr, elsewhere.

The table has lines and colours only on a terminal; in a pipe it is aligned text, never cut. What a cloud or a node
wrote cannot move the cursor or set colours: what is not printable is shown as a dot.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import click

from gpu_shopper.wire.figures import printable

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("table", "json", "csv")


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: its title, and what stands in it for an item."""

    title: str
    read: Callable[[T], object]
    right: bool = False


def output_option(command: F) -> F:
    """Give a command the option -o."""
    option = click.option(
        "-o", "--output", type=click.Choice(OUTPUTS), default="table", show_default=True,
        help="How data is printed.",
    )  # fmt: skip
    return option(command)


def show(
    items: Iterable[T], columns: Sequence[Column[T]], output: str, *, nothing: str = ""
) -> None:
    """Print a list of bodies. `nothing` is said, on stderr, where there are none."""
    listed = list(items)
    if output == "json":
        show_json(listed)
        return
    if output == "csv":
        rows = [[_plain(column.read(item)) for column in columns] for item in listed]
        print(_csv([column.title for column in columns], rows), end="")
        return
    if not listed:
        say(nothing or "nothing to show")
        return
    show_table(columns, [[_cell(column.read(item)) for column in columns] for item in listed])


def show_one(item: T, columns: Sequence[Column[T]], output: str) -> None:
    """Print one body: in a table, one line for each field."""
    if output == "json":
        show_json(item)
    elif output == "csv":
        show([item], columns, output)
    else:
        pairs = [[column.title, _cell(column.read(item))] for column in columns]
        width = max(len(title) for title, _ in pairs)
        for title, value in pairs:
            print(f"{title:<{width}}  {value}".rstrip())


def show_json(value: object) -> None:
    """Print any body as the API writes it, indented."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_table(columns: Sequence[Column[T]], rows: Sequence[Sequence[str]]) -> None:
    """Print rows that are text already."""
    if sys.stdout.isatty():
        _draw(columns, rows)
        return
    titles = [column.title for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        print("  ".join(cells).rstrip())


def say(text: str) -> None:
    """Print talk on stderr."""
    click.echo(text, err=True)


def _draw(columns: Sequence[Column[T]], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _csv(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([title.lower().replace(" ", "_") for title in titles])
    writer.writerows(rows)
    return text.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value) if isinstance(value, str) else value


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
        case float():
            return f"{value:g}"
        case _:
            return printable(str(value))
