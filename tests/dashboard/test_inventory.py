"""The inventory's page shows what the API answers, and its links ask what they say."""

import pytest

from gpu_shopper.dashboard.links import address
from gpu_shopper.domain.money import rate
from tests.api.house import CLOUD, OTHER_CLOUD, START, House, a_house, an_offer
from tests.dashboard.pages import INVENTORY, Element, answer_of, asked, column, listed, visitor

MENU = (
    an_offer(1, storage_price_per_gb_month=7.3),
    an_offer(2, price=rate("0.50"), country="US", region="us-west", reliability=0.9, interruptible=True),
    an_offer(3, gpu_type="H100 SXM", vram_gb=80, price=rate("2.10"), gpu_count=2),
    an_offer(4, gpu_type="H100 PCIe", vram_gb=80, price=rate("1.90"), country="US", location="Boise"),
    an_offer(5, gpu_type="A100 80GB", vram_gb=80, price=rate("0.45"), country="", location="", max_duration_hours=1),
    an_offer(6, gpu_type="Weird GPU x", vram_gb=7, price=rate("3.00"), country="FR"),
)  # fmt: skip
OTHERS = (
    an_offer(7, id=f"{OTHER_CLOUD}:7", provider=OTHER_CLOUD, price=rate("0.41")),
    an_offer(8, id=f"{OTHER_CLOUD}:8", provider=OTHER_CLOUD, price=rate("0.43"), country="US"),
)


def a_menu() -> House:
    house = a_house()
    house.market.replace(CLOUD, MENU, START)
    house.market.replace(OTHER_CLOUD, OTHERS, START)
    return house


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=H100",
        "q=RTX+4090+or+count%3D2+sort+vram+desc%2C+price",
        "q=vram%3E%3D80&sort=-price",
        "sort=price_per_tflops",
        "q=price%3C1+limit+2",
        "hours=3&sort=effective_price",
        "hours=3&disk_gb=100&q=sort+price",
        "country=US&max_price=1",
    ],
)
def test_the_page_lists_what_the_api_lists_in_its_order(query: str) -> None:
    house = a_menu()
    told = answer_of(house, f"/inventory?{query}")

    page = visitor(house).page(f"{INVENTORY}?{query}")

    assert [offer["id"] for offer in told["offers"]] == listed(page)
    assert [f"{offer['price_per_hour']:.4f}" for offer in told["offers"]] == column(page, "USD/h")
    assert f"{told['total']} offer" in page.one("strong", role="status").text


def test_what_a_need_costs_is_shown_and_sorted_by() -> None:
    house = a_menu()
    told = answer_of(house, "/inventory?hours=2&disk_gb=100&sort=effective_price")["offers"]

    page = visitor(house).page(f"{INVENTORY}?hours=2&disk_gb=100&traffic_gb=")

    prices = [offer["effective_price_per_hour"] for offer in told]
    assert [offer["id"] for offer in told] == listed(page)
    assert None in prices
    assert ["not so" if price is None else f"{price:.4f}" for price in prices] == column(
        page, "True USD/h"
    )
    assert "ascending" == page.one("th", aria_sort="ascending")["aria-sort"]


def test_a_fault_is_told_in_the_words_of_the_api_with_its_place() -> None:
    house = a_menu()
    told = house.browser().get("/api/v1/inventory?q=price%3C3+vrm%3E%3D80").json

    page = visitor(house).page(f"{INVENTORY}?q=price%3C3+vrm%3E%3D80&hours=2", status=400)

    problem = page.one("div", role="alert")
    assert f"{told['detail']}: {told['hint']}" == problem.one("strong").text
    assert "price<3 vrm>=80\n        ^^^" == problem.one("pre").text
    # What was written is still there to be mended.
    assert "price<3 vrm>=80" == page.one("input", name="q")["value"]
    assert "2" == page.one("input", name="hours")["value"]


@pytest.mark.parametrize(
    "query", ["hours=0", "max_price=a", "nonsense=1", "sort=cheapest", "cursor=x"]
)
def test_what_else_the_api_refuses_is_told_as_well(query: str) -> None:
    house = a_menu()
    told = house.browser().get(f"/api/v1/inventory?{query}").json

    page = visitor(house).page(f"{INVENTORY}?{query}", status=400)

    assert told["detail"] in page.one("div", role="alert").text


@pytest.mark.parametrize(
    "q",
    ["", "price<3", "H100", "RTX 4090 or count=2", "country=DE sort price limit 2", "gpu~weird"],
)
def test_each_choice_leads_to_as_many_offers_as_it_says_and_back(q: str) -> None:
    there = visitor(a_menu())
    page = there.page(address(INVENTORY, [("q", q), ("hours", "2")]))

    for section in page.one("nav", aria_label="Narrow it down").all("section"):
        links = section.all("a")
        picked = [link for link in links if "aria-current" in link.attributes]
        assert links
        for link in links:
            others = sum(count_of(one) for one in picked if one is not link)
            # A GPU that nobody knows can only be looked for by itself.
            expected = 0 if "Weird" in link.text or q == "gpu~weird" else others
            narrowed = there.page(link["href"])
            if link not in picked:
                assert count_of(link) + expected == total_of(narrowed), (link["href"], link.text)
            elif others:
                assert others == total_of(narrowed), (link["href"], link.text)
            else:
                assert total_of(narrowed) > total_of(page), (link["href"], link.text)
            assert "2" == asked(link["href"])["hours"]


def count_of(link: Element) -> int:
    return int(link.one("small").text)


def total_of(page: Element) -> int:
    return int(page.one("strong", role="status").text.partition(" ")[0])


def test_what_is_picked_is_marked_and_comes_first() -> None:
    page = visitor(a_menu()).page(f"{INVENTORY}?q=country%3DFR")

    countries = page.one("nav", aria_label="Narrow it down").all("section")[2].all("li")
    assert "true" == countries[0].one("a")["aria-current"]
    assert "FR 1" == countries[0].text
    # Nobody can ask for a country that is not told, so that is no link.
    assert [[]] == [one.all("a") for one in countries if one.text.startswith("not told")]


def test_the_heads_of_columns_sort_and_keep_the_query() -> None:
    there = visitor(a_menu())
    page = there.page(f"{INVENTORY}?q=RTX+4090+sort+vram&hours=2&cursor=")
    (head,) = [each for each in page.all("th", scope="col") if each.text == "USD/h"]

    assert {"q": 'gpu="rtx 4090"', "hours": "2", "sort": "price"} == asked(head.one("a")["href"])
    cheapest = there.page(head.one("a")["href"])
    assert ["0.4000", "0.4100", "0.4300", "0.5000"] == column(cheapest, "USD/h")
    (head,) = cheapest.all("th", aria_sort="ascending")
    dearest = there.page(head.one("a")["href"])
    assert ["0.5000", "0.4300", "0.4100", "0.4000"] == column(dearest, "USD/h")
    assert "USD/h" == dearest.one("th", aria_sort="descending").text


def test_an_order_that_is_written_is_stronger_than_one_that_was_clicked() -> None:
    page = visitor(a_menu()).page(f"{INVENTORY}?q=RTX+4090+sort+price+desc&sort=price")

    assert ["0.5000", "0.4300", "0.4100", "0.4000"] == column(page, "USD/h")


def test_pages_follow_one_another_until_all_was_shown_once() -> None:
    house = a_menu()
    there = visitor(house)
    page, seen = there.page(f"{INVENTORY}?limit=3&hours=2&q=price%3C9"), []
    while True:
        seen += listed(page)
        following = page.all("a", rel="next")
        if not following:
            break
        page = there.page(following[0]["href"])

    everything = answer_of(house, "/inventory?hours=2&q=price%3C9&sort=effective_price")["offers"]
    assert [offer["id"] for offer in everything] == seen
    (to_first,) = [each for each in page.all("a") if each.text == "First page"]
    assert {"limit": "3", "hours": "2", "q": "price<9"} == asked(to_first["href"])
    # What a link changes begins with the first page again.
    assert all("cursor" not in asked(a["href"]) for a in page.one("thead").all("a"))


def test_what_the_form_does_not_show_is_sent_along() -> None:
    page = visitor(a_menu()).page(f"{INVENTORY}?sort=-price&country=US&provider={CLOUD}&facets=gpu")

    hidden = [
        (each["name"], each["value"]) for each in page.one("main").all("input", type="hidden")
    ]
    assert [("sort", "-price"), ("country", "US"), ("provider", CLOUD)] == hidden


def test_trouble_with_a_cloud_is_told() -> None:
    house = a_menu()
    house.market.mark_failed(OTHER_CLOUD, "it answers with garbage", START)
    house.clock.forward(seconds=90)

    clouds = visitor(house).page(INVENTORY).one("ul", aria_label="Clouds").all("li")

    assert [
        f"{CLOUD} ok: 6 offers, asked 90 s ago",
        f"{OTHER_CLOUD}: last answered 90 s ago: it answers with garbage",
    ] == [cloud.text for cloud in clouds]


def test_odd_prices_stand_out() -> None:
    house = a_menu()
    usual = [an_offer(number, price=rate("0.40")) for number in range(10, 20)]
    house.market.replace(CLOUD, [*usual, an_offer(20, price=rate("90"))], START)

    page = visitor(house).page(f"{INVENTORY}?q=odd")

    assert [f"{CLOUD}:20"] == listed(page)
    assert "far above" == page.one("span", class_="mark").text
    assert [1] == [len(page.all("tr", class_="odd"))]


def test_before_any_cloud_has_answered_the_page_asks_again_by_itself() -> None:
    answer = visitor(a_house(listed=False)).get(INVENTORY)

    assert (503, "5") == (answer.status, answer.headers["refresh"])


def test_the_dashboard_leads_to_the_inventory() -> None:
    there = visitor(a_menu())

    for path in ("/dashboard", "/dashboard/"):
        answer = there.get(path)
        assert (303, INVENTORY) == (answer.status, answer.headers["location"])


def test_a_name_that_only_begins_like_the_dashboard_is_the_apis() -> None:
    answer = visitor(a_menu()).get("/dashboards")

    assert (404, "no_route") == (answer.status, answer.json["code"])


def test_other_methods_are_refused() -> None:
    there = visitor(a_menu())

    answer = there.browser.ask("DELETE", INVENTORY)
    head = there.browser.ask("HEAD", INVENTORY)

    assert (405, "GET, HEAD") == (answer.status, answer.headers["allow"])
    assert (200, b"") == (head.status, head.body)


def test_of_many_choices_most_are_folded_away() -> None:
    house = a_menu()
    countries = ("DE", "US", "FR", "GB", "SE", "NO", "FI", "ES", "IT", "PL", "CZ")
    offers = [an_offer(number, country=code) for number, code in enumerate(countries)]
    house.market.replace(CLOUD, offers, START)

    section = (
        visitor(house).page(INVENTORY).one("nav", aria_label="Narrow it down").all("section")[2]
    )

    folded = section.one("details")
    assert ("3 more", 3) == (folded.one("summary").text, len(folded.all("a")))
    assert len(countries) == len(section.all("a"))


def test_a_choice_that_would_make_the_query_too_long_is_no_link() -> None:
    there = visitor(a_menu())
    # So long that a country still fits into it, and no GPU.
    page = there.page(
        address(INVENTORY, [("q", "!city=elsewhere " * 123 + "!city=elsewhere12345")])
    )

    gpus, _, countries = page.one("nav", aria_label="Narrow it down").all("section")
    assert [] == gpus.all("a")
    assert len(MENU) - 1 == len(gpus.all("span", class_="plain"))
    for link in countries.all("a"):
        assert count_of(link) == total_of(there.page(link["href"]))
    assert countries.all("a")
