"""The real thing on a bench: a sandbox cloud, a server on a real database, and a judge that believes neither.

The judge asks the cloud's own ledger, the kernel's table of processes, and the database file. Whatever a rig started, and
whatever was started by that, is gone when the rig is closed, however the test ended.
"""

import contextlib
import http.client
import itertools
import os
import signal
import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gpu_shopper.testing.programs import (
    KEY,
    PATIENCE_S,
    Cloud,
    Reply,
    Server,
    ask,
    pause_after,
    started_from,
    until,
)
from tests.e2e.proxy import Asked, Moment, Proxy, Script, Strike

FINAL = frozenset({"stopped", "failed"})
# Dear, so that a wrong second shows: one costs a third of a cent.
WISH = {"gpu_types": ["H100 SXM"], "gpu_count": 8}
_CENT = 10_000


class Rig:
    """A cloud, a server, proxies between them where wanted, and the judge."""

    def __init__(
        self,
        folder: Path,
        *,
        proxied: bool = False,
        cloud_options: tuple[str, ...] = (),
        **settings: str,
    ) -> None:
        self.folder = folder
        self.cloud = Cloud(folder / "cloud", folder / "cloud.log")
        self.cloud.options = cloud_options
        self.server = Server(folder / "data", folder / "server.log")
        self.script = Script()
        self.settings = settings
        self._proxied = proxied
        self._proxies: list[Proxy] = []
        self._offers: list[str] = []

    def __enter__(self) -> Self:
        try:
            self.cloud.start()
            self.connect()
            self.serve()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        left = self.close()
        if kind is None:
            assert left == [], "processes were left behind"
        else:
            print(f"--- server\n{self.server.said[-6000:]}\n--- cloud\n{self.cloud.said[-2000:]}")

    def connect(self) -> None:
        """Say how the server reaches the cloud and nodes the server."""
        cloud_url = self.cloud.url
        if self._proxied:
            there = Proxy(lambda: self.cloud.url, self.script)
            back = Proxy(lambda: self.server.url, self.script)
            self._proxies = [there, back]
            cloud_url = there.url
            self.settings.setdefault("public_url", back.url)
        self.settings = {
            "data_dir": str(self.server.folder), "provider_sandbox_url": cloud_url,
            "provider_sandbox_key": KEY, "heartbeat_seconds": "1", "accrue_period_s": "1",
            **self.settings,
        }  # fmt: skip

    def serve(self, *, wait: bool = True) -> None:
        """Start the server, for the first time or again: it is the same act."""
        self.server.start(wait=wait, **self.settings)

    def close(self) -> list[int]:
        """End everything; return the processes that should not have been there any more."""
        left: list[int] = []
        if self.server.runs:
            self.server.end()
        if self.cloud.runs:
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                left = self.cloud.processes()
                self.cloud.control("POST", "shutdown")
                self.cloud.process.wait(PATIENCE_S)
        for proxy in self._proxies:
            proxy.close()
        for pid in self.traces():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for program in (self.server, self.cloud):
            if program.process is not None:
                program.process.wait(PATIENCE_S)
        until("what was killed is gone", lambda: not self.traces())
        return left

    def traces(self) -> list[int]:
        """Return all processes that were started from our folder, by whomever."""
        return list(started_from(self.folder))

    # What a consumer does.

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Ask the server, again and again while it can't be reached."""
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            try:
                return ask(self.server.url, method, f"/api/v1{path}", body, **headers)
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < give_up_at, "the server does not answer"
                time.sleep(0.05)

    def order(self, **more: Any) -> dict[str, Any]:
        """Return the body of an order."""
        return {
            "consumer_id": "tester", "workload_type": "batch", "reservation_hours": 1,
            "requirements": WISH, **more,
        }  # fmt: skip

    def own_offer(self) -> dict[str, Any]:
        """Return an order for an offer that no other session of this rig was given: many at once don't collide."""
        if not self._offers:
            filters = "min_gpu_count=2&interruptible=false&sort=price&limit=200"
            page = self.ask("GET", f"/inventory?{filters}").body
            self._offers = [offer["id"] for offer in page["offers"]]
        return {
            "offer_id": self._offers.pop(), "requirements": None, "max_price_per_hour": 60,
            "retry_scope": "any", "max_retries": 12,
        }  # fmt: skip

    def create(self, *, key: str = "", **more: Any) -> str:
        """Order a session and return its id."""
        headers = {"Idempotency_Key": key} if key else {}
        reply = self.ask("POST", "/sessions", self.order(**more), **headers)
        assert reply.status == 201, reply
        return str(reply.body["session"]["id"])

    def show(self, session_id: str) -> dict[str, Any]:
        """Return a session."""
        reply = self.ask("GET", f"/sessions/{session_id}")
        assert reply.status == 200, reply
        return dict(reply.body)

    def running(self, session_id: str, *, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until a session runs."""
        return self._in_state(session_id, frozenset({"running"}), within_s)

    def ended(self, session_id: str, *, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until a session has ended."""
        return self._in_state(session_id, FINAL, within_s)

    def over_or_running(self, session_id: str, *, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until a session has got somewhere."""
        return self._in_state(session_id, FINAL | {"running"}, within_s)

    def _in_state(self, session_id: str, states: frozenset[str], within_s: float) -> dict[str, Any]:
        began = time.monotonic()
        while (seen := self.show(session_id))["status"] not in states:
            waited_s = time.monotonic() - began
            assert waited_s < within_s, (seen, self.history(session_id))
            assert seen["status"] not in FINAL, (seen, self.history(session_id))
            time.sleep(pause_after(waited_s))
        return seen

    def end(self, session_id: str) -> None:
        """Ask for the end of a session."""
        assert self.ask("DELETE", f"/sessions/{session_id}").status == 200

    def history(self, session_id: str) -> list[str]:
        """Return what happened to a session, in a few words a line."""
        events = self.ask("GET", f"/sessions/{session_id}/events").body["events"]
        return [f"{event['kind']} {event['details']}" for event in events]

    # What goes wrong.

    def strike(self, *row: Asked, moment: Moment) -> Strike:
        """Prepare the death of the server at the last request of the row."""
        return self.script.arm(Strike(row=row, moment=moment, hit=self.server.kill))

    def survive(self, strike: Strike) -> None:
        """Wait for the blow, then start the server again as anybody would: nothing else is done."""
        assert strike.happened.wait(PATIENCE_S), f"never came: {strike.row}, saw {self.script.log}"
        self.serve(wait=False)

    # What the judge says.

    def book(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Read the database file, beside whoever has it open."""
        address = f"{self.server.database.as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]

    def judge_entitled(self) -> None:
        """Whatever lives has an unfinished session that holds on to it, and that session an end in the future."""
        wanted = self.book(
            "SELECT label FROM attempts JOIN sessions ON sessions.id = session_id"
            " WHERE wanted = 1 AND sessions.launch = attempts.number"
        )
        entitled = {row["label"] for row in wanted}
        assert {entry["name"] for entry in self.cloud.alive()} <= entitled

    def judge_rest(self, *, apart_s: float = 2.0, blind_s: float = 0.0) -> None:
        """Nothing lives, everything has ended with proof, and our ledger says what the cloud's says.

        A session here costs less than the cent that is promised, so the bills may differ by no more than `apart_s` of
        each instance's time as well. For `blind_s` the cloud could not be asked: what ended then was seen later.
        """
        until("no instance lives", lambda: not self.cloud.alive())
        assert self.cloud.processes() == []
        unfinished = "SELECT id, state FROM sessions WHERE state NOT IN ('stopped', 'failed')"
        assert self.book(unfinished) == []
        unproved = "SELECT label, state FROM attempts WHERE state NOT IN ('closed', 'rejected')"
        assert self.book(unproved) == []
        self._judge_attempts()
        self._judge_cost(apart_s, blind_s)
        self._judge_history()

    def _judge_attempts(self) -> None:
        labels = {row["label"]: row for row in self.book("SELECT * FROM attempts")}
        entries = self.cloud.ledger()
        assert len({entry["name"] for entry in entries}) == len(entries), "one create, one instance"
        for entry in entries:
            assert labels[entry["name"]]["instance_id"] == entry["id"], (
                "all that was bought is known"
            )
            assert labels[entry["name"]]["proof"] == "proved"

    def _judge_cost(self, apart_s: float, blind_s: float) -> None:
        billed = {entry["name"]: entry for entry in self.cloud.ledger()}
        for session in self.book("SELECT id FROM sessions"):
            own = self.book("SELECT id, label FROM attempts WHERE session_id = ?", session["id"])
            theirs = [billed[row["label"]] for row in own if row["label"] in billed]
            metered = sum(entry["billed_micros"] for entry in theirs)
            ours = sum(self._charged(row["id"]) for row in own)
            second = sum(entry["price_per_hour_micros"] for entry in theirs) / 3600
            slack = min(second * apart_s, max(metered / 100, _CENT)) + second * blind_s
            told = (session["id"], ours, metered, slack)
            assert abs(ours - metered) <= slack, told
            reply = self.ask("GET", f"/costs?session_id={session['id']}")
            assert round(reply.body["total_cost"] * 1e6) == ours, told

    def _charged(self, attempt: str) -> int:
        rows = self.book(
            "SELECT * FROM cost_entries WHERE attempt_id = ? ORDER BY begins_at", attempt
        )
        for one, next_one in itertools.pairwise(rows):
            assert one["ends_at"] <= next_one["begins_at"], "no moment is charged twice"
        return sum(row["amount"] for row in rows)

    def _judge_history(self) -> None:
        for session in self.book("SELECT id FROM sessions"):
            rows = self.book(
                "SELECT sequence, kind FROM events WHERE session_id = ? ORDER BY sequence",
                session["id"],
            )
            assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
            ends = [row for row in rows if row["kind"] in {"gone_as_asked", "gone_otherwise"}]
            assert len(ends) == 1, rows
