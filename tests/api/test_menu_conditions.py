"""What the filters of the menu mean: the same as requirements of a session that say the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.api.menu_query import InventoryQuery, question_of
from gpu_shopper.domain.conditions import condition_of
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Requirements

GPUS = {"rtx4090": {"RTX 4090"}, "NVIDIA L40S": {"L40S"}, "A100 80GB": {"A100 80GB"}}
AMOUNTS = st.integers(0, 1000)
# How each filter is written, what may be asked, and by which name requirements have it.
NUMBERS = {
    "gpu_count": "gpu_count",
    "min_gpu_count": "min_gpu_count",
    "min_vram": "min_vram_gb",
    "min_disk": "min_disk_gb",
    "min_ram": "min_ram_gb",
    "min_vcpus": "min_vcpus",
    "min_inet_down": "min_inet_down_mbps",
}
SHARES = ("min_reliability", "min_availability_confidence")
FLAGS = ("interruptible", "partial")
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(NUMBERS, AMOUNTS),
        **dict.fromkeys(SHARES, st.floats(0, 1)),
        **dict.fromkeys(FLAGS, st.booleans()),
        "gpu_type": st.lists(st.sampled_from(sorted(GPUS)), max_size=3),
        "provider": st.lists(st.sampled_from(["cumulus", "Nimbus"]), max_size=2),
        "region": st.lists(st.sampled_from(["EU-North", "us-west"]), max_size=2),
        "country": st.lists(st.sampled_from(["DE", "fr"]), max_size=2),
        "max_price": st.floats(0.01, 100),
        "min_cuda": st.sampled_from(["12.4", "11", "0"]),
    },
)


def required(filters: dict[str, Any]) -> Requirements:
    """Return what a session that asks for the same requires."""
    gpus = [GPUS[name] for name in filters.get("gpu_type", [])]
    price = filters.get("max_price")
    return Requirements(
        gpu_types=frozenset().union(*gpus),
        providers=frozenset(filters.get("provider", [])),
        regions=frozenset(filters.get("region", [])),
        countries=frozenset(filters.get("country", [])),
        max_price=None if price is None else rate(price),
        min_cuda=filters.get("min_cuda"),
        **{name: filters.get(said) for said, name in NUMBERS.items()},
        **{name: filters.get(name) for name in (*SHARES, *FLAGS)},
    )


@given(FILTERS)
def test_filters_mean_what_requirements_do(filters: dict[str, Any]) -> None:
    question = question_of(InventoryQuery(**filters), providers=(), costing=None)

    assert condition_of(required(filters)) == question.condition


def test_a_location_of_two_letters_is_a_country() -> None:
    asked = InventoryQuery(location=["DE", "eu-west"], country=["FR"], region=["US-east"])
    same = Requirements(
        regions=frozenset({"eu-west", "us-east"}), countries=frozenset({"de", "fr"})
    )

    assert condition_of(same) == question_of(asked, providers=(), costing=None).condition


def test_a_query_is_fulfilled_beside_the_filters() -> None:
    both = question_of(InventoryQuery(q="vram>=80", gpu_count=2), providers=(), costing=None)
    filters = InventoryQuery(min_vram=80, gpu_count=2)

    apart = question_of(filters, providers=(), costing=None)
    assert set(apart.condition.conditions) == set(both.condition.conditions)
