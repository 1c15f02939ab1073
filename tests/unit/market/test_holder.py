"""The market stays up when one of its clouds is down, and says so."""

from datetime import UTC, datetime, timedelta
from itertools import zip_longest

from msgspec import json

from gpu_shopper.domain.conditions import EVERYTHING
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_health import OfferHealth, Outcome, place_of, read_health
from gpu_shopper.market.holder import FEW, Market
from gpu_shopper.market.pieces import at_once
from gpu_shopper.market.snapshot import OfferQuery
from gpu_shopper.wire.offers import OfferBody

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
NIMBUS, CIRRUS = ProviderName("nimbus"), ProviderName("cirrus")


def an_offer(name: str, provider: ProviderName, *, machine: str = "") -> Offer:
    return Offer(
        id=OfferId(f"{provider}:{name}"), provider=provider, provider_id=name, machine_id=machine,
        gpu_type="T4", gpu_count=1, vram_gb=16, price=rate("0.20"), country="DE", region="eu-1",
        location="Berlin", reliability=0.99, fetched_at=NOW,
    )  # fmt: skip


def ids(market: Market) -> list[str]:
    return [offer.id for offer in market.snapshot.matching(EVERYTHING)]


def a_market_of_two() -> Market:
    market = Market([NIMBUS, CIRRUS])
    market.replace(NIMBUS, [an_offer("a", NIMBUS)], NOW)
    market.replace(CIRRUS, [an_offer("b", CIRRUS)], NOW)
    return market


def test_before_the_first_answer_the_market_is_not_ready_but_knows_its_clouds() -> None:
    market = Market([NIMBUS, CIRRUS])

    assert not market.snapshot.ready
    assert [(CIRRUS, False), (NIMBUS, False)] == [
        (listing.provider, listing.ok) for listing in market.snapshot.providers
    ]


def test_one_clouds_answer_makes_it_ready() -> None:
    market = Market([NIMBUS, CIRRUS])

    market.replace(NIMBUS, [], NOW)

    assert market.snapshot.ready


def test_a_new_listing_replaces_only_its_own_clouds_offers() -> None:
    market = a_market_of_two()

    market.replace(NIMBUS, [an_offer("c", NIMBUS)], LATER)

    assert ["cirrus:b", "nimbus:c"] == ids(market)


def test_a_cloud_that_fails_keeps_its_last_offers_and_shows_its_error_and_age() -> None:
    market = a_market_of_two()

    market.mark_failed(NIMBUS, "answered 503", LATER)

    assert ["cirrus:b", "nimbus:a"] == ids(market)
    cirrus, nimbus = market.snapshot.providers
    assert (True, None) == (cirrus.ok, cirrus.error)
    assert (False, "answered 503", LATER) == (nimbus.ok, nimbus.error, nimbus.failed_at)
    assert timedelta(minutes=1) == nimbus.age(LATER)


def test_a_good_answer_clears_the_error() -> None:
    market = a_market_of_two()
    market.mark_failed(NIMBUS, "answered 503", NOW)

    market.replace(NIMBUS, [an_offer("a", NIMBUS)], LATER)

    assert all(listing.ok for listing in market.snapshot.providers)


def test_a_cloud_that_never_answered_may_fail() -> None:
    market = Market()

    market.mark_failed(NIMBUS, "no route", NOW)

    (nimbus,) = market.snapshot.providers
    assert (False, None, "no route") == (nimbus.ok, nimbus.fetched_at, nimbus.error)
    assert not market.snapshot.ready


def test_offers_too_old_to_be_believed_can_be_withdrawn() -> None:
    market = a_market_of_two()
    market.mark_failed(NIMBUS, "answered 503", LATER)

    market.withdraw(NIMBUS)

    assert ["cirrus:b"] == ids(market)
    assert "answered 503" == market.snapshot.providers[1].error


def test_a_reader_keeps_the_snapshot_that_it_took() -> None:
    market = a_market_of_two()
    taken = market.snapshot

    market.replace(NIMBUS, [], LATER)

    assert 2 == taken.query(OfferQuery()).total
    assert 1 == market.snapshot.query(OfferQuery()).total
    assert taken.generation < market.snapshot.generation


def test_a_listing_that_its_sender_changes_later_does_not_change_the_market() -> None:
    market, listing = Market(), [an_offer("a", NIMBUS)]
    market.replace(NIMBUS, listing, NOW)

    listing.clear()
    market.mark_failed(CIRRUS, "no route", NOW)

    assert ["nimbus:a"] == ids(market)


def many_offers(provider: ProviderName) -> list[Offer]:
    return [an_offer(f"{number:05}", provider) for number in range(FEW + 1)]


def test_a_long_listing_is_taken_in_pieces_and_seen_when_all_of_it_is_there() -> None:
    market = a_market_of_two()

    pieces = market.replacing(NIMBUS, many_offers(NIMBUS), LATER)
    seen = [len(market.snapshot) for _ in pieces]

    assert {2} == set(seen)
    assert len(seen) > 10
    assert FEW + 2 == len(market.snapshot)


def test_two_long_listings_at_once_lose_neither() -> None:
    market = Market([NIMBUS, CIRRUS])

    both = zip_longest(
        market.replacing(NIMBUS, many_offers(NIMBUS), NOW),
        market.replacing(CIRRUS, many_offers(CIRRUS), NOW),
    )
    for _ in both:
        pass

    assert 2 * (FEW + 1) == market.snapshot.query(OfferQuery()).total


def test_what_is_listed_in_pieces_does_not_undo_what_was_said_meanwhile() -> None:
    market = a_market_of_two()

    for _ in market.replacing(NIMBUS, many_offers(NIMBUS), LATER):
        market.mark_failed(CIRRUS, "no route", LATER)

    cirrus, nimbus = market.snapshot.providers
    assert ("no route", FEW + 1) == (cirrus.error, len(nimbus.stock))


def test_a_failure_does_not_index_the_market_anew() -> None:
    market = a_market_of_two()
    index = market.snapshot.index

    market.mark_failed(NIMBUS, "no route", LATER)

    assert index is market.snapshot.index


def shown(market: Market) -> list[str]:
    found = market.snapshot.query(OfferQuery(facets=("provider",)))
    listed = [json.decode(row, type=OfferBody).id for row in found.rows]
    assert len(listed) == found.total == sum(found.facets.get("provider", {}).values())
    return listed


def a_failure(offer: Offer, blame: Blame, *, at: datetime) -> Outcome:
    return Outcome(
        provider=offer.provider, offer_id=offer.id, machine_id=offer.machine_id,
        location=place_of(offer), gpu_type=offer.gpu_type, blame=blame, at=at, reason="no GPU",
    )  # fmt: skip


def after(*outcomes: Outcome) -> OfferHealth:
    return read_health(outcomes, now=LATER)


def test_what_was_bought_of_a_machine_is_not_shown_until_its_cloud_lists_anew() -> None:
    market = Market([NIMBUS, CIRRUS])
    bought, other = (an_offer(name, NIMBUS, machine=f"m-{name}") for name in "ab")
    market.replace(NIMBUS, [bought, other], NOW)
    market.replace(CIRRUS, [an_offer("c", CIRRUS)], NOW)

    market.take(bought)

    assert ["cirrus:c", "nimbus:b"] == shown(market)
    # Whoever chose it by its id can still be told what became of it.
    assert (bought, True) == (market.snapshot.get(bought.id), market.snapshot.has_gone(bought.id))
    market.replace(CIRRUS, [an_offer("c", CIRRUS)], LATER)
    market.mark_failed(NIMBUS, "answered 503", LATER)
    assert ["cirrus:c", "nimbus:b"] == shown(market)
    market.replace(NIMBUS, [bought, other], LATER)
    assert ["cirrus:c", "nimbus:a", "nimbus:b"] == shown(market)


def test_a_menu_that_is_said_to_be_unchanged_does_not_show_again_what_has_gone() -> None:
    market = Market([NIMBUS])
    offers = [an_offer(name, NIMBUS, machine=f"m-{name}") for name in "abc"]
    market.replace(NIMBUS, offers, NOW)
    listed = market.snapshot.get(offers[0].id)
    assert listed is not None
    market.take(listed)
    at_once(market.heed(after(a_failure(offers[1], Blame.OFFER, at=NOW + timedelta(seconds=1)))))

    market.renew(NIMBUS, LATER)

    (nimbus,) = market.snapshot.providers
    assert (["nimbus:c"], LATER) == (shown(market), nimbus.fetched_at)
    assert market.is_taken(listed)
    # An order that bought nothing gives it back as before.
    market.give_back(listed)
    assert ["nimbus:a", "nimbus:c"] == shown(market)
    market.replace(NIMBUS, offers, LATER)
    assert 3 == len(shown(market))


def test_what_is_given_back_is_shown_again_unless_another_of_ours_runs_after_it_too() -> None:
    market = Market([NIMBUS])
    market.replace(NIMBUS, [an_offer("a", NIMBUS, machine="m")], NOW)
    offer = market.snapshot.get(OfferId("nimbus:a"))
    assert offer is not None
    market.take(offer)
    market.take(offer)

    market.give_back(offer)
    assert ([], True) == (shown(market), market.is_taken(offer))

    market.give_back(offer)
    assert (["nimbus:a"], False) == (shown(market), market.is_taken(offer))

    # Once too often, or long after it was listed anew and taken by another, it changes nothing.
    market.give_back(offer)
    market.take(offer)
    assert [] == shown(market)
    market.replace(NIMBUS, [an_offer("a", NIMBUS, machine="m")], LATER)
    market.take(offer)
    market.give_back(offer)
    assert ([], True) == (shown(market), market.is_taken(offer))


def test_what_is_no_machine_of_its_own_stays_when_one_of_it_was_bought() -> None:
    market = a_market_of_two()
    kind = an_offer("a", NIMBUS)

    market.take(kind)

    assert (["cirrus:b", "nimbus:a"], True) == (shown(market), market.is_taken(kind))


def test_what_failed_since_it_was_listed_is_not_shown_nor_what_else_is_on_that_machine() -> None:
    market = Market([NIMBUS])
    broken = [an_offer(name, NIMBUS, machine="broken") for name in "ab"]
    sold, fine = an_offer("c", NIMBUS), an_offer("d", NIMBUS, machine="fine")
    market.replace(NIMBUS, [*broken, sold, fine], NOW)
    failed_before = a_failure(fine, Blame.MACHINE, at=NOW)

    at_once(
        market.heed(
            after(
                failed_before,
                a_failure(broken[0], Blame.MACHINE, at=LATER),
                a_failure(sold, Blame.OFFER, at=LATER),
            )
        )
    )

    assert ["nimbus:d"] == shown(market)
    market.replace(NIMBUS, [*broken, sold, fine], LATER)
    assert 4 == len(shown(market))


def test_what_is_known_of_the_odds_is_shown_until_something_else_is_known() -> None:
    market = a_market_of_two()
    offer = an_offer("a", NIMBUS)
    ours = a_failure(offer, Blame.ACCOUNT, at=NOW)

    at_once(market.heed(after(a_failure(offer, Blame.OFFER, at=NOW), ours)))
    dimmed = confidences(market)
    market.replace(CIRRUS, [an_offer("b", CIRRUS)], LATER)

    assert dimmed == confidences(market)
    assert dimmed["nimbus:a"] < 0.4 < dimmed["cirrus:b"] == 0.99
    at_once(market.heed(after(ours)))
    assert {0.99} == set(confidences(market).values())


def confidences(market: Market) -> dict[str, float]:
    rows = market.snapshot.query(OfferQuery()).rows
    bodies = [json.decode(row, type=OfferBody) for row in rows]
    return {body.id: body.availability_confidence for body in bodies}


def test_where_nothing_new_is_known_of_the_odds_nothing_is_made_anew() -> None:
    market = a_market_of_two()
    before = market.snapshot

    at_once(market.heed(OfferHealth()))

    assert before is market.snapshot


def test_what_comes_while_a_long_listing_is_taken_is_not_lost() -> None:
    market = a_market_of_two()
    bought = an_offer("z", CIRRUS, machine="m")
    market.replace(CIRRUS, [bought], NOW)
    health = after(a_failure(an_offer("00001", NIMBUS), Blame.OFFER, at=NOW))

    pieces = market.replacing(NIMBUS, many_offers(NIMBUS), LATER)
    for number, _ in enumerate(pieces):
        if number == 3:
            market.take(bought)
        elif number == 6:
            at_once(market.heed(health))

    assert (health, True) == (market.snapshot.health, market.snapshot.has_gone(bought.id))
    assert market.snapshot.prepared
    assert FEW + 1 == market.snapshot.query(OfferQuery()).total


def test_the_odds_of_many_offers_are_reckoned_in_pieces_and_seen_when_all_are_there() -> None:
    market = Market([NIMBUS])
    market.replace(NIMBUS, many_offers(NIMBUS), NOW)
    failed = a_failure(an_offer("00001", NIMBUS), Blame.OFFER, at=NOW)

    seen = [market.snapshot.health.marks for _ in market.heed(after(failed))]

    assert len(seen) > 2
    assert all(marks == {} for marks in seen)
    assert market.snapshot.prepared
    assert confidences(market)["nimbus:00001"] < 0.4


def test_what_is_remembered_of_a_cloud_that_sells_nothing_now_does_no_harm() -> None:
    market = Market([NIMBUS])
    market.replace(NIMBUS, [], NOW)
    machine = an_offer("a", NIMBUS, machine="m")

    at_once(
        market.heed(
            after(*(a_failure(machine, blame, at=LATER) for blame in Blame)),
        )
    )

    assert ([], None) == (shown(market), market.snapshot.get(machine.id))
    assert [] == ids(market)
