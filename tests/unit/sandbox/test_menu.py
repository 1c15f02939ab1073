"""The cloud's list of offers: its name, and what may be wrong with it."""

import pytest

from gpu_shopper.sandbox.messages import ModelReply, ModelRequest
from tests.unit.sandbox.cloud import Cloud


def test_the_list_of_offers_has_one_name_until_a_price_or_an_offer_changes() -> None:
    cloud = Cloud()
    first = cloud.call("GET", "/v1/offers")
    etag = first.etag

    def asked_with(etag: str) -> ModelReply:
        request = ModelRequest(
            method="GET", path="/v1/offers", query={}, body=None, key="sandbox", if_none_match=etag
        )
        return cloud.model.handle(request, now=cloud.now)

    assert etag == cloud.call("GET", "/v1/offers", cursor=first.body["next_cursor"]).etag
    assert (304, None, etag) == (
        asked_with(etag).status,
        asked_with(etag).body,
        asked_with(etag).etag,
    )
    assert 200 == asked_with('"another"').status
    instance = cloud.created()
    assert 200 == asked_with(etag).status
    cloud.destroy(instance)
    assert 304 == asked_with(etag).status
    cloud.wait(3600)
    assert 200 == asked_with(etag).status


@pytest.mark.parametrize(
    ("params", "readable"),
    [({"body": "rows"}, 0), ({"body": "rows", "share": 0.25}, 750), ({"body": "empty"}, 0)],
    ids=str,
)
def test_the_list_of_offers_may_be_garbled_and_then_has_no_name(
    params: dict[str, object], readable: int
) -> None:
    cloud = Cloud()
    cloud.misbehave("offers_garbled", params=params, count=1)
    garbled, honest = cloud.call("GET", "/v1/offers"), cloud.call("GET", "/v1/offers")

    prices = [row["price_per_hour"] for row in garbled.body["offers"]]
    assert ("", readable) == (garbled.etag, sum(isinstance(price, float) for price in prices))
    assert 1000 == len(honest.body["offers"])
    assert honest.etag


def test_the_list_of_offers_may_be_no_json() -> None:
    cloud = Cloud()
    cloud.misbehave("offers_garbled", count=1)

    assert "offers" == cloud.call("GET", "/v1/offers").body
