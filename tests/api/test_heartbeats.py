"""Where agents report."""

import json

import pytest

from gpu_shopper.domain.label import Label
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.wire.agent import GpuReading, Heartbeat, Orders, Workload
from tests.api.asgi import Answer
from tests.api.house import a_house
from tests.api.rows import START, a_session, an_attempt, put

HEARTBEAT = "/api/v1/agent/heartbeat"
LABEL = Label("gs1-aaaa")


def a_heartbeat(**changed) -> Heartbeat:
    gpu = GpuReading("NVIDIA GeForce RTX 4090", 24564, "GPU-1", 0.0, 0)
    facts = {
        "label": LABEL,
        "boot_id": "boot-1",
        "counter": 8,
        "agent_version": "1.0",
        "sent_at": "2026-03-14T09:30:00Z",
        "gpus": (gpu, gpu),
        "gpu_error": None,
        "driver_version": "550.1",
        "cuda_version": "12.4",
        "disk_total_gb": 100.0,
        "disk_free_gb": 50.0,
        "ram_total_gb": 64.0,
        "cpu_count": 8,
        "idle_seconds": 0.0,
        "ssh_sessions": 0,
        "uptime_seconds": 60.0,
        "host_key": None,
        "workload": Workload("none"),
    }
    return Heartbeat(**facts | changed)


def a_node():
    house = a_house()
    token = house.vault.agent_token(LABEL)
    session = a_session(state=State.PROVISIONING, launch=1)
    attempt = an_attempt(
        session,
        heard=None,
        state=AttemptState.BOUND,
    )
    changed = {"label": LABEL, "token_hash": house.vault.hash_token(token.text)}
    fields = {name: getattr(attempt, name) for name in attempt.__slots__} | changed
    put(house, session, attempt.__class__(**fields))
    return house, token.text, session.id


def beat(house, token: str, heartbeat: Heartbeat) -> Answer:
    return house.browser(token, peer="192.0.2.7").post(HEARTBEAT, heartbeat.to_json().encode())


def test_a_heartbeat_is_answered_with_orders_and_makes_the_session_running() -> None:
    house, token, found = a_node()

    answer = beat(house, token, a_heartbeat())

    assert 200 == answer.status, answer.body
    assert "continue" == Orders.from_json(answer.body).order
    shown = house.browser().get(f"/api/v1/sessions/{found}").json
    assert ("running", "2026-03-14T09:30:00Z") == (shown["status"], shown["last_heartbeat_at"])


def test_the_same_heartbeat_twice_is_refused() -> None:
    house, token, _ = a_node()
    beat(house, token, a_heartbeat())

    answer = beat(house, token, a_heartbeat())

    assert (409, "replayed") == (answer.status, answer.json["code"])


def test_a_token_that_is_no_nodes_is_refused() -> None:
    house, _, _ = a_node()

    for token in ("cgs_agt_nope", house.token()):
        assert 401 == beat(house, token, a_heartbeat()).status


def test_a_token_of_another_node_is_refused() -> None:
    house, token, _ = a_node()

    assert 401 == beat(house, token, a_heartbeat(label="gs1-bbbb")).status


def test_an_agents_token_opens_nothing_else() -> None:
    house, token, _ = a_node()

    assert 401 == house.browser(token).get("/api/v1/sessions").status


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"counter": 0}, "$.counter"),
        ({"colour": "red"}, "$.colour"),
        ({"gpus": [{}]}, "$.gpus[0].name"),
        ({"idle_seconds": -1}, "$.idle_seconds"),
        ({"protocol": 2}, "$.protocol"),
    ],
)
def test_a_heartbeat_with_a_wrong_field_is_refused_with_its_path(changed: dict, path: str) -> None:
    house, token, _ = a_node()
    body = json.loads(a_heartbeat().to_json()) | changed

    answer = house.browser(token).post(HEARTBEAT, body)

    assert (400, [path]) == (answer.status, [wrong["path"] for wrong in answer.json["errors"]])


def test_a_heartbeat_may_be_as_long_as_any_body_and_no_longer() -> None:
    house, token, _ = a_node()

    assert 413 == house.browser(token).post(HEARTBEAT, b" " * 70_000).status
    assert START == house.clock.now()
