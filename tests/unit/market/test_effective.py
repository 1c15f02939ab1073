"""What offers cost for a need is, over the whole market, what it is for each of them alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import msgspec
import numpy as np
import pytest

from gpu_shopper.domain.conditions import EVERYTHING, Condition, holds
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import EFFECTIVE, Direction, Order
from gpu_shopper.domain.true_price import BillingTerms, Need, TruePrice, serves, true_price
from gpu_shopper.market.effective import Costing, Effective
from gpu_shopper.market.snapshot import MarketSnapshot, OfferQuery
from gpu_shopper.wire.offers import OfferBody
from tests.unit.market.random_market import (
    PROVIDERS,
    a_condition,
    as_shown,
    snapshot_of,
    some_offers,
)

CHEAPEST = (Order(EFFECTIVE, Direction.LOWEST),)
DEAREST = (Order(EFFECTIVE, Direction.HIGHEST),)


def some_terms(chance: Random) -> BillingTerms:
    pick = chance.choice
    return BillingTerms(
        minimum=timedelta(seconds=pick([0, 60, 3600])),
        increment=pick([timedelta(microseconds=1), timedelta(seconds=1), timedelta(hours=1)]),
        billed_boot=timedelta(seconds=pick([0, 2, 90])),
        included_disk_gb=pick([0, 5, 100]),
        usd_per_unit=pick([1.0, 1.0837]),
        exchange_fee=pick([0.0, 0.015]),
        smallest_charge=pick([0.0, 0.01]),
    )


def a_costing(chance: Random) -> Costing:
    need = Need(
        hours=chance.choice([0.01, 1 / 3, 1.0, 4.999, 5.0, 5.001, 8760.0]),
        disk_gb=chance.choice([0, 50, 100, 101, 100_000]),
        traffic_gb=chance.choice([0, 33, 1_000_000]),
    )
    # A cloud without terms of its own bills by the defaults.
    named = chance.sample(PROVIDERS, chance.randrange(len(PROVIDERS) + 1))
    return Costing(need, tuple((name, some_terms(chance)) for name in named))


def some_dear_offers(chance: Random) -> list[Offer]:
    """Offers of which some state prices with many digits, and some that nobody would pay."""
    pick = chance.choice
    offers = [
        replace(
            offer,
            price=HourlyRate(pick([offer.price.micros, chance.randrange(10**12)])),
            storage_price_per_gb_month=pick([0.0, 0.1, chance.random(), 1e6]),
            traffic_price_per_gb=pick([0.0, chance.random() / 100, 1e6]),
            marks=(),
        )
        for offer in some_offers(chance)
    ]
    return marked_as_in(snapshot_of(offers), offers)


def marked_as_in(snapshot: MarketSnapshot, offers: Sequence[Offer]) -> list[Offer]:
    found = (snapshot.get(offer.id) for offer in offers)
    return [offer for offer in found if offer is not None]


def cost(offer: Offer, costing: Costing) -> TruePrice | None:
    terms = dict(costing.terms).get(offer.provider, BillingTerms())
    return true_price(offer, terms, costing.need) if serves(offer, costing.need) else None


def told(body: OfferBody) -> tuple[float, ...] | None:
    if body.effective_price is None:
        assert body.effective_price_per_hour is None
        return None
    assert body.effective_price_per_hour is not None
    return (body.effective_price_per_hour, *msgspec.structs.astuple(body.effective_price))


def expected(found: TruePrice | None) -> tuple[float, ...] | None:
    if found is None:
        return None
    amounts = (
        found.per_hour, found.use, found.unused, found.disk, found.traffic, found.exchange,
        found.rounding, found.total, found.per_gpu_hour,
    )  # fmt: skip
    return tuple(amount.dollars for amount in amounts)


def ask(snapshot: MarketSnapshot, costing: Costing, **more: object) -> list[OfferBody]:
    page = snapshot.query(OfferQuery(**{"limit": 1_000, "costing": costing} | more))  # type: ignore[arg-type]
    return [msgspec.json.decode(row, type=OfferBody) for row in page.rows]


@pytest.mark.parametrize("seed", range(25))
def test_every_row_costs_what_its_offer_does(seed: int) -> None:
    chance = Random(seed)
    offers = some_dear_offers(chance)
    snapshot, by_id = snapshot_of(offers), {offer.id: offer for offer in offers}
    for _ in range(20):
        costing = a_costing(chance)

        bodies = ask(snapshot, costing)

        assert len(offers) == len(bodies)
        for body in bodies:
            assert expected(cost(by_id[body.id], costing)) == told(body)


def place(offer: Offer, costing: Costing, sign: int) -> tuple[int, int, str]:
    if offer.marks:
        return 2, _micros(cost(offer, costing)) * sign, offer.id
    price = cost(offer, costing)
    return (1, 0, offer.id) if price is None else (0, price.total.micros * sign, offer.id)


def _micros(price: TruePrice | None) -> int:
    return 0 if price is None else price.total.micros


@pytest.mark.parametrize("seed", range(25))
def test_the_order_is_that_of_the_offers_what_cannot_be_had_behind_and_odd_ones_last(
    seed: int,
) -> None:
    chance = Random(100 + seed)
    offers = some_offers(chance)
    snapshot = snapshot_of(offers)
    for number in range(20):
        costing = a_costing(chance)
        # Of few that match, only those are reckoned; of many, all, and they are kept.
        condition: Condition = EVERYTHING if number % 2 else a_condition(chance, offers)
        orders, sign = (CHEAPEST, 1) if chance.random() < 0.8 else (DEAREST, -1)
        wanted = sorted(
            (offer for offer in as_shown(offers) if holds(offer, condition)),
            key=lambda offer: place(offer, costing, sign),
        )
        skip, limit = chance.choice([0, 3]), chance.choice([5, 1_000])

        bodies = ask(
            snapshot, costing, condition=condition, orders=orders, limit=limit, offset=skip
        )

        assert [offer.id for offer in wanted[skip : skip + limit]] == [body.id for body in bodies]


def test_pages_by_effective_price_join_without_gap_or_repeat() -> None:
    chance = Random(7)
    snapshot = snapshot_of(some_offers(chance))
    costing = Costing(Need(hours=4, disk_gb=100, traffic_gb=10))
    whole = [body.id for body in ask(snapshot, costing, orders=CHEAPEST)]

    seen: list[str] = []
    after = None
    while True:
        page = snapshot.query(OfferQuery(costing=costing, orders=CHEAPEST, limit=13, after=after))
        seen += [msgspec.json.decode(row, type=OfferBody).id for row in page.rows]
        after = page.last
        if after is None:
            break

    assert whole == seen


def test_totals_are_those_of_the_bills_in_pieces_and_once_they_are_kept() -> None:
    chance = Random(5)
    index = snapshot_of(some_offers(chance)).index
    effective, every = Effective(index, piece=7), np.flatnonzero(index.layout.source >= 0)
    # More needs than are kept, each asked about twice.
    costings = [a_costing(chance) for _ in range(9)]
    assert len(every) > 7
    for costing in (*costings, *costings):
        bills = effective.bills(costing, every)

        totals = effective.totals(costing, every)

        assert np.array_equal(np.where(bills.served, bills.total, np.nan), totals, equal_nan=True)
        assert np.array_equal(totals[:5], effective.totals(costing, every[:5]), equal_nan=True)


def test_a_row_says_nothing_of_what_was_not_asked() -> None:
    snapshot = snapshot_of(some_offers(Random(1)))

    rows = snapshot.query(OfferQuery(limit=5)).rows

    assert rows
    assert not any(b"effective" in row for row in rows)
