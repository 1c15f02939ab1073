"""The places in the code from which an effect goes out: every commit, and every call to a cloud, a node or a webhook.

`effect_sites` tells from which places the effect that is just now happening comes; `known_sites` reads all of them out of
the source. What is in the second and never in the first is a transaction or a call that nothing has tried.
"""

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import NamedTuple

# Who decides what goes out: below them everything is a door.
ROOMS = ("gpu_shopper.engine", "gpu_shopper.commands")
# What goes out through a port, by the port's names; `_update` is the retiring pass's own door to the book.
_COMMITS = frozenset({"write", "_update"})
_CALLS = frozenset(
    {
        "balance",
        "deliver",
        "destroy",
        "find",
        "launch",
        "list_offers",
        "listing_begun_after",
        "observe",
        "read_report",
    }
)


class Site(NamedTuple):
    """One line of a module that awaits an effect."""

    module: str
    line: int


class KnownSite(NamedTuple):
    """A call in the source that has an effect; `first` and `last` are its lines."""

    module: str
    function: str
    call: str
    first: int
    last: int

    def is_among(self, sites: set[Site]) -> bool:
        """Tell whether an effect has gone out from here."""
        return any((self.module, line) in sites for line in range(self.first, self.last + 1))


def effect_sites() -> set[Site]:
    """Return where the effect comes from that is just now happening: every waiting line above it."""
    found: set[Site] = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(ROOMS):
            found.add(Site(module, frame.f_lineno))
        frame = frame.f_back
    return found


def known_sites() -> list[KnownSite]:
    """Return every call with an effect in the rooms that decide."""
    return sorted(site for room in ROOMS for site in _of_room(room))


def _of_room(room: str) -> Iterator[KnownSite]:
    spec = find_spec(room)
    assert spec is not None, room
    for folder in spec.submodule_search_locations or ():
        for path in sorted(Path(folder).glob("*.py")):
            yield from _of_module(f"{room}.{path.stem}", ast.parse(path.read_text("utf-8")))


def _of_module(module: str, tree: ast.Module) -> Iterator[KnownSite]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
                called = node.value.func
                name = called.attr if isinstance(called, ast.Attribute) else ""
                if name in _COMMITS | _CALLS:
                    last = node.end_lineno or node.lineno
                    yield KnownSite(module, function.name, name, node.lineno, last)
