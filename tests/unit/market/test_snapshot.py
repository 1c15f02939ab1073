"""The snapshot answers as a plain look at every offer would, only faster."""

import random
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer, OfferQuery, OfferSort, Requirements, matches
from gpu_shopper.market.snapshot import Listing, MarketSnapshot

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
            offers=[offer for offer in offers if offer.provider == provider],
            fetched_at=NOW,
        )
        for provider in PROVIDERS
    )


OFFERS = a_market(300)
SNAPSHOT = a_snapshot(OFFERS)


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


REQUIREMENTS = st.builds(
    Requirements,
    gpu_types=st.frozensets(st.sampled_from([*GPUS, "B200"]), max_size=3),
    gpu_count=maybe(st.sampled_from([1, 2, 3])),
    min_gpu_count=maybe(st.integers(0, 9)),
    min_vram_gb=maybe(st.sampled_from([16, 24, 25, 80])),
    min_cuda=maybe(st.sampled_from(["11", "12.4", "12.9", "13"])),
    max_price=maybe(st.integers(0, 5_000_000).map(HourlyRate)),
    providers=st.frozensets(st.sampled_from([*PROVIDERS, "void"]), max_size=2),
    regions=st.frozensets(st.sampled_from(["eu-1", "us-east", "mars"]), max_size=2),
    countries=st.frozensets(st.sampled_from(["de", "us", "se"]), max_size=2),
    min_reliability=maybe(st.sampled_from([0.9, 0.95, 1.0])),
    min_availability_confidence=maybe(st.sampled_from([0.5, 0.9, 1.0])),
    min_disk_gb=maybe(st.sampled_from([1, 100])),
    min_ram_gb=maybe(st.sampled_from([1, 512])),
    min_vcpus=maybe(st.sampled_from([1, 64])),
    min_inet_down_mbps=maybe(st.sampled_from([1, 10_000])),
    interruptible=maybe(st.booleans()),
)
ORDERS = {
    OfferSort.PRICE: lambda offer: (offer.price.micros, offer.id),
    OfferSort.PRICE_PER_GPU: lambda offer: (offer.price_per_gpu.micros, offer.id),
    OfferSort.VRAM: lambda offer: (-offer.vram_gb, offer.id),
    OfferSort.RELIABILITY: lambda offer: (-offer.reliability, offer.id),
}


@settings(max_examples=400, deadline=None)
@given(
    wanted=REQUIREMENTS,
    sort=st.sampled_from(OfferSort),
    limit=st.integers(0, 60),
    offset=st.integers(0, 320),
)
def test_a_query_answers_as_a_look_at_every_offer_would(
    wanted: Requirements, sort: OfferSort, limit: int, offset: int
) -> None:
    expected = sorted((o for o in OFFERS if matches(o, wanted)), key=ORDERS[sort])

    page = SNAPSHOT.query(OfferQuery(requirements=wanted, sort=sort, limit=limit, offset=offset))

    assert tuple(expected[offset : offset + limit]) == page.offers
    assert len(expected) == page.total


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gpu_types", frozenset({"T4"})), ("gpu_count", 2), ("min_gpu_count", 4),
        ("min_vram_gb", 80), ("min_cuda", "12.4"), ("max_price", rate("1")),
        ("providers", frozenset({"cirrus"})), ("regions", frozenset({"us-east"})),
        ("countries", frozenset({"se"})), ("min_reliability", 0.99),
        ("min_availability_confidence", 0.9), ("min_disk_gb", 100), ("min_ram_gb", 512),
        ("min_vcpus", 64), ("min_inet_down_mbps", 10_000), ("interruptible", False),
    ],
)  # fmt: skip
def test_each_filter_alone_narrows_rightly(field: str, value: object) -> None:
    wanted = Requirements(**{field: value})  # type: ignore[arg-type]
    expected = {offer.id for offer in OFFERS if matches(offer, wanted)}

    found = {offer.id for offer in SNAPSHOT.matching(wanted)}

    assert expected == found
    assert 0 < len(found) < len(OFFERS)


def test_every_filter_of_a_request_is_tried() -> None:
    tried = test_each_filter_alone_narrows_rightly.pytestmark[0].args[1]

    assert set(Requirements.__dataclass_fields__) == {field for field, _ in tried}


def test_ties_are_broken_by_id() -> None:
    offers = [an_offer(name) for name in ("c", "a", "b")]
    snapshot = a_snapshot(offers)

    for sort in OfferSort:
        page = snapshot.query(OfferQuery(sort=sort))
        assert ["a", "b", "c"] == [offer.provider_id for offer in page.offers]


def test_pages_join_without_gap_or_repeat() -> None:
    pages = [
        SNAPSHOT.query(OfferQuery(limit=37, offset=offset)).offers for offset in range(0, 333, 37)
    ]

    seen = [offer.id for page in pages for offer in page]
    assert sorted(offer.id for offer in OFFERS) == sorted(seen)


def test_an_offer_is_found_by_its_id() -> None:
    assert OFFERS[5] == SNAPSHOT.get(OFFERS[5].id)
    assert SNAPSHOT.get(OfferId("nimbus:none")) is None


def test_an_id_listed_twice_is_one_offer() -> None:
    twice = [an_offer("a", price=rate("1")), an_offer("a", price=rate("2"))]
    snapshot = MarketSnapshot([Listing(provider=ProviderName("nimbus"), offers=twice)])

    assert 1 == len(snapshot) == snapshot.query(OfferQuery()).total
    assert twice[1] == snapshot.get(twice[0].id)


def test_a_cloud_cannot_list_another_clouds_offer() -> None:
    stolen = Listing(provider=ProviderName("cirrus"), offers=[an_offer("a", "nimbus")])

    with pytest.raises(AssertionError):
        MarketSnapshot([stolen])


def test_an_empty_market_answers_with_nothing() -> None:
    empty = MarketSnapshot()

    assert ((), 0) == (empty.query(OfferQuery()).offers, empty.query(OfferQuery()).total)
    assert not empty.ready


def test_the_age_of_a_listing_is_never_negative() -> None:
    listing = Listing(provider=ProviderName("nimbus"), fetched_at=NOW)

    assert timedelta(minutes=3) == listing.age(NOW + timedelta(minutes=3))
    assert timedelta(0) == listing.age(NOW - timedelta(minutes=3))
    assert Listing(provider=ProviderName("nimbus")).age(NOW) is None


def test_a_query_over_three_thousand_offers_takes_about_a_millisecond_at_most() -> None:
    snapshot = a_snapshot(a_market(3_000))
    wanted = Requirements(
        gpu_types=frozenset({"RTX 4090", "RTX 3090"}), min_vram_gb=24, max_price=rate("4"),
        min_reliability=0.95, regions=frozenset({"eu-1", "us-east"}),
    )  # fmt: skip
    seconds = []
    for sort in [*OfferSort] * 25:
        begin = perf_counter()
        snapshot.query(OfferQuery(requirements=wanted, sort=sort))
        seconds.append(perf_counter() - begin)

    # Far above what is measured, so that a busy machine fails nothing, and far below a scan per offer.
    assert median(seconds) < 0.005
