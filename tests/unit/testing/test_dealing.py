"""The order in which tests begin, and what goes to one worker as a whole."""

from tests.dealing import dealt, unit_of

E2E = [f"tests/e2e/test_crashes.py::test_{number}" for number in range(4)]
STORY = [f"tests/e2e/test_cli_story.py::test_{number}" for number in range(3)]
SIM = [f"tests/sim/test_seeds.py::test_{number}" for number in range(8)]
UNIT = [f"tests/unit/domain/test_{name}.py::test" for name in ("plan", "money")]
MORE_UNIT = ["tests/unit/domain/test_plan.py::TestAll::test_more[a/b]"]
DRAWN = [*UNIT, *STORY[:1], *SIM, *E2E, *MORE_UNIT, *STORY[1:]]


def in_order() -> list[str]:
    return [DRAWN[place] for place in dealt(DRAWN)]


def test_every_test_is_dealt_once() -> None:
    assert sorted(dealt(DRAWN)) == list(range(len(DRAWN)))


def test_what_is_quick_comes_last_and_file_by_file() -> None:
    assert in_order()[-3:] == [UNIT[0], *MORE_UNIT, UNIT[1]]


def test_what_waits_begins_all_along_what_computes() -> None:
    first, second = in_order()[:8], in_order()[8:-3]

    assert 4 == len(set(first) & set(SIM))
    assert 4 == len(set(second) & set(SIM))
    assert set(first) & set(E2E)
    assert set(second) & set(E2E)


def test_long_tests_go_one_by_one_unless_they_share_what_is_dear() -> None:
    assert {unit_of(test) for test in SIM} == set(SIM)
    assert {unit_of(test) for test in STORY} == {"tests/e2e/test_cli_story.py"}
    assert {unit_of(test) for test in MORE_UNIT} == {"tests/unit/domain/test_plan.py"}


def test_what_shares_stays_together() -> None:
    order = in_order()
    begin = order.index(STORY[0])

    assert order[begin : begin + 3] == STORY
