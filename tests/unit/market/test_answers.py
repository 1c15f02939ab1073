"""The index answers as a plain look at every offer would: the same offers, order, counts and pages."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import msgspec
import pytest

from gpu_shopper.domain.conditions import All, Condition, fields_of, fits, holds
from gpu_shopper.domain.odd_prices import Mark
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import FIELDS, Direction, Order
from gpu_shopper.domain.true_price import Costing
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.snapshot import MarketSnapshot, OfferQuery
from gpu_shopper.wire.offers import OfferBody
from tests.unit.market.random_market import (
    a_condition,
    as_shown,
    snapshot_of,
    some_health,
    some_offers,
    some_orders,
)

MARKETS, QUESTIONS = 25, 400
ATTRIBUTES = {"gpu": "gpu_type", "provider": "provider", "country": "country"}


def place_of(
    offer: Offer, orders: Sequence[Order], costing: Costing | None = None
) -> tuple[int, list[float], str]:
    """Odd ones last, before them those of which a value is not known; then the values, then the id."""
    given = [(FIELDS[order.field].told(offer, costing), order.direction) for order in orders]
    unknown = any(value is None for value, _ in given)
    turned = [
        0.0 if value is None else float(value) * (1 if direction is Direction.LOWEST else -1)
        for value, direction in given
    ]
    if offer.marks:
        return 2, turned, offer.id
    return (1, [0.0 for _ in turned], offer.id) if unknown else (0, turned, offer.id)


def a_market(chance: Random) -> tuple[list[Offer], MarketSnapshot]:
    """Offers with the odds that are shown of them, and the market that has reckoned those itself."""
    offers = some_offers(chance)
    health = some_health(chance, offers)
    return as_shown(offers, health), snapshot_of(offers).heeding(health)


def ids(rows: Sequence[bytes]) -> list[str]:
    return [msgspec.json.decode(row, type=OfferBody).id for row in rows]


@pytest.mark.parametrize("seed", range(MARKETS))
def test_ten_thousand_random_questions_are_answered_as_a_look_at_every_offer_would(
    seed: int,
) -> None:
    chance = Random(seed)
    offers, snapshot = a_market(chance)
    for _ in range(QUESTIONS):
        condition, orders = a_condition(chance, offers), some_orders(chance)
        assert fits(condition)
        expected = sorted(
            (offer for offer in offers if holds(offer, condition)),
            key=lambda offer: place_of(offer, orders),
        )
        limit, skip = chance.choice([0, 1, 7, 50, 400]), chance.choice([0, 0, 3, 20])

        page = snapshot.query(
            OfferQuery(condition=condition, orders=orders, limit=limit, offset=skip)
        )

        assert len(expected) == page.total, condition
        assert [o.id for o in expected[skip : skip + limit]] == ids(page.rows), (condition, orders)


@pytest.mark.parametrize("seed", range(10))
def test_pages_by_cursor_join_without_gap_or_repeat_in_every_order(seed: int) -> None:
    chance = Random(seed)
    offers, snapshot = a_market(chance)
    for _ in range(20):
        condition, orders = a_condition(chance, offers), some_orders(chance)
        whole = snapshot.query(OfferQuery(condition=condition, orders=orders, limit=1_000))

        seen: list[str] = []
        after, more = None, True
        while more:
            question = OfferQuery(condition=condition, orders=orders, limit=13, after=after)
            page = snapshot.query(question)
            seen += ids(page.rows)
            after, more = page.last, page.last is not None

        assert ids(whole.rows) == seen


def test_a_cursor_holds_when_the_row_that_it_names_has_gone() -> None:
    chance = Random(3)
    offers = [offer for offer in some_offers(chance) if not offer.marks]
    first = snapshot_of(offers).query(OfferQuery(limit=10))
    gone = ids(first.rows)[-1]

    rest = snapshot_of([o for o in offers if o.id != gone]).query(
        OfferQuery(limit=1_000, after=first.last)
    )

    expected = ids(snapshot_of(offers).query(OfferQuery(limit=1_000)).rows)[10:]
    assert expected == ids(rest.rows)


@pytest.mark.parametrize("seed", range(10))
def test_facets_count_what_matches_all_but_what_was_asked_of_that_very_thing(seed: int) -> None:
    chance = Random(seed)
    offers, snapshot = a_market(chance)
    for _ in range(30):
        parts = tuple(a_condition(chance, offers) for _ in range(3))

        page = snapshot.query(OfferQuery(condition=All(parts), facets=FACETS))

        for name in FACETS:
            rest: Condition = All(tuple(one for one in parts if fields_of(one) != {name}))
            expected = Counter(getattr(o, ATTRIBUTES[name]) for o in offers if holds(o, rest))
            assert expected == page.facets[name]
        assert page.total == sum(holds(offer, All(parts)) for offer in offers)


def test_the_prices_drawn_here_are_odd_in_every_way() -> None:
    seen = {mark for seed in range(MARKETS) for o in some_offers(Random(seed)) for mark in o.marks}

    assert set(Mark) == seen


@pytest.mark.parametrize("seed", range(5))
def test_an_offer_comes_out_of_its_row_as_it_went_in(seed: int) -> None:
    offers = some_offers(Random(seed))
    snapshot: MarketSnapshot = snapshot_of(offers)

    assert offers == [snapshot.get(offer.id) for offer in offers]
