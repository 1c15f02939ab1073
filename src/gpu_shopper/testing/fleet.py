"""A mixed fleet: every simulated vendor at once, real processes, faults on, and a server that is killed every few seconds.

`python -m gpu_shopper.testing.fleet --sessions 100 --minutes 10`: says at the end whether every cloud's own ledger is empty
but for what was planted there, whether nothing foreign was touched, and how far the book's bill is from the clouds'.
0 if every promise was kept, 1 if not.
"""

import argparse
import asyncio
import contextlib
import http.client
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from gpu_shopper.bootstrap.clouds import installed, with_defaults
from gpu_shopper.client import Shopper
from gpu_shopper.client.errors import ShopperError
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.provider import LaunchOrder, OfferListing
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.sandbox import processes
from gpu_shopper.testing.programs import (
    CONTROL,
    KEY,
    PATIENCE_S,
    Program,
    Server,
    ask,
    free_port,
    started_from,
    until,
)
from gpu_shopper.testing.vendors.program import simulated
from gpu_shopper.transport.door import AiohttpDoor

PLANTED = "somebody-elses"
_A_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzr1ygxXBxtCi3AOhxyPxKtuXRHGFiTBaEhZ4+E2MXN somebody"
_BOOT_S = 0.5
_OFFERS = 60
_REST_S = 900.0
_AT_ONCE = 12
# An end is known only when somebody has looked, at the cloud's pace, by a server that is killed meanwhile.
_MOST_OFF_S = 120.0
# What is left beside instances and costs nothing; it is dropped when nothing can need it any more.
_FREE = frozenset(
    {"ssh_keys", "scripts", "keypairs", "key_pairs", "security_groups", "tags", "environments"}
)
# Faults of every vendor, each now and then.
FAULTS: tuple[Mapping[str, Any], ...] = (
    {"kind": "lose_create_reply", "rate": 0.08},
    {"kind": "create_then_500", "rate": 0.05},
    {"kind": "no_capacity", "rate": 0.08},
    {"kind": "lose_request", "rate": 0.02},
    {"kind": "down", "rate": 0.02},
    {"kind": "html_error", "rate": 0.02},
    {"kind": "rate_limited", "rate": 0.02, "params": {"retry_after": 1.0}},
    {"kind": "lose_destroy_reply", "rate": 0.05},
    {"kind": "ignore_destroy", "rate": 0.05},
    {"kind": "list_cut", "rate": 0.02},
    {"kind": "list_lag", "rate": 0.05, "params": {"seconds": 5.0}},
    {"kind": "get_false_404", "rate": 0.01},
    {"kind": "boot_fails", "rate": 0.03},
)


class Vendor(Program):
    """One simulated vendor as a program."""

    def __init__(self, name: str, folder: Path) -> None:
        """Say which; nothing is started yet."""
        super().__init__(folder / name, folder / f"{name}.log")
        self.name = name
        self.url = ""
        self.manifest = installed()[ProviderName(name)]

    @property
    def settings(self) -> dict[str, str]:
        """What the server is told of it: its address, and the key for every secret that it needs."""
        needed = {spec.name: KEY for spec in self.manifest.settings if spec.required}
        return {**needed, "url": self.url}

    def start(self) -> None:
        """Start it and wait until it listens."""
        port = free_port()
        self.launch(
            "gpu_shopper", "simulate-cloud", self.name, "--port", str(port), "--key", KEY,
            "--control-key", CONTROL, "--state-dir", str(self.folder / "state"),
            "--boot-seconds", str(_BOOT_S), "--offers", str(_OFFERS),
        )  # fmt: skip
        until(f"{self.name} is up", lambda: not self.runs or "http://" in self.said)
        assert self.runs, f"{self.name} did not start\n{self.said[-2000:]}"
        self.url = f"http://127.0.0.1:{port}"

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Use the control API."""
        reply = ask(self.url, method, f"/control/{path}", body, X_Control_Key=CONTROL)
        assert reply.status < 300, reply
        return reply.body

    def misbehave(self, *rules: Mapping[str, Any]) -> None:
        """Put these rules into force instead of all others."""
        self.control("PUT", "misbehaviour", {"rules": [dict(rule) for rule in rules]})

    def struck(self) -> Counter[str]:
        """Return how often each fault has struck."""
        rules = self.control("GET", "misbehaviour")["rules"]
        return Counter({rule["kind"]: rule["struck"] for rule in rules})

    def ledger(self) -> list[dict[str, Any]]:
        """Return the truth about every instance that ever was."""
        entries: list[dict[str, Any]] = self.control("GET", "ledger")["entries"]
        return entries

    def leftovers(self) -> dict[str, int]:
        """Return what is left there beside instances, by kind."""
        found: dict[str, int] = self.control("GET", "ledger")["leftovers"]
        return found

    def plant(self) -> str:
        """Rent something in the same account that is not ours; return its id."""

        async def go() -> str:
            door = AiohttpDoor()
            try:
                cloud = self.manifest.connect(
                    with_defaults(self.manifest, self.settings), door, RealClock()
                )
                listing = await cloud.list_offers()
                assert isinstance(listing, OfferListing), listing
                offer = next(each for each in listing.offers if not each.interruptible)
                order = LaunchOrder(
                    offer=offer, label=Label(PLANTED), ends_by=RealClock().now() + timedelta(hours=6), price_cap=offer.price,
                    image=None, disk_gb=None, ssh_public_keys=(_A_KEY,), env={}, on_start="",
                )  # fmt: skip
                return (await cloud.launch(order)).id
            finally:
                await door.aclose()

        return asyncio.run(go())


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    asked: int = 0
    kills: int = 0
    sessions: Counter[str] = field(default_factory=Counter)
    by_cloud: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    billed: float = 0.0
    booked: float = 0.0
    off_s: list[float] = field(default_factory=list)
    beside: Counter[str] = field(default_factory=Counter)
    rest_s: float = 0.0
    owed: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def cost_error(self) -> float:
        """How far the book's bill is from the clouds', as a share of theirs."""
        return abs(self.booked - self.billed) / self.billed if self.billed else 0.0


class Fleet:
    """All vendors, one server, and consumers in threads."""

    def __init__(self, folder: Path, names: list[str], *, seed: int) -> None:
        """Prepare; nothing is started yet."""
        self.folder = folder
        self.vendors = [Vendor(name, folder) for name in names]
        self.server = Server(folder / "data", folder / "server.log")
        self.server.port = free_port()
        self.outcome = Outcome()
        self._chance = random.Random(seed)
        self._planted: dict[str, str] = {}
        self._beside: dict[str, dict[str, int]] = {}
        self._left: list[int] = []
        self._lock = threading.Lock()
        self._over = threading.Event()

    @property
    def settings(self) -> dict[str, str]:
        """What the server is told: what takes minutes with people takes seconds here."""
        told = {
            "data_dir": str(self.server.folder), "database": str(self.server.database),
            "heartbeat_seconds": "1", "accrue_period_s": "2", "sweep_period_s": "10",
            "silence_minutes": "0.5", "lease_minutes": "2", "log_format": "json",
            "sandbox_autostart": "never", "shop_period_s": "30",
        }  # fmt: skip
        for vendor in self.vendors:
            for name, value in vendor.settings.items():
                told[f"provider_{vendor.manifest.name}_{name}"] = value
        return told

    def open(self) -> None:
        """Start everything, and plant what must survive."""
        for vendor in self.vendors:
            vendor.start()
            self._planted[vendor.name] = vendor.plant()
            self._beside[vendor.name] = vendor.leftovers()
        self.server.start(wait=True, **self.settings)
        wanted = {str(vendor.manifest.name) for vendor in self.vendors}
        until("every cloud's menu is read", lambda: wanted <= self._on_sale(), within_s=180)
        for vendor in self.vendors:
            vendor.misbehave(*FAULTS)

    def run(self, *, sessions: int, minutes: float) -> Outcome:
        """Rent, kill, wait for rest, and judge."""
        self._left = list(range(sessions))
        consumers = [threading.Thread(target=self._consume, daemon=True) for _ in range(_AT_ONCE)]
        for consumer in consumers:
            consumer.start()
        give_up_at = time.monotonic() + minutes * 60
        while time.monotonic() < give_up_at:
            time.sleep(self._chance.uniform(3.0, 8.0))
            self.server.kill()
            self.outcome.kills += 1
            self.server.start(wait=False, **self.settings)
        self._over.set()
        for vendor in self.vendors:
            self.outcome.struck += vendor.struck()
            vendor.misbehave()
        for consumer in consumers:
            consumer.join(PATIENCE_S)
        self._come_to_rest()
        self._judge()
        return self.outcome

    def close(self) -> None:
        """End everything that was started from here, by its process number."""
        for vendor in self.vendors:
            if vendor.runs:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    vendor.end()
        give_up_at = time.monotonic() + PATIENCE_S
        while left := set(started_from(self.folder)):
            for pid in left:
                processes.send(processes.find(pid), signal.SIGKILL)
            assert time.monotonic() < give_up_at, f"processes {left} do not end"
            time.sleep(0.05)

    def _on_sale(self) -> set[str]:
        page = ask(self.server.url, "GET", "/api/v1/inventory?limit=1").body
        return {each["name"] for each in page["providers"] if each["offers"]}

    def _consume(self) -> None:
        shopper = Shopper(self.server.url)
        while not self._over.is_set():
            with self._lock:
                if not self._left:
                    return
                number = self._left.pop()
                cloud = self.vendors[number % len(self.vendors)].manifest.name
                lasts = self._chance.uniform(5.0, 60.0)
            session = self._ask_for(shopper, number, cloud)
            if session is not None:
                self._over.wait(lasts)
                self._finish(shopper, session)

    def _ask_for(self, shopper: Shopper, number: int, cloud: ProviderName) -> str | None:
        while not self._over.is_set():
            try:
                made = shopper.create_session(
                    idempotency_key=f"fleet-{number}", provider=str(cloud), hours=1,
                    retry_scope="any", max_retries=3,
                )  # fmt: skip
            except (ShopperError, OSError):
                self._over.wait(0.5)
            else:
                with self._lock:
                    self.outcome.asked += 1
                return str(made.session.id)
        return None

    def _finish(self, shopper: Shopper, session: str) -> None:
        for _ in range(200):
            with contextlib.suppress(ShopperError, OSError):
                shopper.done(session)
                return
            time.sleep(0.3)

    def _come_to_rest(self) -> None:
        began = time.monotonic()
        ended: set[str] = set()
        while time.monotonic() - began < _REST_S and list(self._left_over()):
            with contextlib.suppress(ShopperError, OSError, http.client.HTTPException):
                shopper = Shopper(self.server.url)
                for row in self._book("SELECT id, state FROM sessions"):
                    if row["state"] not in {"stopped", "failed"} and row["id"] not in ended:
                        shopper.done(row["id"])
                        ended.add(row["id"])
            time.sleep(1.0)
        self.outcome.rest_s = time.monotonic() - began

    def _left_over(self) -> Iterator[str]:
        for vendor in self.vendors:
            for entry in vendor.ledger():
                if entry["alive"] and entry["id"] != self._planted[vendor.name]:
                    yield f"{vendor.name} holds {entry['id']} ({entry['name']}), {entry['status']}"
        # An order that was never answered is looked for long after; of one that bought nothing nothing is left to see.
        waiting = "SELECT session_id FROM attempts WHERE state IN ('sent', 'unknown')"
        for row in self._book(
            f"SELECT id, state FROM sessions WHERE id NOT IN ({waiting})"  # noqa: S608 - its own text
        ):
            if row["state"] not in {"stopped", "failed"}:
                yield f"session {row['id']} is {row['state']}"

    def _judge(self) -> None:
        found = self.outcome
        found.wrong.extend(self._left_over())
        ours = {row["label"] for row in self._book("SELECT label FROM attempts")}
        for vendor in self.vendors:
            for entry in vendor.ledger():
                if entry["id"] == self._planted[vendor.name]:
                    if not entry["alive"] or entry["destroy_calls"]:
                        found.wrong.append(f"{vendor.name}: what is somebody else's was touched")
                    continue
                found.billed += entry["billed_micros"] / 1e6
                found.by_cloud[vendor.name] += 1
                if entry["name"] not in ours:
                    found.wrong.append(f"{vendor.name}: {entry['id']} is in no attempt")
            before = self._beside[vendor.name]
            for kind, count in vendor.leftovers().items():
                if count > before.get(kind, 0):
                    found.beside[f"{vendor.name} {kind}"] = count - before.get(kind, 0)
                    if kind not in _FREE:
                        found.wrong.append(f"{vendor.name}: {kind} left behind, and billed")
        found.sessions = Counter(
            str(row["state"]) for row in self._book("SELECT state FROM sessions")
        )
        found.booked = (
            sum(row["amount"] for row in self._book("SELECT amount FROM cost_entries")) / 1e6
        )
        self._compare_bills()

    def _compare_bills(self) -> None:
        """Hold the bill of each instance against its cloud's own, in seconds of its price."""
        entries = {entry["name"]: entry for vendor in self.vendors for entry in vendor.ledger()}
        booked = Counter[str]()
        for row in self._book(
            "SELECT label, amount FROM attempts JOIN cost_entries ON attempt_id = attempts.id"
        ):
            booked[row["label"]] += row["amount"]
        for label, entry in entries.items():
            if entry["name"] != PLANTED and entry["price_per_hour_micros"]:
                off = booked[label] - entry["billed_micros"]
                self.outcome.off_s.append(off * 3600 / entry["price_per_hour_micros"])
        if any(abs(off) > _MOST_OFF_S for off in self.outcome.off_s):
            self.outcome.wrong.append(f"a bill is off by more than {_MOST_OFF_S:g} s of its price")

    def _book(self, statement: str) -> list[sqlite3.Row]:
        address = f"{self.server.database.as_uri()}?mode=ro"
        for _ in range(100):
            try:
                with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10)) as book:
                    book.row_factory = sqlite3.Row
                    return book.execute(statement).fetchall()
            except sqlite3.OperationalError:
                time.sleep(0.1)
        message = "the book cannot be read"
        raise RuntimeError(message)


def report(found: Outcome) -> Iterator[str]:
    """Yield the summary."""
    yield f"{found.kills} kills of the server, {found.asked} sessions asked for: {dict(found.sessions)}"
    yield f"instances:  {sum(found.by_cloud.values())}: {dict(sorted(found.by_cloud.items()))}"
    yield f"faults:     {sum(found.struck.values())}: {dict(sorted(found.struck.items()))}"
    yield f"bill:       booked {found.booked:.4f}, the clouds' own {found.billed:.4f} USD, apart by {found.cost_error:.2%}"
    if found.off_s:
        ranked = sorted(found.off_s)
        middle = ranked[len(ranked) // 2]
        yield f"each bill:  off by {ranked[0]:+.1f} to {ranked[-1]:+.1f} s of its price, {middle:+.1f} in the middle"
    yield f"beside:     {dict(sorted(found.beside.items()))}, which cost nothing and are cleared away later"
    yield f"at rest:    after {found.rest_s:.0f} s, {found.owed} unanswered orders still looked for"
    yield f"wrong:      {len(found.wrong)}"
    yield from (f"  {each}" for each in found.wrong[:20])


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="fleet", description="Torture a mixed fleet.")
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vendors", default="", help="by commas; default: all")
    parser.add_argument("--keep", action="store_true", help="keep the folder also of a good run")
    options = parser.parse_args(arguments)
    names = options.vendors.split(",") if options.vendors else simulated()
    folder = Path(tempfile.mkdtemp(prefix="fleet-")).resolve()
    fleet = Fleet(folder, names, seed=options.seed)
    try:
        fleet.open()
        found = fleet.run(sessions=options.sessions, minutes=options.minutes)
    finally:
        fleet.close()
    sys.stdout.write("\n".join(report(found)) + "\n")
    if found.wrong or options.keep:
        sys.stderr.write(f"logs and the book are in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
