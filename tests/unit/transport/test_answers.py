"""One row per answer that a cloud, or somebody in front of it, may give."""

import asyncio
import json

import pytest

from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
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
from gpu_shopper.transport.answers import (
    DEFAULT_RETRY_AFTER,
    LONGEST_RETRY_AFTER,
    Dialect,
    ask,
    instance_in,
    judge_destroy,
    judge_launch,
    judge_read,
    order,
    retry_after,
    says_gone,
)

DIALECT = Dialect(codes={"offer_gone": OfferGone, "no_capacity": NoCapacity})
REQUEST = HttpRequest(method="GET", url="http://x.test/")
PAGE = "<html><h1>Oops</h1></html>"
GONE = {"error": "not_found"}


def reply(status: int, body: object = "", **headers: str) -> HttpReply:
    text = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if text.startswith("<"):
        named.setdefault("content-type", "text/html; charset=utf-8")
    return HttpReply(status=status, headers=named, body=text.encode())


def outcome(act) -> type[ProviderError] | None:
    try:
        act()
    except ProviderError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {}, None),
        (204, "", None),
        (301, "", Unavailable),
        (304, "", Unavailable),
        (400, {"error": "bad"}, Unavailable),
        (401, {"error": "unauthorized"}, Unauthorized),
        (401, "", Unauthorized),
        (401, PAGE, Unavailable),
        (403, {"error": "forbidden"}, Unauthorized),
        (403, PAGE, Unavailable),
        (404, GONE, Unavailable),
        (408, "", Unavailable),
        (409, {}, Unavailable),
        (429, {"error": "slow"}, RateLimited),
        (429, PAGE, RateLimited),
        (500, {"error": "x"}, Unavailable),
        (502, PAGE, Unavailable),
        (503, "", Unavailable),
        (504, "", Unavailable),
    ],
)
def test_a_read(status: int, body: object, expected: type[ProviderError] | None) -> None:
    assert expected is outcome(lambda: judge_read(reply(status, body), what="x"))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {}, None),
        (201, "undecodable: for the adapter to find out", None),
        (202, "", None),
        (302, "", Ambiguous),
        (400, {"error": "bad_request"}, BadOrder),
        (400, {"error": "offer_gone"}, OfferGone),
        (400, PAGE, Ambiguous),
        (400, "", Ambiguous),
        (400, "[]", Ambiguous),
        (400, {"error": "bad_request", "instance_id": "i-1"}, Ambiguous),
        (401, {"error": "unauthorized"}, Unauthorized),
        (401, PAGE, Ambiguous),
        (402, {"error": "insufficient_balance"}, QuotaReached),
        (403, {"error": "forbidden"}, Unauthorized),
        (403, PAGE, Ambiguous),
        (404, {"error": "offer_gone"}, OfferGone),
        (404, GONE, Ambiguous),
        (408, {"error": "timeout"}, Ambiguous),
        (409, {"error": "offer_gone"}, OfferGone),
        (409, {"code": "no_capacity"}, NoCapacity),
        (409, {"error": "something_else"}, Ambiguous),
        (409, {"error": "no_capacity", "id": 17}, Ambiguous),
        (422, {"error": "invalid"}, BadOrder),
        (429, {"error": "slow"}, RateLimited),
        (429, PAGE, Ambiguous),
        (499, {"error": "x"}, Ambiguous),
        (500, {"error": "no_capacity"}, Ambiguous),
        (502, PAGE, Ambiguous),
        (503, {"error": "down"}, Ambiguous),
        (504, "", Ambiguous),
    ],
)
def test_a_create(status: int, body: object, expected: type[ProviderError] | None) -> None:
    assert expected is outcome(lambda: judge_launch(reply(status, body), DIALECT, what="x"))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {}, None),
        (202, "", None),
        (204, "", None),
        (404, GONE, None),
        (410, GONE, None),
        (404, PAGE, Unavailable),
        (404, "", Unavailable),
        (404, {"error": "no_such_path"}, Unavailable),
        (401, {"error": "unauthorized"}, Unauthorized),
        (409, {"error": "busy"}, Unavailable),
        (429, {"error": "slow"}, RateLimited),
        (500, {"error": "x"}, Unavailable),
        (500, GONE, Unavailable),
        (502, PAGE, Unavailable),
    ],
)
def test_a_destroy(status: int, body: object, expected: type[ProviderError] | None) -> None:
    assert expected is outcome(lambda: judge_destroy(reply(status, body), DIALECT, what="x"))


class Door:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def request(self, request: HttpRequest) -> HttpReply:
        raise self._error


@pytest.mark.parametrize(
    ("call", "error", "expected"),
    [
        (ask, NotSent("x"), Unavailable),
        (ask, NoAnswer("x"), Unavailable),
        (order, NotSent("x"), Unavailable),
        (order, NoAnswer("x"), Ambiguous),
    ],
)
def test_no_answer(call, error: Exception, expected: type[ProviderError]) -> None:
    assert expected is outcome(lambda: asyncio.run(call(Door(error), REQUEST, what="x")))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "i-1"}, "i-1"),
        ({"instance_id": 17}, "17"),
        ({"id": ""}, None),
        ({"id": True}, None),
        ({"id": None}, None),
        ({"id": ["i-1"]}, None),
        ({"id": "x" * 201}, None),
        ({"id": "a\nb"}, None),
        ("[1]", None),
        (PAGE, None),
        ('{"id": "i-1"', None),
        ("[" * 100_000, None),
    ],
)
def test_an_instance_is_read_out_of_any_answer(body: object, expected: str | None) -> None:
    assert expected == instance_in(reply(500, body), DIALECT)


def test_an_ambiguous_answer_hands_on_the_instance_that_it_names() -> None:
    with pytest.raises(Ambiguous) as caught:
        judge_launch(reply(500, {"error": "x", "id": "i-7"}), DIALECT, what="x")

    assert caught.value.instance_id == "i-7"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, DEFAULT_RETRY_AFTER),
        ({"retry_after": "7"}, 7),
        ({"retry_after": " 0.5 "}, 0.5),
        ({"retry_after": "0"}, 0),
        ({"retry_after": "999999"}, LONGEST_RETRY_AFTER),
        ({"retry_after": "-5"}, DEFAULT_RETRY_AFTER),
        ({"retry_after": "nan"}, DEFAULT_RETRY_AFTER),
        ({"retry_after": "soon"}, DEFAULT_RETRY_AFTER),
        ({"retry_after": "Thu, 01 Jan 2026 00:01:00 GMT"}, DEFAULT_RETRY_AFTER),
        (
            {
                "retry_after": "Thu, 01 Jan 2026 00:01:00 GMT",
                "date": "Thu, 01 Jan 2026 00:00:00 GMT",
            },
            60,
        ),
        (
            {
                "retry_after": "Thu, 01 Jan 2026 00:00:00 GMT",
                "date": "Thu, 01 Jan 2026 00:01:00 GMT",
            },
            0,
        ),
        (
            {
                "retry_after": "Thu, 01 Jan 2026 00:00:00 -0000",
                "date": "Thu, 01 Jan 2026 00:01:00 GMT",
            },
            DEFAULT_RETRY_AFTER,
        ),
    ],
)
def test_patience(headers: dict[str, str], expected: float) -> None:
    assert expected == retry_after(reply(429, **headers))


def test_only_the_clouds_own_words_say_gone() -> None:
    assert says_gone(reply(404, GONE), DIALECT)
    for other in (
        reply(404, PAGE),
        reply(404),
        reply(200, GONE),
        reply(404, {"message": "not_found"}),
    ):
        assert not says_gone(other, DIALECT)


def test_the_clouds_reason_is_told_unless_it_repeats_a_secret() -> None:
    def told(message: str) -> str:
        with pytest.raises(BadOrder) as caught:
            judge_launch(reply(400, {"error": "bad", "message": message}), DIALECT, what="create x")
        return str(caught.value)

    assert told("disk_gb is too much") == "create x: bad: disk_gb is too much"
    assert "cgs_" not in told("env.TOKEN=cgs_agt_abc")
    assert told("two\nlines").isprintable()
    assert len(told("y" * 10_000)) < 300
