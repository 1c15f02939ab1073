"""What fits a model, on a page: the API's figures in the terminal's words."""

from gpu_shopper.wire.figures import gib
from tests.api.house import CLOUD, START, House, a_house, an_offer
from tests.dashboard.pages import answer_of, column, listed, visitor

FIT = "/dashboard/fit"


def a_menu() -> House:
    house = a_house()
    big = [
        an_offer(number, gpu_type="H100 SXM", vram_gb=80, gpu_count=number) for number in (1, 2, 4)
    ]
    house.market.replace(CLOUD, [an_offer(9), *big], START)
    return house


def test_without_a_model_there_is_a_form_that_knows_some() -> None:
    page = visitor(a_menu()).page(FIT)

    known = [option["value"] for option in page.one("datalist", id="models").all("option")]
    assert "Llama 3.1 70B" in known
    assert "models" == page.one("input", name="model")["list"]


def test_a_model_is_reckoned_part_by_part() -> None:
    house = a_menu()
    query = "model=llama-3.1-70b&quant=awq&context=32k"
    told = answer_of(house, f"/fit?{query}")

    page = visitor(house).page(f"{FIT}?{query}&sequences=&max_price=")

    assert [gib(split["per_gpu"]["kv_cache_bytes"]) for split in told["splits"]] == column(
        page, "KV cache GiB"
    )
    assert [gib(split["per_gpu"]["total_bytes"]) for split in told["splits"]] == column(
        page, "Per GPU GiB"
    )
    assert [each["offer"]["id"] for each in told["offers"]] == listed(page)
    assert told["assumptions"] == [each.text for each in page.one("details").all("li")]
    assert "awq" == page.one("option", selected=None, value="awq")["value"]


def test_an_unknown_model_is_told_in_the_words_of_the_api() -> None:
    house = a_menu()
    told = house.browser().get("/api/v1/fit?model=llama-3.1-71b").json

    page = visitor(house).page(f"{FIT}?model=llama-3.1-71b", status=400)

    assert f"{told['detail']}: {told['hint']}" == page.one("div", role="alert").one("strong").text
    assert "llama-3.1-71b" == page.one("input", name="model")["value"]


def test_where_nothing_has_room_the_page_says_so() -> None:
    house = a_house()

    page = visitor(house).page(f"{FIT}?model=deepseek-v3&max_price=0.01")

    assert any("No offer has room" in each.text for each in page.all("p"))
    assert 5 <= len(column(page, "Per GPU GiB"))
