"""The life of an instance at Lambda Cloud: no key of ours stays there, its pace is kept, and it is billed from when it is up."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.ids import InstanceId, deployment_id, session_id
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label, LabelFacts, write_label
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    NoCapacity,
    RateLimited,
    Unavailable,
)
from gpu_shopper.providers.lambda_cloud import MANIFEST
from gpu_shopper.providers.lambda_cloud.adapter import LambdaProvider
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.lambda_cloud import build
from tests.contract.vendor_rig import StillClock
from tests.unit.providers.test_lambda import KEY, order

T = TypeVar("T")


class Account:
    """The adapter before a simulated account."""

    def __init__(self, **config: Any) -> None:
        self.clock = StillClock()
        settings = ModelConfig(hosts_itself=True, boot_s=(20.0, 20.0), **config)
        self.vendor = build(key="k", seed=1, offers=80, config=settings, chance=random.Random(1))
        self.door = VendorDoor(self.vendor, self.clock)
        self.cloud = self.connect()
        self.offers = asyncio.run(self.cloud.list_offers()).offers

    def connect(self) -> LambdaProvider:
        given = with_defaults(MANIFEST, {"key": "k", "url": "http://vendor.test"})
        cloud = MANIFEST.connect(given, self.door, self.clock)
        assert isinstance(cloud, LambdaProvider)
        return cloud

    def key_names(self) -> list[str]:
        said = self.ask("GET", "/api/v1/ssh-keys")
        return [row["name"] for row in said["data"]]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = HttpRequest(
            method=method,
            url=f"http://vendor.test{path}",
            headers={"authorization": "Bearer k"},
            body=b"" if body is None else json.dumps(body).encode(),
            timeout=10,
        )
        reply = asyncio.run(self.door.request(request))
        return json.loads(reply.body)

    def order(self, label: str, number: int = 0) -> LaunchOrder:
        offer = self.offers[number]
        return order(offer=offer, price_cap=offer.price, label=Label(label))

    def go(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(act())

    def wait(self, seconds: float) -> None:
        asyncio.run(self.clock.sleep(seconds))


def label_of(session: int, number: int, *, deployment: int = 1, hours: float = 2.0) -> str:
    facts = LabelFacts(
        deployment=deployment_id(deployment),
        session=session_id(session),
        number=number,
        expires_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours),
    )
    return write_label(facts, key=b"a key")


def test_a_launch_has_a_key_of_its_own_which_goes_with_its_instance() -> None:
    account = Account()
    account.ask("POST", "/api/v1/ssh-keys", {"name": "theirs", "public_key": "ssh-rsa AAAA x"})
    bought = account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    assert account.key_names() == ["theirs", "gs1-a"]

    account.go(lambda: account.cloud.destroy(bought.id))

    assert account.key_names() == ["theirs"]


def test_a_refused_launch_leaves_no_key() -> None:
    account = Account()
    account.vendor.model.misbehave([{"kind": "no_capacity"}])
    with pytest.raises(NoCapacity):
        account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    assert account.key_names() == []


def test_an_unclear_launch_keeps_its_key_until_what_was_bought_is_destroyed() -> None:
    account = Account()
    account.vendor.model.misbehave([{"kind": "create_then_500"}])
    with pytest.raises(Ambiguous):
        account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    assert account.key_names() == ["gs1-a"]
    account.vendor.model.behave()

    anew = account.connect()
    found = account.go(lambda: anew.find(Label("gs1-a")))
    assert found is not None
    account.go(lambda: anew.destroy(found.id))

    assert account.key_names() == []


class KeysFail(NoFaults):
    """Lets no listing of keys through."""

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        if request.method == "GET" and request.url.endswith("/ssh-keys"):
            return HttpReply(status=503, headers={}, body=b"")
        return reply


def test_a_destroy_that_came_half_way_is_no_destroy_and_the_next_one_clears_up() -> None:
    account = Account()
    bought = account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    account.door.faults = KeysFail()
    with pytest.raises(Unavailable):
        account.go(lambda: account.cloud.destroy(bought.id))
    account.door.faults = NoFaults()
    account.wait(120)
    assert account.go(lambda: account.cloud.observe(bought.id)) is None

    account.go(lambda: account.cloud.destroy(bought.id))

    assert account.key_names() == []


def test_keys_that_a_crash_left_go_with_the_next_instance_of_the_deployment() -> None:
    account = Account()
    account.vendor.launch_spacing_s = 0.0
    labels = {
        "earlier attempt": label_of(1, 1),
        "this one": label_of(1, 2),
        "next attempt": label_of(1, 3),
        "session that is over": label_of(2, 1, hours=-30),
        "session that goes on": label_of(3, 1),
        "over, of another deployment": label_of(4, 1, deployment=2, hours=-30),
    }
    for name, label in labels.items():
        if name != "this one":
            account.ask("POST", "/api/v1/ssh-keys", {"name": label, "public_key": KEY})
    bought = account.go(lambda: account.cloud.launch(account.order(labels["this one"])))

    account.go(lambda: account.cloud.destroy(bought.id))

    kept = {name for name, label in labels.items() if label in account.key_names()}
    assert kept == {"next attempt", "session that goes on", "over, of another deployment"}


def test_a_key_that_the_account_has_under_another_name_is_used_and_kept() -> None:
    account = Account()
    account.vendor.refuses_known_keys = True
    account.ask("POST", "/api/v1/ssh-keys", {"name": "theirs", "public_key": f"{KEY} at home"})

    bought = account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    row = account.ask("GET", f"/api/v1/instances/{bought.id}")["data"]
    assert row["ssh_key_names"] == ["theirs"]
    account.go(lambda: account.cloud.destroy(bought.id))

    assert account.key_names() == ["theirs"]


def test_requests_of_one_launch_keep_the_pace() -> None:
    account = Account()
    account.vendor.pace = 1.0
    account.wait(5)
    account.go(lambda: account.cloud.launch(account.order("gs1-a")))


def test_two_launches_within_twelve_seconds_are_one_too_many() -> None:
    account = Account()
    account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    with pytest.raises(RateLimited):
        account.go(lambda: account.cloud.launch(account.order("gs1-b", 1)))
    assert account.key_names() == ["gs1-a"]

    account.wait(MANIFEST.quirks.launch_spacing.total_seconds())
    account.go(lambda: account.cloud.launch(account.order("gs1-b", 1)))


def test_it_is_billed_from_when_it_was_last_seen_to_boot() -> None:
    account = Account()
    bought = account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    account.wait(10)
    booting = account.go(lambda: account.cloud.observe(bought.id))
    last = account.clock.now()
    account.wait(30)

    running = account.go(lambda: account.cloud.observe(bought.id))
    account.wait(30)
    later = account.go(lambda: account.cloud.observe(bought.id))

    assert booting is not None
    assert running is not None
    assert later is not None
    assert (booting.status, booting.billed_from) == (InstanceStatus.BOOTING, None)
    assert (running.status, running.billed_from) == (InstanceStatus.RUNNING, last)
    assert later.billed_from == last
    # Nobody who did not see it boot can tell.
    anew = account.go(lambda: account.connect().observe(bought.id))
    assert anew is not None
    assert anew.billed_from is None


def test_it_is_held_and_billed_while_it_terminates() -> None:
    account = Account()
    bought = account.go(lambda: account.cloud.launch(account.order("gs1-a")))
    account.wait(60)
    account.go(lambda: account.cloud.destroy(bought.id))
    account.wait(5)

    seen = account.go(lambda: account.cloud.observe(bought.id))
    assert seen is not None
    assert seen.status is InstanceStatus.STOPPING
    account.wait(60)
    assert account.go(lambda: account.cloud.observe(bought.id)) is None


def test_a_destroy_that_names_nothing_is_not_taken_for_done() -> None:
    account = Account()
    bought = account.go(lambda: account.cloud.launch(account.order("gs1-a")))

    class Forgets(NoFaults):
        async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
            if not request.url.endswith("/terminate"):
                return reply
            return replace(reply, body=b'{"data":{"terminated_instances":[]}}')

    account.door.faults = Forgets()
    with pytest.raises(Unavailable, match="about another one"):
        account.go(lambda: account.cloud.destroy(bought.id))


def test_a_path_that_is_not_there_is_no_absence() -> None:
    account = Account()

    class WrongPath(NoFaults):
        async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
            body = b'{"error":{"code":"global/not-found","message":"The requested resource was not found."}}'
            return HttpReply(status=404, headers={"content-type": "application/json"}, body=body)

    account.door.faults = WrongPath()
    with pytest.raises(Unavailable):
        account.go(lambda: account.cloud.observe(InstanceId("abc")))
    with pytest.raises(Unavailable):
        account.go(lambda: account.cloud.destroy(InstanceId("abc")))
