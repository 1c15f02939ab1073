"""What is odd about RunPod, each thing against the adapter, over the simulator."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.provider_errors import (
    BadOrder,
    NoCapacity,
    ProviderError,
    QuotaReached,
    Unavailable,
)
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.contract.test_runpod_contract import RunpodUnderTest
from tests.contract.vendor_rig import changed

STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIStranger colleague"


def tried(act: Callable[[RunpodUnderTest], Awaitable[None]]) -> RunpodUnderTest:
    cloud = RunpodUnderTest()
    asyncio.run(act(cloud))
    return cloud


def by_hand(cloud: RunpodUnderTest, method: str, path: str, body: object = None) -> object:
    """Do something as another user of the account would."""
    headers = {"authorization": f"Bearer {cloud.vendor.key}"}
    asked = VendorRequest(method=method, path=path, headers=headers, body=body)
    return cloud.vendor.hear(asked, now=cloud.clock.now().timestamp()).body


async def refusal_of(act: Awaitable[object]) -> type[ProviderError]:
    with pytest.raises(ProviderError) as caught:
        await act
    return type(caught.value)


def test_all_the_ways_to_say_that_there_is_none_mean_the_same() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "no_capacity"}])
        for number in range(3):
            assert await refusal_of(cloud.provider.launch(cloud.order(number))) is NoCapacity

    assert not tried(act).held()


def test_a_cap_on_spending_looks_like_a_lack_of_machines_and_buys_nothing() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        await cloud.provider.launch(cloud.order(0))
        await cloud.pass_time(60)
        cloud.vendor.spend_cap = 0.0
        assert await refusal_of(cloud.provider.launch(cloud.order(1))) is NoCapacity

    assert len(tried(act).held()) == 1


def test_an_empty_account_is_told_from_a_lack_of_machines() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "no_balance"}])
        assert await refusal_of(cloud.provider.launch(cloud.order(0))) is QuotaReached

    assert not tried(act).held()


def test_a_destroy_that_was_done_and_answered_with_an_error_is_asked_again_and_proved() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        cloud.vendor.lost_deletes = 1
        with pytest.raises(Unavailable):
            await cloud.provider.destroy(bought.id)
        assert await cloud.provider.observe(bought.id) is None
        await cloud.provider.destroy(bought.id)

    assert not tried(act).held()


def test_a_pod_that_calls_itself_running_has_no_address_yet() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "never_boot"}])
        bought = await cloud.provider.launch(cloud.order(0))
        await cloud.pass_time(60)
        row = by_hand(cloud, "GET", f"/v2/pods/{bought.id}")
        assert isinstance(row, dict)
        assert row["status"] == "RUNNING"
        seen = await cloud.provider.observe(bought.id)
        assert seen is not None
        assert seen.status is InstanceStatus.BOOTING
        assert seen.endpoint is None

    tried(act)


def test_the_keys_of_the_account_are_left_alone() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        by_hand(cloud, "PUT", "/v2/account/ssh-keys", {"keys": [STRANGER]})
        order = cloud.order(0)
        bought = await cloud.provider.launch(order)
        sold = cloud.vendor.model.instance(bought.id)
        assert sold is not None
        # A colleague's key does not come with ours.
        assert sold.spec.ssh_keys == order.ssh_public_keys
        await cloud.provider.destroy(bought.id)

    cloud = tried(act)
    assert cloud.vendor.keys == [STRANGER]
    assert not [one for one in cloud.door.heard if "ssh-keys" in one.path]


def test_a_pod_that_was_renamed_is_found_by_its_mark() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        order = cloud.order(0)
        bought = await cloud.provider.launch(order)
        cloud.vendor.model.rename(bought.id, "my pod", now=cloud.clock.now().timestamp())
        found = await cloud.provider.find(order.label)
        assert found is not None
        assert (found.id, found.label, found.mark) == (bought.id, "my pod", order.label)
        assert await cloud.provider.find(Label(order.label[:-1])) is None

    tried(act)


def test_a_stopped_pod_is_not_gone_and_cannot_be_counted_on() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        await cloud.pass_time(60)
        by_hand(cloud, "POST", f"/v2/pods/{bought.id}/action", {"action": "stop"})
        await cloud.pass_time(60)
        seen = await cloud.provider.observe(bought.id)
        assert seen is not None
        assert (seen.status, seen.rate) == (InstanceStatus.STOPPED, None)
        said = by_hand(cloud, "POST", f"/v2/pods/{bought.id}/action", {"action": "start"})
        assert isinstance(said, dict)
        assert said["status"] == 400

    assert len(tried(act).held()) == 1


def test_a_start_up_script_is_refused_and_never_dropped() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        order = changed(cloud.order(0), on_start="#!/bin/sh\ntrue\n")
        assert await refusal_of(cloud.provider.launch(order)) is BadOrder

    cloud = tried(act)
    assert not [one for one in cloud.door.heard if one.method == "POST"]


def test_what_a_pod_is_billed_is_what_the_adapter_tells() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        order = changed(cloud.order(0), disk_gb=300)
        bought = await cloud.provider.launch(order)
        await cloud.pass_time(60)
        seen = await cloud.provider.observe(bought.id)
        sold = cloud.vendor.model.instance(bought.id)
        assert seen is not None
        assert sold is not None
        assert seen.rate is not None
        assert abs(seen.rate.micros - sold.price_micros) <= 1
        assert seen.rate > order.offer.price

    tried(act)


def test_the_accounts_requests_are_never_used_up_by_our_own_pace() -> None:
    async def act(cloud: RunpodUnderTest) -> None:
        cloud.vendor.quota.enforced = True
        for _ in range(3):
            await cloud.provider.list_offers()
            for _ in range(20):
                await cloud.provider.list_all()

    # As fast as they go, and nobody was turned away, which would have been an error.
    assert len(tried(act).door.heard) > 60


def test_who_asks_faster_is_told_for_how_long_to_wait() -> None:
    cloud = RunpodUnderTest()
    cloud.vendor.quota.enforced = True
    headers = {"authorization": f"Bearer {cloud.vendor.key}"}
    asked = VendorRequest(method="GET", path="/v2/pods", headers=headers)
    said = [cloud.vendor.hear(asked, now=1_800_000_015.0) for _ in range(61)]

    assert [one.status for one in said[:60]] == [200] * 60
    assert said[60].status == 429
    assert said[60].headers["retry-after"] == "45"
    assert '"minute";r=0;t=45' in said[60].headers["ratelimit"]
