"""What is odd about Verda, each thing against the adapter, over the simulator."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import money, rate
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    NoCapacity,
    OfferGone,
    QuotaReached,
    Refused,
    Unavailable,
)
from gpu_shopper.providers.verda import MANIFEST
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.vendor import VendorRequest
from gpu_shopper.testing.vendors.verda import build
from tests.contract.test_verda_contract import VerdaUnderTest
from tests.contract.vendor_rig import KEY, changed

NOTHING = {"ssh_keys": 0, "scripts": 0, "volumes": 0, "volumes_in_trash": 0}
HALF_AN_HOUR = 1860.0


class SlowToBoot(VerdaUnderTest):
    """Its machines take a second or two, as the model has it: until then they may not be ended."""

    build = staticmethod(build)


class Losing(NoFaults):
    """Loses the answers to some requests, though what they ask for is done."""

    def __init__(self, which: Callable[[HttpRequest], bool]) -> None:
        self._which = which

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        if self._which(request):
            raise NoAnswer("cut")
        return reply


def tried(
    act: Callable[[VerdaUnderTest], Awaitable[None]], cloud: VerdaUnderTest | None = None
) -> VerdaUnderTest:
    cloud = cloud or VerdaUnderTest()
    asyncio.run(act(cloud))
    return cloud


def by_hand(cloud: VerdaUnderTest, method: str, path: str, body: object = None) -> object:
    """Do something as another user of the account would."""
    now = cloud.clock.now().timestamp()
    login = {"grant_type": "client_credentials", "client_id": "other", "client_secret": KEY}
    asked = VendorRequest(method="POST", path="/v1/oauth2/token", body=login)
    granted = cloud.vendor.hear(asked, now=now).body
    headers = {"authorization": f"Bearer {granted['access_token']}"}
    asked = VendorRequest(method=method, path=path, headers=headers, body=body)
    return cloud.vendor.hear(asked, now=now).body


# Buying.


def test_keys_and_script_are_made_first_and_the_order_names_them() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        order = cloud.order(0)
        bought = await cloud.provider.launch(order)
        spec = cloud.vendor.model.instance(bought.id).spec
        assert spec.ssh_keys == order.ssh_public_keys
        assert spec.on_start.splitlines() == ["#!/bin/sh", "export GREETING=hello", "true"]
        names = [row["name"] for row in by_hand(cloud, "GET", "/v1/sshkeys")]
        assert names == [f"{order.label}.key1"]

    tried(act)


def test_a_key_that_the_account_has_already_is_used_and_stays() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        order = cloud.order(0)
        theirs = {"name": "somebody's", "key": order.ssh_public_keys[0]}
        by_hand(cloud, "POST", "/v1/sshkeys", theirs)
        cloud.vendor.refuses_known_keys = True
        bought = await cloud.provider.launch(order)
        assert cloud.vendor.model.instance(bought.id).spec.ssh_keys == order.ssh_public_keys
        await cloud.provider.destroy(bought.id)

    assert tried(act).vendor.leftovers() == {**NOTHING, "ssh_keys": 1}


@pytest.mark.parametrize(
    ("rule", "refusal"), [("no_capacity", NoCapacity), ("no_balance", QuotaReached)]
)
def test_nothing_is_left_of_an_order_that_was_refused(rule: str, refusal: type[Refused]) -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": rule}])
        with pytest.raises(refusal):
            await cloud.provider.launch(cloud.order(0))

    cloud = tried(act)
    assert not cloud.held()
    assert cloud.vendor.leftovers() == NOTHING


def test_a_lost_answer_while_keys_are_made_bought_nothing() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        cloud.door.faults = Losing(lambda one: one.method == "POST" and one.url.endswith("sshkeys"))
        with pytest.raises(Unavailable):
            await cloud.provider.launch(cloud.order(0))

    assert not tried(act).held()


def test_a_purchase_that_names_nothing_is_ambiguous() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "create_garbled"}])
        with pytest.raises(Ambiguous):
            await cloud.provider.launch(cloud.order(0))
        cloud.behave()
        assert await cloud.provider.find(cloud.order(0).label) is not None

    tried(act)


def test_an_instance_that_an_error_names_is_told() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "create_error_with_id"}])
        with pytest.raises(Ambiguous) as raised:
            await cloud.provider.launch(cloud.order(0))
        assert {raised.value.instance_id} == cloud.held()

    tried(act)


def test_a_kind_of_machine_that_does_not_start_with_the_image_gets_one_that_it_does() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        listing = await cloud.provider.list_offers()
        offer = next(one for one in listing.offers if one.gpu_type.startswith("V100"))
        bought = await cloud.provider.launch(changed(cloud.order(0), offer=offer))
        image = cloud.vendor.model.instance(bought.id).spec.image
        assert image == "ubuntu-22.04-cuda-12.4-docker"

    tried(act)


def test_it_gets_one_as_well_from_a_server_that_has_not_read_the_menu_since_it_was_started() -> (
    None
):
    async def act(cloud: VerdaUnderTest) -> None:
        listing = await cloud.provider.list_offers()
        offer = next(one for one in listing.offers if one.gpu_type.startswith("V100"))
        given = {"key": KEY, "url": "http://vendor.test", **cloud.settings}
        started = MANIFEST.connect(with_defaults(MANIFEST, given), cloud.door, cloud.clock)
        bought = await started.launch(changed(cloud.order(0), offer=offer))
        image = cloud.vendor.model.instance(bought.id).spec.image
        assert image == "ubuntu-22.04-cuda-12.4-docker"

    tried(act)


def test_what_is_sold_out_at_a_location_is_not_shown_there_any_more() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        for number in range(4):
            order = cloud.order(0)
            await cloud.provider.launch(changed(order, label=Label(f"{order.label}-{number}")))
        with pytest.raises(NoCapacity):
            await cloud.provider.launch(cloud.order(0))
        listing = await cloud.provider.list_offers()
        assert cloud.order(0).offer.id not in {one.id for one in listing.offers}

    tried(act)


def test_a_kind_of_machine_that_there_is_not_is_an_offer_that_is_gone() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        order = cloud.order(0)
        with pytest.raises(OfferGone):
            offer = replace(order.offer, provider_id="9ZX81.1V@FIN-01")
            await cloud.provider.launch(changed(order, offer=offer))

    tried(act)


def test_the_price_is_that_of_the_machine_and_its_volume() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        bought = await cloud.provider.launch(changed(cloud.order(0), disk_gb=730))
        await cloud.pass_time(60)
        seen = await cloud.provider.observe(bought.id)
        true = cloud.vendor.model.instance(bought.id).price_micros
        assert seen.rate == rate(f"{true / 1_000_000:.6f}")
        shown = cloud.order(0).offer.price.micros - round(50 * 0.2 / 730 * 1_000_000)
        assert abs(seen.rate.micros - shown - 200_000) <= 1

    tried(act)


@pytest.mark.parametrize("kept", [0, 10])
def test_a_label_that_is_lost_in_one_place_is_read_in_the_other(kept: int) -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "label_lost", "params": {"keep": kept}}])
        order = cloud.order(0)
        bought = await cloud.provider.launch(order)
        found = await cloud.provider.find(order.label)
        assert found is not None
        assert (found.id, found.mark) == (bought.id, order.label)
        await cloud.provider.destroy(bought.id)

    assert tried(act).vendor.leftovers() == NOTHING


# Ending.


def test_a_machine_that_is_provisioned_cannot_be_ended_until_it_is_up() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        for _ in range(3):
            with pytest.raises(Unavailable, match="provisioning"):
                await cloud.provider.destroy(bought.id)
        assert cloud.held() == {bought.id}
        await cloud.pass_time(60)
        await cloud.provider.destroy(bought.id)
        assert await cloud.provider.observe(bought.id) is None

    cloud = tried(act, SlowToBoot())
    assert not cloud.held()
    assert cloud.vendor.leftovers() == NOTHING


def test_with_the_machine_go_its_volume_its_keys_and_its_script_and_nobody_elses() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        by_hand(cloud, "POST", "/v1/sshkeys", {"name": "mine", "key": "ssh-ed25519 AAAAmine me"})
        by_hand(cloud, "POST", "/v1/scripts", {"name": "mine", "script": "true"})
        kept, ended = [await cloud.provider.launch(cloud.order(number)) for number in (0, 1)]
        await cloud.provider.destroy(ended.id)
        await cloud.pass_time(60)
        assert cloud.held() == {kept.id}

    left = tried(act).vendor.leftovers()
    assert left == {**NOTHING, "ssh_keys": 2, "scripts": 2}


def test_what_is_discontinued_counts_as_held_until_its_volume_is_gone() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        # As somebody at the console does, who does not tick the volume.
        by_hand(cloud, "PUT", "/v1/instances", {"id": bought.id, "action": "delete"})
        assert not cloud.held()
        seen = await cloud.provider.observe(bought.id)
        assert seen is not None
        assert seen.status is InstanceStatus.STOPPED
        assert seen.label == cloud.order(0).label
        await cloud.provider.destroy(bought.id)
        assert await cloud.provider.observe(bought.id) is None
        await cloud.provider.destroy(bought.id)

    assert tried(act).vendor.leftovers() == NOTHING


def test_a_destroy_that_breaks_off_half_way_is_finished_by_the_next() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        cloud.door.faults = Losing(lambda request: request.method == "PUT")
        with pytest.raises(Unavailable):
            await cloud.provider.destroy(bought.id)
        assert cloud.vendor.leftovers() == {**NOTHING, "ssh_keys": 1, "scripts": 1}
        cloud.behave()
        await cloud.provider.destroy(bought.id)

    assert tried(act).vendor.leftovers() == NOTHING


def test_a_volume_that_nobody_remembers_is_listed_and_destroyed_like_an_instance() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        by_hand(cloud, "PUT", "/v1/instances", {"id": bought.id, "action": "delete"})
        listing = await cloud.provider.list_all()
        assert not listing.instances, "a young volume may still be waiting for its machine"
        await cloud.pass_time(HALF_AN_HOUR)
        listing = await cloud.provider.list_all()
        (left,) = listing.instances
        assert (left.label, left.status) == (cloud.order(0).label, InstanceStatus.STOPPED)
        assert left.rate == rate("0.013699")
        assert await cloud.provider.observe(left.id) is not None
        await cloud.provider.destroy(left.id)
        assert await cloud.provider.observe(left.id) is None
        await cloud.provider.destroy(left.id)
        assert not (await cloud.provider.list_all()).instances

    assert tried(act).vendor.leftovers()["volumes"] == 0


def test_a_volume_that_is_attached_or_somebody_elses_is_no_instance() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        other = await cloud.provider.launch(changed(cloud.order(1), label=Label("somebody-elses")))
        by_hand(cloud, "PUT", "/v1/instances", {"id": other.id, "action": "delete"})
        await cloud.pass_time(HALF_AN_HOUR)
        listing = await cloud.provider.list_all()
        assert [one.id for one in listing.instances] == [bought.id]

    assert tried(act).vendor.leftovers()["volumes"] == 1


def test_a_spot_machine_that_is_taken_away_takes_its_volume_along() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        listing = await cloud.provider.list_offers()
        offer = next(one for one in listing.offers if one.interruptible)
        cloud.vendor.model.misbehave([{"kind": "preempt", "params": {"seconds": 60}}])
        bought = await cloud.provider.launch(changed(cloud.order(0), offer=offer))
        await cloud.pass_time(90)
        assert not cloud.held()
        assert await cloud.provider.observe(bought.id) is None

    assert tried(act).vendor.leftovers()["volumes"] == 0


def test_keys_and_scripts_of_attempts_that_are_gone_are_dropped_in_the_end() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        by_hand(cloud, "POST", "/v1/sshkeys", {"name": "gs1", "key": "ssh-ed25519 AAAAmine me"})
        kept = await cloud.provider.launch(cloud.order(1))
        cloud.vendor.model.misbehave([{"kind": "lose_request"}])
        with pytest.raises(Ambiguous):
            await cloud.provider.launch(cloud.order(0))
        cloud.behave()
        await cloud.provider.list_all()
        await cloud.pass_time(HALF_AN_HOUR / 2)
        await cloud.provider.list_all()
        assert cloud.vendor.leftovers()["ssh_keys"] == 3, "it may only be late"
        await cloud.pass_time(HALF_AN_HOUR / 2)
        await cloud.provider.list_all()
        assert cloud.held() == {kept.id}

    assert tried(act).vendor.leftovers() == {**NOTHING, "ssh_keys": 2, "scripts": 1}


@pytest.mark.parametrize("part", ["volumes", "sshkeys", "scripts"])
def test_a_part_that_cannot_be_listed(part: str) -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        await cloud.provider.launch(cloud.order(0))
        cloud.door.faults = Losing(lambda one: one.method == "GET" and one.url.endswith(part))
        listing = await cloud.provider.list_all()
        assert len(listing.instances) == 1
        # A volume may bill; a key costs nothing.
        assert listing.complete == (part != "volumes")

    tried(act)


def test_the_balance_is_told_in_dollars() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        assert await cloud.provider.balance() == money("1000000")

    tried(act)
