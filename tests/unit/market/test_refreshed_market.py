"""A market that was refreshed in any way, bought from and heard bad news of answers as one that was made at once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import msgspec
import pytest

from gpu_shopper.domain.conditions import All, Condition, fields_of, holds
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.odd_prices import odd_prices
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.holder import FEW, Market
from gpu_shopper.market.pieces import at_once
from gpu_shopper.market.snapshot import OfferQuery
from gpu_shopper.wire.offers import OfferBody
from tests.unit.market.random_market import (
    NOW,
    PROVIDERS,
    a_condition,
    an_offer,
    as_shown,
    some_health,
    some_orders,
)
from tests.unit.market.test_answers import ATTRIBUTES, place_of

CLOUDS = [ProviderName(name) for name in PROVIDERS]


class World:
    """A market, and beside it what should be on it."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.market = Market(CLOUDS)
        self.listed: dict[ProviderName, list[Offer]] = {cloud: [] for cloud in CLOUDS}
        self.taken: set[OfferId] = set()
        self.health = OfferHealth()
        self.minutes = 0

    def step(self) -> None:
        """Let something happen to one cloud, or to what is known of all."""
        chance, cloud = self.chance, self.chance.choice(CLOUDS)
        at = NOW + timedelta(minutes=self.minutes)
        match chance.randrange(8):
            case 0 | 1 | 2:
                self.hear(cloud, list(self.offers(cloud)))
            case 3:
                # Some rows changed, some gone, the rest as they were.
                kept = [offer for offer in self.listed[cloud] if chance.random() < 0.9]
                again = [
                    replace(offer, reliability=0.5) if chance.random() < 0.1 else offer
                    for offer in kept
                ]
                self.hear(cloud, again)
            case 4:
                self.market.mark_failed(cloud, "no route", at)
            case 5:
                self.market.withdraw(cloud)
                self.listed[cloud] = []
            case 6:
                # What was remembered from before the listing does not take an offer away.
                self.health = some_health(chance, [o for own in self.listed.values() for o in own])
                at_once(self.market.heed(self.health))
            case _:
                for offer in chance.sample(self.listed[cloud], min(3, len(self.listed[cloud]))):
                    self.market.take(offer)
                    if offer.machine_id:
                        self.taken.add(offer.id)

    def hear(self, cloud: ProviderName, offers: list[Offer]) -> None:
        self.minutes += 1
        self.market.replace(cloud, offers, NOW + timedelta(minutes=self.minutes))
        self.listed[cloud] = offers
        self.taken = {one for one in self.taken if not one.startswith(f"{cloud}:")}

    def offers(self, cloud: ProviderName) -> Iterator[Offer]:
        for number in range(self.chance.choice([0, 1, 30, 130, FEW + 50])):
            yield an_offer(self.chance, f"{number:03}", cloud)

    def shown(self) -> list[Offer]:
        """Return what a look at every offer would find, each held against all that are listed."""
        every = [offer for offers in self.listed.values() for offer in offers]
        odd = odd_prices(every)
        marked = [replace(offer, marks=odd.get(offer.id, ())) for offer in every]
        known = as_shown(marked, self.health)
        return [offer for offer in known if offer.id not in self.taken]


@pytest.mark.parametrize("seed", range(12))
def test_after_every_refresh_the_answer_is_that_of_a_look_at_every_offer(seed: int) -> None:
    chance = Random(seed)
    world = World(chance)
    for cloud in CLOUDS:
        world.hear(cloud, list(world.offers(cloud)))
    # The same questions again and again: what was kept of them meets other offers.
    first = world.shown() or [an_offer(chance, "a", CLOUDS[0])]
    questions = [tuple(a_condition(chance, first) for _ in range(2)) for _ in range(15)]
    for _ in range(15):
        world.step()
        offers, snapshot = world.shown(), world.market.snapshot
        for parts in questions:
            condition, orders = All(parts), some_orders(chance)
            matching = [offer for offer in offers if holds(offer, condition)]
            expected = sorted(matching, key=lambda offer: place_of(offer, orders))

            page = snapshot.query(
                OfferQuery(condition=condition, orders=orders, limit=40, facets=FACETS)
            )

            found = [msgspec.json.decode(row, type=OfferBody).id for row in page.rows]
            assert [offer.id for offer in expected[:40]] == found, (condition, orders)
            assert len(expected) == page.total
            for name in FACETS:
                rest: Condition = All(tuple(one for one in parts if fields_of(one) != {name}))
                counted = Counter(getattr(o, ATTRIBUTES[name]) for o in offers if holds(o, rest))
                assert counted == page.facets[name]
