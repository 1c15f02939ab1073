"""Finding and renting: data on stdout, talk on stderr, exit codes as documented, keys private."""

import json
import stat

import pytest

from tests.unit.cli.machine import Machine, rows_of
from tests.unit.client.fake_server import (
    KEY,
    LOST,
    FakeServer,
    Routed,
    offer_body,
    problem,
)


def test_inventory_prints_a_table_json_and_csv(server: FakeServer, machine: Machine) -> None:
    table = machine("inventory", "--gpu", "RTX 4090", "--limit", "3")
    as_json = machine("inventory", "-o", "json")
    as_csv = machine("inventory", "-o", "csv")

    assert (0, "") == (table.exit_code, table.stderr)
    assert ["GPU", "RTX 4090"] == [table.stdout.split()[0], table.stdout.splitlines()[1][:8]]
    assert "sandbox:1" == json.loads(as_json.stdout)[0]["id"]
    assert "0.4000" == rows_of(as_csv.stdout)[0]["usd/h"]


def test_inventory_says_which_cloud_is_down(server: FakeServer, machine: Machine) -> None:
    server.sources[0] |= {"ok": False, "age_s": 90.0, "error": "timed out\x1b[31m"}

    shown = machine("inventory", "-o", "json")

    assert 0 == shown.exit_code
    assert "sandbox: last answered 90 s ago: timed out" in shown.stderr
    assert 3 == len(json.loads(shown.stdout))


def test_inventory_takes_a_query_and_sends_it_as_it_is(
    server: FakeServer, machine: Machine
) -> None:
    asked: list[dict[str, list[str]]] = []

    def answer(query: dict[str, list[str]]) -> Routed:
        asked.append(query)
        return 200, {"offers": [], "count": 0, "total": 0, "providers": []}

    server.answers["GET", "/api/v1/inventory"] = answer

    shown = machine("inventory", "gpu=H100", "price<3", "limit 2")

    assert 0 == shown.exit_code, shown.stderr
    # A query's own limit is the page's.
    assert [{"q": ["gpu=H100 price<3 limit 2"]}] == asked


def test_inventory_says_why_nothing_can_match(server: FakeServer, machine: Machine) -> None:
    empty = {"offers": [], "count": 0, "total": 0, "providers": []}
    server.answers["GET", "/api/v1/inventory"] = lambda query: (200, empty)

    assert "no offer matches now" in machine("inventory", "price<1").output
    shown = machine("inventory", "gpu=H100 price<1 price>2").output
    assert "no offer can match: price<1 and price>2 never hold both" in shown


def test_inventory_with_a_need_shows_the_true_price_and_sorts_by_it(
    server: FakeServer, machine: Machine
) -> None:
    asked: list[dict[str, list[str]]] = []
    parts = dict.fromkeys(
        ("use", "unused", "disk", "traffic", "exchange", "rounding", "per_gpu_hour"), 0.0
    )
    costed = {"effective_price_per_hour": 0.75, "effective_price": {**parts, "total": 4.5}}
    gone = {"effective_price_per_hour": None, "effective_price": None}

    def answer(query: dict[str, list[str]]) -> Routed:
        asked.append(query)
        offers = [offer_body("sandbox:1", **costed), offer_body("sandbox:2", **gone)]
        return 200, {"offers": offers, "count": 2, "total": 2, "providers": []}

    server.answers["GET", "/api/v1/inventory"] = answer

    shown = machine("inventory", "--hours", "6", "--disk", "200", "--traffic", "50", "-o", "csv")
    machine("inventory", "--hours", "6", "--sort", "price")
    machine("inventory", "sort vram", "--disk", "6")
    machine("inventory", "vram>=20", "--disk", "6")

    first, second = rows_of(shown.stdout)
    assert ("0.7500", "4.50") == (first["true_usd/h"], first["total"])
    assert ("", "") == (second["true_usd/h"], second["total"])
    assert {
        "hours": ["6.0"], "disk_gb": ["200"], "traffic_gb": ["50"], "limit": ["20"],
        "sort": ["effective_price"],
    } == asked[0]  # fmt: skip
    assert ["price"] == asked[1]["sort"]
    assert "sort" not in asked[2]
    assert ["effective_price"] == asked[3]["sort"]


def test_a_query_that_is_not_understood_is_shown_with_its_place(
    server: FakeServer, machine: Machine
) -> None:
    said = "vrm is unknown at 10"
    errors = [{"path": "q", "message": said, "position": 10, "word": "vrm"}]
    server.answers["GET", "/api/v1/inventory"] = problem(
        400, "bad_query", said, hint="did you mean vram?", errors=errors
    )

    shown = machine("inventory", "gpu=H100 vrm>=80")

    assert 2 == shown.exit_code
    assert "vrm is unknown at 10: did you mean vram?" in shown.stderr
    assert "  gpu=H100 vrm>=80\n           ^^^\n" in shown.stderr


def test_what_else_is_refused_is_shown_as_ever(server: FakeServer, machine: Machine) -> None:
    server.answers["GET", "/api/v1/inventory"] = problem(400, "invalid", "sort: no such order")

    shown = machine("inventory", "--sort", "colour")

    assert (4, True) == (shown.exit_code, "no such order" in shown.stderr)


@pytest.mark.parametrize(
    ("text", "sort", "limit"),
    [
        ("city='sort of limit'", ["effective_price"], ["20"]),
        ("H100 SORT price", None, ["20"]),
        ("H100 sort vram limit 3", None, None),
        ("H100 limit=3", ["effective_price"], None),
    ],
)
def test_what_the_query_says_itself_is_not_said_beside_it(
    server: FakeServer, machine: Machine, text: str, sort: object, limit: object
) -> None:
    asked: list[dict[str, list[str]]] = []

    def answer(query: dict[str, list[str]]) -> Routed:
        asked.append(query)
        return 200, {"offers": [], "count": 0, "total": 0, "providers": []}

    server.answers["GET", "/api/v1/inventory"] = answer

    machine("inventory", text, "--hours", "2")

    assert (sort, limit) == (asked[0].get("sort"), asked[0].get("limit"))


def test_a_limit_is_given_once(machine: Machine) -> None:
    shown = machine("inventory", "limit 3", "--limit", "4")

    assert (2, True) == (shown.exit_code, "leave out --limit" in shown.stderr)


def test_provision_shows_the_phases_and_ends_with_a_line_that_logs_in(server, machine) -> None:
    rented = machine("provision", "--gpu", "RTX 4090", "--hours", "2")

    assert 0 == rented.exit_code, rented.stderr
    assert "12:00:00 provisioning" in rented.stderr
    assert "12:00:00 running" in rented.stderr
    line = rented.stdout.splitlines()[-1]
    key = machine.data / "keys" / "ses_1.key"
    assert line.startswith(f"ssh -i {key} -o ")
    assert line.endswith("-p 2222 gpu@127.0.0.1")
    assert "StrictHostKeyChecking=yes" in line
    assert KEY == key.read_text()
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    known = (machine.data / "keys" / "ses_1.known_hosts").read_text()
    assert known.startswith("[127.0.0.1]:2222 ssh-ed25519 ")
    assert ("me", 2) == (server.bodies[0]["consumer_id"], server.bodies[0]["reservation_hours"])


def test_provision_as_json_holds_session_and_login(machine: Machine) -> None:
    rented = json.loads(machine("provision", "--gpu", "x", "-o", "json").stdout)

    assert "running" == rented["session"]["status"]
    assert rented["ssh"].startswith("ssh -i ")


def test_provision_without_waiting_returns_at_once(server: FakeServer, machine: Machine) -> None:
    rented = machine("provision", "--offer", "sandbox:1", "--no-wait", "-o", "json")

    assert "pending" == json.loads(rented.stdout)["session"]["status"]
    assert "sandbox:1" == server.bodies[0]["offer_id"]
    assert server.bodies[0]["requirements"] is None


def test_provision_saves_the_key_where_asked_and_never_over_something(
    server, machine, tmp_path
) -> None:
    target = tmp_path / "mine"
    first = machine("provision", "--gpu", "x", "--save-key", str(target))
    second = machine("provision", "--gpu", "x", "--save-key", str(target))

    assert (0, 2) == (first.exit_code, second.exit_code)
    assert KEY == target.read_text()
    assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    assert "exists" in second.stderr
    assert 1 == len(server.sessions)


def test_provision_with_an_own_key_uses_it(server: FakeServer, machine: Machine, tmp_path) -> None:
    (tmp_path / "id").write_text("private")
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAA me\n")

    rented = machine("provision", "--gpu", "x", "--ssh-key", str(tmp_path / "id"))

    assert "ssh-ed25519 AAAA me" == server.bodies[0]["ssh_public_key"]
    key = machine.data / "keys" / "ses_1.key"
    assert tmp_path / "id" == key.readlink()
    assert f"ssh -i {key}" in rented.stdout


def test_provision_must_be_told_what_to_rent(server: FakeServer, machine: Machine) -> None:
    refused = machine("provision", "--hours", "1")

    assert 2 == refused.exit_code
    assert "error: say what to rent" in refused.stderr
    assert "hint: " in refused.stderr
    assert {} == server.sessions


def test_a_session_that_fails_is_exit_code_6_and_its_key_is_gone(server, machine) -> None:
    server.journey = ["provisioning", "failed"]

    failed = machine("provision", "--gpu", "x")

    assert 6 == failed.exit_code
    assert "error: session ses_1 ended before it was running" in failed.stderr
    assert not (machine.data / "keys" / "ses_1.key").exists()


def test_ctrl_c_while_waiting_says_what_keeps_running(server, machine: Machine) -> None:
    server.journey = ["provisioning"]

    def press() -> None:
        raise KeyboardInterrupt

    machine.on_sleep = press

    stopped = machine("provision", "--gpu", "x")

    assert 130 == stopped.exit_code
    assert "session ses_1 keeps coming up" in stopped.stderr
    assert "gpu-shopper sessions delete ses_1" in stopped.stderr
    assert ["ses_1"] == server.running()


def test_a_lost_reply_of_provision_rents_once(server: FakeServer, machine: Machine) -> None:
    server.faults = [LOST]

    assert 0 == machine("provision", "--gpu", "x").exit_code
    assert 1 == len(server.sessions)


def test_a_refusal_prints_two_lines_and_the_fields(server: FakeServer, machine: Machine) -> None:
    errors = [{"path": "$.reservation_hours", "message": "must be 1 to 12"}]
    server.faults = [problem(400, "invalid", "the order is wrong", hint="try 12", errors=errors)]

    refused = machine("provision", "--gpu", "x", "--hours", "13")

    assert 4 == refused.exit_code
    assert [
        "error: the order is wrong",
        "  $.reservation_hours: must be 1 to 12",
        "hint: try 12",
    ] == (refused.stderr.splitlines())
    assert "" == refused.stdout
