"""Ending: one path to a proof, no answer taken for one, and a bill that ends when the instance did."""

import pytest

from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.launch import AttemptState, Proof
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import charge
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.ports.books import CostFilter
from gpu_shopper.ports.provider_errors import (
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.testing.builders import CUMULUS, HOUR, MINUTE, NOON, SECOND
from tests.unit.engine.house import AS_ALICE, QUIRKS, House, housed

TOLD_TO_BILL_UNTIL_DESTROY = Quirks(
    requests_per_second=100.0, burst=1000, destroy_ends_billing=True
)


async def end(house: House, session, seconds: float = 300) -> None:
    await house.sessions.finish(session, by=AS_ALICE)
    await house.live(session, seconds)


def bill(house: House, session) -> int:
    wanted = CostFilter(session_id=session)
    entries = house.peek(lambda book: book.costs.entries(wanted))
    return sum(entry.amount.micros for entry in entries)


@housed()
async def test_a_session_that_is_done_ends_with_a_proof(house: House) -> None:
    session = await house.until_running()

    await end(house, session)

    attempt = house.attempt(session)
    assert (AttemptState.CLOSED, Proof.PROVED) == (attempt.state, attempt.proof)
    assert State.STOPPED is house.session(session).state
    assert {} == house.cloud.instances


@housed()
async def test_the_proof_takes_two_spaced_reads_and_two_spaced_listings(house: House) -> None:
    session = await house.until_running()
    before = house.cloud.calls.copy()

    await end(house, session)

    calls = house.cloud.calls - before
    # A third read, right after the order, only ends the bill.
    assert (1, 3, 2) == (calls["destroy"], calls["observe"], calls["list_all"])
    closed_at = house.attempt(session).closed_at
    assert closed_at is not None
    took = closed_at - NOON
    assert (
        took >= QUIRKS.destroy_settle + QUIRKS.absence_read_spacing + QUIRKS.absence_listing_spacing
    )


@housed()
async def test_an_accepted_destroy_alone_ends_nothing(house: House) -> None:
    session = await house.until_running()
    house.cloud.ignores_destroy = True

    await end(house, session, 3600)

    assert AttemptState.CLOSING is house.attempt(session).state
    assert State.STOPPING is house.session(session).state


@pytest.mark.parametrize(
    "error",
    [Unavailable("500"), Unauthorized("401"), Refused("404"), RateLimited("429", retry_after=1)],
    ids=lambda error: type(error).__name__,
)
@housed()
async def test_no_error_of_a_destroy_is_an_end_or_a_reason_to_stop_trying(
    house: House, error: Exception
) -> None:
    session = await house.until_running()
    house.cloud.errors["destroy"] = error
    await end(house, session, 600)
    assert AttemptState.CLOSING is house.attempt(session).state
    tries = house.attempt(session).destroy_tries
    assert tries > 3

    house.cloud.errors.clear()
    await house.live(session, 900)
    assert (AttemptState.CLOSED, {}) == (house.attempt(session).state, house.cloud.instances)


@housed()
async def test_a_destroy_that_went_through_with_an_error_is_sent_once_more_and_then_looked_for(
    house: House,
) -> None:
    session = await house.until_running()
    house.cloud.errors["destroy"] = Unavailable("504")
    (instance,) = house.cloud.instances
    await house.sessions.finish(session, by=AS_ALICE)
    await house.look_after(session)
    del house.cloud.instances[instance]

    await house.live(session, 300)

    assert [instance] * 2 == house.cloud.destroyed
    assert AttemptState.CLOSED is house.attempt(session).state


@pytest.mark.parametrize(
    ("error", "sent"),
    [(Unavailable("reset"), 2), (RateLimited("slow down", retry_after=9), 2), (Refused("no"), 1)],
)
@housed()
async def test_a_destroy_that_did_not_get_through_is_sent_once_more(
    house: House, error: ProviderError, sent: int
) -> None:
    session = await house.until_running()
    house.cloud.errors["destroy"] = error
    (instance,) = house.cloud.instances
    await house.sessions.finish(session, by=AS_ALICE)
    await house.look_after(session)

    assert [instance] * sent == house.cloud.destroyed
    assert sent == house.attempt(session).destroy_tries


@housed()
async def test_silence_after_a_destroy_proves_nothing(house: House) -> None:
    session = await house.until_running()
    house.cloud.errors["observe"] = Unavailable("down")

    await end(house, session, 1800)

    assert AttemptState.CLOSING is house.attempt(session).state


@pytest.mark.parametrize("blind", ["list_all", "incomplete"])
@housed()
async def test_no_proof_without_complete_listings(house: House, blind: str) -> None:
    session = await house.until_running()
    if blind == "incomplete":
        house.cloud.incomplete = True
    else:
        house.cloud.errors["list_all"] = Unavailable("down")

    await end(house, session, 1800)

    assert AttemptState.CLOSING is house.attempt(session).state


@housed()
async def test_an_instance_that_comes_back_into_the_listing_voids_the_proof(house: House) -> None:
    session = await house.until_running()
    house.cloud.ignores_destroy = True
    (instance,) = house.cloud.instances
    house.cloud.hidden.add(instance)
    await end(house, session, 25)
    assert 2 == house.attempt(session).absence.gone_reads

    house.cloud.hidden.clear()
    await house.live(session, 60)
    assert 0 == house.attempt(session).absence.gone_reads

    house.cloud.ignores_destroy = False
    await house.live(session, 600)
    assert 2 <= house.cloud.destroyed.count(instance)
    assert AttemptState.CLOSED is house.attempt(session).state


@pytest.mark.parametrize(
    "status", [InstanceStatus.STOPPED, InstanceStatus.BROKEN, InstanceStatus.UNKNOWN]
)
@housed()
async def test_stopped_is_not_gone(house: House, status: InstanceStatus) -> None:
    session = await house.until_running()
    house.cloud.ignores_destroy = True
    (instance,) = house.cloud.instances.values()
    house.cloud.add(instance.label, id=instance.id, status=status)

    await end(house, session, 3600)

    assert AttemptState.CLOSING is house.attempt(session).state


@housed()
async def test_a_destroy_that_is_ignored_is_repeated_and_told_at_the_tenth_try(
    house: House,
) -> None:
    session = await house.until_running()
    house.cloud.ignores_destroy = True

    await end(house, session, 10 * 60)
    assert 10 > house.attempt(session).destroy_tries
    assert [] == house.notices()
    await house.live(session, 15 * 60)
    assert ["destroy_failing"] == house.notices()
    await house.live(session, 60 * 60)
    assert 2 == house.notices().count("destroy_failing")

    tries = house.attempt(session).destroy_tries
    assert len(house.cloud.destroyed) == tries
    told = house.kinds(session).count("destroy_called")
    assert told < tries


@housed()
async def test_a_destroy_is_never_given_up(house: House) -> None:
    session = await house.until_running()
    house.cloud.ignores_destroy = True
    await end(house, session, 60)
    await house.clock.sleep(86_400)
    await house.live(session, 900)
    before = house.attempt(session).destroy_tries

    await house.live(session, 3600)

    assert 4 <= house.attempt(session).destroy_tries - before <= 5


# ── when the bill ends ───────────────────────────────────────────────────────────────────────────


@housed()
async def test_the_bill_ends_at_the_first_absence_that_was_read(house: House) -> None:
    session = await house.until_running()
    await house.clock.sleep(50)
    await house.sessions.finish(session, by=AS_ALICE)
    asked = house.now

    await house.live(session, 300)

    attempt = house.attempt(session)
    assert asked + SECOND == attempt.billing_ended_at
    assert charge(attempt.rate, asked + SECOND - NOON).micros == bill(house, session)


@housed(quirks=TOLD_TO_BILL_UNTIL_DESTROY)
async def test_where_a_destroy_ends_billing_the_bill_ends_with_the_accepted_one(
    house: House,
) -> None:
    session = await house.until_running()
    await house.clock.sleep(50)

    await end(house, session)

    assert NOON + 50 * SECOND == house.attempt(session).billing_ended_at


@housed(quirks=TOLD_TO_BILL_UNTIL_DESTROY)
async def test_a_destroy_that_was_accepted_and_ignored_ended_no_bill(house: House) -> None:
    session = await house.until_running()
    house.cloud.ignores_destroy = True
    await end(house, session, 600)

    house.cloud.ignores_destroy = False
    honoured = len(house.cloud.destroyed)
    await house.live(session, 900)

    ended = house.attempt(session).billing_ended_at
    assert ended is not None
    assert ended >= NOON + 600 * SECOND
    assert honoured + 1 == len(house.cloud.destroyed)


@housed()
async def test_what_was_gone_before_we_destroyed_it_bills_until_it_was_last_seen(
    house: House,
) -> None:
    session = await house.until_running()
    await house.clock.sleep(120)
    await house.beat(session)
    await house.clock.sleep(300)
    house.cloud.instances.clear()

    await end(house, session)

    assert NOON + 120 * SECOND == house.attempt(session).billing_ended_at


@housed()
async def test_what_was_still_there_when_we_destroyed_it_bills_until_then(house: House) -> None:
    session = await house.until_running()
    await house.clock.sleep(500)
    await house.beat(session)
    await house.clock.sleep(500)

    await end(house, session)

    ended = house.attempt(session).billing_ended_at
    assert ended is not None
    assert ended >= NOON + 1000 * SECOND


@housed()
async def test_a_session_is_not_settled_while_anything_of_it_is_open(house: House) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)

    await house.reconciler._retiring.settle(await house.claim(session))

    assert State.STOPPING is house.session(session).state


@housed()
async def test_a_session_that_bought_nothing_settles_at_once_and_costs_nothing(
    house: House,
) -> None:
    await house.open_shop()
    session = await house.asked_for()
    await house.sessions.end(session, by=AS_ALICE)

    await house.look_after(session)

    assert (State.STOPPED, 0) == (house.session(session).state, bill(house, session))
    assert [] == house.cloud.orders


@housed()
async def test_a_closed_session_leaves_no_bill_open(house: House) -> None:
    session = await house.until_running()
    await end(house, session)

    open_bills = house.peek(lambda book: book.launches.billing(accrued_before=NOON + 99 * HOUR))
    assert [] == list(open_bills.attempts)
    assert MINUTE < house.now - NOON
    assert CUMULUS == house.attempt(session).provider


@housed(quirks=TOLD_TO_BILL_UNTIL_DESTROY)
async def test_what_is_cleared_away_after_an_order_does_not_prolong_the_bill(house: House) -> None:
    session = await house.until_running()
    await house.clock.sleep(50)
    house.cloud.clears_away_s = 7

    await end(house, session)

    assert NOON + 50 * SECOND == house.attempt(session).billing_ended_at
