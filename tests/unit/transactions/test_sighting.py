"""What was seen, as it is written: bound, read back, priced, judged, whoever saw it."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.hearing import GpuSeen
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.launch import AttemptState, Blame, unwanted
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import charge, rate
from gpu_shopper.domain.session import StopReason
from gpu_shopper.ports.books import CostFilter
from gpu_shopper.ports.provider_errors import Ambiguous
from gpu_shopper.testing.builders import HOUR, NOON, a_report, an_instance, an_offer
from gpu_shopper.transactions.sighting import Hearing, record_instance, record_report
from tests.unit.engine.house import House, housed


async def see(house: House, session, **changes: object) -> None:
    known, attempt = house.session(session), house.attempt(session)
    instance = an_instance(attempt, **changes)
    await house.books.write(
        lambda book: record_instance(book, known, attempt, instance, at=house.now)
    )


async def hear(house: House, session, **changes: object) -> Hearing:
    known, attempt = house.session(session), house.attempt(session)
    report = a_report(**changes)
    return await house.books.write(
        lambda book: record_report(book, known, attempt, report, at=house.now)
    )


async def unanswered(house: House):
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    await house.look_after(session)
    return session


@housed()
async def test_a_found_instance_is_bound_and_told(house: House) -> None:
    session = await unanswered(house)

    await see(house, session)

    assert AttemptState.BOUND is house.attempt(session).state
    assert "instance_found" == house.kinds(session)[-1]


@housed()
async def test_a_found_instance_that_is_unwanted_is_due_for_its_end(house: House) -> None:
    session = await unanswered(house)
    await house.save(unwanted(house.attempt(session), because="done", at=house.now))

    await see(house, session)

    attempt = house.attempt(session)
    assert (AttemptState.CLOSING, house.now) == (attempt.state, attempt.next_action_at)


@housed()
async def test_it_is_read_back_once_its_address_is_known(house: House) -> None:
    session = await unanswered(house)
    await see(house, session, endpoint=None)
    assert house.attempt(session).read_back_at is None

    await house.clock.sleep(5)
    await see(house, session)
    read_at = house.attempt(session).read_back_at
    await house.clock.sleep(5)
    await see(house, session)

    assert house.now != read_at == house.attempt(session).read_back_at


@housed()
async def test_the_price_that_is_charged_replaces_the_offers(house: House) -> None:
    session = await unanswered(house)

    await see(house, session, rate=rate("0.5"))

    assert rate("0.5") == house.attempt(session).rate


@housed()
async def test_a_price_that_changes_later_closes_the_bill_at_the_old_one(house: House) -> None:
    session = await house.until_running()
    await house.clock.sleep(1800)

    await see(house, session, rate=rate("0.5"))

    wanted = CostFilter(session_id=session)
    (entry,) = house.peek(lambda book: book.costs.entries(wanted))
    assert (charge(an_offer().price, HOUR / 2), NOON + HOUR / 2) == (entry.amount, entry.ends_at)
    assert NOON + HOUR / 2 == house.attempt(session).rate_since


@housed()
async def test_a_price_that_rises_above_the_cap_ends_the_session(house: House) -> None:
    session = await house.until_running()

    await see(house, session, rate=rate("0.61"))

    assert StopReason.NOT_AS_SOLD is house.session(session).stop_reason


@pytest.mark.parametrize("status", [InstanceStatus.STOPPED, InstanceStatus.BROKEN])
@housed()
async def test_what_ended_by_itself_was_preempted(house: House, status: InstanceStatus) -> None:
    session = await house.until_running()

    await see(house, session, status=status)

    stopping = house.session(session)
    assert (StopReason.PREEMPTED, "cloud") == (stopping.stop_reason, stopping.stop_actor)
    assert AttemptState.CLOSING is house.attempt(session).state


@housed()
async def test_what_ended_before_it_ran_is_replaced_and_its_machine_blamed(house: House) -> None:
    session = await house.until_bound()

    await see(house, session, status=InstanceStatus.STOPPED)

    assert State.PENDING is house.session(session).state
    assert Blame.MACHINE is house.attempt(session).blame


@pytest.mark.parametrize("status", [InstanceStatus.BOOTING, InstanceStatus.UNKNOWN])
@housed()
async def test_what_only_looks_odd_is_let_be(house: House, status: InstanceStatus) -> None:
    session = await house.until_running()

    await see(house, session, status=status)

    assert State.RUNNING is house.session(session).state


@housed()
async def test_running_needs_both_the_address_and_the_node_in_any_order(house: House) -> None:
    first_heard, first_seen = await unanswered(house), None
    await see(house, first_heard, endpoint=None)
    await hear(house, first_heard)
    assert State.PROVISIONING is house.session(first_heard).state
    await see(house, first_heard)
    assert State.RUNNING is house.session(first_heard).state

    house.sells(an_offer("o2"))
    first_seen = await house.asked_for()
    await house.look_after(first_seen)
    assert State.PROVISIONING is house.session(first_seen).state
    await hear(house, first_seen)
    assert State.RUNNING is house.session(first_seen).state


@housed()
async def test_a_report_before_the_instance_was_found_makes_nothing_run(house: House) -> None:
    session = await unanswered(house)

    assert Hearing.RECORDED is await hear(house, session)
    assert State.PROVISIONING is house.session(session).state
    assert house.attempt(session).heard is not None


@housed()
async def test_an_old_report_writes_nothing(house: House) -> None:
    session = await house.until_running()
    before, kinds = house.attempt(session), house.kinds(session)

    assert Hearing.OLD is await hear(house, session, counter=1)
    assert (before, kinds) == (house.attempt(session), house.kinds(session))


@housed()
async def test_a_report_of_other_hardware_is_told_in_words(house: House) -> None:
    session = await house.until_bound()

    heard = await hear(house, session, gpus=(GpuSeen("Tesla T4", 15_360),))

    assert Hearing.NOT_AS_SOLD is heard
    assert "Tesla T4" in (house.session(session).error or "")


@housed()
async def test_seeing_it_takes_back_the_suspicion_that_it_is_missing(house: House) -> None:
    session = await house.until_running()
    await house.save(replace(house.attempt(session), missing_since=house.now, missing_listings=2))

    await see(house, session)

    attempt = house.attempt(session)
    assert (None, 0) == (attempt.missing_since, attempt.missing_listings)


@housed()
async def test_another_instance_with_the_same_label_does_not_replace_the_one_we_hold(
    house: House,
) -> None:
    session = await house.until_running()
    held = house.attempt(session)

    await see(
        house, session, id="i-other", rate=rate("0.99"),
        endpoint=replace(held.endpoint, host="198.51.100.9"),
    )  # fmt: skip

    assert held == house.attempt(session)
    assert State.RUNNING is house.session(session).state
