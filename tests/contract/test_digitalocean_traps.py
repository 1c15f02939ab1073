"""What is odd about DigitalOcean, each thing against the adapter, over the simulator."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.ids import deployment_id, session_id
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label, LabelFacts, write_label
from gpu_shopper.ports.http import HttpRequest, NoAnswer
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.ports.provider_errors import (
    BadOrder,
    OfferGone,
    ProviderError,
    QuotaReached,
    Unavailable,
)
from gpu_shopper.providers.digitalocean import MANIFEST
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.digitalocean import KEY_LAG_S, STOCK
from gpu_shopper.testing.vendors.vendor import VendorReply, VendorRequest
from tests.contract.test_digitalocean_contract import DigitalOceanUnderTest
from tests.contract.vendor_rig import KEY, StillClock, changed

STRANGER = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzr1ygxXBtxCi3AOhxyPxKtuXRHGFiTBaEhZ4+E2MXN colleague"
)


def tried(act: Callable[[DigitalOceanUnderTest], Awaitable[None]]) -> DigitalOceanUnderTest:
    cloud = DigitalOceanUnderTest()
    asyncio.run(act(cloud))
    return cloud


def by_hand(
    cloud: DigitalOceanUnderTest, method: str, path: str, body: object = None, **query: str
) -> VendorReply:
    """Do something as another user of the account would."""
    headers = {"authorization": f"Bearer {cloud.vendor.key}"}
    asked = VendorRequest(method=method, path=path, query=query, headers=headers, body=body)
    return cloud.vendor.hear(asked, now=cloud.clock.now().timestamp())


async def refusal_of(act: Awaitable[object]) -> type[ProviderError]:
    with pytest.raises(ProviderError) as caught:
        await act
    return type(caught.value)


def test_droplets_with_gpus_are_on_no_list_that_does_not_ask_for_them() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        plain = by_hand(cloud, "GET", "/v2/droplets").body["droplets"]
        assert [row["name"] for row in plain] == ["web-1"]
        both = by_hand(cloud, "GET", "/v2/droplets", type="gpus", tag_name=bought.label)
        assert both.status == 422
        listing = await cloud.provider.list_all()
        assert [one.id for one in listing.instances] == [bought.id]
        assert listing.complete

    tried(act)


def test_the_price_list_is_read_to_its_end_though_a_page_has_twenty() -> None:
    cloud = DigitalOceanUnderTest()

    first = by_hand(cloud, "GET", "/v2/sizes").body

    assert len(first["sizes"]) == 20
    assert first["meta"]["total"] > 20
    assert "page=2" in first["links"]["pages"]["next"]
    sizes = {one.provider_id.rpartition(".")[0] for one in cloud._offers}
    assert {size for size in sizes if size.startswith("gpu-")} == sizes
    assert len(cloud._offers) == 80


def test_a_size_can_be_had_in_a_region_until_it_is_sold_out_there() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        order = cloud.order(0)
        for number in range(STOCK):
            await cloud.provider.launch(replace(order, label=Label(f"gs1-test-{number}")))
        assert await refusal_of(cloud.provider.launch(order)) is OfferGone
        left = await cloud.provider.list_offers()
        slug, _, region = order.offer.provider_id.rpartition(".")
        regions = {
            one.provider_id.rpartition(".")[2]
            for one in left.offers
            if one.provider_id.startswith(f"{slug}.")
        }
        assert region not in regions
        assert regions

    assert len(tried(act).held()) == STOCK


def test_a_limit_and_a_mistake_come_with_one_status_and_buy_nothing() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "no_balance"}])
        assert await refusal_of(cloud.provider.launch(cloud.order(0))) is QuotaReached
        cloud.behave()
        wrong = changed(cloud.order(0), image="no-such-image")
        assert await refusal_of(cloud.provider.launch(wrong)) is BadOrder

    assert not tried(act).held()


def test_a_new_key_is_unknown_for_a_while_and_then_keeps_the_password_away() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        body = {"name": "mine", "public_key": STRANGER}
        key = by_hand(cloud, "POST", "/v2/account/keys", body).body["ssh_key"]
        settings = with_defaults(
            MANIFEST, {"key": KEY, "url": "http://vendor.test", "ssh_key": str(key["id"])}
        )
        with_key = MANIFEST.connect(settings, cloud.door, cloud.clock)
        assert await refusal_of(with_key.launch(cloud.order(0))) is BadOrder
        assert not cloud.held()
        await cloud.pass_time(KEY_LAG_S + 1)
        await with_key.launch(cloud.order(0))
        assert cloud.vendor.passwords_mailed == 0
        await cloud.provider.launch(cloud.order(1))
        assert cloud.vendor.passwords_mailed == 1

    cloud = tried(act)
    assert cloud.vendor.leftovers()["ssh_keys"] == 1, "a key of somebody else's is left alone"


def test_no_key_object_is_made_and_the_tag_goes_with_its_droplet() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        first = await cloud.provider.launch(cloud.order(0))
        second = await cloud.provider.launch(cloud.order(1))
        await cloud.provider.destroy(first.id)
        await cloud.pass_time(60)
        rows = by_hand(cloud, "GET", "/v2/tags").body["tags"]
        assert [row["name"] for row in rows] == [second.label]
        await cloud.provider.destroy(second.id)
        await cloud.pass_time(60)

    assert tried(act).vendor.leftovers() == {"ssh_keys": 0, "tags": 0}


class CutOff(NoFaults):
    """Lets no request through any more once one of that kind is under way."""

    def __init__(self, method: str, path: str) -> None:
        self._kind = (method, path)

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        if request.method == self._kind[0] and self._kind[1] in request.url:
            raise asyncio.CancelledError
        return request


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/v2/droplets/"), ("GET", "/v2/tags"), ("DELETE", "/v2/tags/")]
)
def test_a_destroy_that_was_cut_off_is_taken_up_where_it_was(method: str, path: str) -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        cloud.door.faults = CutOff(method, path)
        with pytest.raises(asyncio.CancelledError):
            await cloud.provider.destroy(bought.id)
        cloud.door.faults = NoFaults()
        await cloud.provider.destroy(bought.id)
        await cloud.pass_time(60)

    cloud = tried(act)
    assert not cloud.held()
    assert cloud.vendor.leftovers() == {"ssh_keys": 0, "tags": 0}


class OnlyDeletesDroplets(NoFaults):
    """Answers nothing but orders to end a droplet."""

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        if request.method == "DELETE" and "/v2/droplets/" in request.url:
            return request
        raise NoAnswer("busy")


def connected(cloud: DigitalOceanUnderTest) -> CloudProvider:
    """Return the adapter as a server that was started anew has it: it remembers nothing."""
    settings = with_defaults(MANIFEST, {"key": KEY, "url": "http://vendor.test"})
    return MANIFEST.connect(settings, cloud.door, cloud.clock)


def label(cloud: DigitalOceanUnderTest, number: int, *, deployment: str = "a") -> Label:
    facts = LabelFacts(
        deployment=deployment_id(ord(deployment)),
        session=session_id(number),
        number=1,
        expires_at=cloud.clock.now() + timedelta(hours=2),
    )
    return write_label(facts, key=b"k")


def test_a_tag_that_was_missed_goes_with_a_later_droplet_and_nobody_elses_does() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        lost = await cloud.provider.launch(changed(cloud.order(0), label=label(cloud, 1)))
        strange = changed(cloud.order(1), label=label(cloud, 2, deployment="b"))
        others = await cloud.provider.launch(strange)
        cloud.door.faults = OnlyDeletesDroplets()
        await cloud.provider.destroy(lost.id)
        await cloud.provider.destroy(others.id)
        assert not cloud.held(), "nothing comes before the end of a droplet"
        cloud.door.faults = NoFaults()
        assert cloud.vendor.leftovers()["tags"] == 2

        anew = connected(cloud)
        young = await anew.launch(changed(cloud.order(2), label=label(cloud, 3)))
        await anew.destroy(young.id)
        assert cloud.vendor.leftovers()["tags"] == 2, "its droplet may be on its way"
        await cloud.pass_time(27 * 3600)
        old = await anew.launch(changed(cloud.order(3), label=label(cloud, 4)))
        await anew.destroy(old.id)
        left = by_hand(cloud, "GET", "/v2/tags").body["tags"]
        assert [row["name"] for row in left] == [strange.label]

    tried(act)


def test_the_tag_of_doubles_stays_until_the_last_but_one_is_gone() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        three = [await cloud.provider.launch(cloud.order(0)) for _ in range(3)]
        await cloud.provider.destroy(three[0].id)
        marks = {one.mark for one in (await cloud.provider.list_all()).instances}
        assert marks == {cloud.order(0).label}
        for one in three[1:]:
            await cloud.provider.destroy(one.id)

    cloud = tried(act)
    assert not cloud.held()
    assert cloud.vendor.leftovers()["tags"] == 0


def test_a_server_that_was_started_anew_learns_the_tag_by_looking() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        first = await cloud.provider.launch(cloud.order(0))
        second = await cloud.provider.launch(cloud.order(1))
        anew = connected(cloud)
        await anew.list_all()
        await anew.destroy(first.id)
        again = connected(cloud)
        await again.observe(second.id)
        await again.destroy(second.id)

    cloud = tried(act)
    assert not cloud.held()
    assert cloud.vendor.leftovers()["tags"] == 0


def test_what_was_renamed_is_found_by_its_tag_and_leaves_none() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        body = {"type": "rename", "name": "mine-now"}
        by_hand(cloud, "POST", f"/v2/droplets/{bought.id}/actions", body)
        found = await cloud.provider.find(Label(bought.label))
        assert found is not None
        assert (found.id, found.label, found.mark) == (bought.id, "mine-now", bought.label)
        await cloud.provider.destroy(bought.id)
        await cloud.pass_time(60)

    cloud = tried(act)
    assert not cloud.held()
    assert cloud.vendor.leftovers()["tags"] == 0


def test_a_destroy_while_something_else_is_under_way_is_asked_again() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        cloud.vendor.model.misbehave([{"kind": "reserved", "params": {"seconds": 120}}])
        bought = await cloud.provider.launch(cloud.order(0))
        with pytest.raises(Unavailable):
            await cloud.provider.destroy(bought.id)
        found = await cloud.provider.find(Label(bought.label))
        assert found is not None
        assert found.mark == bought.label
        await cloud.pass_time(180)
        await cloud.provider.destroy(bought.id)

    assert not tried(act).held()


def test_what_is_powered_off_bills_in_full() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        await cloud.pass_time(60)
        by_hand(cloud, "POST", f"/v2/droplets/{bought.id}/actions", {"type": "power_off"})
        before = cloud.vendor.model.ledger(cloud.clock.now().timestamp())[0].billed_micros
        await cloud.pass_time(3600)
        after = cloud.vendor.model.ledger(cloud.clock.now().timestamp())[0].billed_micros
        seen = await cloud.provider.observe(bought.id)
        assert seen is not None
        assert seen.status is InstanceStatus.STOPPED
        assert after - before == cloud.order(0).offer.price.micros

    tried(act)


def test_the_account_key_stands_in_no_address_and_no_body() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        await cloud.provider.balance()
        await cloud.provider.destroy(bought.id)
        for heard in cloud.door.heard:
            assert KEY not in heard.path
            assert KEY not in str(heard.query)
            assert KEY.encode() not in heard.raw
            assert heard.headers["authorization"] == f"Bearer {KEY}"

    tried(act)


def test_a_next_page_that_leads_nowhere_ends_no_listing() -> None:
    class Circle(NoFaults):
        async def after_effect(self, request, reply):
            return replace(reply, body=reply.body.replace(b"page=2", b"page=1"))

    async def act(cloud: DigitalOceanUnderTest) -> None:
        for number in range(cloud.page_size + 1):
            await cloud.provider.launch(cloud.order(number))
        cloud.door.faults = Circle()
        with pytest.raises(Unavailable):
            await cloud.provider.list_all()

    tried(act)


def test_its_pace_is_kept() -> None:
    async def act(cloud: DigitalOceanUnderTest) -> None:
        clock = cloud.clock
        assert isinstance(clock, StillClock)
        began, heard = clock.monotonic(), len(cloud.door.heard)
        for _ in range(40):
            await cloud.provider.list_all()
        took, asked = clock.monotonic() - began, len(cloud.door.heard) - heard
        assert asked == 40
        assert asked / took * 3600 < 5000 * 1.2

    tried(act)
