"""Proof that the proof can fail: a rule that is taken out is noticed, and the table of rules follows the code."""

import ast
from pathlib import Path

import pytest

from gpu_shopper.testing.removals.removal import PACKAGE, Change, DoesNotFit, Removal, without
from gpu_shopper.testing.removals.table import NOT_IN_WORLDS, REMOVALS
from gpu_shopper.testing.removals.trying import NotTried, try_without

# Noticed within a few seeds, so that the proof is tried with every run of the tests; `make proof` tries them all.
_QUICK = ("R1", "R2", "R4", "R5", "R10", "R22")
_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs/evidence/rules.md"
_BY_RULE = {removal.rule: removal for removal in REMOVALS}


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.rule)
def test_what_is_taken_out_stands_in_the_code(removal: Removal) -> None:
    sources = {name: (PACKAGE / name).read_text(encoding="utf-8") for name in removal.files}
    for change in removal.changes:
        sources[change.file] = without(sources[change.file], change)

    for name, source in sources.items():
        ast.parse(source, filename=name)
        assert source != (PACKAGE / name).read_text(encoding="utf-8")


def test_the_tests_that_are_named_are_there() -> None:
    for removal in REMOVALS:
        assert removal.scenario or not removal.not_in_worlds, removal.rule
        if removal.scenario:
            file, _, name = removal.scenario.partition("::")
            assert f"def {name}(" in (_ROOT / file).read_text(encoding="utf-8"), removal.rule


def test_a_removal_that_worlds_cannot_show_is_shown_by_its_test() -> None:
    removal = _BY_RULE["urgent"]

    verdict = try_without(removal, scenarios=[removal.scenario])

    assert 0 == verdict.ran
    assert verdict.noticed
    assert removal.scenario == verdict.scenario


def test_a_test_that_passes_without_the_rule_shows_nothing() -> None:
    other = "tests/unit/engine/test_pacing.py::test_a_destroy_never_stands_in_line"

    assert not try_without(_BY_RULE["urgent"], scenarios=[other]).noticed


def test_no_rule_is_named_twice() -> None:
    assert len(REMOVALS) == len(_BY_RULE)


def test_every_rule_is_tried_or_said_not_to_be() -> None:
    named = {f"R{number}" for number in range(1, 25)}

    assert named <= _BY_RULE.keys() | NOT_IN_WORLDS.keys()
    assert not _BY_RULE.keys() & NOT_IN_WORLDS.keys()


def test_the_page_has_a_row_for_each_rule() -> None:
    page = _PAGE.read_text(encoding="utf-8")

    assert all(f"| {rule} |" in page for rule in _BY_RULE)
    assert all(f"- {rule}: " in page for rule in NOT_IN_WORLDS)


@pytest.mark.parametrize("rule", _QUICK)
def test_a_world_without_the_rule_is_violated(rule: str) -> None:
    verdict = try_without(_BY_RULE[rule], seeds=10)

    assert verdict.noticed
    assert verdict.check in _BY_RULE[rule].expected, verdict


def test_with_all_rules_kept_nothing_is_violated() -> None:
    verdict = try_without(None, seeds=2, hours=1.0)

    assert not verdict.noticed, verdict
    assert 2 == verdict.ran


def test_a_text_that_is_not_there_is_told() -> None:
    with pytest.raises(DoesNotFit, match="0 times"):
        without("a = 1\n", Change("some.py", "b = 1\n", "b = 2\n"))


def test_a_text_that_is_there_twice_is_told() -> None:
    with pytest.raises(DoesNotFit, match="2 times"):
        without("a = 1\na = 1\n", Change("some.py", "a = 1\n", "a = 2\n"))


def test_a_copy_that_does_not_start_is_no_proof() -> None:
    broken = Removal(
        rule="broken",
        sentence="It starts.",
        removed="it does not",
        changes=(Change("domain/plan.py", "GONE", "gone"),),
        expected=frozenset(),
    )
    with pytest.raises(DoesNotFit):
        try_without(broken, seeds=1)

    failing = Removal(
        rule="failing",
        sentence="It starts.",
        removed="it does not",
        changes=(
            Change("domain/lifecycle.py", "class State(StrEnum):", "class State(NoSuchThing):"),
        ),
        expected=frozenset(),
    )
    with pytest.raises(NotTried, match="NoSuchThing"):
        try_without(failing, seeds=1)
