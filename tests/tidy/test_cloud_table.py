"""The table of what is shown of each cloud stands as the tests have it."""

import ast
from functools import cache

import pytest

from gpu_shopper.testing import cloud_page
from tests.contract.evidence import PAGE, ROOT, Row, page, rows


@pytest.fixture(scope="module")
def table() -> list[Row]:
    return rows()


def test_the_page_is_what_the_tests_say(table: list[Row]) -> None:
    assert page(table) == PAGE.read_text(encoding="utf-8"), "make evidence writes it anew"


def test_each_test_that_proves_a_cell_is_there(table: list[Row]) -> None:
    named = {test for row in table for cell in row.cells.values() for test in cell.tests}

    assert len(named) >= 8 * len(table)
    assert [] == [test for test in sorted(named) if not is_there(test)]


def test_a_cell_without_a_test_says_why(table: list[Row]) -> None:
    cells = [cell for row in table for cell in row.cells.values()]

    assert all(cell.tests or cell.why_not for cell in cells)


def test_the_page_of_capabilities_is_what_the_clouds_say_of_themselves() -> None:
    there = ROOT / "docs" / "clouds" / "capabilities.md"

    assert cloud_page.page() == there.read_text(encoding="utf-8"), "make evidence writes it anew"


def is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    return name.partition("[")[0] in {"", *functions(file)}


@cache
def functions(file: str) -> frozenset[str]:
    found = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef))
