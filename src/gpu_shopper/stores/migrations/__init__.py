"""The numbered steps from an empty database to the present schema.

A step is a file `m<number>_<name>.sql`: small, forward only, never edited once it was released, and safe while the
version before still runs. Its text is part of the book: a database says which steps it went through, word for word.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

_FILE = re.compile(r"m(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step: its number, its name and its statements in order."""

    number: int
    name: str
    statements: tuple[str, ...]

    @property
    def checksum(self) -> str:
        """What a database remembers of the text."""
        return hashlib.sha256("\n".join(self.statements).encode()).hexdigest()


@cache
def known_migrations() -> tuple[Migration, ...]:
    """Return every step that this build knows, in order and without a gap."""
    found = []
    for entry in resources.files(__name__).iterdir():
        if match := _FILE.fullmatch(entry.name):
            statements = tuple(split(entry.read_text(encoding="utf-8")))
            found.append(Migration(number=int(match[1]), name=match[2], statements=statements))
    steps = tuple(sorted(found, key=lambda step: step.number))
    assert [step.number for step in steps] == list(range(1, len(steps) + 1)), steps
    return steps


def split(script: str) -> Iterator[str]:
    """Cut a script into statements; a trigger with statements inside is one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip().removesuffix(";")
            statement = ""
    assert not statement.strip(), statement
