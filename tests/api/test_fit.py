"""What a language model needs, through the API."""

from typing import Any

import pytest

from gpu_shopper.domain.money import rate
from tests.api.house import CLOUD, OTHER_CLOUD, START, a_house, an_offer

FIT = "/api/v1/fit"
GIB = 1024**3

# One 4090 of 24 GB, two of them, an 80 GB card, two of those, one whose price is odd, one that is taken.
MENU = (
    an_offer(1),
    an_offer(2, gpu_count=2, price=rate("0.78")),
    an_offer(3, gpu_type="H100 SXM", vram_gb=80, price=rate("2.10")),
    an_offer(4, gpu_type="H100 SXM", vram_gb=80, price=rate("4.00"), gpu_count=2),
    an_offer(5, gpu_type="H100 SXM", vram_gb=80, price=rate(0)),
    an_offer(6, gpu_type="H100 SXM", vram_gb=80, price=rate("1.10"), available=False),
    an_offer(7, gpu_type="H100 SXM", vram_gb=0, price=rate("0.20")),
)


def ask(query: str, *, menu=MENU) -> Any:
    house = a_house()
    house.market.replace(CLOUD, menu, START)
    return house.browser().get(f"{FIT}?{query}")


def fitting(query: str) -> list[str]:
    answer = ask(query)
    assert 200 == answer.status, answer.body
    return [each["offer"]["provider_id"] for each in answer.json["offers"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("model=llama-3.1-8b", ["1", "2", "3", "4", "5"]),
        # 16 GB of weights and 16 GiB of cache: too much for one 4090, not for two.
        ("model=llama-3.1-8b&context=128k", ["2", "3", "4", "5"]),
        ("model=llama-3.1-8b&context=128k&kv_quant=fp8&quant=fp8", ["1", "2", "3", "4", "5"]),
        ("model=llama-3.1-70b&quant=awq&context=32k", ["3", "4", "5"]),
        ("model=llama-3.1-70b&quant=fp8&context=16k", ["4"]),
        ("model=llama-3.1-70b", ["4"]),
        ("model=llama-3.1-70b-awq&max_price=2.5", ["3", "5"]),
        ("model=llama-3.1-8b&gpu_type=h100&limit=1", ["3"]),
        ("model=llama-3.1-8b&gpu_type=4090", ["1", "2"]),
        ("model=llama-3.1-8b&provider=nimbus", []),
        ("model=llama-3.1-8b&interruptible=true", []),
        ("params=8b&layers=32&kv_heads=8&head_dim=128", ["1", "2", "3", "4", "5"]),
        ("params=70b&layers=80&kv_heads=8&head_dim=128&quant=q4_k_m", ["2", "3", "4", "5"]),
        ("model=llama-3.1-70b&quant=q4_k_m&context=16k", ["3", "4", "5"]),
    ],
)
def test_the_offers_that_fit_are_listed_cheapest_first_and_odd_ones_last(
    query: str, expected: list[str]
) -> None:
    assert expected == fitting(query)


def test_the_parts_are_told_for_each_number_of_gpus() -> None:
    answer = ask("model=meta-llama/Llama-3.1-70B-Instruct&quant=awq&context=32k").json
    by_count = {split["gpu_count"]: split for split in answer["splits"]}

    assert [1, 2, 4, 8, 16] == list(by_count)
    parts = by_count[1]["per_gpu"]
    assert answer["weights_bytes"] == parts["weights_bytes"]
    assert 32768 * 320 * 1024 == parts["kv_cache_bytes"]
    assert parts["total_bytes"] == sum(
        parts[f"{name}_bytes"] for name in ("weights", "kv_cache", "activations", "overhead")
    )
    assert (2, 2.1) == (by_count[1]["offers"], by_count[1]["cheapest_price_per_hour"])
    assert (1, 4.0) == (by_count[2]["offers"], by_count[2]["cheapest_price_per_hour"])
    assert (0, None) == (by_count[8]["offers"], by_count[8]["cheapest_price_per_hour"])
    assert 32 * 1024 * 320 * 1024 // 2 == by_count[2]["per_gpu"]["kv_cache_bytes"]


def test_it_says_what_was_taken_for_granted() -> None:
    answer = ask("model=gpt-oss:20b").json
    by_hand = ask("params=8b&layers=32&kv_heads=8&head_dim=128").json

    assert ("mxfp4", "fp16", 8192, 1, "vllm") == tuple(
        answer["load"][name] for name in ("quant", "kv_quant", "context", "sequences", "runtime")
    )
    assert ("GPT-OSS 20B", 3_600_000_000, 131072) == tuple(
        answer["model"][name] for name in ("name", "active_params", "max_context")
    )
    assert "OpenAI: config.json" in answer["model"]["source"]
    assert "weights: the experts' weights in 4.25 bits" in answer["assumptions"][0]
    assert "weights: all in 16 bits" == by_hand["assumptions"][0]
    dense = ask("model=qwen3-8b&quant=mxfp4").json["assumptions"][0]
    assert "weights: all weights but the embeddings in 4.25 bits" in dense
    assert any("hidden size" in words for words in by_hand["assumptions"])
    assert not any("hidden size" in words for words in answer["assumptions"])


def test_an_offer_says_what_it_has_room_for() -> None:
    first = ask("model=llama-3.1-8b").json["offers"][0]

    assert first["needed_bytes"] <= first["usable_bytes"] <= 24 * GIB * 0.9
    assert (1, 1, 0.4) == (
        first["tensor_parallel"], first["pipeline_parallel"], first["offer"]["price_per_hour"],
    )  # fmt: skip


def test_a_number_of_gpus_that_is_sold_is_told_too() -> None:
    menu = (an_offer(1, gpu_count=3), an_offer(2, gpu_count=5, vram_gb=4))
    splits = ask("model=llama-3.1-8b", menu=menu).json["splits"]

    assert [1, 2, 3, 4, 8, 16] == [split["gpu_count"] for split in splits]
    assert (1, 3) == (splits[2]["tensor_parallel"], splits[2]["pipeline_parallel"])


def test_the_most_that_fits_one_limit_is_still_counted() -> None:
    answer = ask("model=llama-3.1-8b&limit=2").json

    assert (2, 5) == (answer["count"], answer["total"])
    assert {CLOUD, OTHER_CLOUD} == {source["name"] for source in answer["providers"]}


@pytest.mark.parametrize(
    ("query", "path", "said"),
    [
        ("", "model", "give either"),
        ("model=llama-3.1-8b&params=8b", "model", "give either"),
        ("model=llama-3.1-8b&layers=3", "layers", "goes with params"),
        ("params=8b", "layers", "required"),
        ("params=8b&layers=32", "kv_heads", "required"),
        ("params=8b&layers=32&kv_heads=8", "head_dim", "required"),
        ("params=8x&layers=32&kv_heads=8&head_dim=128", "params", "regex"),
        ("params=0b&layers=32&kv_heads=8&head_dim=128", "params", "between 1"),
        ("params=8b&layers=32&kv_heads=7&heads=32&head_dim=128", "kv_heads", "evenly"),
        ("model=llama-3.1-8b&context=129k", "context", "at most 131072"),
        ("model=llama-3.1-8b&context=0", "context", "between 1"),
        ("model=llama-3.1-8b&context=1e9", "context", "regex"),
        ("model=llama-3.1-8b&quant=q9", "quant", "unknown quantisation"),
        ("model=llama-3.1-8b&kv_quant=q9", "kv_quant", "unknown quantisation"),
        ("model=llama-3.1-8b&runtime=q9", "runtime", "unknown runtime"),
        ("model=llama-3.1-8b&quant=awq&runtime=llama.cpp", "runtime", "reads no awq"),
        ("model=llama-3.1-8b&sequences=0", "sequences", ">= 1"),
        ("model=llama-3.1-8b&batch=4", "batch", "not a known parameter"),
        ("model=llama-3.1-8b&gpu_type=zx9", "gpu_type[0]", "unknown GPU"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(query: str, path: str, said: str) -> None:
    answer = ask(query)

    assert 400 == answer.status
    assert path == answer.json["errors"][0]["path"]
    assert said in answer.json["errors"][0]["message"]


def test_an_unknown_model_is_refused_with_the_nearest_and_a_way_out() -> None:
    answer = ask("model=llama-3.1-71b")

    assert (400, "unknown_model") == (answer.status, answer.json["code"])
    assert "Llama 3.1 70B" in answer.json["hint"]
    assert "params" in answer.json["hint"]


def test_a_menu_that_is_not_known_yet_is_not_an_empty_one() -> None:
    answer = a_house(listed=False).browser().get(f"{FIT}?model=llama-3.1-8b")

    assert (503, "inventory_not_ready") == (answer.status, answer.json["code"])
