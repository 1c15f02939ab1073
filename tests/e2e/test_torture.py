"""A slice of the torture, and its judge: what `make torture` does by the hundred, a few times, and that it would see a lie."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_shopper.client.orders import order_of
from gpu_shopper.testing.programs import KEY, ask, started_from, until
from gpu_shopper.testing.torture.bench import Bench
from gpu_shopper.testing.torture.consumers import Witness
from gpu_shopper.testing.torture.history import Call, Journal
from gpu_shopper.testing.torture.judge import Judge
from gpu_shopper.testing.torture.run import Plan, run


def test_a_few_kills_at_random_moments_break_no_promise(tmp_path: Path) -> None:
    plan = Plan(cycles=6, seed=3, consumers=3, small_disk=False, wait_for_certainty=False)

    result = run(tmp_path, plan, say=print)

    assert result.violations == []
    assert result.kills >= 6
    assert result.acknowledged["create"] >= 1
    assert result.checked_after_restart >= 1
    assert [] == list(started_from(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable, "-m", "gpu_shopper.testing.torture", "--folder", str(tmp_path),
        "--no-small-disk",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        until("programs run", lambda: len(list(started_below(tmp_path))) >= 2)
        program.send_signal(number)
        assert 130 == program.wait(30), program.stderr.read()

    assert [] == list(started_below(tmp_path))


def started_below(folder: Path) -> Iterator[int]:
    for each in folder.iterdir():
        yield from started_from(each)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.open(small_disk=False)
    yield bench
    bench.close()


def test_the_judge_sees_what_is_wrong_with_a_life(bench: Bench) -> None:
    journal = Journal(bench.folder / "history.jsonl")
    judge, calls = Judge(bench), journal.calls
    live_once(Witness(bench.server.url, "c", journal), bench.offers()[0])
    journal.close()
    until("all is at rest", lambda: not judge.left_over())
    assert [] == list(judge.verdict(calls))

    # Whoever touches the book, or loses a part of it, is seen.
    bench.kill_server()
    assert "lost" in after(bench, judge, calls, "DELETE FROM idempotency_keys")
    assert "unasked" in found(judge, [])
    assert "history" in after(bench, judge, calls, "DELETE FROM events WHERE sequence = 2")
    dearer = "UPDATE cost_entries SET amount = amount + 10000000"
    assert "wrong bill" in after(bench, judge, calls, dearer)
    assert "unproved" in after(bench, judge, calls, "UPDATE attempts SET instance_id = 'another'")
    presumed = "UPDATE attempts SET instance_id = NULL, proof = 'presumed', closed_at = 1"
    assert "unproved" in after(bench, judge, calls, presumed)
    after(bench, judge, calls, "UPDATE attempts SET closed_at = 900000000000000000")
    assert "unproved" not in found(judge, calls)
    again = "UPDATE sessions SET state = 'stopping', stopped_at = NULL, next_action_at = 0"
    after(bench, judge, calls, again)
    assert ["is stopping"] == [each[-11:] for each in judge.left_over()]

    # So are an instance that nobody wrote down, and the death of what is not ours.
    orphan = buy(bench, "nobody wrote this down")
    until("it runs", lambda: f"processes of {orphan}" in judge.left_over())
    assert f"instance {orphan} is billed" in judge.left_over()
    assert not judge.owed_only()
    assert "unwritten" in found(judge, calls)
    stray = bench.strays[1].instance
    ask(bench.cloud.url, "DELETE", f"/v1/instances/{stray}", Authorization=f"Bearer {KEY}")
    assert "wrongful kill" in found(judge, calls)


def live_once(witness: Witness, offer: str) -> None:
    order = order_of({"offer": offer, "max_price": 60}, consumer="c")
    session = witness.create(order, key="k").session
    until("it runs", lambda: witness.get(session).status == "running")
    assert "ok" == witness.done(session).outcome
    until("it has ended", lambda: witness.get(session).status == "stopped")


def found(judge: Judge, calls: list[Call]) -> set[str]:
    return {violation.check for violation in judge.verdict(calls)}


def after(bench: Bench, judge: Judge, calls: list[Call], statement: str) -> set[str]:
    """Return what the judge finds once somebody has changed the book in a way that it does not allow."""
    with contextlib.closing(sqlite3.connect(bench.server.database)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)
        connection.commit()
    return found(judge, calls)


def buy(bench: Bench, name: str) -> str:
    bearer = f"Bearer {KEY}"
    offers = ask(bench.cloud.url, "GET", "/v1/offers?limit=200", Authorization=bearer).body[
        "offers"
    ]
    order = {"offer_id": offers[-1]["id"], "name": name, "image": "any", "disk_gb": 10}
    made = ask(bench.cloud.url, "POST", "/v1/instances", order, Authorization=bearer)
    assert 201 == made.status, made
    return str(made.body["id"])
