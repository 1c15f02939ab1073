"""Behind NAT: nodes cannot reach the server, so it reads them over SSH, with the host's key pinned."""

import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

from gpu_shopper.testing.programs import until
from tests.e2e.rig import Rig
from tests.e2e.sandbox_rig import a_key


def instance_folder(rig: Rig) -> Path:
    """Return the folder of the only instance."""
    (entry,) = rig.cloud.alive()
    return rig.cloud.folder / "state" / "instances" / entry["id"]


def heard(rig: Rig, session: str) -> Any:
    return rig.show(session)["last_heartbeat_at"]


def test_a_session_lives_and_ends_by_reading_alone(tmp_path: Path) -> None:
    with Rig(tmp_path, public_url="none", heartbeat_seconds="1") as rig:
        session = rig.create()
        seen = rig.running(session)
        first = heard(rig, session)
        until("it is read again", lambda: heard(rig, session) > first)

        assert seen["host_key"].startswith("ssh-ed25519 ")
        # The answer to each report stands in the node's notebook: how long it may live, and until when.
        orders = instance_folder(rig) / "home" / ".gpu-shopper" / "orders.json"
        until("orders have arrived", orders.exists)
        assert "orders" in json.loads(orders.read_text())
        rig.end(session)
        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()


def test_a_host_that_shows_another_key_is_not_believed(tmp_path: Path) -> None:
    with Rig(tmp_path, public_url="none", heartbeat_seconds="1", silence_minutes="0.1") as rig:
        session = rig.create()
        rig.running(session)
        change_host_key(rig)

        ended = rig.ended(session)
        assert ("failed", "silent") == (ended["status"], ended["stop_reason"])
        assert "probe_failed" in rig.server.said
        rig.judge_rest(apart_s=8)


def change_host_key(rig: Rig) -> None:
    """Let somebody else answer at the address: here, by changing what the book has pinned."""
    _, public = a_key()
    rig.server.kill()
    with sqlite3.connect(rig.server.database) as connection:
        connection.execute("UPDATE attempts SET host_key = ? WHERE state = 'bound'", (public,))
    connection.close()
    rig.serve()


def test_a_server_that_comes_back_elsewhere_reads_the_nodes_that_cannot_find_it(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path, heartbeat_seconds="1", silence_minutes="1") as rig:
        session = rig.create()
        rig.running(session)
        assert rig.server.process is not None
        os.kill(rig.server.process.pid, signal.SIGTERM)
        assert 0 == rig.server.process.wait(20)
        rig.server.port = 0
        rig.serve()
        last = heard(rig, session)

        # The node reports to where nobody listens; after a while of silence it is looked at.
        until("it is heard again", lambda: heard(rig, session) > last, within_s=40)
        assert "running" == rig.show(session)["status"]
        rig.end(session)
        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()
