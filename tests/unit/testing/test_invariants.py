"""The table of what is promised: all of it is there, and what it names exists."""

import importlib
import re
from pathlib import Path

import pytest

from gpu_shopper.testing.invariants import INVARIANTS, Invariant, never_asked

_ROOT = Path(__file__).parents[3]
_BY_NAME = [pytest.param(one, id=one.name) for one in INVARIANTS]


def test_every_number_has_its_line() -> None:
    expected = [f"S{number}" for number in range(1, 21)] + [f"L{number}" for number in range(1, 13)]

    assert expected == [one.name for one in INVARIANTS]


@pytest.mark.parametrize("invariant", _BY_NAME)
def test_what_is_said_to_ask_it_exists(invariant: Invariant) -> None:
    for path in invariant.asked:
        module, _, name = path.partition(":")
        found: object = importlib.import_module(f"gpu_shopper.testing.{module}")
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found), path
        if "Consumers" not in name:
            assert invariant.name in str(found.__doc__), path
    for test in invariant.elsewhere:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (_ROOT / file).read_text(encoding="utf-8"), test


@pytest.mark.parametrize("invariant", _BY_NAME)
def test_what_nothing_asks_is_said_to_lack(invariant: Invariant) -> None:
    assert invariant.asked or invariant.elsewhere or invariant.lacks, invariant.name


def test_what_had_nothing_to_look_at_is_named() -> None:
    counted = {one.counter: 1 for one in INVARIANTS if one.name != "L3"}

    assert ["L3"] == never_asked(counted)


def test_the_page_of_promises_says_what_the_table_says() -> None:
    page = (_ROOT / "docs/concepts/crash-safety.md").read_text(encoding="utf-8")
    expected = [f"| {one.name} | {one.says} | {one.lacks or 'nothing'} |" for one in INVARIANTS]

    rows = [line for line in page.splitlines() if re.match(r"\| [SL]\d+ \|", line)]
    assert expected == rows
