"""The fleet itself: every vendor, one server that is killed every few seconds, and consumers that rent meanwhile."""

import contextlib
import http.client
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from gpu_shopper.client import Shopper
from gpu_shopper.client.errors import ShopperError
from gpu_shopper.sandbox import processes
from gpu_shopper.testing.drawn_clouds import whole_step_s
from gpu_shopper.testing.fleet.book import BookFile
from gpu_shopper.testing.fleet.consumers import Consumers, Demand
from gpu_shopper.testing.fleet.judge import Evidence, Outcome, judge, left_over
from gpu_shopper.testing.fleet.vendor import Vendor
from gpu_shopper.testing.fleet.weather import turn
from gpu_shopper.testing.programs import (
    PATIENCE_S,
    Server,
    ask,
    free_port,
    marked,
    started_from,
    until,
)

_REST_S = 900.0
# An order that was never answered is looked for for half an hour.
_CERTAIN_S = 2700.0
_BETWEEN_KILLS_S = (3.0, 8.0)
_TURN_S = 20.0


class Fleet:
    """All vendors, one server, and consumers in threads. `say` is told how it goes."""

    def __init__(
        self, folder: Path, names: list[str], *, demand: Demand, say: Callable[[str], None]
    ) -> None:
        """Prepare; nothing is started yet."""
        self.folder = folder
        self.vendors = [Vendor(name, folder) for name in names]
        self.server = Server(folder / "data", folder / "server.log")
        self.server.port = free_port()
        self.outcome = Outcome(seed=demand.seed)
        self._demand = demand
        self._say = say
        self._chance = random.Random(demand.seed)
        self._before: dict[str, dict[str, int]] = {}
        self._book = BookFile(self.server.database)
        clouds = [str(vendor.manifest.name) for vendor in self.vendors]
        self._consumers = Consumers(f"http://127.0.0.1:{self.server.port}", clouds, demand)

    @property
    def settings(self) -> dict[str, str]:
        """What the server is told: what takes minutes with people takes seconds here."""
        told = {
            "data_dir": str(self.server.folder), "database": str(self.server.database),
            "heartbeat_seconds": "5", "accrue_period_s": "2", "sweep_period_s": "10",
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
            vendor.plant()
            self._before[vendor.name] = vendor.leftovers()
        self.server.start(wait=True, **self.settings)
        wanted = {str(vendor.manifest.name) for vendor in self.vendors}
        until("every cloud's menu is read", lambda: wanted <= self._on_sale(), within_s=180)

    def run(self, *, to_certainty: bool) -> Outcome:
        """Rent, kill, wait for rest, and judge; `to_certainty`: also until no order is looked for any more."""
        began = time.monotonic()
        self._consumers.begin()
        self._kill_for(self._demand.minutes * 60)
        self._count_blows()
        for vendor in self.vendors:
            vendor.misbehave()
        self._consumers.end()
        self._come_to_rest(to_certainty=to_certainty)
        judge(self._evidence(), self.outcome)
        self.outcome.asked = len(self._consumers.acknowledged)
        self.outcome.took_s = time.monotonic() - began
        return self.outcome

    def close(self) -> None:
        """End everything that was started from here, by its process number; what outlives its cloud is wrong."""
        self._consumers.hurry()
        if self.server.runs:
            self.server.kill()
        for vendor in self.vendors:
            if vendor.runs:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    vendor.end()
        left = set(started_from(self.folder))
        if left:
            self.outcome.wrong.append(f"{len(left)} processes outlived their cloud")
        give_up_at = time.monotonic() + PATIENCE_S
        while left:
            for pid in left:
                processes.send(processes.find(pid), signal.SIGKILL)
            assert time.monotonic() < give_up_at, f"processes {left} do not end"
            time.sleep(0.05)
            left = set(started_from(self.folder))

    def _kill_for(self, seconds: float) -> None:
        began, turns = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            if passed >= turns * _TURN_S:
                self._count_blows()
                turn(self.vendors, turns)
                turns += 1
            time.sleep(self._chance.uniform(*_BETWEEN_KILLS_S))
            self.server.kill()
            self.outcome.kills += 1
            self.server.start(wait=False, **self.settings)
            if self.outcome.kills % 10 == 0:
                self._say(
                    f"{passed:.0f} s, {self.outcome.kills} kills,"
                    f" {len(self._consumers.acknowledged)} of {self._demand.sessions} sessions"
                )

    def _count_blows(self) -> None:
        for vendor in self.vendors:
            self.outcome.struck += vendor.struck()

    def _on_sale(self) -> set[str]:
        page = ask(self.server.url, "GET", "/api/v1/inventory?limit=1").body
        return {each["name"] for each in page["providers"] if each["offers"]}

    def _evidence(self) -> Evidence:
        ledgers = {vendor.name: vendor.ledger() for vendor in self.vendors}
        ids = [entry["id"] for entries in ledgers.values() for entry in entries]
        known = {
            vendor.name for vendor in self.vendors if vendor.manifest.quirks.destroy_ends_billing
        }
        return Evidence(
            ledgers=ledgers,
            steps_s={
                vendor.name: whole_step_s(vendor.manifest.quirks.billing) for vendor in self.vendors
            },
            before=self._before,
            beside={vendor.name: vendor.leftovers() for vendor in self.vendors},
            wished=self._demand.sessions,
            acknowledged=self._consumers.acknowledged,
            states=self._book.states(),
            attempts=self._book.attempts(),
            booked=self._book.booked(),
            running=frozenset(instance for _, instance in marked(ids)),
            ends_with_order=frozenset(known),
        )

    def _come_to_rest(self, *, to_certainty: bool) -> None:
        began = told_at = time.monotonic()
        longest = _CERTAIN_S if to_certainty else _REST_S
        while (passed := time.monotonic() - began) < longest:
            found = self._evidence()
            restless = list(left_over(found))
            if not restless and not (to_certainty and found.unanswered):
                break
            self._be_done(found)
            if time.monotonic() - told_at > 60:
                told_at = time.monotonic()
                self._say(
                    f"at rest in a while: {passed:.0f} s, {len(restless)} go on,"
                    f" {len(found.unanswered)} unanswered"
                )
            time.sleep(2.0)
        self.outcome.rest_s = time.monotonic() - began

    def _be_done(self, found: Evidence) -> None:
        """Say once more that everything is to end: a consumer may never have got that through."""
        shopper = Shopper(self.server.url)
        for session, state in found.states.items():
            if state not in {"stopped", "failed", "stopping"}:
                with contextlib.suppress(ShopperError, OSError, http.client.HTTPException):
                    shopper.done(session)
