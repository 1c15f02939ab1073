"""Buying: each answer of a cloud leads to the one right state of the attempt, with the right blame."""

import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import AttemptState, Blame
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer_health import Scope
from gpu_shopper.domain.session import StopReason
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, an_offer
from tests.unit.engine.house import AS_ALICE, House, housed

TWO_OFFERS = (an_offer("o1"), an_offer("o2", price=HourlyRate(500_000)))


@housed()
async def test_a_session_that_is_asked_for_is_bought_once(house: House) -> None:
    session = await house.until_bound()

    attempt = house.attempt(session)
    assert (AttemptState.BOUND, True) == (attempt.state, attempt.wanted)
    assert [attempt.instance_id] == list(house.cloud.instances)
    assert State.PROVISIONING is house.session(session).state


@housed()
async def test_the_intent_is_in_the_book_before_the_cloud_is_asked(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    known: list[AttemptState] = []
    launch = house.cloud.launch

    async def launch_and_look(order):
        known.extend(attempt.state for attempt in house.attempts(session))
        return await launch(order)

    house.cloud.launch = launch_and_look
    await house.look_after(session)

    assert [AttemptState.SENT] == known


@housed()
async def test_the_create_call_carries_all_that_ends_it(house: House) -> None:
    session = await house.until_bound()

    (order,), attempt = house.cloud.orders, house.attempt(session)
    assert attempt.label == order.label
    assert attempt.expires_at == order.ends_by
    assert house.session(session).request.price_cap == order.price_cap
    (boot,) = house.scripts.orders
    assert attempt.expires_at - house.now == boot.stop_in
    assert house.vault.hash_token(boot.token.text) == attempt.token_hash


@pytest.mark.parametrize(
    ("error", "blame", "remembered"),
    [
        (OfferGone("sold"), Blame.OFFER, 1),
        (NoCapacity("none left"), Blame.OFFER, 1),
        (QuotaReached("no money"), Blame.ACCOUNT, 0),
        (BadOrder("no such field"), Blame.OURS, 0),
        (Refused("no"), Blame.CLOUD, 1),
        (Unauthorized("who are you"), Blame.ACCOUNT, 0),
        (Unavailable("connect refused"), None, 0),
        (RateLimited("later", retry_after=1), None, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
@housed()
async def test_a_certain_no_is_rejected_and_blamed_on_the_right_thing(
    house: House, error: Exception, blame: Blame | None, remembered: int
) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(error)

    await house.look_after(session)

    first = house.attempt(session, 1)
    assert (AttemptState.REJECTED, blame, False) == (first.state, first.blame, first.wanted)
    failures = house.peek(lambda book: book.accounts.outcomes(since=NOON))
    assert remembered == len(failures)
    assert [] == house.peek(lambda book: book.costs.totals([session]).get(session, []))


@housed()
async def test_what_failed_is_not_on_the_menu_any_more(house: House) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(OfferGone("sold"))

    await house.look_after(session)

    health = house.market.snapshot.health
    assert {Scope.OFFER, Scope.LOCATION, Scope.GPU} == {key.scope for key in health.marks}
    assert house.market.snapshot.has_gone(house.attempt(session, 1).offer.id)


@housed()
async def test_after_a_no_another_offer_is_bought_in_the_same_session(house: House) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(OfferGone("sold"))

    await house.look_after(session)

    assert ["o1", "o2"] == [attempt.offer.provider_id for attempt in house.attempts(session)]
    assert AttemptState.BOUND is house.attempt(session).state


@housed()
async def test_nothing_dearer_than_the_cap_is_bought_in_place_of_what_failed(house: House) -> None:
    await house.open_shop(an_offer("o1"), an_offer("o2", price=rate("0.600001")))
    session = await house.asked_for()
    house.cloud.launch_answers.append(OfferGone("sold"))

    await house.look_after(session)

    ended = house.session(session)
    assert (State.FAILED, StopReason.LAUNCH_FAILED) == (ended.state, ended.stop_reason)
    assert 1 == len(house.cloud.orders)
    assert "sold" in (ended.error or "")


@housed()
async def test_a_refused_key_stops_buying_and_is_told(house: House) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(Unauthorized("401"))

    await house.look_after(session)

    assert 1 == len(house.cloud.orders)
    assert State.PENDING is house.session(session).state
    assert ["unauthorized"] == house.notices()


@pytest.mark.parametrize("bought", [True, False])
@housed()
async def test_an_answer_that_proves_nothing_leaves_the_attempt_open(
    house: House, bought: bool
) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing = bought

    await house.look_after(session)

    attempt = house.attempt(session)
    assert (AttemptState.UNKNOWN, True) == (attempt.state, attempt.wanted)
    assert "attempt_unknown" in house.kinds(session)


@housed()
async def test_what_was_bought_without_an_answer_is_found_by_its_label(house: House) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing = True

    await house.look_after(session)
    await house.live(session, 6)

    assert AttemptState.BOUND is house.attempt(session).state
    assert 1 == len(house.cloud.orders)


@housed()
async def test_a_call_that_takes_too_long_is_not_a_no(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.delays["launch"] = 61

    await house.look_after(session)

    assert AttemptState.UNKNOWN is house.attempt(session).state
    assert 1 == len(house.cloud.instances)


@housed()
async def test_what_the_sweep_found_while_the_call_was_out_stays_found(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.delays["launch"] = 61

    buying = house.loop.create_task(house.look_after(session))
    await house.clock.sleep(30)
    await house.sweeping.sweep(house.cloud.name)
    assert AttemptState.BOUND is house.attempt(session).state
    await buying

    assert AttemptState.BOUND is house.attempt(session).state


@housed()
async def test_a_no_that_comes_after_the_instance_was_seen_is_not_believed(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(NoCapacity("none left"))
    house.cloud.buys_when_failing = True
    house.cloud.delays["launch"] = 50

    buying = house.loop.create_task(house.look_after(session))
    await house.clock.sleep(30)
    await house.sweeping.sweep(house.cloud.name)
    await buying

    assert AttemptState.BOUND is house.attempt(session).state


@housed()
async def test_an_error_that_names_an_instance_has_bought_one_that_is_owed_its_end(
    house: House,
) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500", instance_id=InstanceId("i-1")))
    house.cloud.buys_when_failing = True

    await house.look_after(session)

    first, second = house.attempts(session)
    assert (AttemptState.CLOSING, InstanceId("i-1")) == (first.state, first.instance_id)
    assert AttemptState.BOUND is second.state


@housed()
async def test_a_session_shops_on_and_the_unanswered_attempt_stays_owed(house: House) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))

    await house.look_after(session)
    await house.live(session, 75)

    first, second = house.attempts(session)
    assert (AttemptState.UNKNOWN, False) == (first.state, first.wanted)
    assert (AttemptState.BOUND, True) == (second.state, second.wanted)


@housed()
async def test_an_unanswered_attempt_that_turns_up_late_is_destroyed(house: House) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    await house.look_after(session)
    await house.live(session, 75)

    late = house.cloud.add(house.attempt(session, 1).label)
    await house.live(session, 120)

    assert AttemptState.CLOSING is house.attempt(session, 1).state
    assert late.id not in house.cloud.instances
    assert [house.attempt(session, 2).instance_id] == list(house.cloud.instances)


@housed()
async def test_what_never_turns_up_is_presumed_absent_after_the_quarantine(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for(auto_retry=False, startup_timeout=2 * HOUR)
    house.cloud.launch_answers.append(Ambiguous("500"))
    await house.look_after(session)

    await house.live(session, 30 * 60)
    assert AttemptState.UNKNOWN is house.attempt(session).state
    await house.live(session, 3 * 60)

    assert AttemptState.CLOSED is house.attempt(session).state
    assert State.FAILED is house.session(session).state


@housed()
async def test_only_a_look_that_began_after_the_quarantine_says_that_nothing_came(
    house: House,
) -> None:
    await house.open_shop()
    session = await house.asked_for(auto_retry=False, startup_timeout=2 * HOUR)
    house.cloud.launch_answers.append(Ambiguous("500"))
    await house.look_after(session)
    attempt = house.attempt(session)
    over = attempt.call_deadline + house.cloud.quirks.quarantine
    await house.clock.sleep((over - house.now).total_seconds() - 10)
    claim, house.cloud.delays["find"] = await house.claim(session), 60

    await house.reconciler._launching.adopt(claim, attempt)
    assert house.now > over
    assert 0 == house.attempt(session).missing_listings

    await house.reconciler._launching.adopt(claim, attempt)
    assert 1 == house.attempt(session).missing_listings


@housed()
async def test_a_cloud_that_cannot_be_asked_proves_nothing_however_long(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for(startup_timeout=2 * HOUR)
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.errors["find"] = Unavailable("down")
    await house.look_after(session)

    await house.live(session, 60 * 60)

    assert (AttemptState.UNKNOWN, 0) == (
        house.attempt(session).state, house.attempt(session).looks,
    )  # fmt: skip


@housed()
async def test_a_stop_during_the_call_ends_what_it_bought(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.delays["launch"] = 10
    buying = house.loop.create_task(house.look_after(session))
    await house.clock.sleep(5)

    from_alice = house.session(session)
    await house.sessions.end(from_alice.id, by=AS_ALICE)
    await buying
    await house.live(session, 300)

    assert {} == house.cloud.instances
    assert State.STOPPED is house.session(session).state


@housed()
async def test_what_does_not_come_up_in_its_time_is_given_up_for_another(house: House) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    await house.look_after(session)

    await house.live(session, 10 * 60 + 1)

    first, second = house.attempts(session)
    assert (AttemptState.CLOSING, Blame.MACHINE) == (first.state, first.blame)
    assert AttemptState.BOUND is second.state


@pytest.mark.parametrize(
    "granted",
    [{"rate": rate("0.70")}, {"gpu_name": "RTX 3090"}, {"gpu_count": 2}],
    ids=["dearer", "another GPU", "more GPUs"],
)
@housed()
async def test_what_is_not_as_sold_is_given_back_and_the_offer_blamed(
    house: House, granted: dict[str, object]
) -> None:
    await house.open_shop(*TWO_OFFERS)
    session = await house.asked_for()
    house.cloud.granted = granted

    await house.look_after(session)

    first = house.attempt(session, 1)
    assert (AttemptState.CLOSING, Blame.OFFER, False) == (first.state, first.blame, first.wanted)
    assert "not_as_sold" in house.kinds(session)


@housed()
async def test_the_start_up_deadline_ends_everything(house: House) -> None:
    session = await house.until_bound(startup_timeout=5 * MINUTE)

    await house.live(session, 10 * 60)

    ended = house.session(session)
    assert (State.FAILED, StopReason.LAUNCH_FAILED) == (ended.state, ended.stop_reason)
    assert {} == house.cloud.instances
    assert "not running within 5 minutes" in (ended.error or "")
