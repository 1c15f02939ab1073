"""Our adapter at a simulated account of Prime Intellect: its whole menu, the true price, and keys that never stay behind."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.ids import DeploymentId, SessionId
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label, LabelFacts, write_label
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.http import HttpRequest, NotSent
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.prime import MANIFEST
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.prime import build
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.contract.vendor_rig import StillClock

T = TypeVar("T")


class Rig:
    """A simulated account and our adapter in front of it."""

    def __init__(self, *, offers: int = 130) -> None:
        self.clock = StillClock()
        config = ModelConfig(hosts_itself=True, boot_s=(0.0, 0.0), drift_period_s=1e9)
        self.vendor = build(
            key="k3y", seed=3, offers=offers, config=config, chance=random.Random(1)
        )
        self.door = VendorDoor(self.vendor, self.clock)

    def connect(self) -> CloudProvider:
        given = with_defaults(MANIFEST, {"key": "k3y", "url": "http://vendor.test/api/v1"})
        return MANIFEST.connect(given, self.door, self.clock)

    def order(self, offer: Offer, *, session: str = "a", number: int = 1) -> LaunchOrder:
        facts = LabelFacts(
            deployment=DeploymentId("dep_" + "a" * 16),
            session=SessionId("ses_" + session * 16),
            number=number,
            expires_at=self.clock.now() + timedelta(hours=2),
        )
        return LaunchOrder(
            offer=offer, label=write_label(facts, key=b"key"), ends_by=facts.expires_at, price_cap=offer.price, image=None,
            disk_gb=None, ssh_public_keys=(f"ssh-ed25519 AAAA{session}{number} ours", "ssh-ed25519 BBBB theirs"), env={},
            on_start="",
        )  # fmt: skip

    def names_of_keys(self) -> list[str]:
        said = self.ask("/api/v1/ssh_keys/")
        return sorted(one["name"] for one in said["data"])

    def keep_key(self, name: str, text: str) -> None:
        """Let the account keep somebody else's key."""
        self.ask("/api/v1/ssh_keys/", method="POST", body={"name": name, "publicKey": text})

    def ask(self, path: str, *, method: str = "GET", body: object = None) -> Any:
        asked = VendorRequest(
            method=method, path=path, body=body, headers={"authorization": "Bearer k3y"}
        )
        return self.vendor.hear(asked, now=self.clock.now().timestamp()).body


def run(act: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(act)


def test_the_whole_menu_is_read_and_nothing_but_what_can_be_had() -> None:
    rig = Rig()

    listing = run(rig.connect().list_offers())

    assert (len(listing.offers), listing.rejected) == (130, 0)
    pages = [one.query["page"] for one in rig.door.heard if one.path.endswith("/availability/gpus")]
    assert pages == ["1", "2"]
    assert {offer.interruptible for offer in listing.offers} == {True, False}


@pytest.mark.parametrize("disk_gb", [None, 300])
def test_what_was_shown_is_what_is_billed_whatever_is_in_the_price(disk_gb: int | None) -> None:
    rig = Rig(offers=30)
    cloud = rig.connect()
    for number, offer in enumerate(run(cloud.list_offers()).offers):
        order = rig.order(offer, number=number)
        more = max(0, (disk_gb or 0) - 100) * offer.storage_price_per_gb_month / 730
        dearest = rate(f"{offer.price.dollars + more:.6f}")
        bought = run(cloud.launch(replace(order, disk_gb=disk_gb, price_cap=dearest)))

        billed = next(
            one
            for one in rig.vendor.model.ledger(rig.clock.now().timestamp())
            if one.id == bought.id
        )
        assert abs(billed.price_per_hour_micros - dearest.micros) <= 2, offer


def test_a_pod_gets_the_first_key_and_neither_is_left() -> None:
    rig = Rig()
    cloud = rig.connect()
    order = rig.order(run(cloud.list_offers()).offers[0])

    bought = run(cloud.launch(order))

    sold = rig.vendor.model.instance(bought.id)
    assert sold is not None
    assert sold.spec.ssh_keys == (order.ssh_public_keys[0],)
    assert rig.names_of_keys() == [order.label]
    run(cloud.destroy(bought.id))
    assert rig.names_of_keys() == []


class LosesKeys(NoFaults):
    """Nothing about keys comes through."""

    async def before_effect(self, request: HttpRequest) -> HttpRequest:
        if "/ssh_keys" in request.url:
            raise NotSent("connection refused")
        return request


@pytest.mark.parametrize("later_s", [0.0, 30.0, 7200.0])
def test_a_destroy_that_died_half_way_is_finished_by_whoever_calls_it_next(later_s: float) -> None:
    rig = Rig()
    cloud = rig.connect()
    bought = run(cloud.launch(rig.order(run(cloud.list_offers()).offers[0])))
    rig.door.faults = LosesKeys()
    with pytest.raises(Unavailable):
        run(cloud.destroy(bought.id))
    rig.door.faults = NoFaults()
    assert not rig.vendor.model.alive(rig.clock.now().timestamp())
    assert rig.vendor.leftovers() == {"ssh_keys": 1}
    run(rig.clock.sleep(later_s))

    run(rig.connect().destroy(bought.id))

    assert rig.vendor.leftovers() == {"ssh_keys": 0}


def test_keys_of_others_are_never_dropped() -> None:
    rig = Rig()
    cloud = rig.connect()
    first, second = run(cloud.list_offers()).offers[:2]
    other = "gs1-" + "z" * 16 + "-" + "z" * 16 + "-ab-aaaaaa-" + "z" * 10
    for name in ("laptop", "gs1-laptop", other):
        rig.keep_key(name, f"ssh-ed25519 {name}")
    held = run(cloud.launch(rig.order(first, session="b")))
    ended = run(cloud.launch(rig.order(second, session="c")))

    run(cloud.destroy(ended.id))

    assert rig.names_of_keys() == sorted(["laptop", "gs1-laptop", other, held.label])
    run(cloud.destroy(held.id))


def test_a_refused_launch_leaves_no_key_and_an_unclear_one_keeps_it_until_it_can_be_nobodys() -> (
    None
):
    rig = Rig()
    cloud = rig.connect()
    first, second = run(cloud.list_offers()).offers[:2]
    rig.vendor.model.misbehave([{"kind": "no_capacity"}])
    with pytest.raises(NoCapacity):
        run(cloud.launch(rig.order(first)))
    assert rig.names_of_keys() == []

    rig.vendor.model.misbehave([{"kind": "lose_request"}])
    unclear = rig.order(first)
    with pytest.raises(Ambiguous):
        run(cloud.launch(unclear))
    rig.vendor.model.behave()
    assert rig.names_of_keys() == [unclear.label]

    run(cloud.destroy(run(cloud.launch(rig.order(second, session="d"))).id))
    assert rig.names_of_keys() == [unclear.label], "it may be there, and need it"
    run(rig.clock.sleep(86_400 + 7_200 + 120))
    run(cloud.list_offers())
    run(cloud.destroy(run(cloud.launch(rig.order(second, session="e"))).id))
    assert rig.names_of_keys() == []


def test_a_key_that_the_account_has_already_is_used_and_left() -> None:
    rig = Rig()
    cloud = rig.connect()
    order = rig.order(run(cloud.list_offers()).offers[0])
    rig.keep_key("laptop", order.ssh_public_keys[0])

    bought = run(cloud.launch(order))

    sold = rig.vendor.model.instance(bought.id)
    assert sold is not None
    assert sold.spec.ssh_keys == (order.ssh_public_keys[0],)
    run(cloud.destroy(bought.id))
    assert rig.names_of_keys() == ["laptop"]


@pytest.mark.parametrize(
    "changes",
    [{"on_start": "true"}, {"env": {"A": "b"}}, {"exposed_ports": (80,)}, {"image": "an/image"}, {"ssh_public_keys": ()}],
)  # fmt: skip
def test_what_it_does_not_take_is_refused_and_leaves_nothing(changes: dict[str, Any]) -> None:
    rig = Rig()
    cloud = rig.connect()
    order = rig.order(run(cloud.list_offers()).offers[0])

    with pytest.raises(BadOrder):
        run(cloud.launch(replace(order, **changes)))

    assert rig.vendor.leftovers() == {"ssh_keys": 0}


def test_an_order_after_a_restart_reads_the_menu_first() -> None:
    rig = Rig()
    order = rig.order(run(rig.connect().list_offers()).offers[120])

    bought = run(rig.connect().launch(order))

    assert bought.label == order.label


def test_a_pod_that_installs_is_not_ready_and_one_that_is_over_is_gone_while_it_is_shown() -> None:
    rig = Rig()
    cloud = rig.connect()
    order = rig.order(run(cloud.list_offers()).offers[0])
    bought = run(cloud.launch(order))
    run(rig.clock.sleep(1))
    seen = run(cloud.observe(bought.id))
    assert seen is not None
    assert (seen.status, seen.label) == (InstanceStatus.RUNNING, order.label)

    run(cloud.destroy(bought.id))
    shown = rig.ask(f"/api/v1/pods/{bought.id}")

    assert shown["status"] == "TERMINATED"
    assert run(cloud.observe(bought.id)) is None
    assert run(cloud.find(Label(order.label))) is None


def test_no_secret_stands_in_an_address_or_an_error() -> None:
    rig = Rig()
    cloud = rig.connect()
    order = rig.order(run(cloud.list_offers()).offers[0])
    run(cloud.destroy(run(cloud.launch(order)).id))

    assert all("k3y" not in f"{one.path} {one.query}" for one in rig.door.heard)
    rig.vendor.key = "another"
    with pytest.raises(Unauthorized) as caught:
        run(cloud.balance())
    assert "k3y" not in str(caught.value)


def test_the_money_left_is_the_wallets() -> None:
    rig = Rig()
    balance = run(rig.connect().balance())
    assert balance is not None
    assert balance.dollars == 1_000_000.0


def test_many_that_end_at_once_read_the_accounts_keys_once_and_leave_none() -> None:
    rig = Rig()
    cloud = rig.connect()
    offers = run(cloud.list_offers()).offers[:8]
    bought = [run(cloud.launch(rig.order(one, number=number))) for number, one in enumerate(offers)]
    since = len(rig.door.heard)

    for one in bought:
        run(cloud.destroy(one.id))

    asked = [(one.method, one.path.rpartition("/")[0]) for one in rig.door.heard[since:]]
    assert asked.count(("GET", "/api/v1/ssh_keys")) == 1
    assert len(asked) == 2 * len(bought) + 1
    assert rig.vendor.leftovers() == {"ssh_keys": 0}


def test_a_pod_that_shares_anothers_key_leaves_it_to_that_one() -> None:
    rig = Rig()
    cloud = rig.connect()
    orders = [
        rig.order(one, session=session)
        for session, one in zip("bcd", run(cloud.list_offers()).offers, strict=False)
    ]
    shared = [orders[0], replace(orders[1], ssh_public_keys=orders[0].ssh_public_keys), orders[2]]
    first, second, third = [run(cloud.launch(order)) for order in shared]
    run(cloud.destroy(third.id))

    run(cloud.destroy(second.id))

    assert rig.names_of_keys() == [first.label]
