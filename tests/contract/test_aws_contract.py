"""The adapter of AWS EC2 against the contract of all clouds, over its simulator."""

import asyncio
import re
from typing import ClassVar

import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer
from gpu_shopper.ports.provider_errors import Ambiguous, Unavailable
from gpu_shopper.providers.aws import MANIFEST
from gpu_shopper.providers.aws.mapping import whole_id
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.aws import PAGE, build
from tests.contract.vendor_rig import KEY, VendorUnderTest


class SpoiltListing(NoFaults):
    """Spoils the answers to requests for a listing of instances: a row of it, or all pages but the first."""

    def __init__(self, misdeed: Misdeed) -> None:
        self._misdeed = misdeed

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        if b"Action=DescribeInstances" not in request.body:
            return reply
        if self._misdeed is Misdeed.SENDS_BAD_ROWS:
            body = re.sub(rb"<instanceId>[^<]*<", b"<instanceId>seven<", reply.body, count=1)
            return HttpReply(status=reply.status, headers=reply.headers, body=body)
        later = b"NextToken=" in request.body
        return HttpReply(
            status=503 if later else reply.status, headers=reply.headers, body=reply.body
        )


class AwsUnderTest(VendorUnderTest):
    manifest = MANIFEST
    build = staticmethod(build)
    page_size = PAGE
    settings: ClassVar = {"key_id": "AKIATEST", "secret_key": KEY}

    def faults(self) -> dict[Misdeed, NoFaults]:
        # The cloud never says how many rows there should be, so rows that are missing cannot be seen.
        spoilt = (Misdeed.SENDS_BAD_ROWS, Misdeed.FAILS_LATER_PAGES)
        return {misdeed: SpoiltListing(misdeed) for misdeed in spoilt}

    def is_read(self, request: HttpRequest) -> bool:
        return b"Action=Describe" in request.body

    def held(self) -> frozenset[InstanceId]:
        alive = self.vendor.model.alive(self.clock.now().timestamp())
        return frozenset(whole_id(entry.region, entry.id) for entry in alive)


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check) -> None:
    try:
        asyncio.run(check(AwsUnderTest()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")


def test_a_disk_that_did_not_go_with_its_instance_is_deleted_by_the_next_destroy() -> None:
    cloud = AwsUnderTest()

    async def act() -> None:
        order = cloud.order(0)
        bought = await cloud.provider.launch(order)
        disks = cloud.vendor._furniture
        _, tags = disks._noted[order.label]
        disks.note_disks(order.label, keeps=True, tags=tags)
        foreign = cloud.order(1)
        await cloud.provider.destroy((await cloud.provider.launch(foreign)).id)
        disks.note_disks(foreign.label, keeps=True, tags={"gpu-shopper": "another's"})

        cloud.vendor.model.kill(bought.id.partition(":")[2], now=cloud.clock.now().timestamp())
        list(disks.disks_of(cloud.vendor.model.ledger(cloud.clock.now().timestamp())))
        assert cloud.vendor.leftovers()["volumes"] == 2
        await cloud.provider.destroy(bought.id)

        # Only its own.
        assert cloud.vendor.leftovers()["volumes"] == 1

    asyncio.run(act())


class Garbled(NoFaults):
    """Makes the rest of what a launch is answered with unreadable."""

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        if b"Action=RunInstances" not in request.body:
            return reply
        body = re.sub(rb"<instanceType>[^<]*<", b"<instanceType><", reply.body)
        return HttpReply(status=reply.status, headers=reply.headers, body=body)


def test_an_instance_that_an_unclear_answer_names_is_named_with_its_region() -> None:
    cloud = AwsUnderTest()

    async def act() -> None:
        cloud.door.faults = Garbled()
        with pytest.raises(Ambiguous) as raised:
            await cloud.provider.launch(cloud.order(0))
        assert {raised.value.instance_id} == cloud.held()

    asyncio.run(act())


class TwoRegions(AwsUnderTest):
    settings: ClassVar = {
        **AwsUnderTest.settings,
        "regions": "us-west-2, us-east-1",
        "url": "http://{region}.vendor.test",
    }


class RegionOut(NoFaults):
    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        if "us-west-2" in request.url:
            raise NoAnswer("there is no answer")
        return request


def test_a_region_that_does_not_answer_keeps_no_other_from_hearing_of_an_end() -> None:
    cloud = TwoRegions()

    async def act() -> None:
        order = next(
            cloud.order(number)
            for number in range(99)
            if cloud.order(number).offer.location == "us-east-1"
        )
        bought = await cloud.provider.launch(order)
        cloud.door.faults = RegionOut()
        # As an id that says nothing of a region.
        with pytest.raises(Unavailable):
            await cloud.provider.destroy(InstanceId(bought.id.partition(":")[2]))

    asyncio.run(act())
    assert not cloud.held()
