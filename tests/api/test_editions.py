"""Who holds a page of the menu is not sent it again while it is the same; who asks again and again is answered the same."""

from dataclasses import replace

import msgspec
import pytest

from gpu_shopper.api.app import create_app
from gpu_shopper.api.recent import Recent
from gpu_shopper.domain.errors import MarketNotReady
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.market.pieces import at_once
from gpu_shopper.wire.offers import OfferPage
from tests.api.house import CLOUD, OFFERS, START, House, a_house, queries

INVENTORY = "/api/v1/inventory"
ASKED = f"{INVENTORY}?gpu_type=rtx4090"


def tag_of(house: House, path: str = ASKED) -> str:
    return house.browser().get(path).headers["etag"]


def status(house: House, held: str, path: str = ASKED) -> int:
    return house.browser().get(path, If_None_Match=held).status


def test_what_the_caller_holds_is_not_sent_again() -> None:
    house = a_house()

    answer = house.browser().get(ASKED, If_None_Match=tag_of(house))

    assert (304, b"", tag_of(house)) == (answer.status, answer.body, answer.headers["etag"])
    assert not {"content-type", "content-length"} & set(answer.headers)
    assert {"x-request-id", "x-content-type-options"} <= set(answer.headers)
    assert (
        304 == house.browser().ask("HEAD", ASKED, headers={"If-None-Match": tag_of(house)}).status
    )


@pytest.mark.parametrize("shape", ["{}", '{}, "other"', '"other",{}', "*"])
def test_a_caller_may_hold_several(shape: str) -> None:
    house = a_house()
    tag = tag_of(house)

    assert 304 == status(house, shape.format(tag))
    assert 304 == status(house, shape.format(tag.removeprefix("W/")))


@pytest.mark.parametrize("held", ['"other"', "W/", "", "*, *", "other", 'W/"*"'])
def test_another_name_is_sent_the_page(held: str) -> None:
    assert 200 == status(a_house(), held)


def test_each_question_has_its_own_name() -> None:
    house = a_house()
    paths = (ASKED, INVENTORY, f"{ASKED}&limit=1", f"{ASKED}&format=csv", f"{ASKED}&format=ndjson")

    assert len(paths) == len({tag_of(house, path) for path in paths})
    assert 200 == status(house, tag_of(house, INVENTORY))
    assert 304 == status(house, tag_of(house, f"{ASKED}&format=csv"), f"{ASKED}&format=csv")


CHANGES = {
    "a new listing": lambda house: house.market.replace(CLOUD, OFFERS[:1], START),
    "the same, heard anew": lambda house: house.market.renew(CLOUD, START),
    "a failure": lambda house: house.market.mark_failed(CLOUD, "timed out", START),
    "a purchase": lambda house: house.market.take(OFFERS[0]),
    "what is too old": lambda house: house.market.withdraw(CLOUD),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_the_menu_changes_its_name(change) -> None:
    house = a_house()
    before = tag_of(house)

    change(house)

    answer = house.browser().get(ASKED, If_None_Match=before)
    assert 200 == answer.status
    assert before != answer.headers["etag"]


def test_other_odds_are_another_edition() -> None:
    house = a_house()
    before = tag_of(house)

    at_once(house.market.heed(OfferHealth(freshness={CLOUD: 0.5})))

    assert 200 == status(house, before)


def test_the_clock_alone_changes_nothing() -> None:
    house = a_house()
    before = tag_of(house)

    house.clock.forward(minutes=5)

    assert 304 == status(house, before)


def test_a_server_that_was_started_anew_knows_none_of_the_names_of_before() -> None:
    house = a_house()
    before = tag_of(house)
    house.clock.forward(seconds=1)
    # The same menu, of the same generation: what was kept of it does not tell how it was taken since.
    house.app = create_app(replace(house.rooms, queries=queries(house.desk)))

    assert 200 == status(house, before)
    assert before != tag_of(house)


def test_a_name_is_no_way_around_what_is_refused() -> None:
    house = a_house()
    tag = tag_of(house)

    assert 400 == status(house, "*", f"{INVENTORY}?limit=0")
    assert 400 == status(house, "*", f"{INVENTORY}?q=vrm%3E1")
    assert 503 == status(a_house(listed=False), "*")
    house.token()
    assert 401 == status(house, tag)


def test_who_asks_again_and_again_is_answered_the_same_with_the_age_it_has_then() -> None:
    house = a_house()
    path = f"{INVENTORY}?limit=2&facets=gpu"
    first, second = (house.browser().get(path) for _ in range(2))
    house.clock.forward(seconds=30)
    third = house.browser().get(path)

    assert first.body == second.body
    assert [0.0, 30.0] == [answer.json["providers"][0]["age_s"] for answer in (first, third)]
    for part in ("offers", "count", "total", "next_cursor", "facets"):
        assert first.json[part] == third.json[part]
    assert first.headers["etag"] == third.headers["etag"]

    house.market.replace(CLOUD, OFFERS[:1], START)

    assert 1 == house.browser().get(path).json["total"]


@pytest.mark.parametrize(
    "query", ["", "limit=1", "gpu_count=2", "min_vram=999", "facets=gpu,country"]
)
def test_a_page_is_written_as_its_body_is(query: str) -> None:
    written = a_house().browser().get(f"{INVENTORY}?{query}").body
    page = msgspec.json.decode(written, type=OfferPage)

    assert written == msgspec.json.encode(page)


def test_only_what_comes_twice_is_kept_and_not_too_much_of_it() -> None:
    recent: Recent[int] = Recent()
    recent.note("a", b"once", 1)
    assert None is recent.find("a", b"once")
    recent.note("a", b"once", 1)
    assert 1 == recent.find("a", b"once")
    assert None is recent.find("b", b"once")

    texts = [f"{number}".encode() for number in range(10_000)]
    for _ in range(2):
        for text in texts[-200:]:
            recent.note("a", text, 2)
    kept = [text for text in texts if recent.find("a", text)]
    assert texts[-len(kept) :] == kept
    assert 64 == len(kept)
    for text in texts:
        recent.note("a", text, 2)
    assert len(recent._seen) <= 4_096


def test_a_market_that_is_not_ready_has_no_edition() -> None:
    offers = a_house(listed=False).rooms.queries.offers

    assert "" == offers.edition
    assert MarketNotReady.code == a_house(listed=False).browser().get(ASKED).json["code"]
