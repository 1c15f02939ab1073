"""A crowd at a market with one broken host: how many starts are wasted, with and without a draw and a memory.

Eleven sound machines with an offer each, and a broken one with eight, the cheapest of all by a hair. Every five minutes
twenty consumers choose at the same moment, ten times; who fell on the broken machine chooses again, elsewhere.
"""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_health import OfferHealth, Outcome, place_of, read_health
from gpu_shopper.domain.ranking import choose
from gpu_shopper.testing.builders import NOON, an_offer

WAVES, CONSUMERS, PAUSE = 10, 20, timedelta(minutes=5)
BROKEN = "broken"
OFFERS = [
    *(an_offer(f"slot-{n}", machine_id=BROKEN, price=HourlyRate(400_000)) for n in range(8)),
    *(an_offer(f"sound-{n:02}", price=HourlyRate(400_100 + n)) for n in range(11)),
]


def outcome(offer: Offer, *, wave: int) -> Outcome:
    fails = offer.machine_id == BROKEN
    return Outcome(
        provider=offer.provider, offer_id=offer.id, machine_id=offer.machine_id,
        location=place_of(offer), gpu_type=offer.gpu_type, at=NOON + wave * PAUSE,
        blame=Blame.MACHINE if fails else None, reason="no CUDA device" if fails else "",
    )  # fmt: skip


def wasted_starts(*, draws: bool, remembers: bool) -> int:
    chance, outcomes, wasted = Random(1), list[Outcome](), 0
    for wave in range(WAVES):
        now = NOON + wave * PAUSE
        health = read_health(outcomes, now=now) if remembers else OfferHealth()
        chosen = [pick(OFFERS, health, chance.random() if draws else 0.0) for _ in range(CONSUMERS)]
        wasted += sum(offer.machine_id == BROKEN for offer in chosen)
        outcomes += [outcome(offer, wave=wave) for offer in chosen]
    return wasted


def pick(offers: Sequence[Offer], health: OfferHealth, draw: float) -> Offer:
    return choose(offers, hours=2, draw=draw, health=health)


def test_without_draw_or_memory_all_two_hundred_fall_on_the_broken_host() -> None:
    assert 200 == wasted_starts(draws=False, remembers=False)


def test_a_memory_alone_wastes_twenty_the_whole_first_crowd() -> None:
    assert CONSUMERS == wasted_starts(draws=False, remembers=True)


def test_a_draw_alone_wastes_twenty_two_what_falls_to_one_machine_of_twelve() -> None:
    assert 22 == wasted_starts(draws=True, remembers=False)


def test_a_draw_and_a_memory_waste_three_the_first_crowds_share() -> None:
    assert 3 == wasted_starts(draws=True, remembers=True)
