"""What is done with sessions: looking, following, logging in, ending; and what is said when it cannot be."""

import json
from datetime import timedelta

import pytest

from tests.unit.cli.machine import Machine, rows_of
from tests.unit.client.fake_server import (
    NOW,
    FakeServer,
    problem,
    session_body,
)


def test_sessions_are_listed_shown_prolonged_and_ended(live: FakeServer, machine: Machine) -> None:
    listed = rows_of(machine("sessions", "list", "-o", "csv").stdout)
    shown = machine("sessions", "get", "ses_a")
    extended = json.loads(machine("sessions", "extend", "ses_a", "3", "-o", "json").stdout)
    told = machine("sessions", "events", "ses_a", "-o", "json")
    done = machine("sessions", "done", "ses_a", "--wait")

    assert ["ses_a", "ses_b"] == [row["session"] for row in listed]
    assert "Host key" in shown.stdout
    assert (NOW + timedelta(hours=5)).isoformat().replace("+00:00", "Z") == extended[
        "new_expires_at"
    ]
    assert "requested" == json.loads(told.stdout)[0]["kind"]
    assert 0 == done.exit_code
    assert "stopped" in done.stdout


def test_ending_removes_the_keys(server: FakeServer, machine: Machine) -> None:
    machine("provision", "--gpu", "x")
    assert (machine.data / "keys" / "ses_1.key").exists()

    machine("sessions", "delete", "ses_1", "--wait")

    assert [] == list((machine.data / "keys").iterdir())


def test_what_is_not_there_is_exit_code_3(server: FakeServer, machine: Machine) -> None:
    for arguments in (
        ["sessions", "get", "ses_x"],
        ["ssh", "ses_x"],
        ["sessions", "done", "ses_x"],
    ):
        missing = machine(*arguments)

        assert 3 == missing.exit_code
        assert "error: there is no session ses_x" in missing.stderr


def test_no_server_is_exit_code_5_with_a_hint(machine: Machine) -> None:
    machine.environ["GPU_SHOPPER_URL"] = "http://127.0.0.1:1"

    missing = machine("inventory")

    assert 5 == missing.exit_code
    assert "error: cannot reach http://127.0.0.1:1" in missing.stderr
    assert "gpu-shopper serve" in missing.stderr


def test_the_url_of_the_command_line_wins(server: FakeServer, machine: Machine) -> None:
    machine.environ["GPU_SHOPPER_URL"] = "http://127.0.0.1:1"

    assert 0 == machine("--url", server.url, "inventory").exit_code


def test_a_bad_setting_is_a_usage_error(machine: Machine) -> None:
    machine.environ["GPU_SHOPPER_PROT"] = "1"

    refused = machine("inventory")

    assert 2 == refused.exit_code
    assert "unknown setting 'prot'" in refused.stderr
    assert "did you mean 'port'?" in refused.stderr


def test_a_mistyped_command_is_corrected(machine: Machine) -> None:
    refused = machine("inventroy")

    assert 2 == refused.exit_code
    assert "did you mean 'inventory'?" in refused.stderr


def test_ssh_runs_the_systems_ssh_with_the_pinned_host_key(server, machine: Machine) -> None:
    machine("provision", "--gpu", "x")
    machine.exit_code = 7

    alone = machine("ssh", "ses_1")
    told = machine("ssh", "ses_1", "ls", "-l", "my file")
    line = machine("ssh", "ses_1", "cd work && ls")
    dashed = machine("ssh", "ses_1", "--", "cd work && ls")

    assert {7} == {one.exit_code for one in (alone, told, line, dashed)}
    assert "gpu@127.0.0.1" == machine.ran[0][-1]
    assert "StrictHostKeyChecking=yes" in machine.ran[0]
    assert ["--", "ls -l 'my file'"] == machine.ran[1][-2:]
    assert ["--", "cd work && ls"] == machine.ran[2][-2:] == machine.ran[3][-2:]


def test_ssh_to_a_session_without_an_address_says_so(live: FakeServer, machine: Machine) -> None:
    refused = machine("ssh", "ses_b")

    assert 1 == refused.exit_code
    assert "has no address" in refused.stderr
    assert [] == machine.ran


@pytest.mark.parametrize("session", ["../../etc/passwd", "a b", "-x"])
def test_an_id_is_never_a_path(server: FakeServer, machine: Machine, session: str) -> None:
    server.sessions[session] = session_body(session)

    refused = machine("ssh", "--", session)

    assert refused.exit_code in {2, 3}
    assert [] == machine.ran


def test_shutdown_asks_first_and_waits_for_the_proof(live: FakeServer, machine: Machine) -> None:
    refused = machine("shutdown", text="n\n")
    assert (130, 2) == (refused.exit_code, len(live.running()))

    ended = machine("shutdown", text="y\n")

    assert 0 == ended.exit_code, ended.stderr
    assert [] == live.running()
    assert 2 == ended.stdout.count("stopped  stopped")


def test_shutdown_goes_on_when_one_refuses(live: FakeServer, machine: Machine) -> None:
    live.answers["DELETE", "/api/v1/sessions/ses_a"] = problem(403, "forbidden", "not yours")

    ended = machine("shutdown", "--yes")

    assert 1 == ended.exit_code
    assert "ses_a: not yours" in ended.stderr
    assert ["ses_a"] == live.running()
