"""Room for a model on the market: the same offers as looking at each of them finds."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_shopper.domain.conditions import Flag, Not
from gpu_shopper.domain.errors import MarketNotReady
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.known_models import KNOWN_MODELS
from gpu_shopper.domain.model_fit import Load, estimate, runtime_for, usable_bytes
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quantisation import read_quant
from gpu_shopper.market.holder import Market
from gpu_shopper.queries.fit import MOST_GPUS, FitQueries, FitQuestion

CLOUD = ProviderName("cumulus")
NOW = datetime(2026, 3, 14, tzinfo=UTC)


def an_offer(number: int = 1, **changed) -> Offer:
    offer = Offer(
        id=OfferId(f"{CLOUD}:{number}"),
        provider=CLOUD,
        provider_id=str(number),
        machine_id=str(number),
        gpu_type="H100 SXM",
        gpu_count=1,
        vram_gb=80,
        price=rate("2"),
        country="DE",
        region="eu",
        location="",
        reliability=1.0,
        fetched_at=NOW,
    )
    return replace(offer, **changed)


def a_question(model: str = "Llama 3.1 70B", quant: str = "awq", **changed) -> FitQuestion:
    kind = read_quant(quant)
    load = Load(quant=kind, kv_bits=16, context=8192, sequences=1, runtime=runtime_for(kind, None))
    return replace(FitQuestion(shape=KNOWN_MODELS[model], load=load, limit=50), **changed)


def a_market(*offers: Offer) -> FitQueries:
    market = Market([CLOUD])
    market.replace(CLOUD, offers, NOW)
    return FitQueries(market)


OFFERS = st.builds(
    an_offer,
    gpu_type=st.sampled_from(["H100 SXM", "RTX 4090", "L40S", "nobody's"]),
    gpu_count=st.integers(1, 20),
    vram_gb=st.sampled_from([0, 10, 24, 40, 48, 80, 141]),
    price=st.integers(0, 9).map(rate),
    available=st.booleans(),
    gpu_fraction=st.sampled_from([0.125, 1]),
)


@settings(deadline=None)
@given(
    st.lists(OFFERS, max_size=30),
    st.sampled_from(["Llama 3.1 8B", "Llama 3.1 70B", "Phi 4", "DeepSeek V3"]),
    st.sampled_from(["bf16", "fp8", "awq", "q4_k_m"]),
)
def test_the_market_names_what_has_room_and_nothing_else(
    listed: list[Offer], model: str, quant: str
) -> None:
    question = a_question(model, quant)
    offers = [
        replace(offer, id=OfferId(f"{CLOUD}:{number}"), provider_id=str(number))
        for number, offer in enumerate(listed)
    ]

    def has_room(offer: Offer) -> bool:
        needed = estimate(question.shape, question.load, offer.gpu_count).memory.total
        has = usable_bytes(
            offer.gpu_type,
            vram_gb=offer.vram_gb,
            gpu_fraction=offer.gpu_fraction,
            runtime=question.load.runtime,
        )
        return needed <= has and offer.available and offer.gpu_count <= MOST_GPUS

    expected = sorted(
        filter(has_room, offers),
        key=lambda offer: (offer.price.micros == 0, offer.price.micros, offer.id),
    )
    answer = a_market(*offers).fit(question)

    assert [offer.id for offer in expected] == [each.offer.id for each in answer.offers]
    assert len(expected) == answer.total == sum(each.offers for each in answer.on_gpus)
    for each in answer.on_gpus:
        sound = [
            offer
            for offer in expected
            if offer.gpu_count == each.estimate.gpu_count and offer.price.micros
        ]
        assert (sound[0].id if sound else None) == (each.cheapest.id if each.cheapest else None)
    assert all(each.estimate.memory.total <= each.usable for each in answer.offers)


def test_an_odd_price_is_never_the_cheapest() -> None:
    answer = a_market(an_offer(1, price=rate(0))).fit(a_question())

    assert (1, None) == (answer.on_gpus[0].offers, answer.on_gpus[0].cheapest)


def test_what_else_is_asked_of_an_offer_holds_too() -> None:
    market = a_market(an_offer(1), an_offer(2, interruptible=True))
    answer = market.fit(a_question(condition=Not(Flag("interruptible"))))

    assert [f"{CLOUD}:1"] == [each.offer.id for each in answer.offers]


def test_an_empty_market_is_told_from_one_that_is_not_known() -> None:
    assert 0 == a_market().fit(a_question()).total
    with pytest.raises(MarketNotReady):
        FitQueries(Market([CLOUD])).fit(a_question())
