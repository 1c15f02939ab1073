"""An offer's page: each figure is the API's."""

from datetime import datetime

import pytest

from gpu_shopper.dashboard.links import page_of
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.money import rate
from tests.api.house import CLOUD, START, House, a_house, an_offer
from tests.api.test_history import kept
from tests.dashboard.pages import INVENTORY, Element, answer_of, asked, column, listed, visitor

ID = f"{CLOUD}:a/b?c#d%2F é"
MENU = (
    an_offer(1, id=OfferId(ID), storage_price_per_gb_month=7.3),
    an_offer(2, price=rate("0.43")),
    an_offer(3, price=rate("0.42"), gpu_type="RTX 3090"),
    an_offer(4, price=rate("0.30"), max_duration_hours=1),
)


def a_menu() -> House:
    house = kept(a_house(), [2.0] * 30 + [1.5])
    house.market.replace(CLOUD, MENU, START)
    return house


def facts(page: Element) -> dict[str, str]:
    (shown, *_) = page.all("dl")
    names = [each.text for each in shown.all("dt")]
    return dict(zip(names, [each.text for each in shown.all("dd")], strict=True))


def test_the_bill_is_shown_part_by_part() -> None:
    house = a_menu()
    told = answer_of(house, "/inventory?hours=1.5&disk_gb=100&limit=2")["offers"][1][
        "effective_price"
    ]

    page = visitor(house).page(page_of(ID, [("hours", "1.5"), ("disk_gb", "100")]))

    rows = {row.one("th").text: row.one("td").text for row in page.all("table")[0].all("tr")}
    assert f"{told['total']:.4f} USD" == rows["In all"] == "2.8000 USD"
    assert f"{told['disk']:.4f} USD" == rows["Disk"]
    assert f"{told['use']:.4f} USD" == rows["The hours at the list price"]
    assert f"{told['per_gpu_hour']:.4f} USD" == rows["An hour of one GPU"]
    assert 8 == len(rows)


def test_an_offer_is_found_whatever_its_id_holds() -> None:
    there = visitor(a_menu())
    (link,) = [
        each["href"]
        for each in there.page(INVENTORY).all("a")
        if each["href"].startswith(page_of(ID))
    ]

    page = there.page(link)

    assert ID == facts(page)["Id"]
    assert "0.4000 USD/h, 0.4000 for each GPU" == facts(page)["Price"]
    # Each link leads back here, with one thing changed.
    offered = [each["href"] for each in page.all("a") if "history=720" in each["href"]]
    assert ID == facts(there.page(offered[0]))["Id"]


def test_what_cannot_be_had_for_so_long_says_so() -> None:
    page = visitor(a_menu()).page(page_of(f"{CLOUD}:4", [("hours", "2")]))

    assert any("cannot be had for so long" in each.text for each in page.all("p"))


def test_the_odds_are_told_with_their_reasons() -> None:
    house = a_menu()
    told = answer_of(house, f"/offer-health?offer_id={CLOUD}:2&hours=2")["offer"]

    page = visitor(house).page(page_of(f"{CLOUD}:2", [("hours", "2")]))

    parts = page.all("table", class_="small")[1]
    assert [part["because"] for part in told["parts"]] == [
        each.text for each in parts.all("td", data_label="Because")
    ]
    assert any(f"{told['confidence']:.4f}: {told['next']}" in each.text for each in page.all("p"))


def test_what_its_like_has_cost_is_drawn_and_judged() -> None:
    page = visitor(a_menu()).page(page_of(ID))

    says = "1.5000 USD/h now, 25 % below the median of 31 hours, 2.0000 USD/h: a good time to rent"
    assert says == page.one("svg", role="img").one("title").text
    # 30 hours at the higher price at the end of a week, then one at the lower.
    assert (
        "M137 6.0"
        + "".join(f"{'V6.0' if at > 138 else ''}H{at}" for at in range(138, 168))
        + "V54.0H168"
        == page.one("path")["d"]
    )


def test_where_no_price_is_known_the_page_says_why() -> None:
    house = a_menu()
    house.market.replace(CLOUD, [an_offer(9, gpu_type="H200")], START)

    page = visitor(house).page(page_of(f"{CLOUD}:9"))

    assert [] == page.all("svg")
    assert any("once an hour" in each.text for each in page.all("p"))


@pytest.mark.parametrize("need", ["", "&hours=3"])
@pytest.mark.parametrize("scope", ["same_gpu", "same_vram", "any"])
def test_what_may_stand_in_for_it_is_what_the_api_says(scope: str, need: str) -> None:
    house = a_menu()
    told = answer_of(house, f"/inventory/{CLOUD}:2/alternatives?scope={scope}{need}")["offers"]

    page = visitor(house).page(f"{page_of(f'{CLOUD}:2')}?scope={scope}{need}")

    assert [offer["id"] for offer in told] == listed(page)
    assert told
    true_prices = [f"{offer['effective_price_per_hour']:.4f}" for offer in told if need]
    assert true_prices == column(page, "True USD/h")
    current = {
        asked(each["href"])["scope"]
        for each in page.all("a", aria_current="true")
        if "scope" in each["href"] and "history" not in each["href"]
    }
    assert {scope} == current


def test_an_offer_that_is_gone_says_so() -> None:
    page = visitor(a_menu()).page(f"{INVENTORY}/gone", status=404)

    assert "Not found" == page.one("h1").text
    assert "there is no offer 'gone' now" in page.one("div", role="alert").text


class BrokenClock:
    def now(self) -> datetime:
        raise RuntimeError("a secret")

    def monotonic(self) -> float:
        return 0.0


def test_a_fault_of_ours_is_a_page_too_and_somebody_hears_of_it() -> None:
    house = a_house(clock=BrokenClock())

    page = visitor(house).page(INVENTORY, status=500)

    assert "Internal error" == page.one("h1").text
    assert "secret" not in page.text
    ((name, told),) = house.meter.alarms
    assert ("request_failed", "RuntimeError") == (name, told["error"])
    assert "secret" not in str(told)
