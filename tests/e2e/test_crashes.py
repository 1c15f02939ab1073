"""`kill -9` where it hurts most, in a real server with a real database, a real cloud and real instances.

Every life here is cut twice, once on the way up and once on the way down. After each cut the server is started again, and
nothing else is done: there is no other recovery. Then nothing may live without a session, no session be without an end,
and no moment be charged twice.
"""

import http.client
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpu_shopper.testing.programs import ask, until
from tests.e2e.proxy import Asked, Moment, Strike
from tests.e2e.rig import Rig

C, D, R, F, L, H = (
    Asked.CREATE, Asked.DESTROY, Asked.READ, Asked.FIND, Asked.LIST, Asked.HEARTBEAT,
)  # fmt: skip

Cut = tuple[tuple[Asked, ...], Moment]

# On the way up × on the way down: what the server was in the middle of when it died.
LIVES: dict[str, tuple[Cut, Cut]] = {
    "order arrives late, end arrives late": (((C,), Moment.DELAYED), ((D,), Moment.DELAYED)),
    "order's answer lost, end's answer lost": (((C,), Moment.UNANSWERED), ((D,), Moment.UNANSWERED)),
    "order just answered, end just answered": (((C,), Moment.ANSWERED), ((D,), Moment.ANSWERED)),
    "reading while it boots, first read of the proof": (
        ((C, R), Moment.UNANSWERED), ((D, R), Moment.UNANSWERED)),
    "having read while it boots, second read of the proof": (
        ((C, R), Moment.ANSWERED), ((D, R, R), Moment.ANSWERED)),
    "first heartbeat unheard, before the proving list": (
        ((C, H), Moment.UNSENT), ((D, R, R, L), Moment.UNSENT)),
    "first heartbeat written, proving list lost": (
        ((C, H), Moment.UNANSWERED), ((D, R, R, L), Moment.UNANSWERED)),
    "first heartbeat answered, proving list just read": (
        ((C, H), Moment.ANSWERED), ((D, R, R, L), Moment.ANSWERED)),
}  # fmt: skip


@pytest.mark.parametrize(("up", "down"), LIVES.values(), ids=LIVES.keys())
def test_a_life_that_is_cut_twice_ends_well(tmp_path: Path, up: Cut, down: Cut) -> None:
    with Rig(tmp_path, proxied=True) as rig:
        strike = rig.strike(*up[0], moment=up[1])
        session = rig.create(key="mine")
        cut_and_go_on(rig, strike)

        assert session == rig.create(key="mine")
        rig.running(session)
        assert 1 == len(rig.cloud.alive())
        rig.judge_entitled()
        assert 1 == len(rig.book("SELECT 1 FROM attempts WHERE state = 'bound'"))

        strike = rig.strike(*down[0], moment=down[1])
        rig.end(session)
        cut_and_go_on(rig, strike)

        assert "stopped" == rig.ended(session)["status"]
        assert session == rig.create(key="mine")
        rig.judge_rest()
        assert 1 == len(rig.cloud.ledger()), "one order, one instance"


def cut_and_go_on(rig: Rig, strike: Strike) -> None:
    rig.survive(strike)
    if strike.moment is Moment.DELAYED:
        # It arrives when its sender is long dead, and the next one has looked already.
        looked = (Asked.FIND, Asked.DESTROY, Asked.READ)
        before = len(rig.script.log)
        until("the server has looked", lambda: set(looked) & set(rig.script.log[before:]))
        strike.release()


def test_an_order_that_was_never_sent_stays_owed_until_its_absence_is_certain(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path, proxied=True) as rig:
        strike = rig.strike(C, moment=Moment.UNSENT)
        session = rig.create()
        rig.survive(strike)
        rig.end(session)
        until("the server has looked twice", lambda: rig.script.log.count(F) >= 2)

        # Nobody can tell it from one that arrives tomorrow, so the session is not called ended yet.
        seen = rig.show(session)
        assert ("stopping", "looking for the instance") == (seen["status"], seen["phase"])
        assert 0 == seen["cost_so_far"]
        assert [] == rig.cloud.ledger()
        assert [1] == [row["n"] for row in rig.book(
            "SELECT count(*) AS n FROM attempts WHERE state = 'unknown' AND next_action_at IS NOT NULL"
        )]  # fmt: skip


@pytest.mark.parametrize("moment", [Moment.UNSENT, Moment.UNANSWERED, Moment.ANSWERED])
def test_death_while_looking_for_what_an_order_made(tmp_path: Path, moment: Moment) -> None:
    with Rig(tmp_path, proxied=True) as rig:
        rig.cloud.misbehave({"kind": "lose_create_reply", "count": 1})
        strike = rig.strike(C, F, moment=moment)
        session = rig.create()
        rig.survive(strike)

        rig.running(session)
        rig.judge_entitled()
        rig.end(session)
        rig.ended(session)
        rig.judge_rest()
        assert 1 == len(rig.cloud.ledger())


@pytest.mark.parametrize("moment", [Moment.UNANSWERED, Moment.ANSWERED])
def test_death_during_a_sweep_while_one_boots_and_one_ends(tmp_path: Path, moment: Moment) -> None:
    with Rig(tmp_path, proxied=True, sweep_period_s="1") as rig:
        ending = rig.create()
        rig.running(ending)
        strike = rig.strike(C, L, moment=moment)
        rig.end(ending)
        booting = rig.create()
        rig.survive(strike)

        rig.running(booting)
        rig.judge_entitled()
        rig.end(booting)
        assert ["stopped", "stopped"] == [rig.ended(each)["status"] for each in (ending, booting)]
        rig.judge_rest()


@pytest.mark.parametrize("seen", ["absence is proved", "session has ended"])
def test_death_while_settling(tmp_path: Path, seen: str) -> None:
    conditions = {
        "absence is proved": "SELECT 1 FROM attempts WHERE state = 'closed'",
        "session has ended": "SELECT 1 FROM sessions WHERE state = 'stopped'",
    }
    with Rig(tmp_path) as rig:
        session = rig.create()
        rig.running(session)
        rig.end(session)
        kill_as_soon_as(rig, conditions[seen])
        rig.serve()

        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()


def kill_as_soon_as(rig: Rig, statement: str) -> None:
    """Kill the server at the first commit that makes a statement find a row."""
    address = f"{rig.server.database.as_uri()}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=10)
    try:
        give_up_at = time.monotonic() + 20
        # No pause at all: the next commit is less than a millisecond away.
        while connection.execute(statement).fetchone() is None:
            assert time.monotonic() < give_up_at
        rig.server.kill()
    finally:
        connection.close()


def test_death_right_after_the_promise_keeps_it(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        reply = ask(rig.server.url, "POST", "/api/v1/sessions", rig.order(), Idempotency_Key="mine")
        rig.server.kill()
        rig.serve()
        session = reply.body["session"]["id"]

        assert session == rig.create(key="mine")
        rig.running(session)
        rig.judge_entitled()
        rig.end(session)
        if rig.book("SELECT 1 FROM attempts WHERE state = 'unknown'"):
            # Death came between intent and order: nobody can tell it yet from one that arrives tomorrow.
            until("no instance lives", lambda: not rig.cloud.alive())
        else:
            rig.ended(session)
            rig.judge_rest()


def test_death_before_the_promise_was_heard_makes_one_session_at_most(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        send_and_hang_up(rig, key="mine", kill=rig.server.kill)
        rig.serve()
        again = rig.create(key="mine")

        assert [{"id": again}] == rig.book("SELECT id FROM sessions")
        rig.running(again)
        rig.judge_entitled()
        rig.end(again)
        rig.ended(again)
        rig.judge_rest()


def send_and_hang_up(rig: Rig, *, key: str, kill: Callable[[], None]) -> None:
    """Send an order whole, and let its receiver die before anybody reads the answer."""
    host, _, port = rig.server.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    body = str(rig.order()).replace("'", '"')
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/sessions", body, headers)
    assert isinstance(connection.sock, socket.socket)
    kill()
    connection.close()


def test_a_server_that_is_told_to_end_while_it_buys_writes_down_what_it_bought(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path, proxied=True) as rig:

        def tell() -> None:
            assert rig.server.process is not None
            rig.server.process.send_signal(signal.SIGTERM)
            until("it has stopped listening", lambda: rig.server.asked("GET", "/health") == 0)

        strike = rig.script.arm(Strike(row=(C,), moment=Moment.MEANWHILE, hit=tell))
        session = rig.create()
        assert strike.happened.wait(20)

        assert 0 == rig.server.process.wait(20)
        # It left the session as it was, and knows its instance.
        bound = rig.book("SELECT instance_id FROM attempts WHERE state = 'bound'")
        assert [{"instance_id": rig.cloud.alive()[0]["id"]}] == bound
        rig.serve()
        rig.running(session)
        rig.end(session)
        rig.ended(session)
        rig.judge_rest()


def test_a_cloud_that_dies_with_an_order_half_done_is_asked_again(tmp_path: Path) -> None:
    with Rig(tmp_path, proxied=True) as rig:
        strike = Strike(row=(C,), moment=Moment.UNANSWERED, hit=rig.cloud.kill)
        rig.script.arm(strike)
        session = rig.create()
        assert strike.happened.wait(20)
        rig.cloud.start()

        rig.running(session)
        assert 1 == len(rig.cloud.ledger()), "nothing is ordered twice"
        rig.cloud.kill()
        # The node still reports, and nobody takes the cloud's silence for absence.
        heard = rig.show(session)["last_heartbeat_at"]
        until("its node is heard", lambda: rig.show(session)["last_heartbeat_at"] > heard)
        rig.end(session)
        rig.cloud.start()
        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest(blind_s=10)


def test_a_node_whose_agent_was_killed_is_ended_for_its_silence(tmp_path: Path) -> None:
    with Rig(tmp_path, silence_minutes="0.05") as rig:
        session = rig.create()
        rig.running(session)
        for pid in agents_of(rig):
            os.kill(pid, signal.SIGKILL)

        ended = rig.ended(session)
        assert ("failed", "silent") == (ended["status"], ended["stop_reason"])
        assert "not been heard" in ended["error"]
        rig.judge_rest()


def agents_of(rig: Rig) -> list[int]:
    """Return the agents in all instances, and what would start them again."""
    names = (b"agent.pyz", b"watchdog.sh")
    found = [
        pid
        for pid in rig.cloud.processes()
        if any(name in Path(f"/proc/{pid}/cmdline").read_bytes() for name in names)
    ]
    assert len(found) == 2, found
    return found
