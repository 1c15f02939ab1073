"""Every adapter of the house against the contract of all clouds."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.cloud_under_test import BLINDNESSES, CloudUnderTest, Misdeed, NotTried
from gpu_shopper.testing.model_door import ModelDoor, NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from tests.contract.crowd import in_a_crowd
from tests.contract.vendor_rig import Blind, StillClock, Unreachable

_RULES = {
    Misdeed.LOSES_REQUESTS: "lose_request",
    Misdeed.LOSES_CREATE_REPLIES: "lose_create_reply",
    Misdeed.CREATES_AND_SAYS_ERROR: "create_then_500",
    Misdeed.IS_DOWN: "down",
    Misdeed.SHOWS_PAGES: "html_error",
    Misdeed.ASKS_FOR_PATIENCE: "rate_limited",
    Misdeed.HAS_NO_CAPACITY: "no_capacity",
    Misdeed.IGNORES_DESTROY: "ignore_destroy",
}


class Refusing(NoFaults):
    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        return replace(request, headers={**request.headers, "authorization": "Bearer another"})


class Rewriting(NoFaults):
    """Changes the pages of the instance listing."""

    def __init__(self, change: Callable[[dict], object]) -> None:
        self._change = change

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        body = msgspec.json.decode(reply.body)
        if "instances" not in body:
            return reply
        status = self._change(body) or reply.status
        return HttpReply(status=status, headers=reply.headers, body=msgspec.json.encode(body))


def _spoil_a_row(page: dict) -> None:
    page["instances"][0]["id"] = 7


def _drop_a_row(page: dict) -> None:
    page["instances"].pop()


def _fail_later(page: dict) -> int | None:
    return 503 if page["next_cursor"] is None else None


_FAULTS = {
    Misdeed.CANNOT_BE_REACHED: Unreachable(),
    Misdeed.REFUSES_KEY: Refusing(),
    Misdeed.SENDS_BAD_ROWS: Rewriting(_spoil_a_row),
    Misdeed.DROPS_ROWS: Rewriting(_drop_a_row),
    Misdeed.FAILS_LATER_PAGES: Rewriting(_fail_later),
}


class SandboxUnderTest:
    """The real adapter in front of the real model."""

    def __init__(self) -> None:
        self.clock = StillClock()
        config = ModelConfig(account_key="k-1", hosts_itself=True)
        self.model = CloudModel(Catalogue(seed=1, size=60), random.Random(1), config)
        self.door = ModelDoor(self.model, self.clock)
        self.provider: CloudProvider
        self.restart()
        self.page_size = config.page_size_instances
        self._offers: tuple[Offer, ...] = asyncio.run(self.provider.list_offers()).offers

    def restart(self) -> None:
        self.restart_by(self.clock)

    def restart_by(self, clock: Clock) -> None:
        settings = {"url": "http://sandbox.test", "key": "k-1"}
        self.provider = MANIFEST.connect(settings, self.door, clock)

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
        if misdeed in _FAULTS:
            self.door.faults = _FAULTS[misdeed]
        elif misdeed in BLINDNESSES:
            self.door.faults = Blind(misdeed, self.clock, lambda request: request.method == "GET")
        elif misdeed in _RULES:
            self.model.misbehave([{"kind": _RULES[misdeed]}])
        else:
            raise NotTried

    def behave(self) -> None:
        self.door.faults = NoFaults()
        self.model.behave()

    def held(self) -> frozenset[InstanceId]:
        alive = self.model.alive(self.clock.now().timestamp())
        return frozenset(InstanceId(entry.id) for entry in alive)

    def leftovers(self) -> Mapping[str, int]:
        return {}

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


CLOUDS: dict[str, Callable[[], CloudUnderTest]] = {"sandbox": SandboxUnderTest}


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_keeps_the_contract(name: str, check: Check) -> None:
    asyncio.run(check(CLOUDS[name]()))


def test_each_misdeed_can_be_tried_on_the_sandbox() -> None:
    cloud = SandboxUnderTest()

    for misdeed in Misdeed:
        cloud.misbehave(misdeed)
