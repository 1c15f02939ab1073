"""A cloud that lies, loses and dawdles, each way by itself and in mixes, against the real server.

One rule at a time is put into force and strikes one fresh session; those struck before go on beside it. `never_boot` is let
run into its deadline, and an order that was lost on its way is let run into its five minutes, only in virtual time: the
simulator does that in each of its worlds.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from gpu_shopper.testing.programs import until
from tests.e2e.rig import Rig

Rule = dict[str, Any]


def a_rule(kind: str, *operations: str, count: int | None = 1, **params: Any) -> Rule:
    rule: Rule = {"kind": kind, "count": count, "params": params}
    return rule | ({"operations": list(operations)} if operations else {})


FOUND_BY_ITS_LABEL = (
    a_rule("answer_late", "create", seconds=2),
    a_rule("lose_create_reply"),
    a_rule("create_then_500"),
    a_rule("create_late", seconds=3, answer="504"),
    a_rule("create_late", seconds=3, answer="cut"),
)
BOUGHT_ELSEWHERE = (
    a_rule("rate_limited", "create", retry_after=1),
    a_rule("no_capacity"),
    a_rule("wrong_gpu", admits=True),
    a_rule("wrong_gpu", admits=False),
    a_rule("wrong_gpu", gpu_count=4, admits=False),
    a_rule("wrong_price", factor=100, admits=True),
    a_rule("boot_fails"),
)
LOST_ON_ITS_WAY = (
    a_rule("lose_request", "create"),
    a_rule("down", "create"),
    a_rule("html_error", "create"),
)
ENDS = (
    a_rule("lose_request", "destroy"),
    a_rule("answer_late", "destroy", seconds=2),
    a_rule("rate_limited", "destroy", retry_after=1),
    a_rule("down", "destroy"),
    a_rule("html_error", "destroy"),
    a_rule("ignore_destroy"),
    a_rule("stop_instead_of_destroy"),
    a_rule("slow_destroy", seconds=3),
    a_rule("lose_destroy_reply"),
)
VIEWS = (
    a_rule("list_lag", count=None, seconds=4),
    a_rule("list_cut", count=None, share=0.7),
    a_rule("list_empty", count=None),
    a_rule("get_false_404", count=None),
    a_rule("down", "list", "get", count=None),
    a_rule("html_error", "list", "get", count=None),
    a_rule("lose_request", "list", "get", count=None),
    a_rule("answer_late", "list", "get", count=None, seconds=1),
    a_rule("rate_limited", "list", "get", count=None, retry_after=1),
)


def strike(rig: Rig, rule: Rule) -> str:
    """Order a session and let one rule strike it."""
    rig.cloud.misbehave(rule)
    session = rig.create(**rig.own_offer())
    until(f"{rule['kind']} has struck", lambda: rig.cloud.struck()[rule["kind"]] >= 1)
    return session


def test_orders_whose_answer_is_lost_late_or_wrong_are_found_or_made_elsewhere(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path, sweep_period_s="1") as rig:
        # Looked for until it is given up, ordered elsewhere, and only then bought after all; the others go on beside it.
        late = strike(rig, a_rule("create_late", seconds=36))
        found = [strike(rig, rule) for rule in FOUND_BY_ITS_LABEL]
        assert [1] * len(found) == [len(rig.running(session)["attempts"]) for session in found]
        elsewhere = []
        for rule in BOUGHT_ELSEWHERE:
            elsewhere.append(strike(rig, rule))
            # Where several are refused the same offer there are more.
            assert len(rig.running(elsewhere[-1])["attempts"]) >= 2, rule
        rig.cloud.misbehave()

        assert len(rig.running(late, within_s=45)["attempts"]) >= 2
        label = "SELECT label FROM attempts WHERE session_id = ? AND number = 1"
        (row,) = rig.book(label, late)
        until("the late one came", lambda: row["label"] in labels(rig.cloud.ledger()))
        until("the late one is gone", lambda: row["label"] not in labels(rig.cloud.alive()))
        sessions = [late, *found, *elsewhere]
        until("what was wrong is gone", lambda: len(rig.cloud.alive()) == len(sessions))
        rig.judge_entitled()
        for session in sessions:
            rig.end(session)
        assert {"stopped"} == {rig.ended(session)["status"] for session in sessions}
        rig.judge_rest(apart_s=4)


def labels(entries: list[dict[str, Any]]) -> set[str]:
    return {entry["name"] for entry in entries}


def test_an_order_lost_on_its_way_costs_nothing_and_stays_owed(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        sessions = [strike(rig, rule) for rule in LOST_ON_ITS_WAY]
        rig.cloud.misbehave()
        for session in sessions:
            rig.end(session)

        until("it is looked for", lambda: rig.book("SELECT 1 FROM attempts WHERE looks > 0"))
        assert {"stopping"} == {rig.show(session)["status"] for session in sessions}
        assert [] == rig.cloud.ledger()
        owed = "SELECT 1 FROM attempts WHERE state = 'unknown' AND next_action_at IS NOT NULL"
        assert len(sessions) == len(rig.book(owed))


def test_an_order_that_is_answered_after_its_session_was_ended_is_undone(tmp_path: Path) -> None:
    with Rig(tmp_path, sweep_period_s="1") as rig:
        session = strike(rig, a_rule("create_late", seconds=3))
        rig.end(session)
        assert [] == rig.cloud.ledger()

        assert "stopped" == rig.ended(session)["status"]
        assert 1 == len(rig.cloud.ledger())
        rig.judge_rest()


def test_an_instance_that_never_boots_can_be_ended(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        session = strike(rig, a_rule("never_boot"))
        until("it is bought", lambda: rig.show(session)["phase"] != "ordering")
        rig.end(session)

        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()


def test_an_instance_that_is_taken_away_ends_its_session(tmp_path: Path) -> None:
    with Rig(tmp_path, silence_minutes="0.07", sweep_period_s="1") as rig:
        session = strike(rig, a_rule("preempt", seconds=3))
        rig.running(session)

        ended = rig.ended(session)
        assert "failed" == ended["status"]
        assert ended["error"]
        # Nobody tells when it was taken; it was heard from until then.
        rig.judge_rest(apart_s=6)


def test_an_end_that_is_ignored_lost_or_slow_is_asked_for_until_it_is_proved(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path) as rig:
        sessions = [rig.create(**rig.own_offer()) for _ in ENDS]
        for session in sessions:
            rig.running(session)
        for session, rule in zip(sessions, ENDS, strict=True):
            rig.cloud.misbehave(rule)
            rig.end(session)
            until(f"{rule['kind']} has struck", lambda: 1 in rig.cloud.struck().values())
        rig.cloud.misbehave()

        assert {"stopped"} == {rig.ended(session)["status"] for session in sessions}
        # A stopped one costs a tenth, which its price does not tell.
        rig.judge_rest(apart_s=6)


def test_a_false_view_of_what_is_there_kills_nobody_and_leaks_nothing(tmp_path: Path) -> None:
    with Rig(tmp_path, sweep_period_s="1") as rig:
        keepers = [rig.create(**rig.own_offer()) for _ in range(2)]
        for session in keepers:
            rig.running(session)
        ending = rig.create(**rig.own_offer())
        rig.running(ending)
        passing = []
        for rule in VIEWS:
            rig.cloud.misbehave(rule)
            passing.append(rig.create(**rig.own_offer()))
            rig.end(ending)
            until(f"{rule['kind']} strikes", lambda: min(rig.cloud.struck().values()) >= 1)
            rig.cloud.misbehave()
            ending = passing[-1]
            rig.running(ending)

        assert ["running", "running"] == [rig.show(session)["status"] for session in keepers]
        for session in keepers + passing:
            rig.end(session)
        assert {"stopped"} == {rig.ended(session)["status"] for session in keepers + passing}
        rig.judge_rest(apart_s=10)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_mix_ends_well_too(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    usual = [*FOUND_BY_ITS_LABEL, *BOUGHT_ELSEWHERE, *ENDS, *VIEWS]
    rules = [
        {**rule, "count": None, "rate": chance.uniform(0.1, 0.4)}
        for rule in chance.sample(usual, 8)
    ]
    with Rig(tmp_path, sweep_period_s="1") as rig:
        rig.cloud.misbehave(*rules)
        sessions = [rig.create(**rig.own_offer()) for _ in range(4)]
        for session in sessions[:2]:
            rig.over_or_running(session, within_s=60)
            rig.ask("DELETE", f"/sessions/{session}")
        rig.cloud.misbehave()
        for session in sessions:
            rig.ask("DELETE", f"/sessions/{session}")

        for session in sessions:
            ended = rig.ended(session, within_s=60)
            assert ended["status"] == "stopped" or ended["error"], ended
        # Among lies about what is there, an end is known only to within the time between two true answers.
        rig.judge_rest(apart_s=10, blind_s=20)
