"""Who tests what, and when, where several workers share them: what takes long first, and what waits beside what computes.

Tests with real programs mostly wait for them, simulated worlds never do. Dealt evenly, they leave no core idle and none
overrun. What is quick comes last, file by file, so that no worker is left alone with something long at the end.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

_TESTS: Final = Path(__file__).parent
# Below `tests`: those whose tests go to the next free worker one by one.
LONG: Final = ("e2e", "conformance", "sim")


def room_of(nodeid: str) -> str:
    """Return the folder below `tests` that a test lies in."""
    return nodeid.split("::", 1)[0].removeprefix(f"{_TESTS.name}/").split("/", 1)[0]


def unit_of(nodeid: str) -> str:
    """Return what goes to one worker as a whole: a long test, or a file of quick ones, or of those that share something."""
    file = nodeid.split("::", 1)[0]
    return nodeid if room_of(nodeid) in LONG and not _shares(file) else file


@cache
def _shares(file: str) -> bool:
    """Tell whether the tests of a file share what is dear to make, such as a program that runs."""
    text = (_TESTS.parent / file).read_text(encoding="utf-8")
    return 'scope="module"' in text or "\n@cache\n" in text


def dealt(nodeids: Sequence[str]) -> list[int]:
    """Return in which order tests begin, by their places: the long ones' folders evenly among each other, then the rest.

    Whatever goes to one worker as a whole stays together; within a folder the order is kept.
    """
    rooms: dict[str, dict[str, list[int]]] = {room: {} for room in (*LONG, "")}
    for place, nodeid in enumerate(nodeids):
        room = room_of(nodeid)
        units = rooms[room if room in LONG else ""]
        units.setdefault(unit_of(nodeid), []).append(place)
    quick = rooms.pop("").values()
    return [
        place
        for unit in (*_evenly(room.values() for room in rooms.values()), *quick)
        for place in unit
    ]


def _evenly(rows: Iterable[Iterable[T]]) -> list[T]:
    """Merge rows so that each is spread over the whole."""
    placed = [
        ((place + 0.5) / len(row), row_number, one)
        for row_number, row in enumerate(map(list, rows))
        for place, one in enumerate(row)
    ]
    return [one for _, _, one in sorted(placed, key=lambda each: each[:2])]
