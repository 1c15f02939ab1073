"""The menu through the API."""

import pytest

from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.offer_health import Outcome
from tests.api.house import CLOUD, OFFERS, ORDER, OTHER_CLOUD, START, a_house

INVENTORY = "/api/v1/inventory"


def ids(query: str = "") -> list[str]:
    answer = a_house().browser().get(f"{INVENTORY}?{query}")
    assert 200 == answer.status, answer.body
    return [offer["provider_id"] for offer in answer.json["offers"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["1", "2", "3"]),
        ("gpu_type=rtx4090", ["1", "2"]),
        ("gpu_type=NVIDIA%20GeForce%20RTX%204090", ["1", "2"]),
        ("gpu_type=4090&gpu_type=H100", ["1", "2", "3"]),
        ("gpu_count=2", ["3"]),
        ("min_gpu_count=2", ["3"]),
        ("min_vram=48", ["3"]),
        ("max_price=0.45", ["1"]),
        ("max_price=0.4", ["1"]),
        ("location=us", ["2"]),
        ("location=eu-central", ["1", "3"]),
        ("region=US-WEST", ["2"]),
        ("country=de", ["1", "3"]),
        ("min_reliability=0.95", ["1", "3"]),
        ("min_cuda=12.5", []),
        ("min_disk=501", []),
        ("provider=nimbus", []),
        ("interruptible=false", ["1", "2", "3"]),
        ("sort=vram", ["3", "1", "2"]),
        ("sort=reliability", ["1", "3", "2"]),
        ("limit=1", ["1"]),
        ("limit=1&offset=1", ["2"]),
        ("offset=99", []),
    ],
)
def test_offers_are_filtered_sorted_and_cut(query: str, expected: list[str]) -> None:
    assert expected == ids(query)


def test_a_page_says_how_many_there_are_and_where_the_next_begins() -> None:
    browser = a_house().browser()
    first = browser.get(f"{INVENTORY}?limit=2").json
    second = browser.get(f"{INVENTORY}?limit=2&cursor={first['next_cursor']}").json

    assert (2, 3, 1, 3) == (first["count"], first["total"], second["count"], second["total"])
    assert None is second["next_cursor"]
    assert {"1", "2", "3"} == {o["provider_id"] for o in first["offers"] + second["offers"]}


def test_an_offer_is_shown_with_all_that_is_known_of_it() -> None:
    offer = a_house().browser().get(f"{INVENTORY}/{CLOUD}:3").json

    assert ("H100 SXM", 2, 80, 2.1, 1.05) == (
        offer["gpu_type"], offer["gpu_count"], offer["vram_gb"],
        offer["price_per_hour"], offer["price_per_gpu_hour"],
    )  # fmt: skip


def test_an_offer_whose_id_holds_a_slash_is_found() -> None:
    house = a_house()
    slashed = OFFERS[0].__class__(
        **{name: getattr(OFFERS[0], name) for name in OFFERS[0].__slots__} | {"id": "cumulus:a/b c"}
    )
    house.market.replace(CLOUD, [slashed], START)

    assert 200 == house.browser().get(f"{INVENTORY}/cumulus:a%2Fb%20c").status


def test_an_offer_that_nobody_lists_is_not_found() -> None:
    answer = a_house().browser().get(f"{INVENTORY}/{CLOUD}:99")

    assert (404, "not_found") == (answer.status, answer.json["code"])


def test_an_empty_menu_is_told_from_one_that_is_not_known_yet() -> None:
    empty = a_house()
    empty.market.replace(CLOUD, [], START)

    assert (200, 0) == (
        empty.browser().get(INVENTORY).status, empty.browser().get(INVENTORY).json["total"],
    )  # fmt: skip
    unknown = a_house(listed=False).browser().get(INVENTORY)
    assert (503, "inventory_not_ready") == (unknown.status, unknown.json["code"])


def test_before_any_answer_it_is_told_who_refuses_and_why() -> None:
    house = a_house(listed=False)
    house.market.mark_failed(CLOUD, "the key is not accepted (401)", START)

    answers = [
        house.browser().get("/api/v1/inventory"),
        house.browser().post("/api/v1/sessions", ORDER),
    ]

    for answer in answers:
        assert (503, "inventory_not_ready") == (answer.status, answer.json["code"])
        assert f"{CLOUD}: the key is not accepted (401)" in answer.json["detail"]
        assert "doctor" in answer.json["hint"]


def test_a_cloud_that_is_down_empties_nothing_and_says_so() -> None:
    house = a_house()
    house.market.mark_failed(CLOUD, "timed out", START)
    house.clock.forward(minutes=2)

    page = house.browser().get(INVENTORY).json

    by_name = {source["name"]: source for source in page["providers"]}
    assert 3 == page["count"]
    assert (False, 120.0, "timed out", 3) == tuple(
        by_name[CLOUD][name] for name in ("ok", "age_s", "error", "offers")
    )
    assert None is by_name[OTHER_CLOUD]["age_s"]


def test_failures_are_remembered_against_what_they_speak_against() -> None:
    house = a_house()
    failure = Outcome(
        at=START,
        provider=CLOUD,
        offer_id=OfferId(f"{CLOUD}:1"),
        machine_id="machine-1",
        location="eu-1",
        gpu_type="RTX 4090",
        blame=Blame.MACHINE,
        reason="never booted",
    )
    house.write(lambda book: book.accounts.add_outcome(failure))

    entries = house.browser().get("/api/v1/offer-health").json["entries"]

    assert ["machine", "location", "gpu"] == [entry["scope"] for entry in entries]
    assert ("machine-1", 1, 0.5, "2026-03-14T10:30:00Z", "never booted") == (
        entries[0]["key"], entries[0]["failures"], entries[0]["confidence"],
        entries[0]["suppressed_until"], entries[0]["last_reason"],
    )  # fmt: skip
