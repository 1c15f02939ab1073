"""What the schema refuses, whoever asks: one broken row or write per rule, and no rule without one."""

import itertools

import pytest
from sqlalchemy import CheckConstraint

from gpu_shopper.domain.launch import ATTEMPT_MOVES, AttemptState, Proof
from gpu_shopper.domain.lifecycle import MOVES, State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.stores.ddl import GUARDS
from gpu_shopper.stores.schema import tables
from gpu_shopper.stores.trouble import RuleBroken
from tests.unit.stores import arrange, shelves
from tests.unit.stores.arrange import (
    BOUND,
    CLOSED,
    CLOSING,
    HOUR,
    MINUTE,
    NOON,
    PRESUMED,
    PROVISIONING,
    REJECTED,
    RUNNING,
    STOPPED,
    STOPPING,
    a_session,
    an_attempt,
    an_entry,
)
from tests.unit.stores.shelves import owe, put


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


# ── CHECKs: a row that cannot be ──

SESSION = {
    "state_is_known": "state = 'paused'",
    "stop_reason_is_known": "stop_reason = 'whim'",
    "ending_has_reason": "stop_reason = 'done'",
    "ending_has_actor": "stop_actor = 'ann'",
    "ending_wants_nothing": "state = 'stopping', stop_reason = 'done', stop_actor = 'a', launch = 1",
    "final_has_end": "stopped_at = 1",
    "unfinished_has_future": "next_action_at = NULL",
    "provisioning_has_launch": "state = 'provisioning'",
    "claim_is_whole": "claimed_by = 'one'",
    "counts_are_sane": "reserved_hours = 0",
}
# What the moves and the guards would refuse first is tried with a new row.
NEW_SESSION = {
    "running_has_launch": RUNNING | {"launch": None},
    "stopped_was_asked": STOPPED | {"stop_reason": StopReason.LOST},
    "failed_was_not_asked": STOPPED | {"state": State.FAILED},
}
NEW_ATTEMPT = {
    "label_is_there": {"label": ""},
    "bound_has_instance": BOUND | {"instance_id": None},
    "closing_has_instance": CLOSING | {"instance_id": None},
    "over_has_end": CLOSED | {"closed_at": None},
    "over_is_unwanted": REJECTED | {"wanted": True},
    "closed_has_proof": CLOSED | {"proof": None},
    "proved_was_seen": PRESUMED | {"proof": Proof.PROVED},
    "presumed_was_not_seen": CLOSED | {"proof": Proof.PRESUMED},
    "open_has_future": {"next_action_at": None},
    "counts_are_sane": {"number": 0},
}
ATTEMPT = {
    "state_is_known": "state = 'lost'",
    "blame_is_known": "blame = 'nobody'",
    "proof_is_known": "proof = 'hoped'",
    "agent_way_is_known": "agent_way = 'by_post'",
    "wanted_is_yes_or_no": "wanted = -1",
}
INSERT = {
    ("cost_entries", "interval_runs_forward"): (
        "('att_1_1', 'ses_0000000000000001', 'ann', 'c', 'g', 5, 5, 1, 1)"
    ),
    ("cost_entries", "amounts_are_sane"): (
        "('att_1_1', 'ses_0000000000000001', 'ann', 'c', 'g', 5, 6, 1, -1)"
    ),
    ("idempotency_keys", "sealed_has_end"): (
        "('ann', 'r', 'k', 'd', 'ses_0000000000000001', 1, x'00', NULL)"
    ),
    ("tokens", "kind_is_known"): "('t', 'guest', NULL, 'n', 'h', 1, NULL, NULL, NULL)",
    ("tokens", "consumer_token_has_consumer"): (
        "('t', 'consumer', NULL, 'n', 'h', 1, NULL, NULL, NULL)"
    ),
    ("sweeps", "complete_is_yes_or_no"): "(1, 'c', 1, 1, 2, 0, 0, 0, 0, '', NULL)",
    ("outcomes", "blame_is_known"): "(1, 1, 'c', 'o', 'm', 'l', 'g', 'nobody', '')",
    ("surplus", "counts_are_sane"): (
        "('c', 'i', 'l', 'b', 1, 1, NULL, 1, -1, NULL, NULL, NULL, 0, NULL, NULL, NULL)"
    ),
    ("surplus", "closed_is_proved"): (
        "('c', 'i', 'l', 'b', 1, 1, NULL, 1, 1, 1, 1, NULL, 1, 1, 1, 2)"
    ),
    ("notices", "counts_are_sane"): "('n', 1, 'k', 't', '{}', NULL, -1, NULL)",
    ("price_families", "interruptible_is_yes_or_no"): "(1, 'g', 'c', 1, 1000000, 2, 'DE')",
    ("price_families", "counts_are_sane"): "(1, 'g', 'c', 1, 0, 1, 'DE')",
    ("price_runs", "run_goes_forward"): "(1, 5, 4, 1, 1, 1)",
    ("price_runs", "amounts_are_sane"): "(1, 5, 5, 2, 1, 1)",
    ("deployment", "one_row"): "(2, 'dep_2', 1, 1)",
}


@pytest.mark.parametrize(("rule", "change"), SESSION.items())
def test_no_session_can_be_changed_into_one_that_cannot_be(shelf, rule, change):
    put(shelf, a_session())
    shelf.sql("DROP TRIGGER sessions_move")

    with pytest.raises(RuleBroken, match=rule):
        shelf.sql(f"UPDATE sessions SET {change}")  # noqa: S608


@pytest.mark.parametrize(("rule", "state"), NEW_SESSION.items())
def test_no_session_can_begin_as_one_that_cannot_be(shelf, rule, state):
    with pytest.raises(RuleBroken, match=rule):
        put(shelf, a_session(**state))


@pytest.mark.parametrize(("rule", "change"), ATTEMPT.items())
def test_no_attempt_can_be_changed_into_one_that_cannot_be(shelf, rule, change):
    put(shelf, a_session())
    owe(shelf, an_attempt())
    shelf.sql("DROP TRIGGER attempts_move")

    with pytest.raises(RuleBroken, match=rule):
        shelf.sql(f"UPDATE attempts SET {change}")  # noqa: S608


@pytest.mark.parametrize(("rule", "state"), NEW_ATTEMPT.items())
def test_no_attempt_can_begin_as_one_that_cannot_be(shelf, rule, state):
    put(shelf, a_session())

    with pytest.raises(RuleBroken, match=rule):
        owe(shelf, an_attempt(**state))


@pytest.mark.parametrize(("rule", "row"), INSERT.items(), ids=".".join)
def test_no_other_row_can_be_added_that_cannot_be(shelf, rule, row):
    put(shelf, a_session())
    owe(shelf, an_attempt())

    with pytest.raises(RuleBroken, match=rule[1]):
        shelf.sql(f"INSERT INTO {rule[0]} VALUES {row}")  # noqa: S608


def test_every_check_has_been_broken():
    stated = {
        (table.name, str(rule.name))
        for table in tables()
        for rule in table.constraints
        if isinstance(rule, CheckConstraint)
    }
    tried = {
        *(("sessions", rule) for rule in (*SESSION, *NEW_SESSION)),
        *(("attempts", rule) for rule in (*ATTEMPT, *NEW_ATTEMPT)),
        *INSERT,
    }

    assert stated == tried


def test_tables_are_strict_about_types(shelf):
    with pytest.raises(RuleBroken, match="cannot store TEXT value in INTEGER column"):
        shelf.sql("INSERT INTO outcomes VALUES (1, 'noon', 'c', 'o', 'm', 'l', 'g', 'ours', '')")


# ── uniqueness ──


@pytest.mark.parametrize(
    ("broken", "second"),
    [
        ("attempts.label", {"label": "gs1-1-1"}),
        ("attempts.session_id, attempts.number", {"number": 1}),
        ("attempts.token_hash", {"token_hash": "hash-1-1"}),
        ("attempts.session_id", BOUND),
    ],
)
def test_no_two_attempts_share_what_is_one_attempts_own(shelf, broken, second):
    put(shelf, a_session())
    owe(shelf, an_attempt(1, **BOUND))

    with pytest.raises(RuleBroken, match=f"UNIQUE constraint failed: {broken}$"):
        owe(shelf, an_attempt(2, **second))


def test_a_second_attempt_may_be_bound_once_the_first_is_closing(shelf):
    put(shelf, a_session())
    owe(shelf, an_attempt(1, **CLOSING), an_attempt(2, **BOUND))


def test_two_tokens_cannot_share_a_secret(shelf):
    row = "'admin', NULL, 'n', 'h', 1, NULL, NULL, NULL"

    with pytest.raises(RuleBroken, match=r"tokens\.secret_hash"):
        shelf.sql(f"INSERT INTO tokens VALUES ('t1', {row}), ('t2', {row})")  # noqa: S608


@pytest.mark.parametrize(
    "work",
    [
        lambda book: book.launches.add(an_attempt()),
        lambda book: book.costs.add([an_entry()]),
        lambda book: book.events.add(a_session().id, at=NOON, kind="k", actor="a", details={}),
    ],
)
def test_nothing_can_belong_to_a_session_that_is_not_there(shelf, work):
    with pytest.raises(RuleBroken, match="FOREIGN KEY"):
        shelf.write(work)


# ── guards: a write that must not happen ──

SETS = {
    State.PENDING: {},
    State.PROVISIONING: PROVISIONING,
    State.RUNNING: RUNNING,
    State.STOPPING: STOPPING,
    State.STOPPED: STOPPED,
    State.FAILED: arrange.FAILED,
}
ATTEMPT_SETS = {
    AttemptState.SENT: {},
    AttemptState.UNKNOWN: {"state": AttemptState.UNKNOWN},
    AttemptState.BOUND: BOUND,
    AttemptState.CLOSING: CLOSING,
    AttemptState.CLOSED: CLOSED,
    AttemptState.REJECTED: REJECTED,
}


def with_guard_alone(shelf, name):
    table = name.partition("_")[0]
    for guard in GUARDS:
        if guard.table == table and guard.name != name:
            shelf.sql(f"DROP TRIGGER {guard.name}")


def test_a_session_moves_as_the_table_says_and_no_other_way(shelf):
    with_guard_alone(shelf, "sessions_move")
    pairs = list(itertools.permutations(State, 2))
    said = {}
    for number, (before, after) in enumerate(pairs, 1):
        put(shelf, a_session(number, **SETS[before]))
        moved = a_session(number, **SETS[after])
        said[before, after] = shelf.refusal(lambda book, moved=moved: book.sessions.save(moved))

    legal = {(before, after) for (before, _), after in MOVES.items()}
    assert {
        pair: "" if pair in legal else "sessions: no such move of state" for pair in pairs
    } == said


def test_an_attempt_moves_as_its_table_says_and_no_other_way(shelf):
    with_guard_alone(shelf, "attempts_move")
    pairs = list(itertools.permutations(AttemptState, 2))
    said = {}
    for number, (before, after) in enumerate(pairs, 1):
        put(shelf, a_session(number))
        owe(shelf, an_attempt(1, number, **ATTEMPT_SETS[before]))
        moved = an_attempt(1, number, **ATTEMPT_SETS[after])
        said[before, after] = shelf.refusal(lambda book, moved=moved: book.launches.save(moved))

    assert {
        pair: "" if pair in ATTEMPT_MOVES else "attempts: no such move of state" for pair in pairs
    } == said


REFUSED = {
    "sessions_identity": "UPDATE sessions SET consumer_id = 'bob'",
    "sessions_reason": "UPDATE sessions SET stop_reason = 'idle'",
    "sessions_end": "UPDATE sessions SET stopped_at = stopped_at + 1",
    "sessions_epoch": "UPDATE sessions SET epoch = epoch - 1",
    "sessions_no_delete": "DELETE FROM sessions",
    "attempts_wanted": "UPDATE attempts SET wanted = 1 WHERE id = 'att_1_2'",
    "attempts_identity": "UPDATE attempts SET label = 'other' WHERE id = 'att_1_1'",
    "attempts_instance": "UPDATE attempts SET instance_id = 'i-2' WHERE id = 'att_1_1'",
    "attempts_no_delete": "DELETE FROM attempts",
    "events_gapless": "INSERT INTO events VALUES ('ses_0000000000000001', 3, 1, 'k', 'a', '{}')",
    "events_no_update": "UPDATE events SET actor = 'someone else'",
    "events_no_delete": "DELETE FROM events",
    "cost_entries_once": (
        "INSERT INTO cost_entries SELECT attempt_id, session_id, consumer_id, provider, gpu_type,"
        " begins_at + 1, ends_at + 1, rate, amount FROM cost_entries"
    ),
    "cost_entries_no_update": "UPDATE cost_entries SET amount = 0",
    "cost_entries_no_delete": "DELETE FROM cost_entries",
    "deployment_identity": "UPDATE deployment SET id = 'dep_other'",
    "deployment_no_delete": "DELETE FROM deployment",
}


@pytest.fixture
def full(shelf):
    put(shelf, a_session(epoch=3, **STOPPED))
    owe(shelf, an_attempt(1, **BOUND), an_attempt(2, **CLOSING))
    shelf.write(lambda book: book.costs.add([an_entry()]))
    shelf.write(
        lambda book: book.events.add(a_session().id, at=NOON, kind="k", actor="a", details={})
    )
    return shelf


@pytest.mark.parametrize(("guard", "statement"), REFUSED.items())
def test_a_guard_refuses_its_write(full, guard, statement):
    said = next(each.says for each in GUARDS if each.name == guard)

    with pytest.raises(RuleBroken, match=said):
        full.sql(statement)


def test_every_guard_has_been_tried():
    assert {guard.name for guard in GUARDS} == {*REFUSED, "sessions_move", "attempts_move"}


def test_an_instance_is_never_forgotten_not_even_after_its_end(full):
    full.sql("DROP TRIGGER attempts_move")

    with pytest.raises(RuleBroken, match="never exchanged or forgotten"):
        full.sql("UPDATE attempts SET instance_id = NULL WHERE id = 'att_1_2'")


def test_a_closed_attempt_may_be_reopened_for_another_instance_of_its_label(shelf):
    put(shelf, a_session())
    owe(shelf, an_attempt(1, **CLOSED))
    again = an_attempt(1, **CLOSING | {"instance_id": "i-9"})

    shelf.write(lambda book: book.launches.save(again))

    assert again == shelf.read(lambda book: book.launches.get(again.id))


def test_intervals_that_touch_are_not_charged_twice(full):
    after = an_entry(NOON + HOUR, NOON + HOUR + MINUTE)
    before = an_entry(NOON - HOUR, NOON)

    full.write(lambda book: book.costs.add([after, before]))


def test_the_same_entry_twice_is_refused_and_changes_nothing(full):
    fresh = an_entry(NOON + HOUR, NOON + 2 * HOUR)

    with pytest.raises(RuleBroken, match="charged once"):
        full.write(lambda book: book.costs.add([fresh, an_entry()]))

    assert [(1,)] == full.sql("SELECT count(*) FROM cost_entries")
