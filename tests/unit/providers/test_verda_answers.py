"""What Verda's answers mean to us, line by line: to a purchase, to an order to end, to a look."""

import asyncio
import json

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.ports.http import HttpReply, HttpRequest
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
from gpu_shopper.providers.verda import MANIFEST
from gpu_shopper.providers.verda.api import DIALECT
from gpu_shopper.transport.answers import judge_launch
from tests.contract.vendor_rig import StillClock
from tests.unit.providers.test_verda import order

INSTANCE_ID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (400, "invalid_request", "Not enough resources", NoCapacity),
        (400, "invalid_request", "No capacity at this location", NoCapacity),
        (400, "invalid_request", "Instance type is not available", NoCapacity),
        (400, "invalid_request", "Invalid instance type", OfferGone),
        (400, "invalid_request", "Operating system is not valid for this instance type", BadOrder),
        (400, "invalid_request", "hostname is not valid", BadOrder),
        (422, "invalid_request", "description", BadOrder),
        (402, "insufficient_funds", "x", QuotaReached),
        (400, "insufficient_funds", "x", QuotaReached),
        (403, "forbidden_action", "You may not", QuotaReached),
        (403, "forbidden_action", "Instance limit reached", QuotaReached),
        (401, "unauthorized_request", "x", Unauthorized),
        (403, "unauthorized_request", "x", Unauthorized),
        (404, "not_found", "x", OfferGone),
        (429, "too_many_requests", "x", RateLimited),
        (500, "server_error", "Not enough resources", Ambiguous),
        (503, "service_unavailable", "x", Ambiguous),
        (504, "server_error", "x", Ambiguous),
        (408, "timeout", "x", Ambiguous),
    ],
)
def test_what_the_answer_to_a_create_means(
    status: int, code: str, message: str, expected: type[ProviderError]
) -> None:
    body = json.dumps({"code": code, "message": message}).encode()
    with pytest.raises(expected) as raised:
        judge_launch(HttpReply(status=status, headers={}, body=body), DIALECT, what="create")
    assert type(raised.value) is expected


class Script:
    """Grants a token and shows an empty menu, then answers in turn."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self._answers = list(answers)
        self.asked: list[HttpRequest] = []

    async def request(self, request: HttpRequest) -> HttpReply:
        if request.url.endswith("/v1/oauth2/token"):
            granted = {"access_token": "t-1", "expires_in": 3600}
            return HttpReply(status=200, headers={}, body=json.dumps(granted).encode())
        if any(word in request.url for word in ("types", "availability")):
            return HttpReply(status=200, headers={}, body=b"[]")
        self.asked.append(request)
        status, body = self._answers.pop(0)
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return HttpReply(status=status, headers={}, body=text)


def connected(door: object, **settings: str):
    given = {"key": "s-1", "client_id": "c-1", "url": "http://verda.test", **settings}
    return MANIFEST.connect(with_defaults(MANIFEST, given), door, StillClock())


@pytest.mark.parametrize(
    ("status", "body", "bought"),
    [
        (202, INSTANCE_ID.encode(), INSTANCE_ID),
        (202, b'"46fc0247-8f65-4d8a-ad73-852a8b3dc1d3"', "46fc0247-8f65-4d8a-ad73-852a8b3dc1d3"),
        (200, {"id": INSTANCE_ID}, INSTANCE_ID),
        (202, b"", None),
        (202, b"created", None),
        (200, b"<html>welcome</html>", None),
        (202, {"message": "accepted"}, None),
    ],
)
def test_a_purchase_is_answered_with_a_bare_id(
    status: int, body: object, bought: str | None
) -> None:
    launched = connected(Script((status, body))).launch(order())
    if bought is None:
        with pytest.raises(Ambiguous):
            asyncio.run(launched)
    else:
        assert asyncio.run(launched).id == bought


ROW = {"id": INSTANCE_ID, "status": "running", "os_volume_id": "v-1", "description": "web"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (202, b"", None),
        (200, [{"instanceId": INSTANCE_ID, "action": "delete", "status": "success"}], None),
        (207, [{"instanceId": INSTANCE_ID, "status": "error", "error": "stuck"}], Unavailable),
        (207, [{"instanceId": INSTANCE_ID, "status": "error"}], Unavailable),
        (207, [{"status": "error", "error": "Can't discontinue a discontinued instance"}], None),
        (400, {"code": "invalid_request", "message": "Can't discontinue a provisioning instance"}, Unavailable),
        (403, {"code": "forbidden_action", "message": "Can't discontinue a provisioning instance"}, Unavailable),
        (403, {"code": "forbidden_action", "message": "Can't discontinue a discontinued instance"}, None),
        (400, {"code": "invalid_request", "message": "Invalid instance id"}, None),
        (404, {"code": "not_found", "message": "Instance not found"}, None),
        (404, b"not here", Unavailable),
        (403, {"code": "forbidden_action", "message": "You may not"}, Unauthorized),
        (429, {"code": "x", "message": "x"}, RateLimited),
        (500, {"code": "server_error", "message": "x"}, Unavailable),
        (502, b"<html></html>", Unavailable),
    ],
)  # fmt: skip
def test_what_the_answer_to_an_order_to_end_means(
    status: int, body: object, expected: type[ProviderError] | None
) -> None:
    door = Script((200, ROW), (status, body))
    destroyed = connected(door).destroy(INSTANCE_ID)
    if expected is None:
        asyncio.run(destroyed)
    else:
        with pytest.raises(expected):
            asyncio.run(destroyed)
    assert json.loads(door.asked[1].body) == {
        "id": [INSTANCE_ID], "action": "delete", "volume_ids": ["v-1"], "delete_permanently": True,
    }  # fmt: skip


def test_a_volume_that_is_not_known_yet_is_not_kept_by_an_empty_list() -> None:
    door = Script((200, {**ROW, "os_volume_id": None}), (202, b""))
    asyncio.run(connected(door).destroy(INSTANCE_ID))
    assert json.loads(door.asked[1].body)["volume_ids"] is None


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, {"code": "not_found", "message": "x"}, None),
        (400, {"code": "invalid_request", "message": "Invalid instance id"}, None),
        (404, b"not here", Unavailable),
        (404, {"error": "no such route"}, Unavailable),
        (400, {"code": "invalid_request", "message": "x"}, Unavailable),
        (200, {**ROW, "id": "another"}, Unavailable),
        (200, [], Unavailable),
    ],
)
def test_only_the_clouds_own_word_is_absence(
    status: int, body: object, expected: type[ProviderError] | None
) -> None:
    observed = connected(Script((status, body))).observe(INSTANCE_ID)
    if expected is None:
        assert asyncio.run(observed) is None
    else:
        with pytest.raises(expected):
            asyncio.run(observed)


def test_the_address_may_end_in_its_version() -> None:
    door = Script((200, {"amount": 7, "currency": "eur"}))
    assert asyncio.run(connected(door, url="http://verda.test/v1/").balance()) is None
    assert door.asked[0].url == "http://verda.test/v1/balance"
    assert door.asked[0].headers["authorization"] == "Bearer t-1"
