"""The bodies between agent and control plane: what is written is read back, all else is refused with its path."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.agent.config import AgentConfig, EndByCommand, EndByRequest
from gpu_shopper.wire.agent import BodyError, GpuReading, Heartbeat, Orders, Workload
from gpu_shopper.wire.heartbeats import read_heartbeat

HEARTBEAT = Heartbeat(
    label="gs-abc-1",
    boot_id="b-1",
    counter=7,
    agent_version="0.1.0",
    sent_at="2030-01-01T00:00:00Z",
    gpus=(GpuReading("NVIDIA H100", 81_559, "GPU-1", 3.0, None),),
    gpu_error=None,
    driver_version="550.54",
    cuda_version="12.4",
    disk_total_gb=100.0,
    disk_free_gb=50.5,
    ram_total_gb=64.0,
    cpu_count=8,
    idle_seconds=0.0,
    ssh_sessions=0,
    uptime_seconds=12.5,
    host_key="ssh-ed25519 " + "A" * 68,
    workload=Workload("exited", 3),
)
ORDERS = Orders("continue", 3_600.0, 1_800.0, 15.0)
CONFIG = AgentConfig(
    label="gs-abc-1",
    token="gsa_secret_secret",
    stop_in_seconds=3_600.0,
    control_urls=("https://control.example/api/v1/agent/heartbeat",),
    end=EndByRequest("DELETE", "https://cloud.example/${ID}", {"Authorization": "Bearer ${KEY}"}),
    process_scope_env="SCOPE",
)


def changed(body: str, **changes: object) -> str:
    return json.dumps({**json.loads(body), **changes})


def test_a_heartbeat_is_read_back_as_it_was_written() -> None:
    assert read_heartbeat(HEARTBEAT.to_json()) == HEARTBEAT


def test_orders_are_read_back_as_they_were_written() -> None:
    assert Orders.from_json(ORDERS.to_json().encode()) == ORDERS


@pytest.mark.parametrize("end", [CONFIG.end, EndByCommand(("shutdown", "-h", "now")), None])
def test_a_config_is_read_back_as_it_was_written(end: EndByRequest | EndByCommand | None) -> None:
    config = AgentConfig(label="a", token="12345678", stop_in_seconds=1.0, end=end)

    assert AgentConfig.from_json(config.to_json()) == config


def test_a_config_does_not_show_its_token() -> None:
    assert "secret" not in repr(CONFIG)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("protocol", 2),
        ("protocol", True),
        ("label", "Not A Label"),
        ("label", "a" * 61),
        ("counter", 0),
        ("counter", 1.5),
        ("counter", True),
        ("counter", 10**400),
        ("disk_free_gb", -1),
        ("disk_free_gb", "12"),
        ("ram_total_gb", 1e300),
        ("idle_seconds", None),
        ("gpus", {}),
        ("gpus", [{}]),
        ("gpus[0]", None),
        ("host_key", "ssh-rsa AAAAAAAAAAAAAAAAAAAAAAAA"),
        ("host_key", HEARTBEAT.host_key + "\nrogue"),
        ("gpu_error", "two\nlines"),
        ("workload", {"state": "asleep", "exit_code": None}),
        ("surprise", 1),
        ("x" * 1_000, 1),
    ],
)
def test_a_heartbeat_with_a_wrong_field_is_refused_with_its_path(field: str, value: object) -> None:
    with pytest.raises(BodyError) as caught:
        read_heartbeat(changed(HEARTBEAT.to_json(), **{field: value}))

    assert caught.value.path.startswith(field[:100])


def test_a_heartbeat_of_an_older_agent_does_not_say_which_instance_it_is() -> None:
    body = json.loads(HEARTBEAT.to_json())
    del body["instance_id"]

    assert HEARTBEAT == read_heartbeat(json.dumps(body))


@pytest.mark.parametrize("field", sorted({*json.loads(HEARTBEAT.to_json())} - {"instance_id"}))
def test_a_heartbeat_without_one_of_its_fields_is_refused(field: str) -> None:
    body = json.loads(HEARTBEAT.to_json())
    del body[field]

    with pytest.raises(BodyError, match=f"{field}: is missing"):
        read_heartbeat(json.dumps(body))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{",
        "[" * 60_000,
        '{"protocol":1,"protocol":1}',
        '{"protocol":NaN}',
        b"\xff\xfe\x00",
        '{"a":"' + "x" * 70_000 + '"}',
        '{"protocol":' + "1" * 5_000 + "}",
    ],
)
def test_what_is_no_bounded_plain_json_object_is_refused(body: str | bytes) -> None:
    with pytest.raises(BodyError):
        Orders.from_json(body)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(number: str) -> None:
    body = ORDERS.to_json().replace("3600.0", number)

    with pytest.raises(BodyError):
        Orders.from_json(body)


def test_a_negative_remainder_is_an_order_too() -> None:
    body = changed(ORDERS.to_json(), stop_in_seconds=-5)

    assert Orders.from_json(body).stop_in_seconds == -5.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", "has blank"),
        ("token", "line\r\nX-Evil: 1"),
        ("control_urls", ["file:///etc/passwd"]),
        ("control_urls", ["https://a b"]),
        ("end", {"command": []}),
        ("end", {"command": ["a"], "method": "GET"}),
        ("end", {"method": "GET", "url": "https://x", "headers": {"A": "b\nc"}, "body": None}),
        ("process_scope_env", "A=B"),
        ("probe_public_key", "ssh-ed25519 AAAA\nrogue"),
    ],
)
def test_a_config_that_could_smuggle_is_refused(field: str, value: object) -> None:
    with pytest.raises(BodyError) as caught:
        AgentConfig.from_json(changed(CONFIG.to_json(), **{field: value}))

    assert caught.value.path.startswith(field)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(json.loads(HEARTBEAT.to_json()))), json_values)
def test_any_value_anywhere_is_read_or_refused_but_nothing_else(field: str, value: object) -> None:
    try:
        body = changed(HEARTBEAT.to_json(), **{field: value})
        heartbeat = read_heartbeat(body)
    except BodyError:
        return
    assert read_heartbeat(heartbeat.to_json()) == heartbeat
