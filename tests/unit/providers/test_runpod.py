"""RunPod's words: what its states, prices, places and errors are taken for, line by line."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gpu_shopper.domain.instance import Endpoint, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import rate
from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    ProviderError,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.runpod.api import DIALECT, GpuRow, PodRow
from gpu_shopper.providers.runpod.mapping import (
    DEFAULT_IMAGE,
    MARK,
    Goods,
    instance_of,
    new_pod_of,
    offers_of,
)
from gpu_shopper.transport.answers import judge_destroy, judge_launch, says_gone

AT = datetime(2026, 11, 1, tzinfo=UTC)
DIRECT = {"direct": {"host": "203.0.113.7", "port": 34446, "username": "root"}}


def pod(**changes: object) -> PodRow:
    return msgspec.convert(
        {
            "id": "5xpma5eg46tqjq",
            "name": "gs1-one",
            "status": "RUNNING",
            "cost": 0.72,
            "disk": 30,
            "gpu": {"id": "NVIDIA RTX PRO 4500 Blackwell", "count": 1},
            "ssh": DIRECT,
            "env": {MARK: "gs1-one"},
            "createdAt": "2026-08-20T06:16:19.436Z",
            **changes,
        },
        PodRow,
    )


def gpu(**changes: object) -> GpuRow:
    return msgspec.convert(
        {
            "id": "NVIDIA H100 80GB HBM3",
            "memory": 80,
            "secure": True,
            "community": True,
            "price": {"secure": 3.0, "community": 2.5},
            "maxCount": {"secure": 8, "community": 2},
            "availability": "HIGH",
            **changes,
        },
        GpuRow,
    )


@pytest.mark.parametrize(
    ("status", "ssh", "meant"),
    [
        ("PROVISIONING", None, InstanceStatus.BOOTING),
        ("STARTING", {"direct": None}, InstanceStatus.BOOTING),
        # So it calls itself from its first second on.
        ("RUNNING", {"direct": None}, InstanceStatus.BOOTING),
        ("RUNNING", DIRECT, InstanceStatus.RUNNING),
        ("EXITED", {"direct": None}, InstanceStatus.STOPPED),
        ("ERROR", {"direct": None}, InstanceStatus.BROKEN),
        ("HIBERNATED", DIRECT, InstanceStatus.UNKNOWN),
        (None, None, InstanceStatus.BOOTING),
    ],
)
def test_states(status: str | None, ssh: object, meant: InstanceStatus) -> None:
    instance = instance_of(pod(status=status, ssh=ssh))

    assert instance is not None
    assert instance.status is meant


def test_a_terminated_pod_is_none() -> None:
    assert instance_of(pod(status="TERMINATED")) is None


def test_a_pod_says_what_was_granted() -> None:
    instance = instance_of(pod())

    assert instance is not None
    assert instance.endpoint == Endpoint(host="203.0.113.7", port=34446, user="root")
    assert (instance.label, instance.mark) == ("gs1-one", "gs1-one")
    assert (instance.gpu_name, instance.gpu_count) == ("NVIDIA RTX PRO 4500 Blackwell", 1)
    # Its disk is billed beside its cost: 30 GB at 0.10 dollars a month of 730 hours.
    assert instance.rate == rate("0.724110")
    assert instance.billed_from == datetime(2026, 8, 20, 6, 16, 19, 436000, tzinfo=UTC)


def test_the_cost_of_a_stopped_pod_is_no_price() -> None:
    instance = instance_of(pod(status="EXITED", cost=0.0))

    assert instance is not None
    assert instance.rate is None


def test_an_offer_for_each_data_centre_that_has_some() -> None:
    row = gpu(
        dataCenters=[
            {"id": "US-KS-2", "availability": "LOW"},
            {"id": "EU-RO-1", "availability": "NONE"},
            {"id": "CA-MTL-3", "availability": "HIGH"},
        ],
        cudaVersions=[
            {"version": "12.10", "available": True},
            {"version": "12.4", "available": False},
            {"version": "12.8", "available": True},
        ],
    )

    kansas, montreal = offers_of(row, cloud="SECURE", count=2, fetched_at=AT)

    assert kansas.id == "runpod:2x:NVIDIA+H100+80GB+HBM3:secure:US-KS-2"
    assert (kansas.gpu_type, kansas.gpu_count, kansas.vram_gb) == ("H100 SXM", 2, 80)
    assert (kansas.country, kansas.region) == ("US", "Kansas")
    assert (montreal.country, montreal.city) == ("CA", "Montreal")
    assert kansas.availability_confidence < montreal.availability_confidence
    # Two GPUs at 3 dollars, and 20 GB of disk.
    assert kansas.price == rate("6.002740")
    # What every free machine has, compared as versions are.
    assert kansas.cuda_version == "12.8"


def test_what_names_no_data_centre_is_to_be_had_anywhere() -> None:
    (offer,) = offers_of(gpu(), cloud="COMMUNITY", count=1, fetched_at=AT)

    assert offer.provider_id == "1x:NVIDIA+H100+80GB+HBM3:community"
    assert offer.price == rate("2.502740")
    assert (offer.country, offer.location) == ("", "community")


@pytest.mark.parametrize(
    "changes",
    [
        {"availability": "NONE"},
        {"secure": False},
        {"price": {"secure": 0, "community": 1}},
        {"availability": "PLENTY"},
    ],
)
def test_what_is_not_to_be_had_is_no_offer(changes: dict) -> None:
    assert not offers_of(gpu(**changes), cloud="SECURE", count=1, fetched_at=AT)


@pytest.mark.parametrize(
    "goods",
    [
        Goods(gpu="NVIDIA GeForce RTX 4090", count=1, cloud="SECURE", data_center="EU-RO-1"),
        Goods(gpu="AMD Instinct MI300X OAM", count=8, cloud="COMMUNITY"),
        Goods(gpu="Odd+Name: 50% of 1:2/3", count=3, cloud="SECURE"),
    ],
)
def test_an_id_says_what_is_to_be_bought(goods: Goods) -> None:
    assert Goods.read(goods.provider_id) == goods


@pytest.mark.parametrize("text", ["", "nothing-of-that-name", "1x", "x:a:b", "1x::secure"])
def test_what_is_no_id_of_ours_is_none(text: str) -> None:
    assert Goods.read(text) is None


def order(**changes: object) -> LaunchOrder:
    (offer,) = offers_of(
        gpu(cudaVersions=[{"version": "12.4", "available": True}]),
        cloud="SECURE",
        count=1,
        fetched_at=AT,
    )
    given = {
        "offer": offer,
        "label": Label("gs1-one"),
        "ends_by": AT + timedelta(hours=1),
        "price_cap": offer.price,
        "image": "somebody/something:1",
        "disk_gb": None,
        "ssh_public_keys": ("ssh-ed25519 AAAA one\n", "ssh-ed25519 BBBB two"),
        "env": {"A": "b"},
        "on_start": "",
        "exposed_ports": (22, 8000),
    }
    return LaunchOrder(**{**given, **changes})


def test_an_order_in_its_words() -> None:
    goods = Goods(gpu="NVIDIA L4", count=2, cloud="SECURE", data_center="US-KS-2")

    new = new_pod_of(order(), goods, image=DEFAULT_IMAGE)

    assert msgspec.json.decode(msgspec.json.encode(new)) == {
        "name": "gs1-one",
        "image": "somebody/something:1",
        "gpu": {"id": "NVIDIA L4", "count": 2, "minCudaVersion": "12.4"},
        "cloud": "SECURE",
        "disk": 20,
        "ports": ["22/tcp", "8000/tcp"],
        "env": {
            "A": "b",
            MARK: "gs1-one",
            "PUBLIC_KEY": "ssh-ed25519 AAAA one\nssh-ed25519 BBBB two",
        },
        "startSsh": True,
        "dataCenterIds": ["US-KS-2"],
    }


def test_our_own_image_gets_a_machine_that_it_starts_on() -> None:
    goods = Goods(gpu="NVIDIA L4", count=1, cloud="SECURE")

    new = new_pod_of(order(image=None), goods, image=DEFAULT_IMAGE)

    assert (new.image, new.gpu.min_cuda) == (DEFAULT_IMAGE, "12.8")


def test_without_a_key_the_account_lets_nobody_else_in() -> None:
    goods = Goods(gpu="NVIDIA L4", count=1, cloud="SECURE")

    new = new_pod_of(order(ssh_public_keys=()), goods, image=DEFAULT_IMAGE)

    assert not new.start_ssh
    assert "PUBLIC_KEY" not in new.env


NONE = "There are no longer any instances available with the requested specifications. Please refresh and try again."


def reply(status: int, detail: str = "", **more: object) -> HttpReply:
    body = {"title": "A title", "status": status, "detail": detail, **more}
    return HttpReply(
        status=status,
        headers={"content-type": "application/problem+json"},
        body=msgspec.json.encode(body),
    )


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (reply(400, NONE), NoCapacity),
        (reply(400, "There are no longer any instances available with enough disk space."), NoCapacity),
        (reply(400, "There are no instances currently available"), NoCapacity),
        (reply(400, "This machine does not have the resources to deploy your pod."), NoCapacity),
        (reply(400, "There are not enough free GPUs on the host machine"), NoCapacity),
        # A text that nobody has seen yet: the next offer may do.
        (reply(400, "Something about a rule"), NoCapacity),
        (reply(400, "You have reached your spend limit"), QuotaReached),
        (reply(401, "missing bearer token"), Unauthorized),
        (reply(402, "insufficient balance"), QuotaReached),
        (reply(403, "access denied"), Unauthorized),
        (reply(403, "your account cannot access the requested pool"), OfferGone),
        (reply(404, "gpu type not found"), OfferGone),
        (reply(422, "Request validation failed.", errors=["$: no"]), BadOrder),
        (reply(429, "rate limit exceeded for the minute window"), RateLimited),
        (reply(409, "conflict"), Ambiguous),
        (reply(500, NONE), Ambiguous),
        (reply(503, "upstream"), Ambiguous),
        (reply(400, NONE, id="5xpma5eg46tqjq"), Ambiguous),
        (HttpReply(status=400, headers={}, body=b"<html>400</html>"), Ambiguous),
        (HttpReply(status=400, headers={}, body=b""), Ambiguous),
    ],
)  # fmt: skip
def test_what_an_answer_to_a_create_means(answer: HttpReply, meant: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        judge_launch(answer, DIALECT, what="create")

    assert type(caught.value) is meant


def test_a_pod_that_an_error_names_is_not_forgotten() -> None:
    with pytest.raises(Ambiguous) as caught:
        judge_launch(reply(500, "upstream", id="5xpma5eg46tqjq"), DIALECT, what="create")

    assert caught.value.instance_id == "5xpma5eg46tqjq"


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        (reply(404, "pod not found"), True),
        (reply(404, "resource not found"), True),
        # A wrong address, or something in between.
        (reply(404, "no such route"), False),
        (HttpReply(status=404, headers={}, body=b""), False),
        (reply(500, "pod not found"), False),
        (reply(403, "pod not found"), False),
    ],
)
def test_what_says_that_a_pod_is_gone(answer: HttpReply, gone: bool) -> None:
    assert says_gone(answer, DIALECT) is gone


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (reply(500, "Something went wrong."), Unavailable),
        (reply(409, "belongs to a cluster"), Unavailable),
        (reply(401, "missing bearer token"), Unauthorized),
        (reply(404, "no such route"), Unavailable),
    ],
)
def test_what_an_answer_to_a_destroy_means(answer: HttpReply, meant: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        judge_destroy(answer, DIALECT, what="destroy")

    assert type(caught.value) is meant
