"""Two conditions that leave nothing between them are named, and others never are."""

from random import Random

import pytest

from gpu_shopper.domain.conditions import holds
from gpu_shopper.domain.query_contradictions import contradiction
from gpu_shopper.domain.query_language import parse
from tests.unit.market.random_market import some_offers


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("price<1 H100 price>2", "price<1 and price>2 never hold both"),
        ("price<1 price>=1", "price<1 and price>=1 never hold both"),
        ("count=2 count=4", "count=2 and count=4 never hold both"),
        ("count>1 count<1", "count>1 and count<1 never hold both"),
        ("country=DE country in (FR, US)", "country=de and country in (fr, us) never hold both"),
        ("gpu=T4 gpu=L4", "gpu=t4 and gpu=l4 never hold both"),
        ("spot !spot", "interruptible and !interruptible never hold both"),
        ("price<0", "price<0 never holds"),
        ("price<=1 price>=1", ""),
        ("price<3 price<2", ""),
        ("price<1 or price>2", ""),
        ("country in (DE, FR) country in (FR, US)", ""),
        ("price>1 vram<1", ""),
        ("", ""),
    ],
)
def test_what_never_holds_is_named(query: str, expected: str) -> None:
    assert expected == contradiction(parse(query).condition)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_for_which_an_offer_is_found_is_called_a_contradiction(seed: int) -> None:
    chance = Random(seed)
    offers = some_offers(chance)
    for _ in range(300):
        parts = [
            f"{chance.choice(['count', 'price', 'vcpus'])}{chance.choice(['<', '<=', '=', '>=', '>'])}"
            f"{chance.choice([0, 0.2, 1, 2, 8, 16])}"
            for _ in range(3)
        ]
        condition = parse(
            " ".join([*parts, chance.choice(["spot", "!spot", "country=DE"])])
        ).condition
        if contradiction(condition):
            assert not any(holds(offer, condition) for offer in offers)
