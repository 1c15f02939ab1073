"""Signatures against those that AWS publishes: its example of ListUsers, and vectors of its suite of tests."""

from datetime import UTC, datetime

import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.providers.aws.signing import Credentials, signed

KEY = Credentials(key_id="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
FORM = {"content-type": "application/x-www-form-urlencoded"}

PUBLISHED = (
    (
        "get-vanilla",
        HttpRequest(method="GET", url="https://example.amazonaws.com/"),
        "service",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "get-vanilla-query-order-key-case",
        HttpRequest(method="GET", url="https://example.amazonaws.com/?Param2=value2&Param1=value1"),
        "service",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "post-vanilla",
        HttpRequest(method="POST", url="https://example.amazonaws.com/"),
        "service",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "post-x-www-form-urlencoded",
        HttpRequest(
            method="POST",
            url="https://example.amazonaws.com/",
            headers=FORM,
            body=b"Param1=value1",
        ),
        "service",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        "ListUsers",
        HttpRequest(
            method="GET",
            url="https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        ),
        "iam",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    ),
)


@pytest.mark.parametrize(
    ("request_", "service", "signature"),
    [case[1:] for case in PUBLISHED],
    ids=[case[0] for case in PUBLISHED],
)
def test_it_signs_as_published(request_: HttpRequest, service: str, signature: str) -> None:
    sent = signed(request_, KEY, region="us-east-1", service=service, now=AT)
    assert sent.headers["authorization"].rpartition("=")[2] == signature


def test_a_token_is_sent_and_signed_and_nothing_secret_is_shown() -> None:
    key = Credentials(key_id="ASIA", secret_key="hidden", session_token="also-hidden")
    request = HttpRequest(method="POST", url="https://ec2.us-east-1.amazonaws.com/", body=b"A=B")

    sent = signed(request, key, region="us-east-1", service="ec2", now=AT)

    assert sent.headers["x-amz-security-token"] == "also-hidden"
    assert "x-amz-security-token" in sent.headers["authorization"]
    assert "hidden" not in sent.headers["authorization"]
    assert sent.url == request.url
    assert "hidden" not in repr(key)
    assert sent.body == request.body
