"""A simulated vendor that stands trial: the real adapter in front of it, and every misdeed that it can be told to do."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.cloud_under_test import BLINDNESSES, Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.vendor import VendorCloud
from tests.contract.crowd import in_a_crowd

KEY = "account-key"
RULES = {
    Misdeed.LOSES_REQUESTS: "lose_request",
    Misdeed.LOSES_CREATE_REPLIES: "lose_create_reply",
    Misdeed.CREATES_AND_SAYS_ERROR: "create_then_500",
    Misdeed.IS_DOWN: "down",
    Misdeed.SHOWS_PAGES: "html_error",
    Misdeed.ASKS_FOR_PATIENCE: "rate_limited",
    Misdeed.HAS_NO_CAPACITY: "no_capacity",
    Misdeed.IGNORES_DESTROY: "ignore_destroy",
    Misdeed.REFUSES_KEY: "unauthorized",
}
Build = Callable[..., VendorCloud]


class StillClock:
    """Time that goes on only when it is told to; a sleep moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._cut_at: datetime | None = None
        self._cut = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        until = self._now + timedelta(seconds=seconds)
        if self._cut_at is not None and until >= self._cut_at:
            self._now = self._cut_at
            self._cut.set()
            await asyncio.Event().wait()
        self._now = until

    async def cut_off(
        self, act: Callable[[], Awaitable[object]], *, seconds: float
    ) -> ProviderError | None:
        """Do this until so much time has passed here, then break it off."""
        self._cut_at, self._cut = self._now + timedelta(seconds=seconds), asyncio.Event()
        doing, over = asyncio.ensure_future(act()), asyncio.ensure_future(self._cut.wait())
        await asyncio.wait({doing, over}, return_when=asyncio.FIRST_COMPLETED)
        self._cut_at = None
        over.cancel()
        if not doing.done():
            doing.cancel()
        try:
            await doing
        except ProviderError as error:
            return error
        except asyncio.CancelledError:
            pass
        return None


class Blind(NoFaults):
    """Does what it is told, and shows nothing: whoever reads waits in vain, or is told so."""

    def __init__(
        self, misdeed: Misdeed, clock: StillClock, is_read: Callable[[HttpRequest], bool]
    ) -> None:
        self._misdeed = misdeed
        self._clock = clock
        self._is_read = is_read

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        if self._misdeed is Misdeed.HANGS_ON_READS and self._is_read(request):
            await self._clock.sleep(request.timeout)
            raise NoAnswer("there is no answer")
        return request

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        if not self._is_read(request):
            return reply
        patience = self._misdeed is Misdeed.ASKS_FOR_PATIENCE_WITH_READS
        return HttpReply(
            status=429 if patience else 500, headers={"retry-after": "120"}, body=b"{}"
        )


class Unreachable(NoFaults):
    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        raise NotSent("connection refused")


class Rewriting(NoFaults):
    """Changes the answers to requests for a listing of instances."""

    def __init__(
        self, listing: Callable[[HttpRequest], bool], change: Callable[[object], int | None]
    ) -> None:
        self._listing = listing
        self._change = change

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        if not self._listing(request) or reply.status != 200:
            return reply
        body = msgspec.json.decode(reply.body)
        status = self._change(body) or reply.status
        return HttpReply(status=status, headers=reply.headers, body=msgspec.json.encode(body))


class VendorUnderTest:
    """One vendor, its simulator and its adapter. A subclass says how its listing can be spoiled."""

    manifest: Manifest
    build: Build
    page_size = 8
    settings: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.clock = StillClock()
        self.vendor = type(self).build(
            key=KEY,
            seed=1,
            offers=80,
            config=ModelConfig(hosts_itself=True),
            chance=random.Random(1),
        )
        self.door = VendorDoor(self.vendor, self.clock)
        self.provider: CloudProvider
        self.restart()
        listing = asyncio.run(self.provider.list_offers())
        self._offers: tuple[Offer, ...] = listing.offers

    def faults(self) -> Mapping[Misdeed, NoFaults]:
        """What this vendor's listing can be made into."""
        return {}

    def is_read(self, request: HttpRequest) -> bool:
        """Whether a request only asks."""
        return request.method == "GET"

    def restart(self) -> None:
        self.restart_by(self.clock)

    def restart_by(self, clock: Clock) -> None:
        """Let the adapter be a new one, with another clock."""
        given = {"key": KEY, "url": "http://vendor.test", **self.settings}
        settings = with_defaults(self.manifest, given)
        self.provider = self.manifest.connect(settings, self.door, clock)

    def order(self, number: int) -> LaunchOrder:
        offer = self._offers[number]
        return LaunchOrder(
            offer=offer,
            label=Label(f"gs1-test-{number:04d}"),
            ends_by=self.clock.now() + timedelta(hours=14),
            price_cap=offer.price,
            image=None,
            disk_gb=None,
            ssh_public_keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFiller someone",),
            env={"GREETING": "hello"},
            on_start="#!/bin/sh\ntrue\n",
        )

    def misbehave(self, misdeed: Misdeed) -> None:
        self.behave()
        faults = {Misdeed.CANNOT_BE_REACHED: Unreachable(), **self.faults()}
        if misdeed in faults:
            self.door.faults = faults[misdeed]
        elif misdeed in BLINDNESSES:
            self.door.faults = Blind(misdeed, self.clock, self.is_read)
        elif misdeed in RULES:
            self.vendor.model.misbehave([{"kind": RULES[misdeed]}])
        else:
            raise NotTried

    def behave(self) -> None:
        self.door.faults = NoFaults()
        self.vendor.model.behave()

    def held(self) -> frozenset[InstanceId]:
        alive = self.vendor.model.alive(self.clock.now().timestamp())
        return frozenset(InstanceId(entry.id) for entry in alive)

    def leftovers(self) -> Mapping[str, int]:
        return self.vendor.leftovers()

    async def pass_time(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    async def cut_off(
        self, act: Callable[[], Awaitable[object]], *, seconds: float
    ) -> ProviderError | None:
        return await self.clock.cut_off(act, seconds=seconds)

    async def in_a_crowd(
        self, crowd: Sequence[Callable[[], Awaitable[object]]], act: Callable[[], Awaitable[object]]
    ) -> Sequence[bool]:
        return await in_a_crowd(self, crowd, act)


def changed(order: LaunchOrder, **changes: object) -> LaunchOrder:
    """Return the order with these things otherwise."""
    return replace(order, **changes)
