"""An account at the simulated Hyperstack for its tests, with labels, orders and errors."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.label import Label, LabelFacts, write_label
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.providers.hyperstack import MANIFEST
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.hyperstack import Hyperstack, build
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.contract.vendor_rig import StillClock

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone"


def facts(
    session: str = "s", *, number: int = 1, ends: datetime = NOW + timedelta(hours=2)
) -> Label:
    return write_label(
        LabelFacts(deployment=f"dep_{'d' * 26}"[:20], session=f"ses_{session * 16}", number=number, expires_at=ends),
        key=b"k" * 32,
    )  # fmt: skip


def order_of(offer: object, label: str = "gs1-a", **changes: object) -> LaunchOrder:
    given = {
        "offer": offer, "label": Label(label), "ends_by": NOW + timedelta(hours=2), "price_cap": offer.price, "image": None,
        "disk_gb": None, "ssh_public_keys": (KEY,), "env": {}, "on_start": "", **changes,
    }  # fmt: skip
    return LaunchOrder(**given)


def said(reason: str, message: str) -> dict[str, object]:
    return {"status": False, "message": message, "error_reason": reason}


class There:
    """A simulated account, its adapter and what went between them."""

    def __init__(
        self, change: Callable[[HttpRequest, HttpReply], HttpReply] | None = None, **config: object
    ) -> None:
        self.clock = StillClock()
        self.vendor: Hyperstack = build(
            key="k-1",
            seed=1,
            offers=104,
            config=ModelConfig(hosts_itself=True, **config),
            chance=random.Random(1),
        )
        self.door = VendorDoor(self.vendor, self.clock)
        if change is not None:
            self.door.faults = Changed(change)
        self.cloud = self.another()
        listing = asyncio.run(self.cloud.list_offers())
        self.offers = listing.offers

    def another(self) -> CloudProvider:
        """Return the adapter of a process that knows nothing yet."""
        settings = with_defaults(MANIFEST, {"key": "k-1", "url": "http://hyperstack.test"})
        return MANIFEST.connect(settings, self.door, self.clock)

    def offer(self, region: str = "CANADA-1"):
        return next(one for one in self.offers if one.location == region)

    def asked(self, method: str) -> list[VendorRequest]:
        return [one for one in self.door.heard if one.method == method]


class Changed(NoFaults):
    def __init__(self, change: Callable[[HttpRequest, HttpReply], HttpReply]) -> None:
        self._change = change

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        return self._change(request, reply)


NOTHING = {"keypairs": 0, "environments": 0}
