"""The sandbox program over deaths and restarts, refusals and misbehaviour: nothing is lost or left behind."""

import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gpu_shopper.sandbox import processes
from tests.e2e.sandbox_rig import PATIENCE_S, Sandbox, a_key, run, sandbox, until

__all__ = ["sandbox"]


def test_an_instance_can_end_itself(sandbox: Sandbox) -> None:
    script = (
        "python3 -c 'import os, urllib.request as u;"
        ' u.urlopen(u.Request(os.environ["SANDBOX_API"] + "/v1/self", method="DELETE",'
        ' headers={"Authorization": "Bearer " + os.environ["SANDBOX_INSTANCE_KEY"]}))\''
    )
    instance = sandbox.create(on_start=script)
    until(lambda: not sandbox.entry(instance)["alive"])

    assert "self_ended" == sandbox.entry(instance)["end_reason"]
    assert not sandbox.home(instance).parent.exists()


def test_instances_outlive_a_killed_sandbox_and_are_found_again(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    address = sandbox.url
    sandbox.end(signal.SIGKILL)

    assert "alive\n" == run(instance, key, "echo alive").stdout

    sandbox.start()

    assert address == sandbox.url
    assert instance == sandbox.show(instance)
    assert "alive\n" == run(instance, key, "echo alive").stdout
    entry = sandbox.entry(instance)
    assert entry["alive"]
    assert entry["billed_micros"] > 0

    sandbox.destroy(instance)
    assert [] == processes.belonging_to(instance["id"])


def test_a_sandbox_killed_during_a_boot_finishes_it_once(sandbox: Sandbox) -> None:
    _, public = a_key()
    instances = [sandbox.create(ssh_keys=[public]) for _ in range(3)]
    until(lambda: any(sandbox.home(each).parent.exists() for each in instances))
    sandbox.end(signal.SIGKILL)
    sandbox.start()
    for instance in instances:
        until(lambda each=instance: sandbox.show(each)["status"] == "running")

        assert 1 == len(processes.belonging_to(instance["id"]))


def test_a_sandbox_killed_during_a_destroy_finishes_it(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="trap '' TERM; sleep 600 & sleep 601 & wait")
    until(lambda: len(processes.belonging_to(instance["id"])) == 4)
    assert 202 == sandbox.call("DELETE", f"/v1/instances/{instance['id']}")[0]
    sandbox.end(signal.SIGKILL)

    assert processes.belonging_to(instance["id"])

    sandbox.start()
    until(lambda: not sandbox.entry(instance)["alive"])

    assert "destroyed" == sandbox.entry(instance)["end_reason"]
    assert [] == processes.belonging_to(instance["id"])
    assert not sandbox.home(instance).parent.exists()


def test_an_instance_that_died_meanwhile_is_ended_when_that_is_found(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="sleep 600")
    root = sandbox.root(instance)
    sandbox.end(signal.SIGTERM)
    os.kill(root.pid, signal.SIGKILL)
    sandbox.start()
    until(lambda: not sandbox.entry(instance)["alive"])

    assert "died" == sandbox.entry(instance)["end_reason"]
    assert [] == processes.belonging_to(instance["id"])
    assert not sandbox.home(instance).parent.exists()


def test_an_instance_whose_process_is_killed_is_noticed(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="sleep 600")
    os.kill(sandbox.root(instance).pid, signal.SIGKILL)
    until(lambda: not sandbox.entry(instance)["alive"])

    assert [] == processes.belonging_to(instance["id"])


def test_a_folder_serves_one_sandbox_at_a_time(sandbox: Sandbox) -> None:
    second = subprocess.run(
        sandbox.command(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )

    assert 3 == second.returncode
    assert "another sandbox uses" in second.stderr
    assert "" == second.stdout


def test_a_state_that_is_damaged_is_said_and_left_alone(tmp_path: Path) -> None:
    cloud = Sandbox(tmp_path / "cloud")
    cloud.folder.mkdir()
    state = cloud.folder / "state.json"
    for damage in ("{", "[]", '{"format": 1}'):
        state.write_text(damage)
        tried = subprocess.run(
            cloud.command(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

        assert 4 == tried.returncode
        assert str(state) in tried.stderr
        assert damage == state.read_text()


@pytest.mark.parametrize(
    "wrong",
    [("--port", "70000"), ("--boot-seconds", "-1"), ("--boot-seconds", "nan"), ("--offers", "0")],
)
def test_options_out_of_range_are_refused(tmp_path: Path, wrong: tuple[str, str]) -> None:
    command = Sandbox(tmp_path / "cloud").command(*wrong)
    tried = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert 2 == tried.returncode
    assert wrong[0] in tried.stderr


def test_a_port_that_is_taken_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    port = sandbox.url.rpartition(":")[2]
    command = Sandbox(tmp_path / "other").command("--port", port)
    tried = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert 2 == tried.returncode
    assert f"port {port}" in tried.stderr


def test_an_ephemeral_sandbox_takes_its_instances_along(tmp_path: Path) -> None:
    cloud = Sandbox(tmp_path / "cloud")
    cloud.start("--ephemeral", "--port-file", str(tmp_path / "url"))
    instance = cloud.running(on_start="sleep 600")

    assert cloud.url == (tmp_path / "url").read_text().strip()
    assert 0 == cloud.end(signal.SIGTERM)
    assert [] == processes.belonging_to(instance["id"])
    assert [] == list((tmp_path / "cloud" / "instances").iterdir())


def test_misbehaviour_shows_on_the_wire(sandbox: Sandbox) -> None:
    status, refused = sandbox.control("PUT", "misbehaviour", {"rules": [{"kind": "explode"}]})
    assert (400, "bad_request") == (status, refused["error"])

    rules = [{"kind": "lose_create_reply", "count": 1}]
    assert 200 == sandbox.control("PUT", "misbehaviour", {"rules": rules})[0]
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        sandbox.create()
    assert 1 == sandbox.call("GET", "/v1/instances")[1]["total"]

    rules = [{"kind": "rate_limited", "params": {"retry_after": 3}}]
    sandbox.control("PUT", "misbehaviour", {"rules": rules})
    assert 429 == sandbox.call("GET", "/v1/offers")[0]
    assert {"rules": []} == sandbox.control("DELETE", "misbehaviour")[1]
    assert 200 == sandbox.call("GET", "/v1/offers")[0]


def test_the_control_api_has_a_key_of_its_own(sandbox: Sandbox) -> None:
    assert 401 == sandbox.call("GET", "/control/ledger")[0]
    assert 401 == sandbox.call("POST", "/control/shutdown")[0]
    assert 404 == sandbox.control("GET", "nothing")[0]


def test_bodies_that_are_no_orders_are_refused(sandbox: Sandbox) -> None:
    assert 400 == sandbox.call("POST", "/v1/instances", [1])[0]
    assert 400 == sandbox.call("POST", "/v1/instances")[0]
    assert 413 == sandbox.call("POST", "/v1/instances", {"name": "x" * 1_100_000})[0]
    assert 401 == sandbox.call("POST", "/v1/instances", {}, key="wrong")[0]


def test_what_a_destroy_only_stopped_is_gone_after_a_true_one(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="sleep 600")
    sandbox.control("PUT", "misbehaviour", {"rules": [{"kind": "stop_instead_of_destroy"}]})
    assert 202 == sandbox.call("DELETE", f"/v1/instances/{instance['id']}")[0]
    until(lambda: sandbox.show(instance)["status"] == "stopped")

    assert [] == processes.belonging_to(instance["id"])
    assert sandbox.home(instance).exists()
    assert sandbox.entry(instance)["alive"]

    sandbox.control("DELETE", "misbehaviour")
    sandbox.destroy(instance)
    until(lambda: not sandbox.home(instance).parent.exists())
