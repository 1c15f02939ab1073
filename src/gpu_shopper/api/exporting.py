"""Offers as files: one JSON object a line, or a table for a spreadsheet; all fields, or those that are asked for."""

import csv
import io
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import json, structs

from gpu_shopper.domain.errors import Invalid
from gpu_shopper.ports.clock import Clock
from gpu_shopper.wire.offers import OfferBody

FIELDS: Final = tuple(field.name for field in structs.fields(OfferBody))
# So many rows are written before others are let in: some milliseconds' work.
_PIECE = 250
# What a spreadsheet would take for a formula; the texts come from clouds, that is from anybody.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    """How the offers are written."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"

    @property
    def media_type(self) -> str:
        """What the reply is declared as."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv",
}


def wanted_fields(given: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that are asked for, separated by commas or repeated; none means all.

    Raises:
        Invalid: an offer has no such field.
    """
    wanted = tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",")))
    for name in wanted:
        if name not in FIELDS:
            message = f"an offer has no field {name[:64]!r}; it has: {', '.join(FIELDS)}"
            raise Invalid(message, path="fields")
    return wanted


def projected(rows: Sequence[bytes], fields: Sequence[str]) -> Sequence[bytes]:
    """Return the rows with these fields only, in this order."""
    if not fields:
        return rows
    # A price that was not asked for is not in a row.
    return [json.encode({name: row.get(name) for name in fields}) for row in map(json.decode, rows)]


async def ndjson_of(rows: Sequence[bytes], fields: Sequence[str], *, clock: Clock) -> bytes:
    """Return an object a line."""
    lines: list[bytes] = []
    for start in range(0, len(rows), _PIECE):
        lines += projected(rows[start : start + _PIECE], fields)
        await clock.sleep(0)
    return b"".join(line + b"\n" for line in lines)


async def csv_of(rows: Sequence[bytes], fields: Sequence[str], *, clock: Clock) -> bytes:
    """Return a table with a line of names; lists are joined by spaces."""
    names = fields or FIELDS
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(names)
    for start in range(0, len(rows), _PIECE):
        for row in map(json.decode, rows[start : start + _PIECE]):
            table.writerow([_cell(row.get(name)) for name in names])
        await clock.sleep(0)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return json.encode(value).decode()
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return "" if value is None else value
