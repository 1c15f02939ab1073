"""The fencing model: every state is sound, each rule that is left out is noticed, and its rules are the code's rules."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

from gpu_shopper.domain.deadlines import Deadline
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import (
    ATTEMPT_MOVES,
    Absence,
    AttemptState,
    LaunchAttempt,
    presumed_absent,
    proved_absent,
    rejected,
    unknown,
)
from gpu_shopper.domain.launch import found as found_in_code
from gpu_shopper.domain.launch import unwanted as unwanted_in_code
from gpu_shopper.domain.lifecycle import MOVES, State
from gpu_shopper.domain.plan import (
    Adopt,
    Buy,
    BuyElsewhere,
    Facts,
    GiveUp,
    Observe,
    Presume,
    Retire,
    Settle,
    Stop,
    next_step,
)
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.reopening import reopened
from gpu_shopper.domain.session import StopReason
from gpu_shopper.testing import fencing_model as model
from gpu_shopper.testing.builders import (
    CUMULUS,
    MINUTE,
    NOON,
    SECOND,
    a_request,
    a_session,
    an_attempt,
    an_instance,
)
from gpu_shopper.testing.fencing_model import NOTHING, RULES, WRITES, World
from gpu_shopper.testing.fencing_search import ALL, Explored, explore

_EACH_RULE = {
    "intent": "a create was sent without a committed attempt",
    "fence": "a row was written under an old claim",
    "fresh": "a session that was to end goes on",
    "one_call": "a label was ordered twice",
    "unknown": "what nobody had refused was taken for refused",
    "watch": "no way to rest",
    "reason": "a wanted instance was destroyed",
    "two_proofs": "closed as proved while its instance lives",
    "after": "closed as proved while its instance lives",
    "anew": "no way to rest",
    "until_proved": "no way to rest",
    "settle_last": "a session ended while something of it was open",
    "veto": "a running, heard, wanted session was ended as lost",
    "one_way": "what was wanted no more is wanted again",
}
# What has no way out is known only when all is explored: so begin near it.
_OWED = World(session=State.STOPPING, attempt=AttemptState.CLOSING, known=True, instance="shown")
_BEGINS = {
    "watch": World(
        session=State.STOPPING, attempt=AttemptState.UNKNOWN, looked=True, travelling=True
    ),
    "anew": _OWED,
    "until_proved": _OWED,
}
_NAMES = {
    Adopt: "look",
    Buy: "buy",
    BuyElsewhere: "elsewhere",
    GiveUp: "give_up",
    Observe: "observe",
    Presume: "presume",
    Settle: "settle",
    Stop: "stop",
}
_QUIRKS = Quirks(
    adoption_looks=(SECOND,), quarantine_listings=1, absence_reads=1, absence_listings=1
)
# Writes under a claim that the model has no need of, and why.
_BEYOND_THE_MODEL = {
    "bringing._pin": "pins the key of the host that is visited, where the attempt is still what it was",
    "bringing.bring_agent": "tells that the script was brought, and changes nothing else",
    "launching._fail": "ends a session as `reconciler._stop` does",
    "observing._conclude": "a report that we fetched, which ends nothing but what does not fit, and when to look again",
}


@cache
def everything() -> Explored:
    return explore()


def test_no_order_of_events_breaks_anything_and_each_state_has_a_way_to_rest() -> None:
    done = everything()

    assert ("", []) == (done.broken, done.path)
    assert 100_000 < done.states < 5_000_000


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_left_out_is_noticed(rule: str) -> None:
    done = explore(ALL - {rule}, begin=_BEGINS.get(rule))

    assert _EACH_RULE[rule] in done.broken
    assert done.broken in done.path[-1]
    assert len(done.path) > 1


# ── the model's rules are the code's ──────────────────────────────────────────────────────────────


def test_attempts_move_as_in_the_table() -> None:
    assert set(ATTEMPT_MOVES) == everything().attempt_moves


def test_sessions_move_as_in_the_table() -> None:
    # The model does not ask why a session ends: stopped stands for both ends.
    table = {
        (before, State.STOPPED if after is State.FAILED else after)
        for (before, _), after in MOVES.items()
    }

    assert table == everything().session_moves


def test_the_plan_decides_as_the_model_does() -> None:
    rows = {
        w._replace(
            missing=False,
            known=False,
            creates=0,
            travelling=False,
            instance=NOTHING,
            lied=False,
            listing=NOTHING,
            replicas=World().replicas,
        )
        for w in everything().came_by
    }
    assert len(rows) >= 40
    differ = {}
    for row in rows:
        expected, decided = set(model.decisions(row, ALL)), set(_decided(row))
        if expected != decided:
            differ[row] = (expected, decided)

    assert {} == differ


def _decided(row: World) -> Iterator[str]:
    """Yield what the real plan may decide about this row: with a try left or not, early or late, due or not."""
    for retry, wait, due in product((False, True), (SECOND, 600 * MINUTE), (False, True)):
        step = next_step(_facts(row, retry=retry, wait=wait, due=due))
        if isinstance(step, Retire):
            yield str(step.act)
        elif type(step) in _NAMES and not (isinstance(step, Buy) and row.attempt != NOTHING):
            yield _NAMES[type(step)]


def _facts(row: World, *, retry: bool, wait, due: bool) -> Facts:
    request = a_request(auto_retry=retry, max_retries=1)
    session = a_session(row.session, request=request, launch=1 if row.wanted else None)
    now = NOON + wait
    attempts: tuple[LaunchAttempt, ...] = ()
    if row.attempt != NOTHING:
        made = replace(
            _attempt(row),
            next_action_at=now if due else now + MINUTE,
            looks=int(row.looked),
            missing_listings=int(row.looked or row.missing),
            destroy_called_at=NOON if row.answered else None,
            destroy_answered_at=NOON if row.answered else None,
            destroy_tries=int(row.answered),
            absence=Absence(
                read_at=NOON + SECOND if row.answered else None,
                gone_reads=int(row.gone_read),
                gone_listings=int(row.gone_listing),
            ),
        )
        attempts = (made,)
    deadline = Deadline(now + 60 * MINUTE, StopReason.EXPIRED)
    return Facts(
        now=now, session=session, attempts=attempts, deadline=deadline, quirks={CUMULUS: _QUIRKS}
    )


def _attempt(row: World) -> LaunchAttempt:
    state = AttemptState(row.attempt)
    made = an_attempt(state, wanted=row.wanted, sent_at=NOON, call_deadline=NOON)
    held = state in {AttemptState.BOUND, AttemptState.CLOSING}
    return replace(made, instance_id=InstanceId("i-1") if held else None)


_ROWS = [(state, False) for state in AttemptState if state is not AttemptState.BOUND] + [
    (state, True) for state in (AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.BOUND)
]


@pytest.mark.parametrize(("state", "wanted"), _ROWS)
def test_a_row_becomes_what_the_model_makes_of_it(state: AttemptState, wanted: bool) -> None:
    row = World(session=State.PROVISIONING, attempt=state, wanted=wanted)
    attempt, instance = _attempt(row), an_instance(_attempt(row))

    assert _seen(model.unwanted(row)) == _seen(unwanted_in_code(attempt, because="x", at=NOON))
    if attempt.unanswered:
        found = found_in_code(attempt, instance, at=NOON)
        sure = attempt if state is AttemptState.UNKNOWN else unknown(attempt, look_at=NOON)
        assert _seen(model.found(row, ALL)) == _seen(found)
        assert _made("presume", row) == _seen(presumed_absent(sure, at=NOON))
        assert _made("not found", row) == _seen(sure)
    if state is AttemptState.SENT:
        assert _made("answer no", row) == _seen(rejected(attempt, reason="x", blame=None, at=NOON))
        assert _made("answer nothing", row) == _seen(unknown(attempt, look_at=NOON))
    if state in {AttemptState.CLOSED, AttemptState.REJECTED}:
        assert _seen(model.closing(row)) == _seen(reopened(attempt, instance, at=NOON))
    if state is AttemptState.CLOSING:
        assert _made("close", row._replace(gone_read=True)) == _seen(
            proved_absent(attempt, at=NOON)
        )


def _made(about: str, row: World) -> tuple[str, bool]:
    return _seen(WRITES[about][0](row, ALL))


def _seen(what: World | LaunchAttempt) -> tuple[str, bool]:
    state = what.attempt if isinstance(what, World) else what.state
    return str(state), what.wanted


def test_what_the_engine_writes_under_a_claim_is_what_the_model_fences() -> None:
    modelled = {where for _, _, where in WRITES.values()}

    assert modelled | set(_BEYOND_THE_MODEL) == set(_written_under_a_claim())
    assert not modelled & set(_BEYOND_THE_MODEL)


def _written_under_a_claim() -> Iterator[str]:
    spec = find_spec("gpu_shopper.engine")
    assert spec is not None
    for path in Path(str(spec.origin)).parent.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.AsyncFunctionDef) and _writes_by_claim(function):
                yield f"{path.stem}.{function.name}"


def _writes_by_claim(function: ast.AsyncFunctionDef) -> bool:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "write"
        and bool(call.args)
        and ast.unparse(call.args[0]) == "claim"
        for call in calls
    )
