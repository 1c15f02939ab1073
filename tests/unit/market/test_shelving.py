"""A listing that is taken row by row, with what was said before taken over, makes the market that it would make alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from gpu_shopper.domain.conditions import Comparator, Compare
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.offer import Offer
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.holder import Market
from gpu_shopper.market.pieces import at_once
from gpu_shopper.market.shelving import FEW
from gpu_shopper.market.snapshot import OfferPage, OfferQuery
from tests.unit.market.random_market import NOW, a_condition, an_offer, some_orders

CLOUD = ProviderName("a")
# A row says of one offer or of several; its print follows from all of it.
Row = tuple[Offer, ...]
_ENDS = (*[""] * 500, '"q"', "back\\slash", "ü")


def _print_of(row: Row) -> int:
    return hash(row)


def _hear(market: Market, rows: Sequence[Row], *, minute: int) -> int:
    """Put on sale what the rows say; return how many of them were read."""
    heard, read = market.hearing(CLOUD), 0
    for piece in (rows[start : start + 40] for start in range(0, len(rows), 40)):
        asked = heard.ask([_print_of(row) for row in piece])
        read += len(asked.unknown)
        offers = [(offer, number) for number in asked.unknown for offer in piece[number]]
        asked.take([offer for offer, _ in offers], [number for _, number in offers])
    at_once(market.putting(CLOUD, heard, NOW + timedelta(minutes=minute)))
    return read


def _alone(rows: Sequence[Row], *, minute: int) -> Market:
    market = Market([CLOUD])
    market.replace(CLOUD, [o for row in rows for o in row], NOW + timedelta(minutes=minute))
    return market


def _whole(market: Market) -> OfferPage:
    return market.snapshot.query(OfferQuery(limit=10_000, facets=FACETS))


def _drawn(chance: Random, count: int) -> list[Row]:
    # Some have names that JSON writes in another way, or in more bytes than letters.
    names = (f"{number:04}{chance.choice(_ENDS)}" for number in range(count))
    return [(an_offer(chance, name, CLOUD),) for name in names]


def _changed(chance: Random, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows with some changed, gone, said twice in old words and new ones, split in two, or new."""
    for row in rows:
        offer = row[0]
        match chance.randrange(40):
            case 0:
                continue
            case 1:
                yield (replace(offer, reliability=chance.random()),)
            case 2:
                yield row
                yield (replace(offer, region="elsewhere"),)
            case 3:
                yield (replace(offer, gpu_type=chance.choice(("L4", "Weird GPU"))),)
                yield row
            case 4:
                other = OfferId(f"{offer.id}-half")
                yield (offer, replace(offer, id=other, provider_id=f"{offer.provider_id}-half"))
            case 5:
                yield row
                yield (an_offer(chance, f"{chance.randrange(10**6):06}", CLOUD),)
            case _:
                yield row


@pytest.mark.parametrize("seed", range(12))
def test_what_was_taken_over_is_as_if_it_had_been_read_again(seed: int) -> None:
    chance, market = Random(seed), Market([CLOUD])
    rows = _drawn(chance, chance.choice((0, 30, FEW + 1, 1_500)))
    for minute in range(6):
        if minute:
            rows = list(_changed(chance, rows)) if chance.random() < 0.8 else rows
        if chance.random() < 0.3:
            chance.shuffle(rows)
        if chance.random() < 0.2:
            rows = rows[: len(rows) // 2] + _drawn(chance, 400)

        _hear(market, rows, minute=minute)

        alone = _alone(rows, minute=minute)
        assert _whole(alone) == _whole(market)
        offers = [row[-1] for row in rows] or [an_offer(chance, "x", CLOUD)]
        for _ in range(10):
            query = OfferQuery(
                condition=a_condition(chance, offers), orders=some_orders(chance), facets=FACETS
            )
            assert alone.snapshot.query(query) == market.snapshot.query(query)
        for offer in chance.sample(offers, min(5, len(offers))):
            assert alone.snapshot.get(offer.id) == market.snapshot.get(offer.id)


def test_terms_of_which_there_are_many_are_each_offers_own() -> None:
    chance, market = Random(1), Market([CLOUD])
    # More different ones than are told apart as they come; and then some of both parts again.
    ram = [*range(1_300), *range(900, 1_300), *range(200)]
    offers = [
        replace(an_offer(chance, f"{n:04}", CLOUD), ram_gb=gb, interruptible=gb % 7 == 0)
        for n, gb in enumerate(ram)
    ]

    _hear(market, [(offer,) for offer in offers], minute=0)

    snapshot = market.snapshot
    said = [replace(offer, availability_confidence=1.0, fetched_at=NOW) for offer in offers]
    assert said == list(snapshot.offers_of(CLOUD))
    for least in (1, 950, 1_250):
        found = snapshot.matching(Compare("ram", Comparator.AT_LEAST, least))
        assert sum(gb >= least for gb in ram) == len(list(found))


def test_only_rows_that_say_something_new_are_read_and_a_menu_that_does_not_is_not_indexed() -> (
    None
):
    chance, market = Random(1), Market([CLOUD])
    rows = _drawn(chance, 1_000)

    assert 1_000 == _hear(market, rows, minute=0)
    index = market.snapshot.index
    assert 0 == _hear(market, rows, minute=1)
    assert index is market.snapshot.index
    assert NOW + timedelta(minutes=1) == market.snapshot.providers[0].fetched_at

    rows[7] = (replace(rows[7][0], reliability=0.123),)
    assert 1 == _hear(market, rows, minute=2)
    got = market.snapshot.get(rows[7][0].id)
    assert got is not None
    assert 0.123 == got.reliability
    assert 0 == _hear(market, rows, minute=3)


def test_a_row_with_several_offers_is_read_each_time() -> None:
    chance, market = Random(2), Market([CLOUD])
    rows = _drawn(chance, 500)
    rows[3] = (*rows[3], an_offer(chance, "second", CLOUD))

    _hear(market, rows, minute=0)

    assert 1 == _hear(market, rows, minute=1)
    assert 501 == len(market.snapshot)


def test_a_listing_that_is_given_up_changes_nothing() -> None:
    chance, market = Random(3), Market([CLOUD])
    rows = _drawn(chance, 600)
    _hear(market, rows, minute=0)
    before = _whole(market)

    given_up = market.hearing(CLOUD)
    given_up.ask([_print_of(row) for row in rows[:300]])

    assert before == _whole(market)
    assert 0 == _hear(market, rows, minute=1)
    assert 600 == len(market.snapshot)


def test_what_is_taken_over_was_on_sale_when_the_listing_began_whatever_came_between() -> None:
    chance, market = Random(4), Market([CLOUD])
    rows = _drawn(chance, 600)
    _hear(market, rows, minute=0)

    heard = market.hearing(CLOUD)
    assert not heard.ask([_print_of(row) for row in rows]).unknown
    market.withdraw(CLOUD)
    at_once(market.putting(CLOUD, heard, NOW + timedelta(minutes=1)))

    assert _whole(_alone(rows, minute=1)) == _whole(market)
