"""Which offer is bought, and which may stand in for one that failed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.conditions import holds
from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.odds import expected_micros, odds
from gpu_shopper.domain.offer import Offer, RetryScope
from gpu_shopper.domain.offer_health import OfferHealth, Outcome, read_health
from gpu_shopper.domain.ranking import NEAR, Excluded, choose, comparable_to, lasting, roomy
from gpu_shopper.domain.true_price import BillingTerms, Need, true_price

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEALTHY = OfferHealth()
NIMBUS = ProviderName("nimbus")


def an_offer(name: str, dollars: str = "0.40", **changes: object) -> Offer:
    facts: dict[str, object] = {
        "id": OfferId(f"nimbus:{name}"), "provider": NIMBUS, "provider_id": name,
        "machine_id": f"m-{name}", "gpu_type": "RTX 4090", "gpu_count": 1, "vram_gb": 24,
        "price": rate(dollars), "country": "DE", "region": "eu-1", "location": "Berlin",
        "reliability": 0.99, "fetched_at": NOW,
    }  # fmt: skip
    return Offer(**{**facts, **changes})  # type: ignore[arg-type]


def failed_on(offer: Offer, blame: Blame) -> Outcome:
    return Outcome(
        provider=offer.provider, offer_id=offer.id, machine_id=offer.machine_id,
        gpu_type=offer.gpu_type, location=offer.region, blame=blame, at=NOW, reason="no CUDA device",
    )  # fmt: skip


def best_of(offers: Sequence[Offer], *, hours: float, draw: float, health: OfferHealth) -> Offer:
    """The market gives offers cheapest first."""
    cheapest_first = sorted(offers, key=lambda offer: (offer.price, offer.id))
    return choose(cheapest_first, hours=hours, draw=draw, health=health)


def expected_of(offer: Offer, *, hours: float, health: OfferHealth = HEALTHY) -> float:
    likely = odds(offer, health).confidence
    return expected_micros(offer.price.micros, hours=hours, confidence=likely)


def names(offers: Sequence[Offer]) -> list[str]:
    return [offer.provider_id for offer in offers]


def test_what_is_billed_decides_and_not_the_list_price_alone() -> None:
    by_the_day = BillingTerms(minimum=timedelta(hours=24))
    cheap, dear = an_offer("by-the-day", "0.40"), an_offer("by-the-second", "0.60")

    def bought(hours: float) -> str:
        need, terms = Need(hours=hours), {cheap.id: by_the_day, dear.id: BillingTerms()}
        return choose(
            (cheap, dear),
            hours=hours,
            draw=0.0,
            health=HEALTHY,
            bill=lambda offer: true_price(offer, terms[offer.id], need).total.micros,
        ).provider_id

    assert "by-the-second" == bought(hours=2)
    assert "by-the-day" == bought(hours=24)


def test_the_cheapest_of_equals_is_chosen() -> None:
    offers = [an_offer("dear", "0.60"), an_offer("cheap", "0.40")]

    assert "cheap" == best_of(offers, hours=2, draw=0.99, health=HEALTHY).provider_id


def test_a_cheap_offer_that_seldom_starts_is_dear() -> None:
    cheap = an_offer("cheap", "0.40", availability_confidence=0.2)
    sure = an_offer("sure", "0.45")

    assert "sure" == best_of([cheap, sure], hours=1, draw=0, health=HEALTHY).provider_id


def test_long_sessions_weigh_the_price_more_than_a_failed_start() -> None:
    cheap = an_offer("cheap", "0.40", availability_confidence=0.6)
    sure = an_offer("sure", "0.45")

    assert "cheap" == best_of([cheap, sure], hours=12, draw=0, health=HEALTHY).provider_id


@pytest.mark.parametrize("hours", [0.5, 1, 12])
def test_among_near_equals_the_draw_decides(hours: float) -> None:
    offers = [an_offer("a", "0.400"), an_offer("b", "0.401"), an_offer("c", "0.402")]

    chosen = [best_of(offers, hours=hours, draw=draw, health=HEALTHY) for draw in (0.0, 0.4, 0.99)]

    assert ["a", "b", "c"] == names(chosen)


def test_a_machine_has_one_lot_however_many_offers_stand_on_it() -> None:
    crowd = [an_offer(f"slot-{number}", "0.40", machine_id="broken") for number in range(8)]
    offers = [*crowd, an_offer("two", "0.401"), an_offer("three", "0.402")]

    chosen = [best_of(offers, hours=1, draw=draw, health=HEALTHY) for draw in (0.1, 0.5, 0.9)]

    assert ["slot-0", "two", "three"] == names(chosen)


def test_a_draw_below_one_is_asked_for() -> None:
    with pytest.raises(AssertionError):
        best_of([an_offer("a")], hours=1, draw=1.0, health=HEALTHY)


def test_what_costs_nothing_is_chosen() -> None:
    free = an_offer("free", "0", reliability=1.0)

    # A start that fails costs our time alone, and this one never does.
    assert 0 == expected_of(free, hours=1)
    assert free == best_of([an_offer("cheap"), free], hours=1, draw=0, health=HEALTHY)


def test_among_what_costs_nothing_the_draw_decides() -> None:
    free = [an_offer(name, "0", reliability=1.0) for name in ("a", "b")]

    assert free == [best_of(free, hours=1, draw=draw, health=HEALTHY) for draw in (0.0, 0.99)]


@pytest.mark.parametrize(("most_hours", "lasts"), [(0, True), (3, False), (4, True)])
def test_what_names_no_end_lasts_for_any_time(most_hours: int, lasts: bool) -> None:
    assert lasts == holds(an_offer("a", max_duration_hours=most_hours), lasting(4))


@pytest.mark.parametrize(("most_gb", "fits"), [(0, True), (99, False), (100, True)])
def test_who_names_no_most_has_room_for_any_disk(most_gb: int, fits: bool) -> None:
    assert fits == holds(an_offer("a", disk_gb=most_gb), roomy(100))


def test_the_starts_that_fail_are_paid_for_and_waited_for() -> None:
    sure = an_offer("sure", "1.00", reliability=1.0)
    every_other = an_offer("every-other", "1.00", reliability=0.5)
    unsure = an_offer("unsure", "1.00", reliability=1.0, availability_confidence=0.5)
    stale = replace(HEALTHY, freshness={NIMBUS: 0.5})

    assert 2_000_000 == expected_of(sure, hours=2)
    # One start in vain: a fifth of an hour, and five cents for whoever waits.
    assert 2_250_000 == expected_of(every_other, hours=2)
    assert 2_250_000 == expected_of(unsure, hours=2)
    assert 2_250_000 == expected_of(sure, hours=2, health=stale)


def test_nothing_is_more_than_certain_to_start() -> None:
    boasting = an_offer("boasting", "1.00", reliability=1.5)

    assert 2_000_000 == expected_of(boasting, hours=2)


def test_an_offer_that_lasts_just_as_long_as_the_session_will_do() -> None:
    lasts = an_offer("lasts", max_duration_hours=4)

    assert lasts == best_of([lasts], hours=4, draw=0, health=HEALTHY)


def test_a_suppressed_offer_is_passed_over() -> None:
    bad, good = an_offer("bad", "0.10"), an_offer("good", "0.90")
    health = read_health([failed_on(bad, Blame.MACHINE)], now=NOW)

    assert "good" == best_of([bad, good], hours=1, draw=0, health=health).provider_id


@pytest.mark.parametrize(
    "changes", [{"available": False}, {"max_duration_hours": 3}], ids=["gone", "too short"]
)
def test_an_offer_that_cannot_serve_the_session_is_passed_over(changes: dict[str, object]) -> None:
    offers = [an_offer("bad", "0.10", **changes), an_offer("good", "0.90")]

    assert "good" == best_of(offers, hours=4, draw=0, health=HEALTHY).provider_id


def test_where_nothing_is_left_it_says_so() -> None:
    bad = an_offer("bad")
    health = read_health([failed_on(bad, Blame.OFFER)], now=NOW)

    for offers in ([], [bad]):
        with pytest.raises(NothingMatches, match="free of recent failures") as refusal:
            best_of(offers, hours=1, draw=0, health=health)
        assert "ask for more kinds" in refusal.value.hint


@given(
    cents=st.lists(st.integers(0, 500), min_size=1, max_size=12),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_the_choice_is_within_reach_of_the_best_and_independent_of_the_order(
    cents: list[int], draw: float
) -> None:
    offers = [an_offer(f"{n:02}", str(price / 100)) for n, price in enumerate(cents)]
    best = min(expected_of(offer, hours=1) for offer in offers)

    chosen = best_of(offers, hours=1, draw=draw, health=HEALTHY)

    assert expected_of(chosen, hours=1) <= best * NEAR
    assert chosen == best_of(offers[::-1], hours=1, draw=draw, health=HEALTHY)


FAILED = an_offer("failed", "1.00", gpu_type="RTX A6000", gpu_count=2, vram_gb=48)
CANDIDATES = [
    FAILED,
    an_offer("same", "1.10", gpu_type="RTX A6000", gpu_count=2, vram_gb=48),
    an_offer("more", "1.20", gpu_type="RTX A6000", gpu_count=4, vram_gb=48),
    an_offer("fewer", "0.50", gpu_type="RTX A6000", gpu_count=1, vram_gb=48),
    an_offer("other", "1.05", gpu_type="L40S", gpu_count=2, vram_gb=48),
    an_offer("larger", "1.40", gpu_type="A100 80GB", gpu_count=2, vram_gb=80),
    an_offer("many-small", "0.90", gpu_type="RTX 4090", gpu_count=4, vram_gb=24),
    an_offer("small", "0.30", gpu_type="RTX 4090", gpu_count=2, vram_gb=24),
    an_offer("above-cap", "1.51", gpu_type="RTX A6000", gpu_count=2, vram_gb=48),
    an_offer("spot", "0.20", gpu_type="RTX A6000", gpu_count=2, vram_gb=48, interruptible=True),
    an_offer("sold", "0.20", gpu_type="RTX A6000", gpu_count=2, vram_gb=48, available=False),
]


def stand_ins(
    failed: Offer,
    offers: Sequence[Offer],
    scope: RetryScope,
    *,
    cap: HourlyRate,
    excluded: Excluded,
) -> list[Offer]:
    """What a retry goes through, the cheapest first."""
    condition = comparable_to(failed, scope, cap=cap)
    found = [offer for offer in offers if holds(offer, condition) and not excluded.covers(offer)]
    return sorted(found, key=lambda offer: (offer.price, offer.id))


FAILED_ITSELF = Excluded(offers=frozenset({OfferId("nimbus:failed")}))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (RetryScope.SAME_GPU, ["same", "more"]),
        (RetryScope.SAME_VRAM, ["other", "same", "more", "larger"]),
        (RetryScope.ANY, ["many-small", "other", "same", "more", "larger"]),
    ],
)
def test_each_scope_allows_its_stand_ins_cheapest_first(
    scope: RetryScope, expected: list[str]
) -> None:
    found = stand_ins(FAILED, CANDIDATES, scope, cap=rate("1.50"), excluded=FAILED_ITSELF)

    assert expected == names(found)


@pytest.mark.parametrize("scope", RetryScope)
def test_nothing_above_the_cap_stands_in(scope: RetryScope) -> None:
    found = stand_ins(FAILED, CANDIDATES, scope, cap=rate("0.89"), excluded=FAILED_ITSELF)

    assert [] == found


def test_what_costs_the_cap_itself_may_stand_in() -> None:
    found = stand_ins(
        FAILED, CANDIDATES, RetryScope.SAME_GPU, cap=rate("1.10"), excluded=FAILED_ITSELF
    )

    assert ["same"] == names(found)


@pytest.mark.parametrize("scope", RetryScope)
def test_excluded_offers_and_machines_are_not_bought_again(scope: RetryScope) -> None:
    excluded = Excluded(
        offers=frozenset(
            {OfferId("nimbus:failed"), OfferId("nimbus:same"), OfferId("nimbus:other")}
        ),
        machines=frozenset({(NIMBUS, "m-more"), (NIMBUS, "m-larger"), (NIMBUS, "m-many-small")}),
    )

    assert [] == stand_ins(FAILED, CANDIDATES, scope, cap=rate("1.50"), excluded=excluded)


def test_a_machine_without_a_name_excludes_nothing() -> None:
    nameless = [an_offer("one", machine_id=""), an_offer("two", machine_id="")]
    excluded = Excluded(offers=frozenset({nameless[0].id}), machines=frozenset({(NIMBUS, "")}))

    found = stand_ins(nameless[0], nameless, RetryScope.SAME_GPU, cap=rate("1"), excluded=excluded)

    assert ["two"] == names(found)


def test_an_interruptible_offer_may_be_followed_by_either_kind() -> None:
    failed = an_offer("failed", interruptible=True)
    candidates = [an_offer("spot", "0.2", interruptible=True), an_offer("firm", "0.3")]

    found = stand_ins(
        failed, candidates, RetryScope.SAME_GPU, cap=rate("1"), excluded=FAILED_ITSELF
    )

    assert ["spot", "firm"] == names(found)
