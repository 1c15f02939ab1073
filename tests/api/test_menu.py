"""The menu asked in its own language, counted, cut to fields, and written as files."""

import csv
import io

import msgspec
import pytest

from gpu_shopper.domain.money import rate
from gpu_shopper.wire.offers import OfferBody, OfferPage
from tests.api.house import CLOUD, OFFERS, START, House, a_house, an_offer

INVENTORY = "/api/v1/inventory"


def ids(query: str) -> list[str]:
    answer = a_house().browser().get(f"{INVENTORY}?{query}")
    assert 200 == answer.status, answer.body
    return [offer["provider_id"] for offer in answer.json["offers"]]


def refused(query: str) -> dict[str, object]:
    answer = a_house().browser().get(f"{INVENTORY}?{query}")
    assert 400 == answer.status, answer.body
    problem: dict[str, object] = answer.json
    return problem


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=rtx4090", ["1", "2"]),
        ("q=gpu+in+(H100,+L4)", ["3"]),
        ("q=vram>=80+or+price<0.45", ["1", "3"]),
        ("q=country=DE&max_price=1", ["1"]),
        ("q=sort+-price", ["3", "2", "1"]),
        ("q=limit+1", ["1"]),
        ("q=rtx4090+sort+-price&limit=1", ["2"]),
        ("sort=price/vram", ["3", "1", "2"]),
        ("sort=-vram,-price", ["3", "2", "1"]),
    ],
)
def test_a_query_narrows_orders_and_cuts(query: str, expected: list[str]) -> None:
    assert expected == ids(query)


def test_a_query_that_is_not_understood_is_refused_with_its_place_and_a_guess() -> None:
    problem = refused("q=gpu=H100+vrm>=80")

    assert ("bad_query", "Query not understood") == (problem["code"], problem["title"])
    assert "vrm is unknown at 10" in str(problem["detail"])
    assert "vram" in str(problem["hint"])
    assert [{"path": "q", "message": problem["detail"], "position": 10, "word": "vrm"}] == (
        problem["errors"]
    )


def test_a_cloud_that_is_not_configured_is_refused_rather_than_found_empty() -> None:
    assert "cumulus" in str(refused("q=provider=cumulo")["hint"])


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("q=sort+price&sort=vram", "sort"), ("q=limit+3&limit=4", "limit"), ("sort=colour", "sort"),
        ("facets=price", "facets"), ("fields=id,colour", "fields"), ("limit=1001", "limit"),
        ("format=csv&limit=10001", "limit"), ("format=xml", "format"),
        ("cursor=bm9uZQ", "cursor"), ("sort=price,", "sort"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_names_its_parameter(query: str, path: str) -> None:
    errors = refused(query)["errors"]
    assert isinstance(errors, list)
    assert path == errors[0]["path"]


def test_a_cursor_of_another_order_is_refused() -> None:
    browser = a_house().browser()
    cursor = browser.get(f"{INVENTORY}?limit=1").json["next_cursor"]

    assert 400 == browser.get(f"{INVENTORY}?limit=1&sort=price,vram&cursor={cursor}").status


def test_facets_count_what_another_choice_would_give() -> None:
    page = a_house().browser().get(f"{INVENTORY}?gpu_type=H100&facets=gpu,country").json

    assert {"gpu": {"RTX 4090": 2, "H100 SXM": 1}, "country": {"DE": 1}} == page["facets"]
    assert None is a_house().browser().get(INVENTORY).json["facets"]


def test_only_the_fields_asked_for_are_sent_in_their_order() -> None:
    offers = a_house().browser().get(f"{INVENTORY}?fields=price_per_hour,id&limit=1").json["offers"]

    assert [{"price_per_hour": 0.4, "id": f"{CLOUD}:1"}] == offers
    assert ["price_per_hour", "id"] == list(offers[0])


def test_a_page_is_what_the_contract_says() -> None:
    answer = a_house().browser().get(f"{INVENTORY}?facets=gpu")

    page = msgspec.json.decode(answer.body, type=OfferPage, strict=True)
    assert {field.name for field in msgspec.structs.fields(OfferBody) if field.required} == set(
        answer.json["offers"][0]
    )
    assert 3 == page.total


def test_ndjson_has_an_offer_a_line_and_says_where_it_goes_on() -> None:
    browser = a_house().browser()
    answer = browser.get(f"{INVENTORY}?format=ndjson&limit=2")

    lines = answer.body.decode().splitlines()
    assert ["1", "2"] == [msgspec.json.decode(line)["provider_id"] for line in lines]
    assert "application/x-ndjson" == answer.headers["content-type"]
    assert "3" == answer.headers["x-total-count"]
    rest = browser.get(f"{INVENTORY}?format=ndjson&cursor={answer.headers['x-next-cursor']}")
    assert '"provider_id":"3"' in rest.body.decode()
    assert "x-next-cursor" not in rest.headers


def table(house: House, query: str) -> list[dict[str, str]]:
    answer = house.browser().get(f"{INVENTORY}?format=csv&{query}")
    assert "text/csv; charset=utf-8" == answer.headers["content-type"]
    return list(csv.DictReader(io.StringIO(answer.body.decode())))


def test_csv_has_a_line_of_names_and_a_line_for_each_offer() -> None:
    rows = table(a_house(), "fields=id,price_per_hour,marks")

    assert {"id": f"{CLOUD}:1", "price_per_hour": "0.4", "marks": ""} == rows[0]
    assert 3 == len(rows)


def test_no_text_of_a_cloud_is_a_formula_to_a_spreadsheet() -> None:
    house = a_house()
    house.market.replace(CLOUD, [an_offer(1, location='=HYPERLINK("//x")')], START)

    assert '\'=HYPERLINK("//x")' == table(house, "fields=location")[0]["location"]


def test_alternatives_are_what_a_retry_would_go_through() -> None:
    house = a_house()
    dear = an_offer(4, price=rate("0.44"))
    house.market.replace(CLOUD, [*OFFERS, dear], START)

    def alternatives(query: str) -> list[str]:
        answer = house.browser().get(f"{INVENTORY}/{CLOUD}:1/alternatives?{query}")
        assert 200 == answer.status, answer.body
        assert len(answer.json["offers"]) == answer.json["total"]
        return [offer["provider_id"] for offer in answer.json["offers"]]

    assert ["4"] == alternatives("")
    assert ["4", "2"] == alternatives("max_price=0.5")
    assert ["4", "2", "3"] == alternatives("max_price=3&scope=same_vram")


def test_alternatives_go_by_what_a_need_costs_in_truth_where_it_is_told() -> None:
    """The house's cloud bills by the hour: half an hour is billed as one, and of offer 6 the disk besides."""
    house = a_house()
    menu = [
        an_offer(1, price=rate("0.40"), storage_price_per_gb_month=0.73),
        an_offer(5, price=rate("0.49")),
        an_offer(6, price=rate("0.41"), storage_price_per_gb_month=0.73),
        an_offer(7, price=rate("0.41"), storage_price_per_gb_month=1.46),
    ]
    house.market.replace(CLOUD, menu, START)

    def alternatives(query: str) -> list[tuple[str, float | None]]:
        answer = house.browser().get(f"{INVENTORY}/{CLOUD}:1/alternatives?{query}")
        assert 200 == answer.status, answer.body
        return [
            (offer["provider_id"], offer.get("effective_price_per_hour"))
            for offer in answer.json["offers"]
        ]

    assert [("6", None), ("7", None)] == alternatives("")
    assert [("5", 0.49), ("6", 0.51)] == alternatives("disk_gb=100")
    assert [("5", 0.98), ("6", 1.02)] == alternatives("disk_gb=100&hours=0.5")
    assert [("5", 0.98)] == alternatives("disk_gb=100&hours=0.5&max_price=1")


def test_alternatives_to_an_offer_whose_id_holds_a_slash_are_found() -> None:
    house = a_house()
    house.market.replace(CLOUD, [an_offer(1, id=f"{CLOUD}:a/b"), an_offer(2)], START)

    answer = house.browser().get(f"{INVENTORY}/{CLOUD}:a%2Fb/alternatives")

    assert ["2"] == [offer["provider_id"] for offer in answer.json["offers"]]


def test_alternatives_to_what_nobody_lists_are_not_found() -> None:
    assert 404 == a_house().browser().get(f"{INVENTORY}/{CLOUD}:99/alternatives").status


def test_an_odd_price_is_marked_comes_last_and_is_never_chosen_for_anybody() -> None:
    house = a_house()
    house.market.replace(CLOUD, [an_offer(0, price=rate(0)), *OFFERS], START)

    offers = house.browser().get(INVENTORY).json["offers"]

    assert ["1", "2", "3", "0"] == [offer["provider_id"] for offer in offers]
    assert ["no_price"] == offers[-1]["marks"]
