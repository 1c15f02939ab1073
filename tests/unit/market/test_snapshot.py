"""The snapshot: what it knows of its clouds, and each filter of a request by itself."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gpu_shopper.domain.conditions import condition_of, holds
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.odd_prices import odd_prices
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_fields import FIELDS
from gpu_shopper.market.bitmaps import rows_in_pieces, rows_of
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.rows import id_in
from gpu_shopper.market.snapshot import Listing, MarketSnapshot, OfferQuery
from gpu_shopper.market.stock import Stock
from tests.unit.market.random_market import as_shown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GPUS = {"RTX 4090": 24, "H100 SXM": 80, "T4": 16, "A100 80GB": 80, "L4": 24, "RTX 3090": 24}
PROVIDERS = ("cirrus", "nimbus", "stratus")


def an_offer(name: str, provider: str = "nimbus", **changes: object) -> Offer:
    facts: dict[str, object] = {
        "id": OfferId(f"{provider}:{name}"), "provider": ProviderName(provider),
        "provider_id": name, "machine_id": "", "gpu_type": "RTX 4090", "gpu_count": 1,
        "vram_gb": 24, "price": rate("0.40"), "country": "DE", "region": "eu-1",
        "location": "Berlin", "reliability": 0.99, "fetched_at": NOW,
    }  # fmt: skip
    return Offer(**{**facts, **changes})  # type: ignore[arg-type]


def a_market(size: int, *, seed: int = 7) -> list[Offer]:
    chance = random.Random(seed)
    offers = []
    for number in range(size):
        gpu = chance.choice(list(GPUS))
        offers.append(
            an_offer(
                f"{number:05}",
                chance.choice(PROVIDERS),
                gpu_type=gpu,
                gpu_count=chance.choice([1, 1, 2, 4, 8]),
                vram_gb=GPUS[gpu],
                price=HourlyRate(chance.randrange(100_000, 5_000_000, 50_000)),
                country=chance.choice(["DE", "US", "se"]),
                region=chance.choice(["eu-1", "US-East", "us-west"]),
                reliability=chance.choice([0.9, 0.95, 0.99]),
                availability_confidence=chance.choice([0.5, 0.9, 1.0]),
                cuda_version=chance.choice(["", "11.8", "12.4", "12.10"]),
                interruptible=chance.random() < 0.3,
                gpu_fraction=chance.choice([1.0, 1.0, 0.125]),
                vcpus=chance.choice([0, 8, 64]),
                ram_gb=chance.choice([0, 32, 512]),
                disk_gb=chance.choice([0, 100, 2_000]),
                inet_down_mbps=chance.choice([0, 500, 10_000]),
            )
        )
    return offers


def a_snapshot(offers: list[Offer]) -> MarketSnapshot:
    return MarketSnapshot(
        Listing(
            provider=ProviderName(provider),
            stock=Stock(
                ProviderName(provider), (offer for offer in offers if offer.provider == provider)
            ),
            fetched_at=NOW,
        )
        for provider in PROVIDERS
    )


OFFERS = a_market(300)
SNAPSHOT = a_snapshot(OFFERS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gpu_types", frozenset({"T4"})), ("gpu_count", 2), ("min_gpu_count", 4),
        ("min_vram_gb", 80), ("min_cuda", "12.4"), ("max_price", rate("1")),
        ("providers", frozenset({"cirrus"})), ("regions", frozenset({"us-east"})),
        ("countries", frozenset({"se"})), ("min_reliability", 0.99),
        ("min_availability_confidence", 0.9), ("min_disk_gb", 100), ("min_ram_gb", 512),
        ("min_vcpus", 64), ("min_inet_down_mbps", 10_000), ("interruptible", False), ("partial", True),
    ],
)  # fmt: skip
def test_each_filter_alone_narrows_rightly(field: str, value: object) -> None:
    wanted = Requirements(**{field: value})  # type: ignore[arg-type]
    expected = {offer.id for offer in as_shown(OFFERS) if holds(offer, condition_of(wanted))}

    found = {offer.id for offer in SNAPSHOT.matching(condition_of(wanted))}

    assert expected == found
    assert 0 < len(found) < len(OFFERS)


def test_every_filter_of_a_request_is_tried() -> None:
    tried = test_each_filter_alone_narrows_rightly.pytestmark[0].args[1]

    assert set(Requirements.__dataclass_fields__) == {field for field, _ in tried}


def test_ties_are_broken_by_id() -> None:
    snapshot = a_snapshot([an_offer(name) for name in ("c", "a", "b")])

    for field in FIELDS.values():
        if field.sortable:
            page = snapshot.query(OfferQuery(orders=(field.best_first,)))
            assert ["nimbus:a", "nimbus:b", "nimbus:c"] == [id_in(row, 0) for row in page.rows]


def test_an_offer_is_found_by_its_id() -> None:
    assert OFFERS[5] == SNAPSHOT.get(OFFERS[5].id)
    assert SNAPSHOT.get(OfferId("nimbus:none")) is None


def test_an_id_listed_twice_is_one_offer() -> None:
    twice = [an_offer("a", price=rate("1")), an_offer("a", price=rate("2"))]
    snapshot = a_snapshot(twice)

    assert 1 == len(snapshot) == snapshot.query(OfferQuery()).total
    assert twice[1] == snapshot.get(twice[0].id)


def test_a_cloud_cannot_list_another_clouds_offer() -> None:
    with pytest.raises(AssertionError):
        Stock(ProviderName("cirrus"), [an_offer("a", "nimbus")])


def test_an_empty_market_answers_with_nothing() -> None:
    empty = MarketSnapshot()

    page = empty.query(OfferQuery(facets=FACETS))
    assert ((), 0, None) == (page.rows, page.total, page.last)
    assert {"gpu": {}, "provider": {}, "country": {}} == page.facets
    assert not empty.ready


def test_the_age_of_a_listing_is_never_negative() -> None:
    stock = Stock(ProviderName("nimbus"))
    listing = Listing(provider=ProviderName("nimbus"), stock=stock, fetched_at=NOW)

    assert timedelta(minutes=3) == listing.age(NOW + timedelta(minutes=3))
    assert timedelta(0) == listing.age(NOW - timedelta(minutes=3))
    assert Listing(provider=ProviderName("nimbus"), stock=stock).age(NOW) is None


@pytest.mark.parametrize("skip", [0, 13, 4_000])
def test_of_many_rows_the_cheapest_come_first_without_all_being_sorted(skip: int) -> None:
    offers = a_market(6_000, seed=skip)
    snapshot = a_snapshot(offers)
    odd = odd_prices(offers)
    expected = [o.id for o in sorted(offers, key=lambda o: (o.id in odd, o.price.micros, o.id))]

    page = snapshot.query(OfferQuery(offset=skip, limit=60))
    rest = snapshot.query(OfferQuery(after=page.last, limit=60))

    found = [id_in(row, 0) for row in (*page.rows, *rest.rows)]
    assert expected[skip : skip + 120] == found
    assert 6_000 == page.total


def test_a_row_that_was_on_a_page_before_is_the_same_again_however_many_there_were() -> None:
    snapshot = a_snapshot(a_market(4_300, seed=1))
    pages = [snapshot.query(OfferQuery(offset=skip, limit=90)).rows for skip in range(0, 4_300, 90)]

    again = [snapshot.query(OfferQuery(offset=skip, limit=90)).rows for skip in range(0, 4_300, 90)]
    at_once = snapshot.query(OfferQuery(limit=4_300)).rows

    assert pages == again
    assert at_once == tuple(row for page in pages for row in page)


@pytest.mark.parametrize("size", [1, 63, 64, 200, 100_000])
def test_rows_come_in_pieces_of_about_the_size_that_is_asked_for(size: int) -> None:
    chance = np.random.default_rng(size)
    words = chance.integers(0, 1 << 63, 90).astype(np.uint64)
    words[chance.random(90) < 0.5] = 0

    pieces = list(rows_in_pieces(words, size))

    assert rows_of(words).tolist() == np.concatenate(pieces).tolist()
    # No word is cut.
    assert all(len(piece) < size + 64 for piece in pieces)
    assert not list(rows_in_pieces(words[:0], size))
