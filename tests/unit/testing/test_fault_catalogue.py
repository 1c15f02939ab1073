"""The list of faults is whole, what it names is there, and the page shows it."""

import re
from pathlib import Path

import pytest

from gpu_shopper.testing.fault_catalogue import CATALOGUE, Known, table
from gpu_shopper.testing.faults import MISDEEDS, TROUBLES

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/internals/faults.md"


def test_all_78_are_there_in_order() -> None:
    assert list(range(1, 79)) == [one.number for one in CATALOGUE]


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: f"F{one.number}")
def test_each_is_tried_somewhere_or_says_why_not(one: Known) -> None:
    assert one.faults or one.tests or one.why_not
    assert set(one.faults) <= {*MISDEEDS, *TROUBLES}
    for test in one.tests:
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), test


def test_each_fault_of_worlds_stands_in_the_list_or_is_of_the_network() -> None:
    named = {name for one in CATALOGUE for name in one.faults}

    assert {"answer_late", "network_slow", "never_boot", "boot_fails", "front_loses", "front_slow", "nonsense"} == (
        {*MISDEEDS, *TROUBLES} - named
    )  # fmt: skip


def test_the_page_shows_the_list() -> None:
    shown = re.findall(r"^\| F\d+ \|.*\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert table() == shown
