"""The fleet itself: every vendor, one server that is killed every few seconds, and consumers that rent meanwhile."""

import contextlib
import http.client
import random
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpu_shopper.client import Shopper
from gpu_shopper.client.errors import ShopperError
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.sandbox import processes
from gpu_shopper.testing.fleet.judge import Judge, Outcome
from gpu_shopper.testing.fleet.vendor import Vendor
from gpu_shopper.testing.programs import PATIENCE_S, Server, ask, free_port, started_from, until

_REST_S = 900.0
_AT_ONCE = 12
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
        self._beside: dict[str, dict[str, int]] = {}
        self._judge = Judge(self.vendors, self.server.database, beside=self._beside)
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
            vendor.plant()
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
        self._judge.judge(self.outcome)
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
        while time.monotonic() - began < _REST_S and list(self._judge.left_over()):
            with contextlib.suppress(ShopperError, OSError, http.client.HTTPException):
                shopper = Shopper(self.server.url)
                for row in self._judge.book("SELECT id, state FROM sessions"):
                    if row["state"] not in {"stopped", "failed"} and row["id"] not in ended:
                        shopper.done(row["id"])
                        ended.add(row["id"])
            time.sleep(1.0)
        self.outcome.rest_s = time.monotonic() - began
