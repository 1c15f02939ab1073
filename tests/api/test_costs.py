"""Costs through the API: what is booked, and what has come up since."""

import pytest

from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import HourlyRate
from tests.api.house import CLOUD, a_house
from tests.api.rows import (
    HOUR,
    START,
    TIMES,
    a_running_session,
    a_session,
    an_attempt,
    book_hours,
    put,
)
from tests.unit.stores.arrange import CLOSED, REJECTED, STOPPED

COSTS = "/api/v1/costs"


def two_sessions_of_two_consumers():
    """Alice's at 0.44 an hour, two hours of it booked, and Bob's with nothing booked; three hours have gone by."""
    house = a_house()
    of_alice = a_session(1, state=State.RUNNING, launch=1, running_at=START)
    attempt = an_attempt(of_alice)
    put(house, of_alice, attempt)
    book_hours(house, attempt, hours=2)
    a_running_session(house, 2, consumer="bob")
    house.clock.forward(hours=3)
    return house


def test_a_session_costs_what_is_booked_and_what_has_come_up_since() -> None:
    house = two_sessions_of_two_consumers()
    listed = house.browser().get("/api/v1/sessions").json["sessions"]

    costs = [house.browser().get(f"{COSTS}?session_id={one['id']}").json for one in listed]

    assert [1.32, 1.32] == [cost["total_cost"] for cost in costs]
    assert [1.32, 1.32] == [one["cost_so_far"] for one in listed]
    assert [False, False] == [cost["settled"] for cost in costs]


def test_a_month_is_summed_by_everything() -> None:
    summary = two_sessions_of_two_consumers().browser().get(f"{COSTS}/summary").json

    assert (2.64, 2, 6.0, "USD") == (
        summary["total_cost"], summary["session_count"], summary["hours_used"], summary["currency"],
    )  # fmt: skip
    assert {CLOUD: 2.64} == summary["by_provider"]
    assert {"RTX 4090": 2.64} == summary["by_gpu_type"]
    assert {"alice": 1.32, "bob": 1.32} == summary["by_consumer"]
    assert {"2026-03-14": 2.64} == summary["by_day"]
    assert "2026-03-01T00:00:00Z" == summary["period_start"]


def test_a_consumer_sees_its_own_costs_only() -> None:
    house = two_sessions_of_two_consumers()
    bob = house.browser(house.token("bob"))

    assert {"bob": 1.32} == bob.get(f"{COSTS}/summary").json["by_consumer"]
    assert {"bob": 1.32} == bob.get(COSTS).json["by_consumer"]
    assert 0 == bob.get(f"{COSTS}?consumer_id=alice").json["total_cost"]
    assert {"bob"} == {r["consumer_id"] for r in bob.get(f"{COSTS}/hourly").json["records"]}


def test_hourly_records_add_up_to_the_sum_and_pages_lose_nothing() -> None:
    browser = two_sessions_of_two_consumers().browser()
    records, cursor = [], ""
    while cursor is not None:
        page = browser.get(f"{COSTS}/hourly?limit=3{cursor and '&cursor=' + cursor}").json
        records += page["records"]
        cursor = page["next_cursor"]

    assert 2.64 == pytest.approx(sum(record["cost"] for record in records))
    # From half past nine to half past twelve: four hours are touched, by each of the two.
    assert 8 == len(records)
    assert sorted(record["hour"] for record in records) == [record["hour"] for record in records]


def test_hourly_records_can_be_narrowed() -> None:
    browser = two_sessions_of_two_consumers().browser()

    assert 4 == browser.get(f"{COSTS}/hourly?consumer_id=bob").json["count"]
    assert 0 == browser.get(f"{COSTS}/hourly?gpu_type=H100").json["count"]
    assert 0 == browser.get(f"{COSTS}/hourly?provider=nimbus").json["count"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 2.64),
        ("period=daily", 2.64),
        ("period=monthly", 2.64),
        ("period=daily&start_date=2026-03-13", 0),
        ("period=monthly&start_date=2026-02-10", 0),
        ("start_date=2026-03-14&end_date=2026-03-14", 2.64),
        ("start_date=2026-03-14T11:00:00Z", 1.32),
        ("start_date=2026-03-14T10:00:00Z&end_date=2026-03-14T12:00:00Z", 1.76),
        ("start_date=2026-03-14T12:00:00%2B02:00&end_date=2026-03-14T12:00:00Z", 1.76),
        ("end_date=2026-03-14", 2.64),
        ("end_date=2026-03-13", 0),
        ("start_date=2026-04-01", 0),
    ],
)
def test_a_period_can_be_named_or_given_by_dates(query: str, expected: float) -> None:
    answer = two_sessions_of_two_consumers().browser().get(f"{COSTS}?{query}")

    assert (200, expected) == (answer.status, answer.json["total_cost"])


def test_what_never_bought_anything_costs_nothing_and_is_settled() -> None:
    house = a_house()
    session = a_session(**STOPPED)
    unbought = {"instance_id": None, "billed_from": None, "rate_since": None, "accrued_to": None}
    put(house, session, an_attempt(session, **REJECTED, **unbought))
    house.clock.forward(hours=1)

    cost = house.browser().get(f"{COSTS}?session_id={session.id}").json

    assert (0, True) == (cost["total_cost"], cost["settled"])


def test_after_the_end_a_cost_grows_no_more() -> None:
    house = a_house()
    session = a_session(**STOPPED)
    put(house, session, an_attempt(session, **CLOSED | TIMES | {"billing_ended_at": START + HOUR}))
    house.clock.forward(hours=5)

    cost = house.browser().get(f"{COSTS}?session_id={session.id}").json

    assert (0.44, True) == (cost["total_cost"], cost["settled"])


def test_each_attempt_of_a_session_counts() -> None:
    house = a_house()
    session = a_session(state=State.PROVISIONING, launch=2)
    dearer = an_attempt(session, 2, rate=HourlyRate(1_000_000))
    given_up = an_attempt(session, wanted=False, state=AttemptState.CLOSING, closing_since=START)
    put(house, session, given_up, dearer)
    house.clock.forward(hours=1)

    assert 1.44 == house.browser().get(f"{COSTS}?session_id={session.id}").json["total_cost"]
    assert 1.44 == house.browser().get(COSTS).json["total_cost"]


def test_the_sum_does_not_change_when_what_came_up_is_booked() -> None:
    house = a_house()
    session = a_session(state=State.RUNNING, launch=1, running_at=START)
    attempt = an_attempt(session, rate=HourlyRate(333_333))
    put(house, session, attempt)
    house.clock.forward(minutes=179, seconds=7)
    before = house.browser().get(COSTS).json

    book_hours(house, attempt, hours=2)

    assert before == house.browser().get(COSTS).json
