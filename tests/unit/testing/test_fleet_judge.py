"""That each check on a fleet can fail: one thing is wrong with what is judged, and it is said."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gpu_shopper.sandbox.misbehaviour import KINDS
from gpu_shopper.testing.fleet.__main__ import record_of, report
from gpu_shopper.testing.fleet.consumers import Demand
from gpu_shopper.testing.fleet.judge import PLANTED, Evidence, Outcome, judge, left_over
from gpu_shopper.testing.fleet.weather import WEATHERS
from gpu_shopper.testing.vendors.program import simulated

_HOUR_USD = 1_000_000
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def entry(name: str = "ours", **other: object) -> dict[str, object]:
    usual = {
        "id": f"i-{name}", "name": name, "alive": name == PLANTED, "status": "ended", "destroy_calls": 0,
        "price_per_hour_micros": 3600 * _HOUR_USD, "billed_micros": 200 * _HOUR_USD,
    }  # fmt: skip
    return usual | other


def attempt(**other: object) -> dict[str, object]:
    usual = {"session_id": "ses_1", "state": "closed", "accrued_to": 5, "billing_ended_at": 5}
    return usual | other


GOOD = Evidence(
    ledgers={"a": [entry(), entry(PLANTED)], "b": [entry(PLANTED)]},
    before={"a": {"volumes": 1, "ssh_keys": 1}, "b": {}},
    beside={"a": {"volumes": 1, "ssh_keys": 1}, "b": {}},
    wished=1,
    acknowledged=["ses_1"],
    states={"ses_1": "stopped"},
    attempts={"ours": attempt()},
    booked={"ours": 201 * _HOUR_USD},
    ends_with_order=frozenset({"a"}),
)


def verdict(found: Evidence) -> Outcome:
    outcome = Outcome()
    judge(found, outcome)
    return outcome


def ledger(**other: object) -> Callable[[Evidence], Evidence]:
    return lambda good: replace(
        good, ledgers=good.ledgers | {"a": [entry(**other), entry(PLANTED)]}
    )


def planted(**other: object) -> Callable[[Evidence], Evidence]:
    return lambda good: replace(good, ledgers=good.ledgers | {"b": [entry(PLANTED, **other)]})


def test_where_all_is_well_nothing_is_wrong() -> None:
    outcome = verdict(GOOD)

    assert outcome.wrong == []
    assert outcome.total.error == pytest.approx(0.005)
    assert outcome.total.most_off_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ledger(alive=True, status="running"), "a holds i-ours (ours), running"),
        (lambda good: replace(good, states={"ses_1": "running"}), "session ses_1 is running"),
        (lambda good: replace(good, attempts={"ours": attempt(state="closing")}), "ours is closing"),
        (planted(alive=False), "b: somebody else's instance was touched"),
        (planted(destroy_calls=1), "b: somebody else's instance was touched"),
        (lambda good: replace(good, ledgers=good.ledgers | {"b": []}), "b: nothing was planted there, so nothing is shown"),
        (lambda good: replace(good, beside=good.beside | {"a": {"volumes": 1}}), "a: somebody else's ssh_keys were touched"),
        (lambda good: replace(good, beside=good.beside | {"a": {"volumes": 3, "ssh_keys": 1}}), "a volumes: 2 left behind, and billed"),
        (lambda good: replace(good, attempts={}, booked={}), "a: i-ours (ours) is in no attempt"),
        (lambda good: replace(good, states={}), "session ses_1 was acknowledged, and is not in the book"),
        (lambda good: replace(good, wished=2), "only 1 of 2 sessions were asked for"),
        (lambda good: replace(good, attempts={"ours": attempt(billing_ended_at=None)}), "the bill of ours was never closed"),
        (lambda good: replace(good, running=frozenset({"i-ours"})), "a: i-ours still has processes"),
        (lambda good: replace(good, booked={"ours": 203 * _HOUR_USD}), "the bills are off by 1.50%"),
        (lambda good: replace(good, booked={"ours": 197 * _HOUR_USD}), "the bills are off by 1.50%"),
        (lambda good: replace(good, booked={"ours": 240 * _HOUR_USD}), "a: the bill of ours is off by +40 s of its price"),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_said(change: Callable[[Evidence], Evidence], said: str) -> None:
    assert said in verdict(change(GOOD)).wrong


def test_too_much_at_one_cloud_makes_up_for_nothing_at_another() -> None:
    two = replace(
        GOOD,
        ledgers={"a": [entry(), entry(PLANTED)], "b": [entry("other"), entry(PLANTED)]},
        attempts={"ours": attempt(), "other": attempt()},
        booked={"ours": 210 * _HOUR_USD, "other": 190 * _HOUR_USD},
    )

    outcome = verdict(two)

    assert outcome.total.error == pytest.approx(0.05)
    assert "the bills are off by 5.00%" in outcome.wrong


@pytest.mark.parametrize(
    ("booked", "wrong"),
    [
        (200, []),
        (260, []),
        (140, []),
        (261, []),
        (265, ["the bills are off by 2.50%"]),
        (291, ["the bills are off by 15.50%", "a: the bill of ours is off by +91 s of its price"]),
    ],
)
def test_one_step_that_a_cloud_bills_whole_is_nobodys_fault(booked: int, wrong: list[str]) -> None:
    outcome = verdict(replace(GOOD, steps_s={"a": 60.0}, booked={"ours": booked * _HOUR_USD}))

    assert wrong == outcome.wrong


def test_bills_are_also_added_up_by_whether_their_end_is_known() -> None:
    two = replace(
        GOOD,
        ledgers={"a": [entry(), entry(PLANTED)], "b": [entry("other"), entry(PLANTED)]},
        attempts={"ours": attempt(), "other": attempt()},
        booked={"ours": 200 * _HOUR_USD, "other": 203 * _HOUR_USD},
    )

    known, seen, total = verdict(two).sums

    assert (known.error, seen.error) == (0, pytest.approx(0.015))
    assert total.error == pytest.approx(0.0075)


def test_a_session_whose_order_is_still_looked_for_is_counted_and_not_waited_for() -> None:
    waiting = replace(
        GOOD,
        states={"ses_1": "stopped", "ses_2": "stopping"},
        attempts={
            "ours": attempt(),
            "never": attempt(session_id="ses_2", state="unknown", accrued_to=None),
        },
    )

    assert list(left_over(waiting)) == []
    assert verdict(waiting).owed == 1


def test_what_came_of_it_is_told_and_recorded() -> None:
    outcome = verdict(replace(GOOD, booked={}))

    told, row = "\n".join(report(outcome)), record_of(outcome, code="c0ffee", at=NOON)

    assert "with the order" in told
    assert "when it is seen" in told
    assert "100.00%" in told
    assert (row["code"], row["clouds"], row["bill_error"]) == ("c0ffee", 2, 1.0)
    assert row["wrong"] == len(outcome.wrong) > 0


def test_every_kind_of_weather_is_made_of_known_faults() -> None:
    kinds = [rule["kind"] for weather in WEATHERS for rule in weather]

    assert set(kinds) <= set(KINDS)
    assert len(set(kinds)) >= 15


def test_every_simulated_cloud_meets_every_weather_within_as_many_turns() -> None:
    clouds = len(simulated())

    for place in range(clouds):
        assert len({(place + number) % len(WEATHERS) for number in range(len(WEATHERS))}) == 5


@pytest.mark.parametrize(("sessions", "minutes"), [(100, 10.0), (12, 1.0), (3, 0.2)])
def test_there_are_consumers_enough_to_ask_for_all_sessions_in_time(
    sessions: int, minutes: float
) -> None:
    demand = Demand(sessions=sessions, minutes=minutes, seed=1)
    shortest, longest = demand.lasts_s

    assert 0 < shortest < longest <= min(360, minutes * 60)
    assert demand.at_once * minutes * 60 > sessions * (shortest + longest) / 2
