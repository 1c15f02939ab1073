"""What offers cost for what somebody needs, through the API; the house's cloud bills by the hour."""

import csv
import io
from typing import Any

import pytest

from gpu_shopper.domain.money import rate
from tests.api.house import CLOUD, OTHER_CLOUD, START, House, a_house, an_offer

INVENTORY = "/api/v1/inventory"
# Cheap by the list and dear with disk; the other way round; one that cannot be had for long; small; another cloud's.
MENU = (
    an_offer(1, price=rate("0.40"), storage_price_per_gb_month=7.3),
    an_offer(2, price=rate("0.50"), traffic_price_per_gb=0.01),
    an_offer(3, price=rate("0.30"), max_duration_hours=1),
    an_offer(4, price=rate("0.20"), disk_gb=50),
)


def a_menu() -> House:
    house = a_house()
    house.market.replace(CLOUD, MENU, START)
    other = an_offer(5, id=f"{OTHER_CLOUD}:5", provider=OTHER_CLOUD, price=rate("0.45"))
    house.market.replace(OTHER_CLOUD, [other], START)
    return house


def asked(query: str) -> Any:
    answer = a_menu().browser().get(f"{INVENTORY}?{query}")
    assert 200 == answer.status, answer.body
    return answer.json


def test_each_offer_says_what_it_costs_part_by_part() -> None:
    offers = asked("hours=1.5&disk_gb=100&traffic_gb=50")["offers"]
    by_id = {offer["provider_id"]: offer for offer in offers}

    assert {
        "use": 0.6, "unused": 0.2, "disk": 2.0, "traffic": 0.0, "exchange": 0.0, "rounding": 0.0,
        "total": 2.8, "per_gpu_hour": 1.866667,
    } == by_id["1"]["effective_price"]  # fmt: skip
    assert 1.866667 == by_id["1"]["effective_price_per_hour"]
    assert (0.5, 1.5) == tuple(by_id["2"]["effective_price"][name] for name in ("traffic", "total"))
    # No terms of that cloud are known: by the second.
    assert 0.45 == by_id["5"]["effective_price_per_hour"]


@pytest.mark.parametrize(
    "need", ["hours=1.5&disk_gb=100&traffic_gb=50", "traffic_gb=3", "hours=24"]
)
def test_an_offer_by_itself_says_of_a_need_what_the_menu_says(need: str) -> None:
    house = a_menu()
    browser = house.browser()

    for listed in browser.get(f"{INVENTORY}?{need}").json["offers"]:
        alone = browser.get(f"{INVENTORY}/{listed['id']}?{need}").json

        assert listed == alone


def test_an_offer_of_which_no_need_is_told_says_no_true_price() -> None:
    alone = a_menu().browser().get(f"{INVENTORY}/{CLOUD}:1").json

    assert "effective_price" not in alone


def test_what_cannot_be_had_so_has_no_price() -> None:
    by_id = {one["provider_id"]: one for one in asked("hours=1.5&disk_gb=100")["offers"]}

    for name in ("3", "4"):
        assert by_id[name]["effective_price_per_hour"] is None
        assert by_id[name]["effective_price"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("hours=1&sort=effective_price", ["4", "3", "1", "5", "2"]),
        ("hours=1&disk_gb=40&sort=effective_price", ["4", "3", "5", "2", "1"]),
        ("hours=1&disk_gb=100&sort=effective_price", ["3", "5", "2", "1", "4"]),
        ("hours=2&disk_gb=100&sort=effective_price_per_hour", ["5", "2", "1", "3", "4"]),
        ("hours=2&disk_gb=100&sort=-effective_price", ["1", "2", "5", "3", "4"]),
        ("traffic_gb=100&sort=effective_price", ["4", "3", "1", "5", "2"]),
        ("hours=1&disk_gb=40&sort=gpu_count,effective_price&q=price<0.5", ["4", "3", "5", "1"]),
        ("hours=1&disk_gb=100", ["4", "3", "1", "5", "2"]),
        ("hours=1&disk_gb=40&q=effective_price<0.6 sort effective_price", ["4", "3", "5", "2"]),
        ("hours=1&disk_gb=40&q=0.45<=effective_price_per_gpu<1 sort price desc", ["2", "5", "1"]),
        ("hours=2&disk_gb=100&q=!effective_price<99", ["4", "3"]),
        # With disk the first one by the list is dear, and the last one is not.
        ("hours=1&disk_gb=40&sort=expected_cost", ["4", "3", "5", "2", "1"]),
        ("hours=1&sort=expected_cost", ["4", "3", "1", "5", "2"]),
        ("hours=1&disk_gb=40&q=expected_cost<0.5 sort expected_cost", ["4", "3", "5"]),
    ],
)
def test_the_menu_can_be_sorted_and_narrowed_by_it(query: str, expected: list[str]) -> None:
    query = query.replace("gpu_count", "count").replace(" ", "%20")

    assert expected == [offer["provider_id"] for offer in asked(query)["offers"]]


def test_pages_of_that_order_join() -> None:
    query = "hours=2&disk_gb=100&sort=effective_price&limit=2"
    browser, seen, cursor = a_menu().browser(), [], ""
    while True:
        page = browser.get(f"{INVENTORY}?{query}{cursor}").json
        seen += [offer["provider_id"] for offer in page["offers"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert ["5", "2", "1", "3", "4"] == seen


def test_a_page_of_another_need_or_order_is_refused() -> None:
    browser, query = a_menu().browser(), "hours=2&sort=effective_price&limit=2"
    cursor = browser.get(f"{INVENTORY}?{query}").json["next_cursor"]
    for other in (
        "hours=3&sort=effective_price",
        "hours=2&disk_gb=1&sort=effective_price",
        "hours=2&sort=price",
        "hours=2&sort=-effective_price",
        "hours=2",
    ):
        answer = browser.get(f"{INVENTORY}?{other}&limit=2&cursor={cursor}")

        assert (400, "cursor") == (answer.status, answer.json["errors"][0]["path"]), other
        assert "of another order, or of another need" in answer.json["detail"]
    # An order that does not depend on the need goes on, whatever is needed.
    plain = browser.get(f"{INVENTORY}?limit=2").json["next_cursor"]
    assert 200 == browser.get(f"{INVENTORY}?hours=2&limit=2&cursor={plain}").status


def test_a_query_that_depends_on_a_need_asks_for_one() -> None:
    answer = a_menu().browser().get(f"{INVENTORY}?q=effective_price%3C3")

    assert (400, "bad_query") == (answer.status, answer.json["code"])
    assert "the price of what you need" in answer.json["detail"]
    assert "give hours, disk_gb or traffic_gb beside the query" == answer.json["hint"]


def test_without_a_need_there_is_no_such_field() -> None:
    assert not any("effective_price" in offer for offer in asked("")["offers"])


def test_files_and_chosen_fields_have_it_too() -> None:
    browser = a_menu().browser()
    chosen = browser.get(f"{INVENTORY}?hours=2&fields=provider_id,effective_price_per_hour&limit=3")
    unasked = browser.get(f"{INVENTORY}?fields=effective_price_per_hour&limit=1").json["offers"]
    text = browser.get(f"{INVENTORY}?hours=1&format=csv&limit=3").body.decode()
    rows = list(csv.DictReader(io.StringIO(text)))

    assert [("4", 0.2), ("3", None), ("1", 0.4)] == [
        tuple(o.values()) for o in chosen.json["offers"]
    ]
    assert [{"effective_price_per_hour": None}] == unasked
    assert "0.2" == rows[0]["effective_price_per_hour"]
    assert rows[0]["effective_price"].startswith('{"use":0.2,')


@pytest.mark.parametrize(
    ("query", "path", "said"),
    [
        ("sort=effective_price", "sort", "of what you need"),
        ("hours=0", "hours", ">= 0.01"),
        ("hours=8761", "hours", "<= 8760"),
        ("hours=nan", "hours", ""),
        ("disk_gb=-1", "disk_gb", ">= 0"),
        ("disk_gb=100001", "disk_gb", "<= 100000"),
        ("traffic_gb=1000001", "traffic_gb", "<= 1000000"),
        ("disk_gb=1.5", "disk_gb", "int"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(query: str, path: str, said: str) -> None:
    answer = a_house().browser().get(f"{INVENTORY}?{query}")

    assert 400 == answer.status
    assert path == answer.json["errors"][0]["path"]
    assert said in answer.json["errors"][0]["message"]
