"""The way to a simulated cloud: what is sent has its effect, and who waits too long is told so in time."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Effect, ModelReply, ModelRequest
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clouds import ACCOUNT_KEY, CloudProfile, SimCloud
from gpu_shopper.testing.loop import current_loop, run_simulation
from gpu_shopper.testing.sim_door import SimDoor, Way

_WAY_S = 0.25


class Onlooker:
    """Sees what reaches the cloud, and what the house was told."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.told_at: list[float] = []
        self.faults: list[str] = []

    def asked(self, cloud: SimCloud, request: ModelRequest) -> None:
        self.seen.append(cloud.true_time())

    def answered(self, cloud: SimCloud, request: ModelRequest, reply: ModelReply) -> None:
        pass

    def changed(self, cloud: SimCloud, effects: list[Effect]) -> None:
        pass

    def told(
        self, cloud: SimCloud, request: HttpRequest, reply: HttpReply | None, *, sent_at: float
    ) -> None:
        self.told_at.append(cloud.true_time())

    def struck(self, fault: str) -> None:
        self.faults.append(fault)


class Place:
    """One cloud that is a quarter of a second away, and the door to it."""

    def __init__(
        self,
        *,
        quirks: Quirks = MANIFEST.quirks,
        capabilities: Capabilities = MANIFEST.capabilities,
    ) -> None:
        self.loop = current_loop()
        self.onlooker = Onlooker()
        profile = CloudProfile(
            name=ProviderName("far"),
            quirks=quirks,
            capabilities=capabilities,
            config=ModelConfig(stock=2),
            latency_s=(_WAY_S, _WAY_S),
        )
        self.cloud = SimCloud(profile, self.loop, chance=SeededChance(1), watcher=self.onlooker)
        self._door = SimDoor(self.cloud, self.loop)

    def ask(self, *, timeout: float = 30.0) -> Coroutine[Any, Any, HttpReply]:
        headers = {"authorization": f"Bearer {ACCOUNT_KEY}"}
        return self._door.request(
            HttpRequest(
                method="GET", url="http://far.test/v1/instances", headers=headers, timeout=timeout
            )
        )


def test_an_answer_takes_the_way_there_and_back():
    async def main() -> None:
        place = Place()

        reply = await place.ask()

        assert 200 == reply.status
        assert [_WAY_S] == place.onlooker.seen
        assert [2 * _WAY_S] == place.onlooker.told_at

    run_simulation(main(), seed=1)


def test_what_was_sent_arrives_though_its_sender_dies():
    async def main() -> None:
        place = Place()
        house = place.loop.start_process("house")
        sent = house.spawn(place.ask())

        await asyncio.sleep(_WAY_S / 2)
        house.kill(because="power lost")
        await asyncio.sleep(10)

        assert not sent.done()
        assert [_WAY_S] == place.onlooker.seen
        assert [] == place.onlooker.told_at

    run_simulation(main(), seed=1)


def test_who_waits_too_long_is_told_at_the_deadline_though_the_request_goes_on():
    async def main() -> None:
        place = Place()
        place.cloud.network.slow = 1.0

        with pytest.raises(NoAnswer, match=r"no answer in 0\.3 s"):
            await place.ask(timeout=0.3)

        assert pytest.approx(0.3) == place.loop.time()
        assert [] == place.onlooker.seen

        await asyncio.sleep(100)

        assert 1 == len(place.onlooker.seen)
        assert place.cloud.troubled(0.0, 1.0)

    run_simulation(main(), seed=1)


def test_a_cut_network_takes_nothing():
    async def main() -> None:
        place = Place()
        place.cloud.take(Way.CUT)

        with pytest.raises(NotSent):
            await place.ask()

        assert [] == place.onlooker.seen

    run_simulation(main(), seed=1)


def test_a_network_that_is_cut_meanwhile_loses_the_answer_and_not_the_effect():
    async def main() -> None:
        place = Place()
        asking = place.loop.spawn(place.ask())

        await asyncio.sleep(1.5 * _WAY_S)
        place.cloud.take(Way.CUT)
        with pytest.raises(NoAnswer, match="the reply was lost"):
            await asking

        assert [_WAY_S] == place.onlooker.seen
        assert ["reply_lost"] == place.onlooker.faults

    run_simulation(main(), seed=1)


def order(place: Place, name: str) -> ModelReply:
    offer = place.cloud.catalogue.offers[0]
    body = {"offer_id": offer.id, "name": name, "image": "x", "disk_gb": 1}
    request = ModelRequest(method="POST", path="v1/instances", query={}, body=body, key=ACCOUNT_KEY)
    return place.cloud.model.handle(request, now=place.cloud.now())


def test_a_cloud_refuses_a_launch_that_comes_too_soon_and_says_how_long() -> None:
    async def script() -> None:
        place = Place(quirks=replace(MANIFEST.quirks, launch_spacing=seconds(100)))
        assert 201 == order(place, "one").status
        await asyncio.sleep(30)
        refused = order(place, "two")
        assert (429, 66) == (refused.status, round(refused.retry_after_s or 0))
        assert ["launched_too_soon"] == place.onlooker.faults
        await asyncio.sleep(67)
        assert 201 == order(place, "three").status
        assert {"one", "three"} == {entry.name for entry in place.cloud.alive()}

    run_simulation(script(), seed=1)


@pytest.mark.parametrize("can", [True, False])
def test_only_a_cloud_that_has_them_sells_what_may_be_taken_away(*, can: bool) -> None:
    async def script() -> None:
        place = Place(capabilities=replace(MANIFEST.capabilities, interruptible=can))
        offers = place.cloud.catalogue.offers
        assert can == any(offer.interruptible for offer in offers)
        assert 80 == len(offers)

    run_simulation(script(), seed=1)
