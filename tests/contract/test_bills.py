"""What clouds say that they charged, by their adapters, against the ledger of their simulators."""

import asyncio
from collections.abc import Callable

import pytest

from gpu_shopper.ports.billing import BillLine, TellsBills
from tests.contract.test_prime_contract import PrimeUnderTest
from tests.contract.test_runpod_contract import RunpodUnderTest
from tests.contract.test_vast_contract import VastUnderTest
from tests.contract.vendor_rig import VendorUnderTest

_HOURS = 2.5


@pytest.mark.parametrize("under_test", [VastUnderTest, RunpodUnderTest, PrimeUnderTest])
def test_a_cloud_that_tells_charges_tells_those_of_its_ledger(
    under_test: Callable[[], VendorUnderTest],
) -> None:
    cloud = under_test()
    assert isinstance(cloud.provider, TellsBills)

    async def story() -> tuple[tuple[BillLine, ...], tuple[BillLine, ...], str]:
        bought_at = cloud.clock.now()
        mine = await cloud.provider.launch(cloud.order(0))
        await cloud.provider.launch(cloud.order(1))
        await cloud.pass_time(_HOURS * 3600)
        await cloud.provider.destroy(mine.id)
        await cloud.pass_time(120)
        told = await cloud.provider.bills(mine.id, since=bought_at)
        return told, await cloud.provider.bills("4711", since=bought_at), mine.id

    told, of_nobody, mine = asyncio.run(story())

    ledger = {entry.id: entry for entry in cloud.vendor.model.ledger(cloud.clock.monotonic())}
    assert ledger[mine].billed_micros == sum(line.amount.micros for line in told) > 0
    assert all(line.words for line in told)
    assert () == of_nobody
