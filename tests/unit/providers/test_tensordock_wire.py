"""What goes over the wire to TensorDock and back: errors with a status of 200, lists of any wrapping, what the simulator plays."""

import asyncio
import json
import random
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import LaunchOrder, OfferListing
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    ProviderError,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.tensordock import MANIFEST
from gpu_shopper.providers.tensordock.mapping import first_command
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.tensordock import build
from tests.contract.vendor_rig import StillClock
from tests.unit.providers.test_tensordock import order

T = TypeVar("T")


class Answering:
    """A door behind which the same answer is given to everything, or one after the other."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.heard: list[HttpRequest] = []

    async def request(self, request: HttpRequest) -> HttpReply:
        self.heard.append(request)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return HttpReply(status=status, headers={"content-type": "application/json"}, body=raw)

    async def aclose(self) -> None:
        """Nothing to close."""


def provider(door: Any, clock: StillClock | None = None) -> Any:
    given = with_defaults(MANIFEST, {"key": "k", "url": "http://vendor.test/api/v2"})
    return MANIFEST.connect(given, door, clock or StillClock())


def go(act: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(act)


class Account:
    """The adapter before a simulated account."""

    def __init__(self) -> None:
        self.clock = StillClock()
        config = ModelConfig(hosts_itself=True, boot_s=(0.0, 0.0))
        self.vendor = build(key="k", seed=1, offers=200, config=config, chance=random.Random(1))
        self.door = VendorDoor(self.vendor, self.clock)
        given = with_defaults(MANIFEST, {"key": "k", "url": "http://vendor.test"})
        self.cloud = MANIFEST.connect(given, self.door, self.clock)
        listing = asyncio.run(self.cloud.list_offers())
        assert isinstance(listing, OfferListing)
        assert not listing.rejected, listing.example
        self.offers = listing.offers

    def order(self, number: int = 0, **changes: Any) -> LaunchOrder:
        return order(self.offers[number], **changes)

    def body(self) -> Any:
        return self.door.heard[-1].body

    def wait(self, seconds: float) -> None:
        asyncio.run(self.clock.sleep(seconds))


# Errors with a status of 200.


@pytest.mark.parametrize(
    ("body", "due"),
    [
        ({"status": 400, "error": "No available nodes found"}, NoCapacity),
        ({"status": 400, "error": "You need at least $1 to deploy an instance"}, QuotaReached),
        ({"status": 400, "error": "SSH port (22) must be forwarded for Ubuntu VMs"}, BadOrder),
        ({"status": 400, "message": "Hostnode unavailable"}, NoCapacity),
        ({"status": 401, "error": "Unauthorized"}, Unauthorized),
        ({"status": 429, "error": "Too many requests"}, RateLimited),
        # In words that nobody knows, or with an instance: it may be there.
        ({"status": 400, "error": "Something went wrong"}, Ambiguous),
        ({"status": 500, "error": "Internal server error"}, Ambiguous),
        ({"status": 400, "error": "No available nodes found", "data": {"id": "a"}}, Ambiguous),
        ({"data": {"type": "virtualmachine", "status": "running"}}, Ambiguous),
        ({}, Ambiguous),
        (b"created", Ambiguous),
    ],
)
def test_a_create_that_is_answered_with_a_200_may_be_refused_all_the_same(
    body: object, due: type[ProviderError]
) -> None:
    door = Answering((200, body))
    with pytest.raises(ProviderError) as raised:
        go(provider(door).launch(order()))
    assert type(raised.value) is due
    assert len(door.heard) == 1


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: {"data": row}], ids=["bare", "data"])
def test_what_was_created_is_named_with_and_without_the_envelope(
    wrap: Callable[[object], object],
) -> None:
    row = {"id": "5c9f81a3", "name": "gs1-a", "status": "queued"}
    assert go(provider(Answering((200, wrap(row)))).launch(order())).id == "5c9f81a3"


def test_an_error_that_names_an_instance_carries_its_id() -> None:
    door = Answering((200, {"status": 500, "error": "Timed out", "data": {"id": "5c9f81a3"}}))
    with pytest.raises(Ambiguous) as raised:
        go(provider(door).launch(order()))
    assert raised.value.instance_id == "5c9f81a3"


def test_faults_that_come_as_a_bare_list_are_a_plain_no_and_name_the_field() -> None:
    fault = [{"code": "invalid_type", "message": "Required", "path": ["data", "gpus", 0]}]
    with pytest.raises(BadOrder, match=r"data\.gpus\.0: Required"):
        go(provider(Answering((400, fault))).launch(order()))


def test_a_list_of_anything_else_is_none() -> None:
    for body in (b"[", b"[7]", b'[{"path": 7}]'):
        with pytest.raises(Ambiguous):
            go(provider(Answering((400, body))).launch(order()))


@pytest.mark.parametrize(
    ("body", "due"),
    [
        ({"status": 400, "error": "Something went wrong"}, Unavailable),
        ({"status": 503, "error": "Service unavailable"}, Unavailable),
        ({"error": "Something went wrong"}, Unavailable),
        ({"status": 500, "message": "Something went wrong"}, Unavailable),
        ({"status": 401, "error": "Unauthorized"}, Unauthorized),
        ({"status": 429, "error": "Too many requests"}, RateLimited),
        ({"data": {}}, Unavailable),
        ({"data": {"instances": None}}, Unavailable),
        ({}, Unavailable),
        (b"", Unavailable),
    ],
)
def test_no_look_takes_an_error_with_a_200_for_an_answer(
    body: object, due: type[ProviderError]
) -> None:
    for look in ("list_all", "list_offers"):
        with pytest.raises(ProviderError) as raised:
            go(getattr(provider(Answering((200, body))), look)())
        assert type(raised.value) is due, look
    for act in ("observe", "destroy"):
        if act == "destroy" and not (isinstance(body, dict) and {"error", "status"} & set(body)):
            continue
        with pytest.raises(ProviderError) as raised:
            go(getattr(provider(Answering((200, body))), act)(InstanceId("a")))
        assert type(raised.value) is due, act


# Gone.

GONE = (404, {"status": 404, "error": "Instance not found"})


@pytest.mark.parametrize("gone", [GONE, (200, GONE[1]), (404, {"message": "Not Found"})])
def test_what_is_not_found_is_gone_once_the_list_lacks_it_too(gone: tuple[int, object]) -> None:
    door = Answering(gone, (200, {"data": {"instances": []}}))
    assert go(provider(door).observe(InstanceId("a"))) is None
    assert [request.url.rpartition("/")[2] for request in door.heard] == ["a", "instances"]


def test_what_the_list_still_has_is_not_gone() -> None:
    row = {"id": "a", "attributes": {"name": "gs1-a", "status": "running"}}
    seen = go(provider(Answering(GONE, (200, {"data": [row]}))).observe(InstanceId("a")))
    assert seen is not None
    assert seen.status is InstanceStatus.BOOTING


@pytest.mark.parametrize(
    "answers",
    [
        [(404, b"<html>no such page</html>")],
        [(404, {})],
        [GONE, (503, {"error": "Service unavailable"})],
        [GONE, (200, {"data": {"instances": [{"id": 7}]}})],
        [GONE, GONE],
        # A machine with more GPUs than there are.
        [(200, {"id": "a", "resources": {"gpus": {"h100-sxm5-80gb": {"count": 5000}}}})],
        # That is about another one.
        [(200, {"id": "b", "name": "gs1-b", "status": "running"})],
    ],
)
def test_silence_beside_a_not_found_is_no_absence(answers: list[tuple[int, object]]) -> None:
    with pytest.raises(Unavailable):
        go(provider(Answering(*answers)).observe(InstanceId("a")))


# Shapes.


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: {"data": row}], ids=["bare", "data"])
def test_one_machine_is_read_with_and_without_the_envelope(
    wrap: Callable[[object], object],
) -> None:
    row = {"id": "a", "name": "gs1-a", "status": "running", "rateHourly": 0.5}
    seen = go(provider(Answering((200, wrap(row)))).observe(InstanceId("a")))
    assert seen is not None
    assert seen.label == "gs1-a"


@pytest.mark.parametrize("shape", ["documented", "flat", "enveloped"])
def test_the_list_is_read_however_it_is_wrapped(shape: str) -> None:
    account = Account()
    account.vendor.list_shape = shape
    for number in range(2):
        go(account.cloud.launch(account.order(number, label=Label(f"gs1-{number}"))))

    listing = go(account.cloud.list_all())

    assert listing.complete
    assert [one.label for one in listing.instances] == ["gs1-0", "gs1-1"]


def test_a_location_that_cannot_be_read_costs_that_location_and_a_row_that_row() -> None:
    class Spoiling(NoFaults):
        async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
            del request
            said = json.loads(reply.body)
            rows = said["data"]["locations"]
            rows[0]["id"] = ""
            rows[1]["gpus"][0]["price_per_hr"] = "?"
            return replace(reply, body=json.dumps(said).encode())

    account = Account()
    account.door.faults = Spoiling()
    listing = go(account.cloud.list_offers())

    assert isinstance(listing, OfferListing)
    assert listing.rejected == 2
    assert listing.example
    assert 0 < len(listing.offers) < len(account.offers)


def test_a_name_that_was_cut_short_is_found_by_what_is_left_of_it() -> None:
    label = "gs1-3r5kjslrbk6a5utz-cepb775xtlsmbcxj-ab-adovxs-a7gg45jfeu"
    for left, is_ours in ((label[:50], True), (label[:30], False), (label + "x", False)):
        rows = [{"id": "a", "name": left, "status": "running"}]
        found = go(provider(Answering((200, {"data": rows}))).find(Label(label)))
        assert (found is not None) is is_ours, left


# What its simulator plays.


def test_the_address_comes_late_and_the_port_is_not_as_it_was_asked_for() -> None:
    account = Account()
    bought = go(account.cloud.launch(account.order()))
    early = go(account.cloud.observe(bought.id))
    account.wait(10)
    late = go(account.cloud.observe(bought.id))

    assert early is not None
    assert late is not None
    assert (early.status, early.endpoint) == (InstanceStatus.BOOTING, None)
    assert late.endpoint is not None
    assert late.endpoint.port != 20000


def test_what_is_charged_is_the_price_of_the_offer_and_of_more_disk() -> None:
    account = Account()
    plain, large = account.order(0), account.order(0, label=Label("gs1-b"), disk_gb=300)
    rates = []
    for each in (plain, large):
        bought = go(account.cloud.launch(each))
        seen = go(account.cloud.observe(bought.id))
        assert seen is not None
        assert seen.rate is not None
        rates.append(seen.rate.micros)
    assert rates == [plain.offer.price.micros, plain.offer.price.micros + 200 * 50]


def test_every_offer_can_be_bought_at_its_price() -> None:
    account = Account()
    for number, offer in enumerate(account.offers):
        bought = go(account.cloud.launch(account.order(number, label=Label(f"gs1-{number}"))))
        seen = go(account.cloud.observe(bought.id))
        assert seen is not None
        assert seen.rate == offer.price, offer.id
        assert seen.gpu_count == offer.gpu_count, offer.id


def test_it_answers_by_its_real_paths_too() -> None:
    account = Account()
    given = with_defaults(MANIFEST, {"key": "k", "url": "http://vendor.test/api/v2"})
    cloud = MANIFEST.connect(given, account.door, account.clock)
    assert go(cloud.list_offers()) == go(account.cloud.list_offers())
    assert {request.path for request in account.door.heard} == {"/locations", "/api/v2/locations"}


def test_a_stale_menu_is_told_as_such() -> None:
    account = Account()
    account.vendor.model.misbehave([{"kind": "no_capacity"}])
    with pytest.raises(NoCapacity, match="No available nodes found"):
        go(account.cloud.launch(account.order()))


def test_no_secret_stands_in_a_path() -> None:
    account = Account()
    bought = go(account.cloud.launch(account.order()))
    go(account.cloud.observe(bought.id))
    go(account.cloud.destroy(bought.id))
    assert all("k" not in request.query for request in account.door.heard)
    assert {request.headers["authorization"] for request in account.door.heard} == {"Bearer k"}


def test_its_first_command_admits_the_keys_and_runs_the_script(tmp_path: Path) -> None:
    """As it is run by a shell, for somebody whose home is here; the script is cleared away."""
    given = order(on_start='printf %s "$WORD" >out\n', env={"WORD": "it's"})
    tools = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path / "t")}
    (tmp_path / "t").mkdir()
    subprocess.run(
        ["/bin/sh", "-c", first_command(given)],
        env={"HOME": str(tmp_path), "USER": "user", **tools},
        cwd=tmp_path,
        check=True,
        timeout=20,
    )
    assert (tmp_path / "out").read_text() == "it's"
    assert given.ssh_public_keys[0] in (tmp_path / ".ssh" / "authorized_keys").read_text()
    assert not list((tmp_path / "t").iterdir())
