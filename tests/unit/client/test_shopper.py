"""What the client promises: nothing lost, nothing doubled, and sessions that end however the block is left."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_shopper import client
from gpu_shopper.client import (
    ApiError,
    AsyncShopper,
    Conflict,
    LoginFailed,
    NotFound,
    ServerUnreachable,
    SessionFailed,
    SessionNotEnded,
    Shopper,
    ShopperError,
    Surroundings,
    Unavailable,
    UnexpectedAnswer,
)
from tests.unit.client.fake_server import (
    CUT,
    HEAD_ONLY,
    KEY,
    LOST,
    UNHEARD,
    FakeServer,
    fake_server,
    key_folders,
    problem,
    session_body,
)


def test_a_session_is_rented_used_and_ended(server: FakeServer, shopper: Shopper, own_tmp) -> None:
    with shopper.session(gpu="RTX 4090", hours=2, max_price=0.5) as session:
        assert "running" == session.body.status
        key = Path(session.login.key_file)
        assert KEY == key.read_text()
        assert 0o600 == stat.S_IMODE(key.stat().st_mode)
        assert "StrictHostKeyChecking=yes" in session.ssh_command
        assert session.body.host_key in session.login.known_hosts_file.read_text()

    assert 1 == server.times("DELETE", "/api/v1/sessions/ses_1")
    assert [] == key_folders(own_tmp)
    order = server.bodies[0]
    assert {"gpu_types": ["RTX 4090"], "max_price_per_hour": 0.5}.items() <= order[
        "requirements"
    ].items()
    assert (2, "me", 0.5) == (
        order["reservation_hours"],
        order["consumer_id"],
        order["max_price_per_hour"],
    )
    assert "Bearer t0ken" == server.headers[0]["authorization"]


@pytest.mark.parametrize("how", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_it_ends_whatever_is_raised_in_the_block(server, shopper, own_tmp, how) -> None:
    with pytest.raises(how), shopper.session(gpu="RTX 4090"):
        raise how

    assert 1 == server.times("DELETE", "/api/v1/sessions/ses_1")
    assert [] == key_folders(own_tmp)


def test_it_ends_when_a_generator_around_it_is_closed(server: FakeServer, shopper: Shopper) -> None:
    def lines():
        with shopper.session(gpu="RTX 4090") as session:
            yield session.id

    generator = lines()
    next(generator)
    generator.close()

    assert 1 == server.times("DELETE", "/api/v1/sessions/ses_1")


def test_a_lost_reply_neither_loses_nor_doubles(server: FakeServer, shopper: Shopper) -> None:
    server.faults = [LOST]

    with shopper.session(gpu="RTX 4090"):
        pass

    assert ["ses_1"] == list(server.sessions)
    assert 2 == server.times("POST", "/api/v1/sessions")
    assert 1 == len({h["idempotency-key"] for h in server.headers if "idempotency-key" in h})


@pytest.mark.parametrize("fault", [CUT, HEAD_ONLY])
def test_a_reply_that_is_cut_short_is_a_lost_one(server, shopper, fault: str) -> None:
    server.faults = [fault]
    created = shopper.create_session(gpu="RTX 4090")

    assert created.session.id == "ses_1"
    assert 2 == server.times("POST", "/api/v1/sessions")
    server.faults = [fault]
    with pytest.raises(ServerUnreachable) as lost:
        shopper.extend(created.session.id, 1)
    assert lost.value.sent


def test_a_fault_of_the_server_is_asked_again_with_the_same_key(server, shopper, pauses) -> None:
    server.faults = [
        problem(500, "internal", "oops"),
        (502, b"<html>"),
        problem(503, "inventory_not_ready", "wait"),
    ]

    created = shopper.create_session(gpu="RTX 4090")

    assert "ses_1" == created.session.id
    assert [0.1, 0.3, 0.8] == pauses.slept


def test_a_clear_no_is_not_asked_again(server: FakeServer, shopper: Shopper, pauses) -> None:
    server.faults = [
        problem(503, "no_offer", "nothing matches", hint="raise the price", retryable=True)
    ]

    with pytest.raises(Unavailable) as refused:
        shopper.create_session(gpu="RTX 4090")

    assert ("no_offer", "raise the price", "req_1") == (
        refused.value.code, refused.value.hint, refused.value.request_id,
    )  # fmt: skip
    assert [] == pauses.slept


def test_an_extension_is_never_asked_twice(server: FakeServer, shopper: Shopper) -> None:
    created = shopper.create_session(gpu="RTX 4090")
    server.faults = [LOST]

    with pytest.raises(ServerUnreachable) as lost:
        shopper.extend(created.session.id, 1)

    assert lost.value.sent
    assert 1 == server.times("POST", "/api/v1/sessions/ses_1/extend")


def test_a_session_that_fails_says_why_and_is_ended(server: FakeServer, shopper: Shopper) -> None:
    server.journey = ["provisioning", "failed"]

    with pytest.raises(SessionFailed, match="ses_1") as failed, shopper.session(gpu="RTX 4090"):
        pytest.fail("the block must not be entered")

    assert "failed" == failed.value.session.status
    assert 1 == server.times("DELETE", "/api/v1/sessions/ses_1")


def test_waiting_has_an_end(server: FakeServer, shopper: Shopper) -> None:
    server.journey = ["provisioning"]

    with (
        pytest.raises(SessionFailed, match="still provisioning"),
        shopper.session(gpu="RTX 4090", wait_s=60),
    ):
        pytest.fail("the block must not be entered")

    assert 1 == server.times("DELETE", "/api/v1/sessions/ses_1")


class InterruptedOnce:
    """Sleeps like Ctrl-C pressed at the first pause."""

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self, seconds: float) -> None:
        if not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt


@pytest.mark.parametrize("faults", [[], [LOST]], ids=["while waiting", "while asking"])
def test_ctrl_c_before_the_block_leaves_nothing(server: FakeServer, own_tmp, faults) -> None:
    server.faults = faults
    shopper = Shopper(server.url, surroundings=Surroundings(sleep=InterruptedOnce()))

    with pytest.raises(KeyboardInterrupt), shopper.session(gpu="RTX 4090"):
        pytest.fail("the block must not be entered")

    assert ["ses_1"] == list(server.sessions)
    assert "stopping" == server.sessions["ses_1"]["status"]
    assert [] == key_folders(own_tmp)


def test_an_end_that_cannot_be_asked_for_is_an_error_with_the_id(server, shopper, own_tmp) -> None:
    with (
        pytest.raises(SessionNotEnded, match="ses_1") as not_ended,
        shopper.session(gpu="RTX 4090"),
    ):
        server.only_method = "DELETE"
        server.faults = [UNHEARD] * 100

    assert "gpu-shopper sessions delete ses_1" in not_ended.value.hint
    assert 2026 == int(str(not_ended.value).split("until ")[1][:4])
    assert server.times("DELETE", "/api/v1/sessions/ses_1") >= 20
    assert [] == key_folders(own_tmp)


def test_a_create_without_any_reply_says_that_a_session_may_exist(server, shopper) -> None:
    server.faults = [LOST] * 5

    with pytest.raises(ServerUnreachable, match="may have been made") as lost, shopper.session():
        pytest.fail("the block must not be entered")

    assert "key-0" in lost.value.hint


def test_a_first_try_that_may_have_been_heard_is_not_forgotten() -> None:
    with fake_server() as server:
        server.faults = [LOST]
        url = server.url
        closing = Surroundings(sleep=lambda _: server.close())

        with (
            pytest.raises(ServerUnreachable, match="may have been made"),
            Shopper(url, surroundings=closing).session(),
        ):
            pytest.fail("the block must not be entered")


def test_no_server_is_one_clear_error(pauses) -> None:
    shopper = Shopper("http://127.0.0.1:1", surroundings=pauses.surroundings())

    with pytest.raises(ServerUnreachable, match="cannot reach") as error:
        shopper.health()

    assert not error.value.sent
    assert "gpu-shopper serve" in error.value.hint


@pytest.mark.parametrize("url", ["localhost:1", "ftp://x", "http://", "http://a:b", "http://u:p@h"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ShopperError, match="not the address"):
        Shopper(url)


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (409, Conflict), (418, ApiError)])
def test_problems_become_errors_of_their_class(server, shopper, status, kind) -> None:
    server.faults = [problem(status, "some_code", "no", session_id="ses_9")]

    with pytest.raises(kind) as error:
        shopper.done("ses_1")

    assert (status, "some_code", "ses_9") == (
        error.value.status, error.value.code, error.value.session_id,
    )  # fmt: skip


def test_another_kind_of_server_is_noticed(server: FakeServer, shopper: Shopper) -> None:
    server.faults = [(200, b"<html>hello</html>")]

    with pytest.raises(UnexpectedAnswer, match="something else"):
        shopper.get("ses_1")


def test_new_fields_of_a_newer_server_do_no_harm(server: FakeServer, shopper: Shopper) -> None:
    shopper.create_session(gpu="x")
    server.sessions["ses_1"]["shiny"] = 1

    assert "ses_1" == shopper.get("ses_1").id


def test_pages_are_followed(server: FakeServer, shopper: Shopper) -> None:
    def page(query):
        first = "cursor" not in query
        body = {"sessions": [session_body("ses_a" if first else "ses_b")], "count": 1}
        return 200, body | ({"next_cursor": "c"} if first else {})

    server.answers["GET", "/api/v1/sessions"] = page

    assert ["ses_a", "ses_b"] == [session.id for session in shopper.sessions(status="running")]


def test_watching_tells_each_change_once(server: FakeServer, shopper: Shopper) -> None:
    server.journey = ["provisioning", "provisioning", "running", "running", "stopping", "stopped"]
    shopper.create_session(gpu="x")

    seen = [session.status for session in shopper.watch("ses_1")]

    assert ["provisioning", "running", "stopping", "stopped"] == seen


def test_watching_survives_a_restart_of_the_server(server: FakeServer, shopper: Shopper) -> None:
    server.journey = ["provisioning", "running", "stopped"]
    shopper.create_session(gpu="x")
    server.faults = [UNHEARD] * 12

    assert "stopped" == [session.status for session in shopper.watch("ses_1")][-1]


def test_an_id_cannot_lead_elsewhere(server: FakeServer, shopper: Shopper) -> None:
    with pytest.raises(NotFound):
        shopper.get("../tokens")

    assert ("GET", "/api/v1/sessions/..%2Ftokens") == server.asked[-1]


def test_without_a_host_key_nobody_logs_in(server: FakeServer, shopper: Shopper) -> None:
    with shopper.session(gpu="x") as session:
        server.sessions[session.id]["host_key"] = None
        session.refresh()

        with pytest.raises(LoginFailed, match="host key"):
            session.run("true")


def test_both_clients_offer_the_same() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert methods(Shopper) == methods(AsyncShopper) - {"close"}


def test_what_is_offered_is_sorted_and_there() -> None:
    assert sorted(client.__all__) == client.__all__
    assert all(getattr(client, name) for name in client.__all__)


def test_the_client_loads_nothing_heavy() -> None:
    code = "import sys, gpu_shopper.client; print([n for n in ('aiohttp', 'asyncssh', 'asyncio', 'rich') if n in sys.modules])"
    asked = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )

    assert "[]" == asked.stdout.strip(), asked.stderr


def test_a_page_that_is_held_already_is_not_sent_again(
    server: FakeServer, shopper: Shopper
) -> None:
    first = shopper.inventory_unless("", gpu_type="RTX 4090")
    assert first is not None
    assert (3, server.tag) == (first.page.total, first.name)
    assert None is shopper.inventory_unless(first.name, gpu_type="RTX 4090")

    server.tag = 'W/"second"'

    second = shopper.inventory_unless(first.name, gpu_type="RTX 4090")
    assert second is not None
    assert server.tag == second.name
    assert ["", 'W/"first"', 'W/"first"'] == [
        headers.get("if-none-match", "") for headers in server.headers
    ]


def test_what_is_no_page_is_told_from_one_where_a_page_is_held(
    server: FakeServer, shopper: Shopper
) -> None:
    server.answers["GET", "/api/v1/inventory"] = (200, b"<html>")

    with pytest.raises(UnexpectedAnswer):
        shopper.inventory_unless("")
