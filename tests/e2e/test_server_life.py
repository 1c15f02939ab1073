"""Starting, stopping and starting again, with the sandbox that the server brings along."""

import os
import re
import signal
from pathlib import Path

import pytest

from gpu_shopper.testing.programs import ask, until
from tests.e2e.rig import Rig


@pytest.fixture
def rig(tmp_path: Path):
    """A rig whose cloud is the server's own: found by its folder, ended by its control key."""
    made = Rig(tmp_path)
    made.settings = {
        "data_dir": str(made.server.folder), "heartbeat_seconds": "1", "sandbox_boot_seconds": "0.2",
    }  # fmt: skip
    yield made
    if made.server.runs:
        made.server.end()
    made.close()
    assert [] == made.traces()


def serve(rig: Rig) -> None:
    rig.serve()
    rig.cloud.url = re.findall(r"sandbox cloud at (\S+)", rig.server.said)[-1]


def test_a_server_without_sessions_takes_its_cloud_with_it(rig: Rig) -> None:
    serve(rig)

    assert 0 == rig.server.end(signal.SIGTERM)
    assert [] == rig.traces()
    assert "Traceback" not in rig.server.said


def test_a_session_outlives_the_server_and_is_taken_up_again(rig: Rig) -> None:
    serve(rig)
    session = rig.create()
    running = rig.running(session)
    assert 0 == rig.server.end(signal.SIGTERM)
    assert "goes on: it has instances" in rig.server.said
    before = ask_cloud(rig)

    serve(rig)
    again = rig.show(session)
    assert before == ask_cloud(rig), "the same instance, and no other"
    same = ("status", "ssh_port", "host_key", "expires_at", "running_at")
    assert [running[name] for name in same] == [again[name] for name in same]
    until(
        "it is heard", lambda: rig.show(session)["last_heartbeat_at"] > again["last_heartbeat_at"]
    )
    rig.end(session)
    assert "stopped" == rig.ended(session)["status"]
    assert [] == ask_cloud(rig)


def test_the_server_and_its_cloud_may_both_be_killed(rig: Rig) -> None:
    serve(rig)
    session = rig.create()
    rig.running(session)
    (program,) = [
        pid for pid in rig.traces()
        if b"gpu_shopper.sandbox\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]  # fmt: skip
    rig.server.kill()
    os.kill(program, signal.SIGKILL)
    serve(rig)

    assert "running" == rig.show(session)["status"]
    assert 1 == len(ask_cloud(rig))
    rig.end(session)
    assert "stopped" == rig.ended(session)["status"]
    assert [] == ask_cloud(rig)


def ask_cloud(rig: Rig) -> list[str]:
    """Return the instances that the server's own cloud says are there."""
    key = (rig.server.folder / "sandbox-account.key").read_text().strip()
    reply = ask(rig.cloud.url, "GET", "/v1/instances", Authorization=f"Bearer {key}")
    return [instance["id"] for instance in reply.body["instances"]]


def test_an_interrupt_ends_the_server_as_quietly(rig: Rig) -> None:
    serve(rig)

    assert 0 == rig.server.end(signal.SIGINT)
    assert [] == rig.traces()


def test_the_rig_itself_notices_what_is_left(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with rig:
        session = rig.create()
        rig.running(session)
        assert len(rig.cloud.processes()) >= 2
        assert len(rig.traces()) > len(rig.cloud.processes())
        left = rig.close()

        assert left != []
        assert [] == rig.traces()
