"""What is shown of each cloud, and by which test: read from the tests themselves, so that no cell of the table is a claim.

A cloud is whatever has a contract test with a `VendorUnderTest`; nothing here names one. `python -m tests.contract.evidence`
writes the page; `tests/tidy/test_cloud_table.py` holds it equal.
"""

import ast
import asyncio
import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from tests.contract.vendor_rig import VendorUnderTest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "evidence" / "clouds.md"
NONE = "—"
_BY_CHECKS: Mapping[str, tuple[str, ...]] = {
    "offers": ("offers_are_whole",),
    "create": ("a_launch_is_tagged_from_birth", "what_was_granted_can_be_read_back"),
    "adopt after a lost reply": ("an_unclear_create_is_ambiguous",),
    "destroy proved": ("destroying_may_be_repeated", "an_accepted_destroy_proves_nothing"),
}
_SHARED = "tests/contract/test_every_cloud.py"
_LEFTOVERS = "test_nothing_is_left_of_what_was_bought_and_ended"
_SPOT = "test_what_can_be_taken_back_is_sold_and_bought_as_such"
# Why a misdeed cannot be done at a cloud that is never told to do it.
_WHY_NOT = {
    Misdeed.DROPS_ROWS: "its list names no number of rows, so that a missing one shows by nothing",
    Misdeed.FAILS_LATER_PAGES: "its list has one page",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is shown, by which tests; without any it says why not."""

    tests: tuple[str, ...] = ()
    why_not: str = ""
    says: str = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One cloud."""

    name: str
    cells: Mapping[str, Cell]
    untried: Mapping[Misdeed, str]


def kinds() -> list[type[VendorUnderTest]]:
    """Return what stands trial for each cloud, by name: the first that its contract test has."""
    found = (_kind_in(path) for path in sorted(Path(__file__).parent.glob("test_*_contract.py")))
    return sorted((kind for kind in found if kind), key=lambda kind: kind.manifest.name)


def _kind_in(path: Path) -> type[VendorUnderTest] | None:
    module = importlib.import_module(f"tests.contract.{path.stem}")
    own = (
        thing
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, VendorUnderTest)
        and thing.__module__ == module.__name__
    )
    return next(own, None)


def rows() -> list[Row]:
    """Return the table, one row for each cloud."""
    return [_row(kind) for kind in kinds()]


def _row(kind: type[VendorUnderTest]) -> Row:
    name = kind.manifest.name
    file = f"tests/contract/{kind.__module__.rpartition('.')[2]}.py"
    cells = {title: _by_checks(kind, file, names) for title, names in _BY_CHECKS.items()}
    untried = _untried(kind)
    faults = Cell(tests=(file,), says=f"{len(Misdeed) - len(untried)} of {len(Misdeed)}")
    shared = {
        "leftovers": Cell(tests=(f"{_SHARED}::{_LEFTOVERS}[{name}]",)),
        "spot": Cell(
            tests=(f"{_SHARED}::{_SPOT}[{name}]",),
            says="yes" if kind.manifest.capabilities.interruptible else "none is sold",
        ),
    }
    foreign = {
        "its client at our simulator": _foreign(name, "whole_life"),
        "our adapter asks as its client": _foreign(name, "adapter_asks"),
    }
    order = {**cells, **shared, **foreign, "faults passed": faults}
    return Row(name=name, cells=order, untried=untried)


def _by_checks(kind: type[VendorUnderTest], file: str, names: Sequence[str]) -> Cell:
    known = {check.__name__: check for check in CONTRACT}
    tried = [name for name in names if _is_tried(kind, known[name])]
    if not tried:
        return Cell(why_not="the simulator cannot be told to do that")
    return Cell(tests=tuple(f"{file}::test_it_keeps_the_contract[{name}]" for name in tried))


def _is_tried(kind: type[VendorUnderTest], check: Check) -> bool:
    try:
        asyncio.run(check(kind()))
    except NotTried:
        return False
    return True


def _untried(kind: type[VendorUnderTest]) -> dict[Misdeed, str]:
    cloud, untried = kind(), {}
    for misdeed in Misdeed:
        try:
            cloud.misbehave(misdeed)
        except NotTried:
            untried[misdeed] = _WHY_NOT[misdeed]
        cloud.behave()
    return untried


def _foreign(name: str, words: str) -> Cell:
    """Return the tests with clients that we did not write whose names hold these words."""
    found = [
        (path, test)
        for path in sorted((ROOT / "tests" / "conformance").glob(f"test_{name}_*.py"))
        for test in _tests_in(path)
        if words in test
    ]
    by_hand = all("BUILT_BY_HAND" in path.read_text(encoding="utf-8") for path, _ in found)
    return Cell(
        tests=tuple(f"{path.relative_to(ROOT)}::{test}" for path, test in found),
        why_not="" if found else "no client that we did not write",
        says="where it is built by hand, else skipped" if by_hand else "yes",
    )


def _tests_in(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name


def page(table: Sequence[Row]) -> str:
    """Return the page with the table."""
    titles = list(table[0].cells)
    notes: list[str] = []
    lines = ["| cloud | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for row in table:
        shown = [_shown(row.name, cell, notes) for cell in row.cells.values()]
        lines.append(f"| [{row.name}](../clouds/{row.name}.md) | " + " | ".join(shown) + " |")
    return "\n".join(
        [
            "# Clouds",
            "",
            "What is shown of each cloud, and by which test; written by `make evidence`, and held equal by a test.",
            "All of it is over simulators and with the vendors' own clients; what only a live account can show is left to [the live smoke test](../guides/live-smoke.md).",
            f"A number names the tests below, in which CLOUD stands for the cloud's name; {NONE} has none, and says why.",
            "",
            *lines,
            "",
            f"`faults passed` counts the misdeeds that the simulator could be told to do while the contract was held against the adapter, of {len(Misdeed)}:",
            f"{', '.join(misdeed.value.replace('_', ' ') for misdeed in Misdeed)}.",
            "",
            "## Faults that do not apply",
            "",
            *_not_applicable(table),
            "",
            "## Tests",
            "",
            *(f"{number}. {note}" for number, note in enumerate(notes, start=1)),
            "",
        ]
    )


def _shown(name: str, cell: Cell, notes: list[str]) -> str:
    if not cell.tests:
        return f"{NONE} ({cell.why_not})"
    note = ", ".join(f"`{_of_any(test, name)}`" for test in cell.tests)
    if note not in notes:
        notes.append(note)
    return f"{cell.says} ({notes.index(note) + 1})"


def _of_any(test: str, name: str) -> str:
    """Return the id of a test with the cloud's name left open: most clouds have tests of one name."""
    return test.replace(f"/test_{name}_", "/test_CLOUD_").replace(f"[{name}]", "[CLOUD]")


def _not_applicable(table: Sequence[Row]) -> Iterator[str]:
    yield "| cloud | fault | why |"
    yield "|---|---|---|"
    for row in table:
        for misdeed, why in row.untried.items():
            yield f"| {row.name} | {misdeed.value.replace('_', ' ')} | {why} |"


if __name__ == "__main__":
    PAGE.write_text(page(rows()), encoding="utf-8")
