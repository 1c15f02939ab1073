"""Bad input: each has a clear error with the path of what is wrong, and changes nothing."""

import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.house import CLOUD, ORDER, a_house

SESSIONS = "/api/v1/sessions"
KEY = "ssh-ed25519 " + "A" * 68


def refused(order: object, **headers: str) -> tuple[int, list[str]]:
    """Return the status, and the paths of what was wrong."""
    house = a_house()
    answer = house.browser().post(SESSIONS, order, **headers)
    assert 0 == house.browser().get(SESSIONS).json["count"]
    assert "application/problem+json" == answer.headers["content-type"]
    problem = answer.json
    assert problem["error"] == problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status, [wrong["path"] for wrong in problem.get("errors", [])]


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"reservation_hours": 0}, "$.reservation_hours"),
        ({"reservation_hours": 13}, "$.reservation_hours"),
        ({"reservation_hours": 1.5}, "$.reservation_hours"),
        ({"reservation_hours": "2"}, "$.reservation_hours"),
        ({"reservation_hours": None}, "$.reservation_hours"),
        ({"disk_gb": -1}, "$.disk_gb"),
        ({"disk_gb": 0}, "$.disk_gb"),
        ({"max_price_per_hour": 0}, "$.max_price_per_hour"),
        ({"max_price_per_hour": -0.5}, "$.max_price_per_hour"),
        ({"max_retries": 21}, "$.max_retries"),
        ({"retry_scope": "anything"}, "$.retry_scope"),
        ({"storage_policy": "keep"}, "$.storage_policy"),
        ({"workload_type": "mining"}, "$.workload_type"),
        ({"idle_threshold_minutes": -1}, "$.idle_threshold_minutes"),
        ({"startup_timeout_minutes": 0}, "$.startup_timeout_minutes"),
        ({"exposed_ports": [0]}, "$.exposed_ports[0]"),
        ({"exposed_ports": [22, 70000]}, "$.exposed_ports[1]"),
        ({"consumer_id": ""}, "$.consumer_id"),
        ({"consumer_id": "a b"}, "$.consumer_id"),
        ({"consumer_id": "a\nb"}, "$.consumer_id"),
        ({"consumer_id": "alice\n"}, "$.consumer_id"),
        ({"consumer_id": "x" * 129}, "$.consumer_id"),
        ({"gpu": "RTX 4090"}, "$.gpu"),
        ({"requirements": {"min_reliability": 2}}, "$.requirements.min_reliability"),
        ({"requirements": {"gpu_count": 0}}, "$.requirements.gpu_count"),
        ({"requirements": {"gpu_types": ["RTX 4090", "RTX 9999"]}}, "$.requirements.gpu_types[1]"),
        ({"requirements": {"gpu_types": [""]}}, "$.requirements.gpu_types[0]"),
        ({"requirements": {"min_cuda": "twelve"}}, "$.requirements.min_cuda"),
        ({"requirements": {"colour": "red"}}, "$.requirements.colour"),
        ({"requirements": None}, "$.offer_id"),
        ({"offer_id": f"{CLOUD}:1"}, "$.offer_id"),
        ({"docker_image": "nvidia/cuda; rm -rf /"}, "$.docker_image"),
        ({"docker_image": ""}, "$.docker_image"),
        ({"docker_image": "ubuntu\n"}, "$.docker_image"),
        ({"on_start_cmd": "echo\0hi"}, "$.on_start_cmd"),
        ({"ssh_public_key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "$.ssh_public_key"),
        ({"ssh_public_key": f"{KEY}\n{KEY}"}, "$.ssh_public_key"),
        ({"ssh_public_key": f'command="sh" {KEY}'}, "$.ssh_public_key"),
        ({"ssh_public_key": ""}, "$.ssh_public_key"),
        ({"ssh_public_key": "ssh-ed25519 notbase64!"}, "$.ssh_public_key"),
    ],
)
def test_a_wrong_field_is_named(changed: dict, path: str) -> None:
    assert (400, [path]) == refused(ORDER | changed)


@pytest.mark.parametrize("field", ["consumer_id", "workload_type", "reservation_hours"])
def test_a_missing_field_is_named(field: str) -> None:
    order = {name: value for name, value in ORDER.items() if name != field}

    assert (400, [f"$.{field}"]) == refused(order)


def test_all_that_is_wrong_is_named_at_once() -> None:
    order = ORDER | {"reservation_hours": 13, "disk_gb": -1, "requirements": {"gpu_count": 0}}

    status, paths = refused(order | {"colour": "red"})

    expected = {"$.colour", "$.disk_gb", "$.requirements.gpu_count", "$.reservation_hours"}
    assert (400, expected) == (status, set(paths))


def test_an_unknown_gpu_comes_with_the_nearest_known_ones() -> None:
    answer = (
        a_house().browser().post(SESSIONS, ORDER | {"requirements": {"gpu_types": ["RTX 4091"]}})
    )

    assert "unknown_gpu" == answer.json["code"]
    assert "RTX 4090" in answer.json["hint"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_what_is_no_finite_number_is_refused(number: bytes) -> None:
    body = msgspec.json.encode(ORDER)[:-1] + b',"max_price_per_hour":' + number + b"}"

    status, _ = refused(body)

    assert 400 == status


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"consumer_id":"\xff"}',
        b"null",
    ],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    status, _ = refused(body)

    assert 400 == status


def test_a_body_of_a_megabyte_is_refused_however_its_length_is_told() -> None:
    body = msgspec.json.encode(ORDER | {"on_start_cmd": "x" * 1_000_000})
    house = a_house()

    told = house.browser().post(SESSIONS, body)
    lied = house.browser().post(SESSIONS, body, Content_Length="10")

    assert [(413, "body_too_large")] * 2 == [(a.status, a.json["code"]) for a in (told, lied)]


@pytest.mark.parametrize(
    "declared", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_another_content_type_is_refused(declared: str) -> None:
    answer = a_house().browser().post(SESSIONS, ORDER, Content_Type=declared)

    assert (415, "unsupported_media_type") == (answer.status, answer.json["code"])


def test_a_content_type_may_name_its_charset() -> None:
    headers = {"Content_Type": "application/json; charset=utf-8"}

    assert 201 == a_house().browser().post(SESSIONS, ORDER, **headers).status


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "\xe9t\xe9"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    assert (400, ["Idempotency-Key"]) == refused(ORDER, Idempotency_Key=key)


def test_a_route_without_a_body_takes_none() -> None:
    house = a_house()
    done = f"{SESSIONS}/{house.session()}/done"
    browser = house.browser(house.token())

    assert 400 == browser.post(done, {"force": True}).status
    assert 200 == browser.post(done, {}).status


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("limit=5&limit=6", "limit"),
        ("offset=-1", "offset"),
        ("max_price=nan", "max_price"),
        ("max_price=inf", "max_price"),
        ("max_price=0", "max_price"),
        ("max_price=", "max_price"),
        ("min_reliability=2", "min_reliability"),
        ("min_reliability=nan", "min_reliability"),
        ("gpu_type=RTX+9999", "gpu_type[0]"),
        ("gpu_type=", "gpu_type[0]"),
        ("min_cuda=x", "min_cuda"),
        ("interruptible=maybe", "interruptible"),
        ("sort=colour", "sort"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00", "cursor"),
        ("region=" + "x" * 129, "region[0]"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, path: str) -> None:
    answer = a_house().browser().get(f"/api/v1/inventory?{query}")

    assert (400, [path]) == (answer.status, [wrong["path"] for wrong in answer.json["errors"]])


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("period=weekly", "period"),
        ("start_date=yesterday", "start_date"),
        ("start_date=2026-13-01", "start_date"),
        ("start_date=0001-01-01", "start_date"),
        ("end_date=9999-12-31", "end_date"),
        ("start_date=2026-03-02&end_date=2026-03-01T00:00:00Z", "end_date"),
        ("period=daily&end_date=2026-03-01", "end_date"),
        ("session_id=ses_aaaaaaaaaaaaaaaa&period=daily", "session_id"),
    ],
)
def test_a_wrong_period_is_named(query: str, path: str) -> None:
    answer = a_house().browser().get(f"/api/v1/costs?{query}")

    assert (400, [path]) == (answer.status, [wrong["path"] for wrong in answer.json["errors"]])


@pytest.mark.parametrize("where", ["/api/v1/sessions", "/api/v1/costs/hourly"])
def test_a_cursor_of_another_list_is_refused(where: str) -> None:
    house = a_house()
    cursor = house.browser().get("/api/v1/inventory?limit=1").json["next_cursor"]

    answer = house.browser().get(f"{where}?cursor={cursor}")

    assert (400, "cursor") == (answer.status, answer.json["errors"][0]["path"])


def test_a_route_without_parameters_refuses_each() -> None:
    assert 400 == a_house().browser().get("/health?x=1").status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
FIELDS = [
    *ORDER,
    "offer_id",
    "max_price_per_hour",
    "ssh_public_key",
    "disk_gb",
    "docker_image",
    "exposed_ports",
]
ORDERS = st.builds(
    lambda changed: ORDER | changed, st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3)
)
HOUSE = a_house()


def without_what_json_cannot_say(value: object) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case str():
            return value.isprintable() or value.isascii()
        case dict():
            return all(map(without_what_json_cannot_say, [*value, *value.values()]))
        case list():
            return all(map(without_what_json_cannot_say, value))
        case _:
            return True


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(ORDERS.filter(without_what_json_cannot_say))
def test_no_body_makes_the_server_fail(order: dict) -> None:
    answer = HOUSE.browser().post(SESSIONS, order)

    assert answer.status in {201, 400, 422, 503}, answer.body


@given(st.binary(max_size=200))
def test_no_bytes_make_the_server_fail(body: bytes) -> None:
    answer = HOUSE.browser().post(SESSIONS, body)

    assert 400 <= answer.status < 500, answer.body


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60)
)
def test_no_query_makes_the_server_fail(query: str) -> None:
    for where in ("/api/v1/inventory", SESSIONS, "/api/v1/costs", "/api/v1/costs/hourly"):
        answer = HOUSE.browser().get(f"{where}?{query}")

        assert answer.status in {200, 400, 404}, answer.body
