"""What is odd about prices: as a plain look at all offers finds, however near a price is to where it becomes odd."""

from dataclasses import replace
from random import Random

import pytest

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.odd_prices import TIMES_OFF, odd_prices, usual_prices
from gpu_shopper.domain.offer import Offer
from gpu_shopper.market.holder import Market
from tests.unit.market.random_market import NOW, PROVIDERS, an_offer

_GPUS = ("L4", "H100 SXM", "RTX 4090")


def _offers(chance: Random, provider: str, count: int) -> list[Offer]:
    each = (an_offer(chance, f"{number:03}", provider) for number in range(count))
    return [
        replace(
            offer,
            gpu_type=chance.choice(_GPUS),
            price=HourlyRate(int(chance.lognormvariate(chance.choice((0, 12, 24)), 2))),
        )
        for offer in each
    ]


def _near_the_edge(chance: Random, offers: list[Offer]) -> list[Offer]:
    """Return the offers with some prices a hundredth of the median, or a hundred times as much, or next to it."""
    usual = usual_prices(offers).per_gpu
    changed = []
    for offer in offers:
        times = chance.choice((TIMES_OFF, 1 / TIMES_OFF))
        price = usual.get(offer.gpu_type, 1.0) * times * offer.gpu_count * offer.gpu_fraction
        near = HourlyRate(max(0, round(price) + chance.choice((-1, 0, 1))))
        changed.append(replace(offer, price=near) if chance.random() < 0.05 else offer)
    return changed


@pytest.mark.parametrize("seed", range(25))
def test_what_is_odd_is_what_a_look_at_all_offers_finds(seed: int) -> None:
    chance = Random(seed)
    market, every = Market(map(ProviderName, PROVIDERS)), []
    for provider in PROVIDERS:
        every += _offers(chance, provider, chance.choice((1, 4, 60, 200)))
    every = _near_the_edge(chance, every)
    for provider in PROVIDERS:
        market.replace(ProviderName(provider), [o for o in every if o.provider == provider], at=NOW)
    snapshot = market.snapshot
    assert odd_prices(every) == {
        offer.id: marks
        for offer in every
        if (listed := snapshot.get(offer.id)) is not None and (marks := listed.marks)
    }
