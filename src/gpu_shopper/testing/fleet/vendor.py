"""One simulated vendor of the fleet, as a program, with its own account of the truth."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from gpu_shopper.bootstrap.clouds import installed, with_defaults
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.provider import LaunchOrder, OfferListing
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.testing.fleet.judge import PLANTED
from gpu_shopper.testing.programs import CONTROL, KEY, Program, ask, free_port, until
from gpu_shopper.transport.door import AiohttpDoor

_A_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzr1ygxXBxtCi3AOhxyPxKtuXRHGFiTBaEhZ4+E2MXN somebody"
_BOOT_S = 0.5
_OFFERS = 60


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

    def plant(self) -> None:
        """Rent something in the same account that is not ours."""

        async def go() -> None:
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
                await cloud.launch(order)
            finally:
                await door.aclose()

        asyncio.run(go())
