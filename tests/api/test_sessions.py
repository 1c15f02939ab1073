"""Sessions through the API: asked for, seen, prolonged and ended."""

import asyncio

import msgspec
import pytest

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.launch import AttemptState, Proof
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.testing.builders import heard
from tests.api.house import CLOUD, ORDER, a_house, an_offer
from tests.api.rows import HOUR, START, a_running_session, a_session, an_attempt, put, session_id
from tests.unit.stores.arrange import CLOSED, REJECTED, STOPPED, STOPPING

SESSIONS = "/api/v1/sessions"
PUBLIC_KEY = "ssh-ed25519 " + "A" * 68 + " me@example"


def test_a_request_is_answered_at_once_with_the_session_and_where_it_is() -> None:
    house = a_house()

    answer = house.browser().post(SESSIONS, ORDER)

    session = answer.json["session"]
    assert (201, "pending") == (answer.status, session["status"])
    assert f"{SESSIONS}/{session['id']}" == answer.headers["location"]
    assert session == house.browser().get(answer.headers["location"]).json
    assert 1 == house.wakeup.hints


def test_a_private_key_is_in_the_reply_only_where_we_made_the_pair() -> None:
    house = a_house()

    ours = house.browser().post(SESSIONS, ORDER)
    theirs = house.browser().post(SESSIONS, ORDER | {"ssh_public_key": PUBLIC_KEY})

    assert "OPENSSH PRIVATE KEY" in ours.json["ssh_private_key"]
    assert "ssh_private_key" not in theirs.json
    assert "no-store" == ours.headers["cache-control"]


def test_an_offer_may_be_named() -> None:
    order = {name: ORDER[name] for name in ORDER if name != "requirements"}

    answer = a_house().browser().post(SESSIONS, order | {"offer_id": f"{CLOUD}:2"})

    assert (201, f"{CLOUD}:2") == (answer.status, answer.json["session"]["offer_id"])


def test_the_same_key_and_body_give_the_same_session_and_key_again() -> None:
    house = a_house()
    first = house.browser().post(SESSIONS, ORDER, Idempotency_Key="k1")
    # Written otherwise, and meaning the same.
    again = dict(reversed(ORDER.items())) | {"auto_retry": True}

    second = house.browser().post(SESSIONS, again, Idempotency_Key="k1")

    assert (201, first.json) == (second.status, second.json)
    assert "true" == second.headers["idempotency-replayed"]


def test_the_private_key_can_be_read_again_for_ten_minutes() -> None:
    house = a_house()
    house.browser().post(SESSIONS, ORDER, Idempotency_Key="k1")
    house.clock.forward(minutes=10)

    late = house.browser().post(SESSIONS, ORDER, Idempotency_Key="k1")

    assert (201, False) == (late.status, "ssh_private_key" in late.json)


def test_the_same_key_with_another_body_is_refused() -> None:
    house = a_house()
    first = house.browser().post(SESSIONS, ORDER, Idempotency_Key="k1")

    answer = house.browser().post(SESSIONS, ORDER | {"reservation_hours": 3}, Idempotency_Key="k1")

    assert (422, "idempotency_key_reused") == (answer.status, answer.json["code"])
    assert first.json["session"]["id"] == answer.json["session_id"]


def test_two_identical_requests_at_once_make_one_session() -> None:
    house = a_house()

    async def both() -> list:
        sent = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
        body = msgspec.json.encode(ORDER)
        browser = house.browser()
        calls = (browser.call("POST", SESSIONS, body=body, headers=sent) for _ in range(2))
        return await asyncio.gather(*calls)

    first, second = asyncio.run(both())

    assert first.json == second.json
    assert 1 == house.browser().get(SESSIONS).json["count"]


def test_a_key_belongs_to_its_consumer() -> None:
    house = a_house()
    first = house.browser().post(SESSIONS, ORDER, Idempotency_Key="k1")

    other = house.browser().post(SESSIONS, ORDER | {"consumer_id": "bob"}, Idempotency_Key="k1")

    assert 201 == other.status
    assert first.json["session"]["id"] != other.json["session"]["id"]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"requirements": None, "offer_id": "cumulus:99"}, 503, "offer_unavailable"),
        ({"requirements": {"gpu_types": ["A100"]}}, 503, "no_offer"),
        ({"requirements": None, "offer_id": "cumulus:1", "max_price_per_hour": 0.1}, 422, "price_above_cap"),
        ({"storage_policy": "preserve"}, 422, "unsupported"),
        ({"launch_mode": "entrypoint"}, 422, "unsupported"),
        ({"requirements": None, "offer_id": "cumulus:1", "disk_gb": 5000}, 422, "unsupported"),
    ],
)  # fmt: skip
def test_what_cannot_be_bought_is_refused_before_anything_is_written(changed, status, code) -> None:
    house = a_house()

    answer = house.browser().post(SESSIONS, ORDER | changed)

    assert (status, code) == (answer.status, answer.json["code"])
    assert (status == 503) == ("retry-after" in answer.headers)
    assert 0 == house.browser().get(SESSIONS).json["count"]


def test_an_offer_that_is_gone_is_called_stale_inventory() -> None:
    order = ORDER | {"requirements": None, "offer_id": "cumulus:99"}

    answer = a_house().browser().post(SESSIONS, order)

    assert ("stale_inventory", True) == (answer.json["error_type"], answer.json["retryable"])


def test_before_any_cloud_has_answered_nothing_can_be_asked_for() -> None:
    answer = a_house(listed=False).browser().post(SESSIONS, ORDER)

    assert (503, "inventory_not_ready") == (answer.status, answer.json["code"])


def test_a_list_is_newest_first_and_pages_lose_and_repeat_nothing() -> None:
    house = a_house()
    made = []
    for number in range(7):
        made.append(put(house, a_session(number)))
        # Two of each moment, so that the order also rests on the id.
        house.clock.forward(minutes=number % 2)
    seen, cursor = [], ""
    while cursor is not None:
        page = house.browser().get(f"{SESSIONS}?limit=3{cursor and '&cursor=' + cursor}").json
        seen += [session["id"] for session in page["sessions"]]
        cursor = page["next_cursor"]

    assert sorted(made) == sorted(seen)
    assert len(seen) == len(set(seen))


def test_a_list_can_be_narrowed() -> None:
    house = a_house()
    mine, over = a_session(1), a_session(2, **STOPPED)
    put(house, mine)
    put(house, over)
    put(house, a_session(3, consumer="bob"))
    browser = house.browser()

    def ids(query: str) -> set[str]:
        return {session["id"] for session in browser.get(f"{SESSIONS}?{query}").json["sessions"]}

    assert {mine.id, over.id} == ids("consumer_id=alice")
    assert {over.id} == ids("status=stopped")
    assert {over.id} == ids("status=stopped&status=failed&consumer_id=alice")
    assert set() == ids("provider=nimbus")


def test_a_consumer_sees_its_own_whatever_it_asks_for() -> None:
    house = a_house()
    put(house, a_session(1))
    put(house, a_session(2, consumer="bob"))
    alice = house.browser(house.token("alice"))

    def consumers(query: str) -> list[str]:
        sessions = alice.get(f"{SESSIONS}{query}").json["sessions"]
        return [session["consumer_id"] for session in sessions]

    assert ["alice"] == consumers("")
    assert ["alice"] == consumers("?consumer_id=alice")
    assert [] == consumers("?consumer_id=bob")


def test_a_running_session_shows_how_to_reach_it_and_what_it_costs_by_now() -> None:
    house = a_house()
    found = a_running_session(house)
    house.clock.forward(minutes=90)

    session = house.browser().get(f"{SESSIONS}/{found}").json

    assert ("running", "running") == (session["status"], session["phase"])
    assert ("10.0.0.1", 2222, "root") == (
        session["ssh_host"], session["ssh_port"], session["ssh_user"],
    )  # fmt: skip
    assert "ssh-ed25519 CCCC" == session["host_key"]
    assert 0.66 == session["cost_so_far"]
    assert "2026-03-14T11:30:00Z" == session["expires_at"]
    assert [("bound", None)] == [(a["state"], a["error"]) for a in session["attempts"]]


def test_what_an_expiry_promises_is_never_later_than_the_label_of_the_instance() -> None:
    house = a_house()
    session = a_session(state=State.RUNNING, launch=1, running_at=START)
    put(house, session, an_attempt(session, expires_at=START + HOUR))

    shown = house.browser().get(f"{SESSIONS}/{session.id}").json

    assert "2026-03-14T10:30:00Z" == shown["expires_at"]


def test_an_ended_session_no_longer_shows_an_address() -> None:
    house = a_house()
    session = a_session(**STOPPED)
    put(house, session, an_attempt(session, **CLOSED))

    shown = house.browser().get(f"{SESSIONS}/{session.id}").json

    assert (None, "proved absent", "proved") == (
        shown["ssh_host"], shown["phase"], shown["attempts"][0]["proof"],
    )  # fmt: skip


def test_done_is_said_once() -> None:
    house = a_house()
    found = a_running_session(house)

    first = house.browser().post(f"{SESSIONS}/{found}/done")
    second = house.browser().post(f"{SESSIONS}/{found}/done")

    assert (200, "stopping", "done") == (
        first.status, first.json["session"]["status"], first.json["session"]["stop_reason"],
    )  # fmt: skip
    assert (409, "already_ended", found) == (
        second.status, second.json["code"], second.json["session_id"],
    )  # fmt: skip


def test_delete_may_be_said_again_and_shows_the_true_state() -> None:
    house = a_house()
    found = a_running_session(house)

    answers = [house.browser().delete(f"{SESSIONS}/{found}") for _ in range(3)]

    assert [(200, "stopping")] * 3 == [(a.status, a.json["session"]["status"]) for a in answers]
    assert "cancelled" == answers[0].json["session"]["stop_reason"]


def test_delete_during_the_create_ends_it() -> None:
    house = a_house()
    session = a_session(state=State.PROVISIONING, launch=1)
    attempt = an_attempt(session, state=AttemptState.SENT, instance_id=None)
    put(house, session, attempt)

    answer = house.browser().delete(f"{SESSIONS}/{session.id}")

    assert ("stopping", "looking for the instance") == (
        answer.json["session"]["status"], answer.json["session"]["phase"],
    )  # fmt: skip


def test_a_reservation_can_be_prolonged_up_to_the_hard_maximum() -> None:
    house = a_house()
    found = a_running_session(house)
    where = f"{SESSIONS}/{found}/extend"

    more = house.browser().post(where, {"additional_hours": 10})
    too_much = house.browser().post(where, {"additional_hours": 1})

    assert (200, "2026-03-14T21:30:00Z") == (more.status, more.json["new_expires_at"])
    assert (400, "past_hard_max") == (too_much.status, too_much.json["code"])


def test_only_an_operator_goes_past_the_hard_maximum() -> None:
    house = a_house()
    found = a_running_session(house)
    order = {"additional_hours": 11, "override_hard_max": True}

    by_consumer = house.browser(house.token("alice")).post(f"{SESSIONS}/{found}/extend", order)
    by_operator = house.browser(house.token()).post(f"{SESSIONS}/{found}/extend", order)

    assert (403, 200) == (by_consumer.status, by_operator.status)


def test_after_the_end_nothing_is_prolonged() -> None:
    house = a_house()
    put(house, a_session(**STOPPED))

    answer = house.browser().post(f"{SESSIONS}/{session_id(1)}/extend", {"additional_hours": 1})

    assert (409, "already_ended") == (answer.status, answer.json["code"])


@pytest.mark.parametrize(
    "name", ["ses_aaaaaaaaaaaaaaaa", "ses_short", "x", "att_aaaaaaaaaaaaaaaa", "%00", "a" * 500]
)
def test_an_unknown_id_is_not_found_anywhere(name: str) -> None:
    browser = a_house().browser()
    answers = [
        browser.get(f"{SESSIONS}/{name}"),
        browser.delete(f"{SESSIONS}/{name}"),
        browser.post(f"{SESSIONS}/{name}/done"),
        browser.post(f"{SESSIONS}/{name}/extend", {"additional_hours": 1}),
        browser.get(f"{SESSIONS}/{name}/events"),
        browser.get(f"{SESSIONS}/{name}/diagnostics"),
        browser.get(f"/api/v1/costs?session_id={name[:100]}"),
    ]

    assert [(404, "not_found")] * 7 == [(a.status, a.json["code"]) for a in answers]


def test_another_consumers_session_looks_exactly_like_none() -> None:
    house = a_house()
    found = a_running_session(house)
    bob = house.browser(house.token("bob"))

    foreign, none = bob.get(f"{SESSIONS}/{found}").json, bob.get(f"{SESSIONS}/{session_id(9)}").json

    def without_ids(problem: dict) -> dict:
        text = {"detail", "error", "instance", "request_id"}
        return {name: value for name, value in problem.items() if name not in text}

    assert without_ids(none) == without_ids(foreign)
    assert none["detail"] == foreign["detail"].replace(found, session_id(9))


def test_a_history_is_told_in_pages() -> None:
    house = a_house()
    found = a_running_session(house)
    house.browser().post(f"{SESSIONS}/{found}/extend", {"additional_hours": 1})
    house.browser().post(f"{SESSIONS}/{found}/done")

    first = house.browser().get(f"{SESSIONS}/{found}/events?limit=2").json
    second = house.browser().get(f"{SESSIONS}/{found}/events?cursor={first['next_cursor']}").json

    events = first["events"] + second["events"]
    assert list(range(1, len(events) + 1)) == [event["sequence"] for event in events]
    assert ("requested", "extended") == tuple(event["kind"] for event in first["events"])
    assert None is second["next_cursor"]


def test_diagnostics_tell_what_is_known_and_no_secret() -> None:
    house = a_house()
    found = a_running_session(house)

    answer = house.browser().get(f"{SESSIONS}/{found}/diagnostics")

    (attempt,) = answer.json["attempts"]
    assert ("i-1", "7", "yes") == (
        attempt["instance_id"], attempt["heard_counter"], attempt["gpu_as_sold"],
    )  # fmt: skip
    assert answer.json["deadline_reason"] in {"silent", "expired"}
    assert b"hash-" not in answer.body


def test_each_step_of_a_life_has_its_phase() -> None:
    house = a_house()
    provisioning = {"state": State.PROVISIONING, "launch": 1}
    ending = {"wanted": False, "state": AttemptState.CLOSING, "closing_since": START}
    cases = [
        ("choosing an offer", a_session(1), None),
        ("waiting for the cloud's answer", a_session(2, **provisioning), {"state": AttemptState.SENT, "instance_id": None}),
        ("looking for the instance", a_session(3, **provisioning), {"state": AttemptState.UNKNOWN, "instance_id": None}),
        ("booting", a_session(4, **provisioning), {"heard": None, "endpoint": None}),
        ("waiting for the node", a_session(5, **provisioning), {"heard": None}),
        ("waiting for SSH", a_session(13, **provisioning), {"heard": None, "agent_way": AgentWay.OVER_SSH}),
        ("bringing the agent", a_session(14, **provisioning), {"heard": None, "agent_way": AgentWay.LOGGED_IN}),
        ("waiting for the GPU driver", a_session(15, **provisioning), {"heard": heard(as_sold=False)}),
        ("checking the node", a_session(6, **provisioning), {"agent_way": AgentWay.LOGGED_IN}),
        ("asking for the end", a_session(7, **STOPPING), ending | {"destroy_answered_at": None}),
        ("proving absence", a_session(8, **STOPPING), ending),
        ("settling", a_session(9, **STOPPING), None),
        ("nothing was bought", a_session(10, **STOPPED), REJECTED | {"instance_id": None}),
        ("presumed absent", a_session(11, **STOPPED), REJECTED | {"instance_id": None, "state": AttemptState.CLOSED, "proof": Proof.PRESUMED}),
        ("asking for the end", a_session(12, **STOPPED | {"stop_reason": StopReason.IDLE}), ending | {"destroy_answered_at": None}),
    ]  # fmt: skip
    for _, session, changed in cases:
        put(house, session, *([] if changed is None else [an_attempt(session, **changed)]))

    shown = [house.browser().get(f"{SESSIONS}/{session.id}").json for _, session, _ in cases]

    assert [phase for phase, _, _ in cases] == [session["phase"] for session in shown]


def test_a_dearer_market_changes_nothing_for_a_session_that_was_written() -> None:
    house = a_house()
    found = house.session()
    house.market.replace(CLOUD, [an_offer(1, price=an_offer().price)], START)

    assert 200 == house.browser(house.token()).get(f"{SESSIONS}/{found}").status
