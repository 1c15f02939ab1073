"""What EC2's answers and errors mean."""

import json

import pytest

from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.providers.aws.api import DIALECT
from gpu_shopper.providers.aws.speech import as_json
from gpu_shopper.transport.answers import judge_launch, judge_read, says_gone


def failed(status: int, code: str, message: str = "told so") -> HttpReply:
    text = (
        f"<?xml version='1.0'?><Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        "</Errors><RequestID>r</RequestID></Response>"
    )
    return as_json(HttpReply(status=status, headers={}, body=text.encode()))


ON_LAUNCH = (
    (500, "InsufficientInstanceCapacity", NoCapacity),
    (500, "InsufficientCapacity", NoCapacity),
    (500, "InsufficientHostCapacity", NoCapacity),
    (400, "InsufficientReservedInstanceCapacity", NoCapacity),
    (400, "InsufficientFreeAddressesInSubnet", NoCapacity),
    (503, "RequestLimitExceeded", RateLimited),
    (503, "Throttling", RateLimited),
    (400, "ThrottlingException", RateLimited),
    (400, "VcpuLimitExceeded", QuotaReached),
    (400, "InstanceLimitExceeded", QuotaReached),
    (400, "MaxSpotInstanceCountExceeded", QuotaReached),
    (400, "VolumeLimitExceeded", QuotaReached),
    (400, "PendingVerification", QuotaReached),
    (400, "SpotMaxPriceTooLow", OfferGone),
    (400, "Unsupported", OfferGone),
    (400, "InvalidInstanceType", OfferGone),
    (400, "InvalidAMIID.NotFound", BadOrder),
    (400, "InvalidParameterValue", BadOrder),
    (400, "InvalidParameterCombination", BadOrder),
    (400, "InvalidGroup.NotFound", BadOrder),
    (401, "AuthFailure", Unauthorized),
    (403, "UnauthorizedOperation", Unauthorized),
    (403, "SignatureDoesNotMatch", Unauthorized),
    (400, "IncompleteSignature", Unauthorized),
    (400, "RequestExpired", Unauthorized),
    (401, "OptInRequired", Unauthorized),
    (403, "Blocked", Unauthorized),
    (403, "InvalidClientTokenId", Unauthorized),
    (400, "IdempotentParameterMismatch", Ambiguous),
    (400, "IdempotentInstanceTerminated", Ambiguous),
    (500, "InternalError", Ambiguous),
    (503, "Unavailable", Ambiguous),
    (503, "ServiceUnavailable", Ambiguous),
    (504, "InternalError", Ambiguous),
)


@pytest.mark.parametrize(("status", "code", "due"), ON_LAUNCH)
def test_what_an_error_of_a_launch_means(status: int, code: str, due: type[Exception]) -> None:
    with pytest.raises(due) as raised:
        judge_launch(failed(status, code), DIALECT, what="create x")
    assert type(raised.value) is due


def test_a_type_that_a_region_lacks_is_an_offer_that_is_gone() -> None:
    told = "Invalid value 'p9.huge' for InstanceType."
    with pytest.raises(OfferGone):
        judge_launch(failed(400, "InvalidParameterValue", told), DIALECT, what="create x")


ON_READ = (
    (401, "AuthFailure", Unauthorized),
    (403, "UnauthorizedOperation", Unauthorized),
    (400, "RequestExpired", Unauthorized),
    (503, "RequestLimitExceeded", RateLimited),
    (503, "Unavailable", Unavailable),
    (500, "InternalError", Unavailable),
    (400, "InvalidParameterValue", Unavailable),
)


@pytest.mark.parametrize(("status", "code", "due"), ON_READ)
def test_what_an_error_of_a_read_means(status: int, code: str, due: type[Exception]) -> None:
    with pytest.raises(due) as raised:
        judge_read(failed(status, code), what="x", dialect=DIALECT)
    assert type(raised.value) is due


def test_only_the_clouds_own_word_says_that_an_instance_is_gone() -> None:
    assert says_gone(failed(400, "InvalidInstanceID.NotFound"), DIALECT)
    assert says_gone(failed(400, "InvalidInstanceID.Malformed"), DIALECT)
    assert not says_gone(failed(404, "NotFound"), DIALECT)
    assert not says_gone(HttpReply(status=404, headers={}, body=b"<html>"), DIALECT)


def test_xml_becomes_json_and_what_is_none_of_the_apis_stays() -> None:
    body = (
        b'<?xml version="1.0"?><AResponse xmlns="urn:x"><one>1</one><many><item><k>v</k></item><item>t</item></many>'
        b"<none/></AResponse>"
    )
    read = as_json(HttpReply(status=200, headers={"x": "y"}, body=body))
    assert json.loads(read.body) == {"one": "1", "many": [{"k": "v"}, "t"], "none": None}
    assert read.headers["x"] == "y"
    bomb = b'<!DOCTYPE a [<!ENTITY e "eeee">]><AResponse>&e;</AResponse>'
    deep = b"<AResponse>" + b"<a>" * 100 + b"</a>" * 100 + b"</AResponse>"
    for strange in (b"<html><body/></html>", b"", b"no", b"\xff", bomb, deep):
        reply = HttpReply(status=200, headers={}, body=strange)
        assert as_json(reply) is reply
