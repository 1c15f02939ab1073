"""What offers cost for a need is, over the whole market, what it is for each of them alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import msgspec
import numpy as np
import pytest

from gpu_shopper.domain.conditions import EVERYTHING, All, fields_of, holds, joined
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import EFFECTIVE, OF_NEED, Direction, Order
from gpu_shopper.domain.offer_prices import expected as expected_cost
from gpu_shopper.domain.ranking import fit_to_buy
from gpu_shopper.domain.true_price import BillingTerms, Costing, Need, TruePrice
from gpu_shopper.market.costs import Costs
from gpu_shopper.market.effective import Effective
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.pieces import at_once
from gpu_shopper.market.selecting import Selection
from gpu_shopper.market.snapshot import MarketSnapshot, OfferQuery
from gpu_shopper.wire.offers import OfferBody
from tests.unit.market.random_market import (
    PROVIDERS,
    SORTABLE,
    a_condition,
    as_shown,
    snapshot_of,
    some_health,
    some_offers,
)
from tests.unit.market.test_answers import place_of

CHEAPEST = (Order(EFFECTIVE, Direction.LOWEST),)


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
    terms = tuple((name, some_terms(chance)) for name in named)
    return Costing(need, terms, started=chance.random() < 0.2)


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
            assert expected(costing.price(by_id[body.id])) == told(body)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_within_a_cap_and_would_be_bought_first_is_what_a_look_at_each_offer_finds(
    seed: int,
) -> None:
    chance = Random(200 + seed)
    offers = some_dear_offers(chance) if seed % 2 else some_offers(chance)
    health = some_health(chance, offers)
    snapshot, offers = snapshot_of(offers).heeding(health), as_shown(offers, health)
    for _ in range(20):
        costing = replace(a_costing(chance), started=False)
        condition = a_condition(chance, offers)
        # Nobody asks a purchase for costs in other words than by a cap.
        condition = EVERYTHING if fields_of(condition) & OF_NEED else condition
        condition = joined(condition, *fit_to_buy())
        prices = sorted(costing.capped(offer).per_hour for offer in offers) or [rate(1)]
        cap = chance.choice([None, chance.choice(prices), HourlyRate(prices[-1].micros * 2)])

        fit = [
            (expected_cost(offer, costing), offer.id)
            for offer in offers
            if holds(offer, condition) and costing.price(offer) is not None
            and (cap is None or costing.capped(offer).per_hour <= cap)
        ]  # fmt: skip
        found = at_once(snapshot.choosing(condition, costing, cap=cap, most=2))

        if fit:
            assert [one for _, one in sorted(fit)[:2]] == [one.id for one in found][: len(fit)]
        if cap is not None:
            page = ask(snapshot, costing, condition=condition, cap=cap)
            assert {one for _, one in fit} == {body.id for body in page}


def some_costed_orders(chance: Random) -> tuple[Order, ...]:
    """Orders of which most are by what the need costs."""
    names = [*sorted(OF_NEED) * 6, *SORTABLE]
    return tuple(
        Order(chance.choice(names), chance.choice([*Direction]))
        for _ in range(chance.choice([1, 1, 2]))
    )


@pytest.mark.parametrize("seed", range(25))
def test_what_is_asked_of_costs_is_answered_as_a_look_at_every_offer_would(seed: int) -> None:
    chance = Random(100 + seed)
    offers = some_dear_offers(chance) if seed % 2 else some_offers(chance)
    health = some_health(chance, offers)
    snapshot, offers = snapshot_of(offers).heeding(health), as_shown(offers, health)
    for number in range(40):
        costing = a_costing(chance)
        # Of few that match, only those are reckoned; of many, all, and they are kept.
        condition = a_condition(chance, offers, costing=costing) if number % 4 else EVERYTHING
        orders = some_costed_orders(chance)
        wanted = sorted(
            (offer for offer in offers if holds(offer, condition, costing)),
            key=lambda offer: place_of(offer, orders, costing),
        )
        skip, limit = chance.choice([0, 3]), chance.choice([5, 1_000])

        page = snapshot.query(
            OfferQuery(
                condition=condition, orders=orders, limit=limit, offset=skip, costing=costing
            )
        )

        shown = [msgspec.json.decode(row, type=OfferBody).id for row in page.rows]
        assert [offer.id for offer in wanted[skip : skip + limit]] == shown, (condition, orders)
        assert len(wanted) == page.total


@pytest.mark.parametrize("seed", range(10))
def test_facets_beside_a_question_of_costs_leave_out_their_own_part_only(seed: int) -> None:
    chance = Random(seed)
    listed = some_offers(chance)
    snapshot, offers = snapshot_of(listed), as_shown(listed)
    attributes = {"gpu": "gpu_type", "provider": "provider", "country": "country"}
    for _ in range(30):
        costing = a_costing(chance)
        parts = tuple(a_condition(chance, offers, costing=costing) for _ in range(3))

        page = snapshot.query(OfferQuery(condition=All(parts), facets=FACETS, costing=costing))

        for name in FACETS:
            rest = All(tuple(one for one in parts if fields_of(one) != {name}))
            expected = Counter(
                getattr(offer, attributes[name]) for offer in offers if holds(offer, rest, costing)
            )
            assert expected == page.facets[name]


@pytest.mark.parametrize("seed", range(10))
def test_in_pieces_the_answer_is_the_same(seed: int) -> None:
    chance = Random(seed)
    offers = some_offers(chance)
    snapshot = snapshot_of(offers)
    masks, gave_way = snapshot.masks, 0
    for _ in range(20):
        costing, orders = a_costing(chance), some_costed_orders(chance)
        condition = a_condition(chance, offers, costing=costing)
        most, skip = chance.choice([1, 6, 40]), chance.choice([0, 3])
        found = []
        for piece in (7, 1_000):
            costs = Costs(masks, Effective(snapshot.index, piece=piece), costing, piece=piece)
            pieces = costs.finding(condition, ())
            gave_way += sum(1 for _ in pieces)
            words = at_once(costs.finding(condition, ())).of(condition)
            chosen = Selection(masks, words, orders, costs.column, piece=piece)
            gave_way += sum(1 for _ in chosen.finding(most, skip=skip))
            found.append((words.tolist(), chosen.first(most, skip=skip)))

        assert found[0] == found[1]
    # Small pieces are what is tried here.
    assert len(offers) < 50 or gave_way


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
    effective, every = Effective(index, piece=7), np.flatnonzero(index.source >= 0)
    # More needs than are kept, each asked about twice.
    costings = [a_costing(chance) for _ in range(9)]
    assert len(every) > 7
    for costing in (*costings, *costings):
        bills = effective.bills(costing, every)

        totals = effective.totals(costing, every)
        at_once(effective.keeping(costing))

        assert np.array_equal(totals, effective.totals(costing, every), equal_nan=True)
        assert np.array_equal(np.where(bills.served, bills.total, np.nan), totals, equal_nan=True)
        assert np.array_equal(totals[:5], effective.totals(costing, every[:5]), equal_nan=True)


def test_a_row_says_nothing_of_what_was_not_asked() -> None:
    snapshot = snapshot_of(some_offers(Random(1)))

    rows = snapshot.query(OfferQuery(limit=5)).rows

    assert rows
    assert not any(b"effective" in row for row in rows)
