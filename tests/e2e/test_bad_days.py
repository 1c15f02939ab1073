"""Bad days and bad input, over the wire: a clear word (what, which, what to do) or it simply works; nothing is ever lost."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import queue
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_shopper.testing.programs import KEY, Reply, Server, until
from tests.e2e.proxy import Asked, Moment, Strike
from tests.e2e.rig import Rig

NOWHERE = {"provider_sandbox_url": "http://127.0.0.1:9", "provider_sandbox_key": KEY}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "data", tmp_path / "server.log")
    yield made
    if made.runs:
        made.end()


def refused(server: Server, *words: str, **settings: str) -> None:
    """The server does not start, says all these words and a hint, and shows no traceback."""
    environ = {"data_dir": str(server.folder), **NOWHERE, **settings}
    names = {f"GPU_SHOPPER_{name.upper()}": value for name, value in environ.items()}
    process = server.launch("gpu_shopper", "serve", "--port", "0", **names)

    assert 4 == process.wait(20), server.said
    assert [] == [word for word in words if word not in server.said], server.said
    assert "error: " in server.said
    assert "hint: " in server.said
    assert "Traceback" not in server.said


def start(server: Server, **settings: str) -> None:
    server.start(wait=False, data_dir=str(server.folder), **NOWHERE, **settings)


def problem(reply: Reply, status: int, code: str) -> None:
    """The answer is a problem body of this kind, and says something to people."""
    assert (status, code) == (reply.status, reply.body["code"]), reply
    assert "application/problem+json" in reply.headers["content-type"]
    assert reply.body["detail"]
    assert reply.body["error"] == reply.body["detail"]
    assert reply.body["request_id"]


# A server that cannot start.


def test_a_port_in_use_is_named_and_nothing_is_made(server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environ = {"GPU_SHOPPER_DATA_DIR": str(server.folder)}
        process = server.launch("gpu_shopper", "serve", "--port", port, **environ)

        assert 4 == process.wait(20)
    assert f"cannot listen on 127.0.0.1:{port}" in server.said
    assert "GPU_SHOPPER_PORT" in server.said
    assert not server.database.exists()


def test_a_database_of_another_server_is_refused_with_its_process(
    server: Server, tmp_path: Path
) -> None:
    start(server)
    second = Server(server.folder, tmp_path / "second.log")

    assert server.process is not None
    refused(second, "in use by another server", f"process {server.process.pid}", "shopper.db")
    assert 0 < server.asked("GET", "/health")


def test_a_damaged_database_is_refused_and_left_as_it_is(server: Server) -> None:
    start(server)
    server.end()
    content = bytearray(server.database.read_bytes())
    content[4096:12288] = b"\xa5" * 8192
    server.database.write_bytes(content)

    refused(server, "shopper.db", "is damaged", "restore")
    assert bytes(content) == server.database.read_bytes()


def test_a_newer_schema_is_refused_and_left_as_it_is(server: Server) -> None:
    start(server)
    server.end()
    with contextlib.closing(sqlite3.connect(server.database)) as connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%migration%'"
        ).fetchone()
        row = connection.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 1").fetchone()  # noqa: S608
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", (9999, *row[1:]))  # noqa: S608
        connection.commit()

    refused(server, "shopper.db", "newer")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(server: Server) -> None:
    server.folder.chmod(0o500)
    refused(server, str(server.folder))
    server.folder.chmod(0o700)


def test_a_folder_that_is_a_file_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    refused(server, str(tmp_path / "file"), data_dir=str(tmp_path / "file"))


def test_an_open_door_without_a_token_is_refused_and_with_one_is_not(server: Server) -> None:
    refused(server, "0.0.0.0", "no token exists", "gpu-shopper token create", host="0.0.0.0")

    token(server, "--admin")
    start(server, host="0.0.0.0")
    server.url = server.url.replace("0.0.0.0", "127.0.0.1")
    assert 401 == server.asked("GET", "/api/v1/sessions")


def token(server: Server, *whom: str) -> str:
    """Make a token while no server runs."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(server.folder)}
    environ |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    environ |= {"GPU_SHOPPER_DATA_DIR": str(server.folder), "GPU_SHOPPER_URL": "http://127.0.0.1:9"}
    made = subprocess.run(
        [sys.executable, "-m", "gpu_shopper", "token", "create", *whom],
        env=environ, capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    return made.stdout.strip()


# A disk and a cloud that fail.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_so_and_nothing_promised_is_lost(
    tmp_path: Path, small_disk: Path
) -> None:
    with Rig(tmp_path, database=str(small_disk / "shopper.db")) as rig:
        rig.server.database_file = small_disk / "shopper.db"
        session = rig.create()
        rig.running(session)
        (small_disk / "ballast").write_bytes(b"")
        with contextlib.suppress(OSError), (small_disk / "ballast").open("wb") as ballast:
            while True:
                ballast.write(b"x" * 4096)
                ballast.flush()

        reply = until("an order is refused", lambda: refused_order(rig))
        problem(reply, 503, "book_unavailable")
        assert reply.body["retryable"]
        assert reply.headers["retry-after"]
        # What is known can still be read, and what runs goes on.
        assert "running" == rig.show(session)["status"]
        (small_disk / "ballast").unlink()
        rig.end(session)
        assert "stopped" == rig.ended(session)["status"]
        for each in rig.ask("GET", "/sessions").body["sessions"]:
            rig.end(each["id"])
            rig.ended(each["id"])
        rig.judge_rest(apart_s=10)


def refused_order(rig: Rig) -> Reply | None:
    reply = rig.ask("POST", "/sessions", rig.order())
    return None if reply.status == 201 else reply


def test_a_cloud_that_is_down_at_the_start_is_said_so_and_used_once_it_is_up(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, shop_period_s="1")
    try:
        rig.cloud.start()
        rig.connect()
        rig.cloud.kill()
        rig.serve(wait=False)
        assert rig.server.asked("GET", "/ready") == 503
        problem(rig.ask("POST", "/sessions", rig.order()), 503, "inventory_not_ready")
        rig.cloud.start()

        until("there are offers", lambda: rig.server.asked("GET", "/ready") == 200, within_s=45)
        session = rig.create()
        rig.running(session)
        rig.end(session)
        rig.ended(session)
        rig.judge_rest()
    finally:
        assert [] == rig.close()


# Orders over the wire.


def test_orders_that_collide_lost_or_late_make_one_session_each(tmp_path: Path) -> None:
    with Rig(tmp_path, proxied=True) as rig:
        # Two identical ones at once.
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(lambda _: rig.create(key="same"), range(8)))
        assert 1 == len(ids)
        # A lost reply, and the same order again.
        ask_and_hang_up(rig, key="lost")
        again = rig.create(key="lost")
        assert {*ids, again} == {row["id"] for row in rig.book("SELECT id FROM sessions")}
        # The same key with another body.
        other = rig.ask("POST", "/sessions", rig.order(reservation_hours=2), Idempotency_Key="lost")
        problem(other, 422, "idempotency_key_reused")
        # An end while the order is on its way to the cloud.
        made: queue.Queue[str] = queue.Queue()
        strike = rig.script.arm(
            Strike(
                row=(Asked.CREATE,),
                moment=Moment.MEANWHILE,
                hit=lambda: rig.end(made.get(timeout=20)),
            )
        )
        early = rig.create(**rig.own_offer())
        made.put(early)
        assert strike.happened.wait(20)
        assert "stopped" == rig.ended(early)["status"]

        for session in (*ids, again):
            rig.end(session)
            rig.ended(session)
        problem(rig.ask("POST", f"/sessions/{again}/done", {}), 409, "already_ended")
        extension = rig.ask("POST", f"/sessions/{again}/extend", {"additional_hours": 1})
        problem(extension, 409, "already_ended")
        assert again in (extension.body["session_id"], extension.body["detail"])
        assert 200 == rig.ask("DELETE", f"/sessions/{again}").status
        rig.judge_rest()


def ask_and_hang_up(rig: Rig, *, key: str) -> None:
    """Send an order and close the connection before the answer."""
    host, _, port = rig.server.url.removeprefix("http://").partition(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/sessions", json.dumps(rig.order()), headers)


def test_bad_input_is_answered_and_never_hurts(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        order = rig.order()
        bad = {
            "unknown GPU": ({**order, "requirements": {"gpu_types": ["RTX 4O90"]}}, 400, "unknown_gpu"),
            "no hours": ({**order, "reservation_hours": 0}, 400, "invalid"),
            "13 hours": ({**order, "reservation_hours": 13}, 400, "invalid"),
            "negative disk": ({**order, "disk_gb": -1}, 400, "invalid"),
            "unknown field": ({**order, "surprise": 1}, 400, "invalid"),
            "not a number": (b'{"max_price_per_hour": NaN}', 400, "malformed"),
            "offer gone": ({**order, "offer_id": "sandbox:none", "requirements": None}, 503, "offer_unavailable"),
            "too cheap": ({**order, "max_price_per_hour": 0.001}, 503, "no_offer"),
            "a megabyte": (b'{"x": "' + b"y" * 1_048_576 + b'"}', 413, "body_too_large"),
        }  # fmt: skip
        for name, (body, status, code) in bad.items():
            reply = rig.ask("POST", "/sessions", body)
            assert (name, status, code) == (name, reply.status, reply.body["code"])
            problem(reply, status, code)
        plain = rig.ask("POST", "/sessions", b"{}", content_type="text/plain")
        problem(plain, 415, "unsupported_media_type")
        unknown = "/sessions/ses_aaaaaaaaaaaaaaaa"
        problem(rig.ask("GET", unknown), 404, "not_found")
        problem(rig.ask("DELETE", unknown), 404, "not_found")

        assert [] == rig.book("SELECT id FROM sessions")
        assert "Traceback" not in rig.server.said
        session = rig.create()
        rig.running(session)
        rig.end(session)
        rig.ended(session)
        rig.judge_rest()


def test_a_consumer_with_a_token_sees_nothing_of_another(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.server.end()
        token(rig.server, "--admin")
        mine, theirs = (token(rig.server, "--consumer", name) for name in ("tester", "other"))
        rig.serve(wait=False)
        until("there are offers", lambda: rig.server.asked("GET", "/ready") == 200)
        me, them = {"Authorization": f"Bearer {mine}"}, {"Authorization": f"Bearer {theirs}"}
        reply = rig.ask("POST", "/sessions", rig.order(), **me)
        assert 201 == reply.status
        session = reply.body["session"]["id"]

        problem(rig.ask("GET", "/sessions"), 401, "unauthenticated")
        problem(rig.ask("GET", "/sessions", Authorization="Bearer wrong"), 401, "unauthenticated")
        for method, path in (
            ("GET", ""), ("DELETE", ""), ("POST", "/done"), ("GET", "/events"), ("GET", "/diagnostics"),
        ):  # fmt: skip
            body = {} if method == "POST" else None
            foreign = rig.ask(method, f"/sessions/{session}{path}", body, **them)
            problem(foreign, 404, "not_found")
            nothing = rig.ask(method, f"/sessions/ses_aaaaaaaaaaaaaaaa{path}", body, **them)
            assert foreign.body["detail"].replace(session, "ID") == nothing.body["detail"].replace(
                "ses_aaaaaaaaaaaaaaaa", "ID"
            )
        assert [] == rig.ask("GET", "/sessions", **them).body["sessions"]
        assert 200 == rig.ask("DELETE", f"/sessions/{session}", **me).status
        ended = "SELECT 1 FROM sessions WHERE state = 'stopped'"
        until("it has ended", lambda: rig.book(ended))
        assert [] == rig.cloud.alive()
        assert mine not in rig.server.said
        assert theirs not in rig.server.said
