"""A rule, how it is taken out of the code, and the copy of the package without it.

A removal is one or more exact replacements in named files, made in a copy; the tree itself is never touched. Each text to
be replaced stands in today's source exactly once, so that the table follows the code or fails its test.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import gpu_shopper

PACKAGE = Path(gpu_shopper.__file__).parent


class DoesNotFit(Exception):
    """A text that was to be replaced is not in the source, or not once: the table is older than the code."""


@dataclass(frozen=True, slots=True)
class Change:
    """One replacement. `file` is relative to the package."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A rule and what is left of the code without it.

    `mode` and `hours` are those of the worlds in which it shows soonest, `only` the faults that they need. `expected` are
    the checks that may be the first to notice; any of them will do. `scenario` is a test by file and name that fails
    without the rule, empty where only worlds do. `not_in_worlds` says why no world is tried, and the scenario alone.
    """

    rule: str
    sentence: str
    removed: str
    changes: tuple[Change, ...]
    expected: frozenset[str]
    mode: str | None = None
    only: str | None = None
    hours: float = 2.0
    scenario: str = ""
    not_in_worlds: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Return where the rule lives."""
        return tuple(dict.fromkeys(change.file for change in self.changes))


def without(source: str, change: Change) -> str:
    """Return `source` with the change made.

    Raises:
        DoesNotFit: see there.
    """
    found = source.count(change.old)
    if found != 1:
        first = change.old.strip().partition("\n")[0]
        raise DoesNotFit(f"{change.file} has {found} times what is to be replaced: {first!r}")
    return source.replace(change.old, change.new)


def copy_without(removal: Removal | None, place: Path) -> Path:
    """Copy the package into `place`, take the rule out, and return the folder to put first on the path.

    None copies it as it is.

    Raises:
        DoesNotFit: see there.
    """
    copied = place / PACKAGE.name
    # With their times, so that what was compiled before need not be compiled again.
    shutil.copytree(PACKAGE, copied, copy_function=shutil.copy2)
    for change in removal.changes if removal is not None else ():
        file = copied / change.file
        patched = without(file.read_text(encoding="utf-8"), change)
        _ = compile(patched, change.file, "exec")
        file.write_text(patched, encoding="utf-8")
    return place
