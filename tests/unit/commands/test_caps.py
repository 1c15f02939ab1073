"""Caps and the choice speak of the same money: what is bought is never refused for its price, nor dearer than allowed."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from gpu_shopper.commands.choosing import checked
from gpu_shopper.domain.errors import NothingMatches, PriceAboveCap
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_health import OfferHealth, Outcome, read_health
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.domain.ranking import choose
from gpu_shopper.domain.session import SessionRequest
from gpu_shopper.domain.true_price import BillingTerms, capped_price, true_price
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.market.holder import Market
from gpu_shopper.market.pieces import at_once
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.testing.builders import CUMULUS, GPU, NIMBUS, NOON, a_request, an_offer

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = BillingTerms(minimum=24 * HOUR)
BY_THE_HOUR = BillingTerms(increment=HOUR, billed_boot=MINUTE)
START = BillingTerms(billed_boot=5 * MINUTE)
NOTHING_KNOWN = OfferHealth()
ANY = Requirements(gpu_types=frozenset({GPU}))
Terms = Mapping[ProviderName, BillingTerms]


def asked(
    request: SessionRequest,
    *offers: Offer,
    terms: Terms | None = None,
    health: OfferHealth = NOTHING_KNOWN,
) -> SessionRequest:
    market = Market((CUMULUS, NIMBUS))
    for name in (CUMULUS, NIMBUS):
        market.replace(name, [one for one in offers if one.provider == name], NOON)
    at_once(market.heed(health))
    checking = checked(
        request,
        market=market,
        capabilities={CUMULUS: Capabilities(), NIMBUS: Capabilities()},
        quirks={name: Quirks(billing=billing) for name, billing in (terms or {}).items()},
        health=health,
        clock=RealClock(),
    )
    return asyncio.run(checking)


def wish(hours: int = 1, disk_gb: int | None = None, **changes: object) -> SessionRequest:
    workload = Workload(kind=WorkloadType.BATCH, disk_gb=disk_gb)
    return a_request(
        reservation_hours=hours,
        workload=workload,
        **{"price_cap": None, "requirements": ANY} | changes,
    )


def here(price: str, **changes: object) -> Offer:
    return an_offer("here", price=rate(price), **changes)


def there(price: str, **changes: object) -> Offer:
    return an_offer("there", provider=NIMBUS, price=rate(price), **changes)


def test_a_cap_that_nobody_named_leaves_room_for_what_is_the_cheapest_in_truth() -> None:
    """By the list it costs half; a day of it is billed."""
    request = asked(wish(), here("1"), there("2"), terms={CUMULUS: DAY})

    assert rate("3") == request.price_cap


def test_who_asks_for_a_whole_day_is_given_a_cap_by_the_list_winner() -> None:
    request = asked(wish(24), here("1"), there("2"), terms={CUMULUS: DAY})

    assert rate("1.5") == request.price_cap


def test_an_hour_that_the_start_begins_counts() -> None:
    request = asked(wish(), here("1"), there("1.5"), terms={CUMULUS: BY_THE_HOUR})

    assert rate("2.25") == request.price_cap


def test_a_cap_that_nobody_named_is_of_what_would_be_bought_and_not_of_what_seldom_starts() -> None:
    seldom = here("0.10", reliability=0.05)

    assert rate("0.60") == asked(wish(), seldom, there("0.40")).price_cap


def test_what_is_left_alone_makes_no_cap() -> None:
    cheap = here("0.10")
    failed = Outcome(
        provider=CUMULUS, offer_id=cheap.id, machine_id=cheap.machine_id, location="", gpu_type=GPU,
        blame=Blame.OFFER, at=NOON - MINUTE, reason="no GPU",
    )  # fmt: skip
    health = read_health([failed], now=NOON)

    assert rate("0.60") == asked(wish(), cheap, there("0.40"), health=health).price_cap


def test_a_disk_makes_no_refusal_where_another_offer_has_it_within_the_cap() -> None:
    """The list winner is dearer than the cap with its disk; nobody need buy it."""
    disk = here("0.40", storage_price_per_gb_month=0.73)
    order = wish(disk_gb=500, price_cap=rate("0.50"))

    assert rate("0.50") == asked(order, disk, there("0.45")).price_cap
    with pytest.raises(NothingMatches, match=r"cumulus:here would cost 0\.9000 USD/h with 500 GB"):
        asked(order, disk)


def test_a_refusal_says_what_it_takes() -> None:
    with pytest.raises(PriceAboveCap) as refusal:
        asked(
            wish(offer_id=an_offer("here").id, price_cap=rate("2")), here("1"), terms={CUMULUS: DAY}
        )

    assert "24.0000 USD/h with what is billed beyond 1 h, above the cap of 2.0000" in str(
        refusal.value.message
    )
    assert "raise max_price_per_hour to 24 " in str(refusal.value.hint)


def test_a_cap_at_the_list_price_buys_where_only_the_start_is_billed_beside_it() -> None:
    order = wish(price_cap=rate("0.40"))

    assert rate("0.40") == asked(order, here("0.40"), terms={CUMULUS: START}).price_cap
    chosen = replace(order, offer_id=an_offer("here").id)
    assert rate("0.40") == asked(chosen, here("0.40"), terms={CUMULUS: START}).price_cap


def test_a_highest_price_among_the_requirements_is_a_cap() -> None:
    order = wish(requirements=replace(ANY, max_price=rate("0.45")))

    assert rate("0.45") == asked(order, here("0.40")).price_cap
    disk = replace(order, workload=Workload(kind=WorkloadType.BATCH, disk_gb=500))
    with pytest.raises(NothingMatches):
        asked(disk, here("0.40", storage_price_per_gb_month=0.73))


def some_terms(chance: Random) -> BillingTerms:
    pick = chance.choice
    return BillingTerms(
        minimum=pick([timedelta(0), MINUTE, 3 * HOUR, 24 * HOUR]),
        increment=pick([timedelta(seconds=1), MINUTE, HOUR]),
        billed_boot=pick([timedelta(0), MINUTE, 5 * MINUTE]),
        exchange_fee=pick([0.0, 0.015]),
        smallest_charge=pick([0.0, 0.01]),
    )


def some_offers(chance: Random) -> list[Offer]:
    pick = chance.choice
    return [
        an_offer(
            str(number),
            id=OfferId(f"{name}:{number}"),
            provider=name,
            machine_id=f"m-{number}",
            price=HourlyRate(pick([200_000, 300_000, 310_000, chance.randrange(100_000, 900_000)])),
            reliability=pick([1.0, 0.99, 0.5, 0.1]),
            storage_price_per_gb_month=pick([0.0, 0.07, 0.5]),
        )
        for name in (CUMULUS, NIMBUS)
        for number in range(chance.choice([0, 1, 3, 60]))
    ]


@pytest.mark.parametrize("seed", range(40))
def test_no_default_cap_stands_between_a_session_and_what_it_would_buy_without_one(
    seed: int,
) -> None:
    """And a cap that was named refuses exactly where nothing is within it."""
    chance = Random(seed)
    offers = some_offers(chance) or [an_offer(machine_id="m")]
    terms = {CUMULUS: some_terms(chance), NIMBUS: some_terms(chance)}
    request = wish(chance.choice([1, 2, 12]), chance.choice([None, 100, 400]))

    def capped(offer: Offer) -> HourlyRate:
        return capped_price(offer, terms[offer.provider], request.need).per_hour

    def bill(offer: Offer) -> float:
        return true_price(offer, terms[offer.provider], request.need).total.micros

    def bought(within: HourlyRate | None) -> Offer:
        fit = [offer for offer in offers if within is None or capped(offer) <= within]
        fit.sort(key=lambda offer: (offer.price, offer.id))
        return choose(fit, hours=request.need.hours, draw=0, health=NOTHING_KNOWN, bill=bill)

    cap = asked(request, *offers, terms=terms).price_cap
    assert cap is not None
    assert bought(None) == bought(cap)

    least, most = min(map(capped, offers)), max(map(capped, offers))
    middle = chance.choice(sorted(map(capped, offers)))
    for named in (least, middle, most):
        assert named == asked(replace(request, price_cap=named), *offers, terms=terms).price_cap
    below = HourlyRate(least.micros - 1)
    with pytest.raises(NothingMatches, match="would cost"):
        asked(replace(request, price_cap=below), *offers, terms=terms)
