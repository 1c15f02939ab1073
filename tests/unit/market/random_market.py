"""Offers and questions drawn at random: unlikely values are likely here, because that is where answers part."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from gpu_shopper.domain.conditions import (
    All,
    AnyOf,
    Comparator,
    Compare,
    Condition,
    Contains,
    Flag,
    Not,
    OneOf,
)
from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.odd_prices import odd_prices
from gpu_shopper.domain.odds import odds
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import (
    CHEAPEST_FIRST,
    FIELDS,
    OF_NEED,
    Direction,
    Field,
    Kind,
    Order,
)
from gpu_shopper.domain.offer_health import OfferHealth, Outcome, place_of, read_health
from gpu_shopper.domain.true_price import Costing
from gpu_shopper.market.snapshot import Listing, MarketSnapshot
from gpu_shopper.market.stock import Stock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# The dash sorts before the colon that ends a cloud's name.
PROVIDERS = ("a", "a-b", "b")
GPUS = (*list(MODELS)[::9], "Weird GPU")
NOTHING_KNOWN = OfferHealth()
SORTABLE = [field.name for field in FIELDS.values() if field.sortable]


def an_offer(chance: Random, name: str, provider: str) -> Offer:
    pick = chance.choice
    return Offer(
        id=OfferId(f"{provider}:{name}"),
        provider=ProviderName(provider),
        provider_id=name,
        machine_id=pick(["", f"m{name}"]),
        gpu_type=pick(GPUS),
        gpu_count=pick([1, 1, 2, 8]),
        gpu_fraction=pick([1, 1, 1, 0.5, 0.125]),
        vram_gb=pick([0, 16, 24, 80]),
        price=HourlyRate(pick([0, 100_000, 100_000, 250_000, chance.randrange(10**6), 900, 10**8])),
        country=pick(["DE", "us", ""]),
        region=pick(["eu-1", "US-East", ""]),
        location=pick(["Berlin", "Köln", ""]),
        city=pick(["", "Berlin"]),
        reliability=pick([0.9, 0.99, 0.985, chance.random()]),
        fetched_at=NOW,
        available=chance.random() < 0.9,
        availability_confidence=pick([1.0, 0.5, 0.7]),
        max_duration_hours=pick([0, 5]),
        cuda_version=pick(["", "12.4", "12.10", "11"]),
        interruptible=chance.random() < 0.3,
        vcpus=pick([0, 8, 16]),
        ram_gb=pick([0, 64]),
        disk_gb=pick([0, 100, 20_000_001]),
        inet_down_mbps=pick([0, 1000]),
        inet_up_mbps=pick([0, 900]),
        storage_price_per_gb_month=pick([0, 0.07, 0.1]),
        traffic_price_per_gb=pick([0, 0.01]),
    )


def some_offers(chance: Random) -> list[Offer]:
    """Offers as the market gives them back: marked, each held against all."""
    offers = [
        an_offer(chance, f"{number:03}", provider)
        for provider in PROVIDERS
        for number in range(chance.choice([0, 1, 5, 40, 130]))
    ]
    offers += [
        replace(
            offer,
            id=OfferId(f"{offer.id}-spot"),
            provider_id=f"{offer.provider_id}-spot",
            interruptible=True,
            price=HourlyRate(200_000),
        )
        for offer in chance.sample(offers, len(offers) // 5)
    ]
    odd = odd_prices(offers)
    return [replace(offer, marks=odd.get(offer.id, ())) for offer in offers]


def snapshot_of(offers: list[Offer]) -> MarketSnapshot:
    return MarketSnapshot(
        Listing(
            provider=ProviderName(provider),
            stock=Stock(ProviderName(provider), (o for o in offers if o.provider == provider)),
            fetched_at=NOW,
        )
        for provider in reversed(PROVIDERS)
    )


def some_health(chance: Random, offers: list[Offer]) -> OfferHealth:
    """What is remembered of launches on some of the offers before they were listed, and of some clouds' age."""
    outcomes = [
        Outcome(
            provider=offer.provider,
            offer_id=offer.id,
            machine_id=offer.machine_id,
            location=place_of(offer),
            gpu_type=offer.gpu_type,
            blame=chance.choice([None, *Blame]),
            at=NOW - timedelta(minutes=chance.randrange(600)),
            reason="no GPU",
        )
        for offer in chance.sample(offers, k=min(len(offers), chance.choice([0, 1, 12])))
    ]
    fresh = {ProviderName(name): chance.choice([1.0, 0.5, 0.871]) for name in PROVIDERS[:2]}
    return replace(read_health(outcomes, now=NOW), freshness=fresh)


def as_shown(offers: list[Offer], health: OfferHealth = NOTHING_KNOWN) -> list[Offer]:
    """The offers with the odds that are shown of them."""
    return [
        replace(offer, availability_confidence=odds(offer, health).confidence) for offer in offers
    ]


def a_condition(
    chance: Random, offers: list[Offer], *, depth: int = 0, costing: Costing | None = None
) -> Condition:
    draw = chance.random()
    if depth > 2 or draw < 0.4:
        return _a_part(chance, offers, costing)
    if draw < 0.5:
        return Not(a_condition(chance, offers, depth=depth + 1, costing=costing))
    parts = tuple(
        a_condition(chance, offers, depth=depth + 1, costing=costing)
        for _ in range(chance.randrange(4))
    )
    return All(parts) if draw < 0.85 else AnyOf(parts)


def some_orders(chance: Random) -> tuple[Order, ...]:
    if chance.random() < 0.5:
        return (CHEAPEST_FIRST,)
    return tuple(
        Order(chance.choice(SORTABLE), chance.choice([*Direction]))
        for _ in range(chance.choice([1, 1, 2]))
    )


def _a_part(chance: Random, offers: list[Offer], costing: Costing | None) -> Condition:
    field: Field = chance.choice([*FIELDS.values()])
    if costing is not None and chance.random() < 0.3:
        field = FIELDS[chance.choice(sorted(OF_NEED))]
    if field.kind is Kind.FLAG:
        return Flag(field.name)
    told = (field.told(offer, costing) for offer in offers)
    seen = [value for value in told if value is not None]
    if field.sortable:
        known = [float(value) for value in seen] or [1.0]
        # A hair beside a value is where numbers of half the width would answer otherwise.
        value = chance.choice(known) * chance.choice([1, 1, 1 + 1e-9, 1 - 1e-9, 1.5])
        return Compare(field.name, chance.choice([*Comparator]), value)
    words = [str(value).lower() for value in seen] or ["none"]
    if chance.random() < 0.2:
        return Contains(field.name, chance.choice(words)[1:4])
    return OneOf(field.name, frozenset(chance.choices(words, k=2)))
