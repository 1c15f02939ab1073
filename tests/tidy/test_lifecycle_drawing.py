"""The drawings and lists of docs/concepts/lifecycle.md say what the tables say."""

from datetime import timedelta

import pytest

from gpu_shopper.domain.deadlines import BUYING
from gpu_shopper.domain.launch import ATTEMPT_MOVES, OPEN, AttemptState
from gpu_shopper.domain.lifecycle import FINAL, MOVES, State
from gpu_shopper.domain.session import AS_ASKED, HARD_MAX, STARTUP, StopReason
from gpu_shopper.queries.phases import Phase
from tests.tidy.source import ROOT

PAGE = (ROOT / "docs/concepts/lifecycle.md").read_text()
LIFE = (
    AttemptState.SENT,
    AttemptState.UNKNOWN,
    AttemptState.BOUND,
    AttemptState.REJECTED,
    AttemptState.CLOSING,
    AttemptState.CLOSED,
)


def between(name: str) -> str:
    _, _, after = PAGE.partition(f"<!-- {name}: begin -->")
    inside, end, _ = after.partition(f"<!-- {name}: end -->")
    assert end, f"the page marks no part {name!r}"
    return inside.strip()


def drawing(lines: list[str]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"])


def test_the_drawing_of_a_session_is_its_table() -> None:
    moves = [f"{before} --> {after}: {event}" for (before, event), after in MOVES.items()]
    ends = [f"{state} --> [*]" for state in State if state in FINAL]

    expected = drawing([f"[*] --> {State.PENDING}", *moves, *ends])
    assert expected == between("the table of moves")


def test_the_drawing_of_an_attempt_is_its_table() -> None:
    moves = sorted(ATTEMPT_MOVES, key=lambda move: (LIFE.index(move[0]), move[1]))
    lines = [f"{before} --> {after}" for before, after in moves]

    assert drawing([f"[*] --> {AttemptState.SENT}", *lines]) == between("the table of attempts")


@pytest.mark.parametrize("state", [*State, *AttemptState])
def test_every_state_is_explained(state: str) -> None:
    assert f"\n| `{state}` | " in PAGE


def test_every_stop_reason_stands_where_it_ends() -> None:
    def listed(reasons: set[StopReason]) -> str:
        return ", ".join(f"`{reason}`" for reason in sorted(reasons))

    assert listed(set(AS_ASKED)) == between("as asked")
    assert listed(set(StopReason) - AS_ASKED) == between("otherwise")


def test_every_phase_is_listed_in_order() -> None:
    assert [f"- {phase}" for phase in Phase] == between("phases").splitlines()


def test_the_states_of_the_drawings_are_all_there_are() -> None:
    assert set(LIFE) == set(AttemptState)
    assert {AttemptState.CLOSED, AttemptState.REJECTED} == set(AttemptState) - OPEN


def test_the_numbers_that_the_page_names_are_those_of_the_code() -> None:
    minute = timedelta(minutes=1)

    assert f"{STARTUP / minute:.0f} minutes, or the longest `boot_grace`" in PAGE
    assert f"and {BUYING / minute:.0f} minutes for buying" in PAGE
    assert f"hard maximum of {HARD_MAX.total_seconds() / 3600:.0f} hours" in PAGE
