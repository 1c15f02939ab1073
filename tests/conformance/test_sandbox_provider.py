"""The sandbox adapter against answers that were written down, the good and the bad."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import Money, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder, Unchanged
from gpu_shopper.ports.provider_errors import Ambiguous, OfferGone, QuotaReached, Unavailable
from gpu_shopper.providers.manifest import EndRequest
from gpu_shopper.providers.sandbox import MANIFEST

T = TypeVar("T")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OFFER_ROW = {
    "id": "h1-m1-1x", "host_id": "h1", "machine_id": "m1", "region": "eu-west", "city": "Lyon", "country": "FR",
    "gpu_name": "NVIDIA GeForce RTX 4090", "gpu_count": 2, "gpu_memory_mib": 24564, "vcpus": 16, "ram_gb": 64,
    "disk_gb": 500, "inet_down_mbps": 900, "inet_up_mbps": 450, "price_per_hour": 0.8421, "reliability": 0.99,
    "cuda_max": "12.8", "driver": "570.172.08", "interruptible": True, "max_hours": 48,
    "storage_price_per_gb_month": 0.1, "traffic_price_per_gb": 0.02, "something_new": 1,
}  # fmt: skip
INSTANCE_ROW = {
    "id": "i-1", "name": "gs1-a", "offer_id": "h1-m1-1x", "host_id": "h1", "region": "eu-west", "status": "running",
    "gpu_name": "RTX 4090", "gpu_count": 2, "gpu_memory_mib": 24564, "price_per_hour": 0.8421,
    "created_at": "2026-01-01T11:59:00Z", "billed_from": "2026-01-01T11:59:01Z", "ssh_host": "127.0.0.1",
    "ssh_port": 2222, "ssh_user": "gpu", "host_key": "ssh-ed25519 AAAA", "disk_gb": 20, "expires_at": None,
}  # fmt: skip
OFFER = Offer(
    id=OfferId("sandbox:h1-m1-1x"), provider=ProviderName("sandbox"), provider_id="h1-m1-1x", machine_id="m1",
    gpu_type="RTX 4090", gpu_count=2, vram_gb=24, price=rate("0.8421"), country="FR", region="eu-west",
    location="Lyon, FR", city="Lyon", reliability=0.99, fetched_at=NOW, max_duration_hours=48, cuda_version="12.8",
    interruptible=True, vcpus=16, ram_gb=64, disk_gb=500, inet_down_mbps=900, inet_up_mbps=450,
    storage_price_per_gb_month=0.1, traffic_price_per_gb=0.02,
)  # fmt: skip
ORDER = LaunchOrder(
    offer=OFFER, label=Label("gs1-a"), ends_by=NOW + timedelta(hours=2), price_cap=rate("0.9"), image=None,
    disk_gb=None, ssh_public_keys=("ssh-ed25519 AAAA me",), env={"A": "b"}, on_start="#!/bin/sh\n",
)  # fmt: skip


class Clock:
    def now(self) -> datetime:
        return NOW


class Script:
    """Answers in turn, and keeps what was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self._answers = list(answers)
        self.asked: list[HttpRequest] = []
        self.etags: list[str] = []

    async def request(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request)
        status, body = self._answers.pop(0)
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"etag": self.etags.pop(0)} if self.etags else {}
        return HttpReply(status=status, headers=headers, body=text.encode())


def ask(
    call: Callable[[CloudProvider], Coroutine[None, None, T]], *answers: tuple[int, object]
) -> tuple[T, Script]:
    script = Script(*answers)
    provider = MANIFEST.connect({"url": "http://x.test/", "key": "k-1"}, script, Clock())
    return asyncio.run(call(provider)), script


def offers(*rows: object, cursor: str | None = None) -> tuple[int, object]:
    return 200, {"offers": list(rows), "next_cursor": cursor, "total": len(rows)}


def instances(
    *rows: object, cursor: str | None = None, total: int | None = None
) -> tuple[int, object]:
    return 200, {"instances": list(rows), "next_cursor": cursor, "total": total}


def test_a_row_of_the_menu_becomes_an_offer() -> None:
    listing, script = ask(lambda cloud: cloud.list_offers(), offers(OFFER_ROW))

    assert (OFFER,) == listing.offers
    assert ("GET", "http://x.test/v1/offers", "Bearer k-1") == (
        script.asked[0].method, script.asked[0].url, script.asked[0].headers["authorization"],
    )  # fmt: skip


def test_the_menu_is_read_to_its_last_page() -> None:
    pages = [
        offers({**OFFER_ROW, "id": "a"}, cursor="p 1&"),
        offers({**OFFER_ROW, "id": "b"}, {**OFFER_ROW, "id": "a"}, cursor="p2"),
        offers({**OFFER_ROW, "id": "c"}),
    ]

    listing, script = ask(lambda cloud: cloud.list_offers(), *pages)

    assert ["a", "b", "c"] == [offer.provider_id for offer in listing.offers]
    assert "http://x.test/v1/offers?cursor=p+1%26" == script.asked[1].url


def test_a_gpu_that_nobody_knows_keeps_its_name_and_its_offer() -> None:
    listing, _ = ask(
        lambda cloud: cloud.list_offers(),
        offers({**OFFER_ROW, "gpu_name": "Warp 9000", "gpu_memory_mib": 99_999}),
    )

    assert ["Warp 9000"] == [offer.gpu_type for offer in listing.offers]


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""}, {"id": 7}, {"id": None}, {"gpu_count": 0}, {"gpu_count": 1.5}, {"price_per_hour": -1},
        {"price_per_hour": "0.5"}, {"price_per_hour": 1e9}, {"reliability": 2}, {"gpu_name": ""},
        {"gpu_memory_mib": -1}, {"max_hours": None}, {"region": "x" * 500}, {"interruptible": "yes"},
    ],
    ids=str,
)  # fmt: skip
def test_a_row_that_cannot_be_read_costs_one_row_and_is_counted(change: dict[str, object]) -> None:
    listing, _ = ask(
        lambda cloud: cloud.list_offers(), offers({**OFFER_ROW, **change}, OFFER_ROW, "row", None)
    )

    assert ((OFFER,), 3) == (listing.offers, listing.rejected)
    assert listing.example


@pytest.mark.parametrize(
    "answer",
    [(200, "[]"), (200, "{}"), (200, ""), (200, "{nonsense"), (200, {"offers": 7}), (503, "")],
)
def test_a_menu_that_cannot_be_read_is_no_empty_menu(answer: tuple[int, object]) -> None:
    with pytest.raises(Unavailable):
        ask(lambda cloud: cloud.list_offers(), offers(OFFER_ROW, cursor="p1"), answer)


def test_pages_without_an_end_come_to_one() -> None:
    with pytest.raises(Unavailable, match="no end"):
        ask(lambda cloud: cloud.list_offers(), *[offers(cursor="p1")] * 1000)

    listing, _ = ask(lambda cloud: cloud.list_all(), *[instances(cursor="p1")] * 1000)
    assert not listing.complete


def test_an_unchanged_menu_is_asked_about_once_and_decoded_never() -> None:
    unchanged, script = ask(lambda cloud: cloud.list_offers(known='"r1"'), (304, ""))

    assert Unchanged() == unchanged
    assert ['"r1"'] == [request.headers["if-none-match"] for request in script.asked]


def test_a_304_that_nobody_asked_for_is_no_menu() -> None:
    with pytest.raises(Unavailable):
        ask(lambda cloud: cloud.list_offers(), (304, ""))
    with pytest.raises(Unavailable):
        ask(
            lambda cloud: cloud.list_offers(known='"r1"'), offers(OFFER_ROW, cursor="p1"), (304, "")
        )


@pytest.mark.parametrize(("later", "revision"), [('"r1"', '"r1"'), ('"r2"', "")])
def test_a_menu_of_two_states_has_no_revision(later: str, revision: str) -> None:
    script = Script(offers({**OFFER_ROW, "id": "a"}, cursor="p1"), offers(OFFER_ROW))
    script.etags = ['"r1"', later]
    provider = MANIFEST.connect({"url": "http://x.test/", "key": "k-1"}, script, Clock())

    assert revision == asyncio.run(provider.list_offers()).revision


def test_an_order_is_put_into_the_clouds_words() -> None:
    _, script = ask(lambda cloud: cloud.launch(ORDER), (201, INSTANCE_ROW))

    assert {
        "offer_id": "h1-m1-1x", "name": "gs1-a", "image": "ubuntu-24.04", "disk_gb": 20,
        "ssh_keys": ["ssh-ed25519 AAAA me"], "env": {"A": "b"}, "on_start": "#!/bin/sh\n",
        "max_price_per_hour": 0.9, "expires_at": "2026-01-01T14:00:00Z", "tags": {"gpu-shopper": "gs1-a"},
    } == json.loads(script.asked[0].body)  # fmt: skip
    assert 1 == len(script.asked)
    assert 20 == script.asked[0].timeout


def test_the_second_mark_is_read_from_the_tags_and_may_be_missing() -> None:
    tagged = {**INSTANCE_ROW, "name": "cut", "tags": {"team": "blue", "gpu-shopper": "gs1-a"}}
    marked, _ = ask(lambda cloud: cloud.launch(ORDER), (201, tagged))
    bare, _ = ask(lambda cloud: cloud.launch(ORDER), (201, INSTANCE_ROW))

    assert ("cut", "gs1-a") == (marked.label, marked.mark)
    assert ("gs1-a", "") == (bare.label, bare.mark)


def test_an_instance_is_read_whole() -> None:
    instance, _ = ask(lambda cloud: cloud.launch(ORDER), (201, INSTANCE_ROW))

    assert ("i-1", "sandbox", "gs1-a", InstanceStatus.RUNNING) == (
        instance.id,
        instance.provider,
        instance.label,
        instance.status,
    )
    assert ("RTX 4090", 2, 24564, rate("0.8421")) == (
        instance.gpu_name,
        instance.gpu_count,
        instance.gpu_memory_mib,
        instance.rate,
    )
    assert Endpoint(host="127.0.0.1", port=2222, user="gpu") == instance.endpoint
    assert ("ssh-ed25519 AAAA", datetime(2026, 1, 1, 11, 59, 1, tzinfo=UTC)) == (
        instance.host_key,
        instance.billed_from,
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("creating", "booting"), ("booting", "booting"), ("running", "running"), ("stopping", "stopping"),
        ("stopped", "stopped"), ("error", "broken"), ("vanished", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_no_status_means_gone(status: str, expected: str) -> None:
    instance, _ = ask(
        lambda cloud: cloud.observe(InstanceId("i-1")), (200, {**INSTANCE_ROW, "status": status})
    )

    assert expected == instance.status


@pytest.mark.parametrize(
    ("answer", "instance_id"),
    [
        ((201, ""), None),
        ((201, "<html>"), None),
        ((200, {}), None),
        ((201, {"id": "i-1"}), "i-1"),
        ((201, {**INSTANCE_ROW, "gpu_count": "two"}), "i-1"),
        ((201, {**INSTANCE_ROW, "billed_from": "yesterday"}), "i-1"),
        ((201, {**INSTANCE_ROW, "billed_from": "2026-01-01T00:00:00"}), "i-1"),
        ((500, {"error": "internal", "id": "i-1"}), "i-1"),
        ((409, {"error": "no_capacity", "id": "i-1"}), "i-1"),
        ((302, ""), None),
    ],
)
def test_a_create_that_is_not_plainly_answered_is_unknown(
    answer: tuple[int, object], instance_id: str | None
) -> None:
    with pytest.raises(Ambiguous) as caught:
        ask(lambda cloud: cloud.launch(ORDER), answer)

    assert instance_id == caught.value.instance_id


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(409, "price_changed", OfferGone), (402, "insufficient_balance", QuotaReached)],
)
def test_the_clouds_own_codes_are_understood(
    status: int, code: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        ask(lambda cloud: cloud.launch(ORDER), (status, {"error": code, "message": "because"}))


@pytest.mark.parametrize(
    "answer",
    [
        (404, ""), (404, "<html>"), (404, {"error": "no_such_path"}), (200, ""), (200, {}), (500, {"error": "not_found"}),
        (200, {**INSTANCE_ROW, "id": "i-2"}), (200, {**INSTANCE_ROW, "expires_at": "never"}), (204, ""),
    ],
)  # fmt: skip
def test_nothing_but_the_clouds_own_no_is_an_absence(answer: tuple[int, object]) -> None:
    with pytest.raises(Unavailable):
        ask(lambda cloud: cloud.observe(InstanceId("i-1")), answer)


def test_an_id_cannot_lead_elsewhere() -> None:
    _, script = ask(
        lambda cloud: cloud.destroy(InstanceId("../account?x=/")), (404, {"error": "not_found"})
    )

    assert "http://x.test/v1/instances/..%2Faccount%3Fx%3D%2F" == script.asked[0].url


def test_a_listing_over_several_pages_is_complete_when_all_fits() -> None:
    listing, _ = ask(
        lambda cloud: cloud.list_all(),
        instances({**INSTANCE_ROW, "id": "i-1"}, cursor="p1", total=2),
        instances({**INSTANCE_ROW, "id": "i-2"}, total=2),
    )

    assert (True, "", ["i-1", "i-2"], NOW) == (
        listing.complete, listing.trouble, [instance.id for instance in listing.instances], listing.began_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    "pages",
    [
        [instances(INSTANCE_ROW, total=2)],
        [instances(INSTANCE_ROW, total=0)],
        [instances(INSTANCE_ROW, INSTANCE_ROW, total=2)],
        [instances(INSTANCE_ROW, {**INSTANCE_ROW, "id": None}, total=2)],
        [instances(INSTANCE_ROW, {**INSTANCE_ROW, "id": None})],
        [
            instances(
                INSTANCE_ROW,
                {**INSTANCE_ROW, "id": "i-2", "created_at": "?", "billed_from": None},
                total=2,
            )
        ],
        [instances(INSTANCE_ROW, cursor="p1", total=2), (503, "")],
        [instances(INSTANCE_ROW, cursor="p1", total=2), (200, "<html>")],
        [instances(INSTANCE_ROW, cursor="p1", total=2), (429, {"error": "slow"})],
    ],
)
def test_a_listing_with_a_hint_of_a_missing_part_is_not_complete(
    pages: list[tuple[int, object]],
) -> None:
    listing, _ = ask(lambda cloud: cloud.list_all(), *pages)

    assert not listing.complete
    assert listing.trouble
    assert "i-1" in {instance.id for instance in listing.instances}
    with pytest.raises(Unavailable):
        ask(lambda cloud: cloud.find(Label("gs1-other")), *pages)


def test_a_label_is_found_even_in_a_bad_listing() -> None:
    found, script = ask(lambda cloud: cloud.find(Label("gs1-a")), instances(INSTANCE_ROW, total=5))

    assert "i-1" == found.id
    assert "http://x.test/v1/instances?name=gs1-a" == script.asked[0].url


def test_a_filter_that_the_cloud_ignores_finds_nothing_wrong() -> None:
    found, _ = ask(lambda cloud: cloud.find(Label("gs1-b")), instances(INSTANCE_ROW, total=1))

    assert found is None


@pytest.mark.parametrize(("dollars", "micros"), [(12.5, 12_500_000), (0, 0), (-0.25, -250_000)])
def test_the_balance_is_read(dollars: float, micros: int) -> None:
    balance, _ = ask(lambda cloud: cloud.balance(), (200, {"balance": dollars}))

    assert Money(micros) == balance


def test_the_manifest_says_what_is_needed_and_what_a_node_can_do() -> None:
    assert {"url": False, "key": True, "start_script_bytes": False} == {
        spec.name: spec.secret for spec in MANIFEST.settings
    }
    assert {"url", "key"} == {spec.name for spec in MANIFEST.settings if spec.required}
    assert isinstance(MANIFEST.end_request, EndRequest)
    assert "${SANDBOX_INSTANCE_KEY}" in MANIFEST.end_request.headers["Authorization"]
    assert MANIFEST.quirks.adoption_looks[-1] <= MANIFEST.quirks.adoption_window
    assert MANIFEST.capabilities.node_can_end_itself
