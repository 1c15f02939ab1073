"""The sweep: what is ours and unwanted ends, what is ours and forgotten is taken in, what is not ours is left alone."""

from datetime import timedelta

import pytest

from gpu_shopper.domain.ids import InstanceId, deployment_id
from gpu_shopper.domain.label import Label, LabelFacts, write_label
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.ports.provider_errors import Ambiguous, Unauthorized, Unavailable
from gpu_shopper.testing.builders import CUMULUS, HOUR, a_session, an_offer
from tests.unit.engine.house import AS_ALICE, House, housed
from tests.unit.engine.stories import ended, sweep

LOST = a_session(number=4711)


def label_of(house: House, *, hours: float = 5, attempt: int = 1, session=LOST.id) -> Label:
    facts = LabelFacts(
        deployment=house.desk.deployment, session=session, number=attempt,
        expires_at=house.now + timedelta(hours=hours),
    )  # fmt: skip
    return write_label(facts, key=house.vault.label_key)


@housed()
async def test_a_sweep_of_nothing_is_complete_and_written_down(house: House) -> None:
    await sweep(house)

    record = house.peek(lambda book: book.accounts.last_sweep(CUMULUS, complete=True))
    assert record is not None
    assert (0, 0, 0, 0) == (record.instances, record.strays, record.orphans, record.missing)


@pytest.mark.parametrize("label", ["", "web-1", "gs1-a-b-c-d-e"])
@housed()
async def test_a_stray_is_counted_and_never_touched(house: House, label: str) -> None:
    house.cloud.add(label)

    for _ in range(5):
        record = await sweep(house)
        await house.clock.sleep(86_400)

    assert 1 == record.strays
    assert [] == house.cloud.destroyed


@housed()
async def test_another_deployments_instance_is_a_stray_even_with_our_key(house: House) -> None:
    theirs = LabelFacts(
        deployment=deployment_id(99), session=LOST.id, number=1, expires_at=house.now - HOUR
    )
    house.cloud.add(write_label(theirs, key=house.vault.label_key))

    assert 1 == (await sweep(house)).strays
    assert [] == house.cloud.destroyed


@pytest.mark.parametrize("blindness", ["incomplete", "down"])
@housed()
async def test_a_listing_with_a_missing_part_changes_nothing(house: House, blindness: str) -> None:
    session = await house.until_running()
    house.cloud.add(label_of(house, hours=-1))
    house.cloud.hidden.add(InstanceId("i-1"))
    before = (house.session(session), house.attempts(session))
    if blindness == "down":
        house.cloud.errors["list_all"] = Unavailable("down")
    else:
        house.cloud.incomplete = True

    record = await sweep(house)

    assert not record.complete
    assert before == (house.session(session), house.attempts(session))
    assert [] == house.cloud.destroyed


@housed()
async def test_a_refused_key_is_remembered_until_a_sweep_works_again(house: House) -> None:
    house.cloud.errors["list_all"] = Unauthorized("401")
    await sweep(house)
    state = house.peek(lambda book: book.accounts.state(CUMULUS))
    assert house.now == state.unauthorized_since

    house.cloud.errors.clear()
    await sweep(house)
    assert house.peek(lambda book: book.accounts.state(CUMULUS)).unauthorized_since is None


@housed()
async def test_what_was_never_answered_is_adopted(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing = True
    await house.look_after(session)

    await sweep(house)

    assert (AttemptState.BOUND, "i-1") == (
        house.attempt(session).state, house.attempt(session).instance_id,
    )  # fmt: skip


@housed()
async def test_what_was_never_answered_and_is_not_wanted_any_more_is_ended(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing = True
    await house.look_after(session)
    await house.sessions.end(session, by=AS_ALICE)

    await sweep(house)
    assert AttemptState.CLOSING is house.attempt(session).state
    await house.live(session, 300)

    assert ({}, State.STOPPED) == (house.cloud.instances, house.session(session).state)


@housed()
async def test_a_late_arrival_reopens_what_was_closed_and_is_ended(house: House) -> None:
    session = await ended(house)
    attempt = house.attempt(session)
    assert attempt.instance_id is not None
    house.cloud.add(attempt.label, id=attempt.instance_id)

    await sweep(house)
    assert AttemptState.CLOSING is house.attempt(session).state
    assert ["late_arrival"] == house.notices()
    await house.live(session, 300)

    assert {} == house.cloud.instances
    assert (AttemptState.CLOSED, State.STOPPED) == (
        house.attempt(session).state, house.session(session).state,
    )  # fmt: skip


# ── orphans ──────────────────────────────────────────────────────────────────────────────────────


@housed()
async def test_an_orphan_that_is_overdue_is_destroyed_by_its_label_alone(house: House) -> None:
    house.cloud.add(label_of(house, hours=-0.1))

    await sweep(house)

    assert {} == house.cloud.instances
    assert ["orphan"] == house.notices()
    assert house.peek(lambda book: book.sessions.get(LOST.id)) is None


@housed()
async def test_an_orphan_that_is_not_overdue_is_taken_in_and_watched_over(house: House) -> None:
    house.cloud.add(label_of(house))

    await sweep(house)

    session = house.session(LOST.id)
    assert ("recovered", State.PROVISIONING) == (session.consumer_id, session.state)
    assert AttemptState.BOUND is house.attempt(LOST.id).state
    assert [] == house.cloud.destroyed
    assert ["orphan"] == house.notices()


@housed()
async def test_what_was_taken_in_has_time_to_be_heard_however_old_it_is(house: House) -> None:
    house.cloud.add(label_of(house), billed_from=house.now - 3 * HOUR)
    await sweep(house)

    await house.look_after(LOST.id)
    assert [] == house.cloud.destroyed
    await house.beat(LOST.id)

    assert State.RUNNING is house.session(LOST.id).state


@housed()
async def test_what_was_taken_in_and_says_nothing_is_ended(house: House) -> None:
    house.cloud.add(label_of(house))
    await sweep(house)

    await house.live(LOST.id, 20 * 60, sweeping=True)

    assert {} == house.cloud.instances
    assert State.FAILED is house.session(LOST.id).state


@housed()
async def test_two_orphans_of_one_label_are_one_session(house: House) -> None:
    label = label_of(house)
    house.cloud.add(label, id=InstanceId("i-1"))
    house.cloud.add(label, id=InstanceId("i-2"))

    await sweep(house)
    await sweep(house)

    assert ["i-2"] == house.cloud.destroyed
    assert ["i-1"] == list(house.cloud.instances)


@housed()
async def test_an_attempt_that_an_older_book_forgot_is_ended_and_its_number_stays_taken(
    house: House,
) -> None:
    await house.open_shop(an_offer())
    session = await house.asked_for()
    forgotten = label_of(house, session=session, attempt=1)
    house.cloud.add(forgotten)

    await sweep(house)
    await house.live(session, 300)

    assert [1, 2] == [attempt.number for attempt in house.attempts(session)]
    assert forgotten != house.attempt(session, 2).label
    assert [house.attempt(session, 2).instance_id] == list(house.cloud.instances)


# ── what is missing, and when nothing is inferred from it ────────────────────────────────────────


@housed()
async def test_one_listing_that_lacks_an_instance_ends_nothing(house: House) -> None:
    session = await house.until_running()
    house.cloud.hidden.add(InstanceId("i-1"))

    await house.clock.sleep(60)
    record = await sweep(house)

    assert 1 == record.missing
    assert 1 == house.attempt(session).missing_listings
    assert State.RUNNING is house.session(session).state


@housed()
async def test_a_heartbeat_outvotes_any_number_of_listings(house: House) -> None:
    session = await house.until_running()
    house.cloud.hidden.add(InstanceId("i-1"))

    for _ in range(60):
        await house.clock.sleep(20)
        await house.beat(session)
        await house.clock.sleep(1)
        await sweep(house)
        await house.look_after(session)

    assert State.RUNNING is house.session(session).state
    assert [] == house.cloud.destroyed


@housed()
async def test_what_is_gone_by_all_signs_is_lost(house: House) -> None:
    session = await house.until_running()
    house.cloud.instances.clear()

    for _ in range(80):
        await house.clock.sleep(10)
        await sweep(house)
        await house.look_after(session)

    settled = house.session(session)
    assert settled.state is State.FAILED
    assert settled.stop_reason in {StopReason.LOST, StopReason.SILENT}


async def many(house: House, count: int) -> list:
    await house.open_shop(*(an_offer(f"o{n}") for n in range(count)))
    sessions = [await house.asked_for() for _ in range(count)]
    for session in sessions:
        await house.look_after(session)
    assert count == len(house.cloud.instances)
    return sessions


@housed()
async def test_an_account_that_loses_many_at_once_is_frozen_and_thaws_when_they_are_back(
    house: House,
) -> None:
    sessions = await many(house, 6)
    await house.clock.sleep(60)
    house.cloud.hidden |= set(list(house.cloud.instances)[:3])

    await sweep(house)
    state = house.peek(lambda book: book.accounts.state(CUMULUS))
    assert house.now == state.frozen_since
    assert "account_frozen" in house.notices()
    assert [0] * 6 == [house.attempt(session).missing_listings for session in sessions]
    # Their bills may end here, should reads find them gone in the end.
    since = [house.attempt(session).missing_since for session in sessions]
    assert sorted([house.now] * 3 + [None] * 3, key=str) == sorted(since, key=str)

    house.cloud.hidden.clear()
    await sweep(house)
    assert house.peek(lambda book: book.accounts.state(CUMULUS)).frozen_since is None
    assert [None] * 6 == [house.attempt(session).missing_since for session in sessions]


@housed()
async def test_a_frozen_account_still_ends_what_is_asked_to_end(house: House) -> None:
    sessions = await many(house, 6)
    await house.clock.sleep(60)
    house.cloud.hidden |= set(list(house.cloud.instances)[:3])
    await sweep(house)

    await house.sessions.end(sessions[-1], by=AS_ALICE)
    await house.live(sessions[-1], 300)

    assert State.STOPPED is house.session(sessions[-1]).state


@pytest.mark.parametrize(("held", "gone", "frozen"), [(6, 2, False), (10, 3, False), (9, 3, True)])
@housed()
async def test_a_few_that_are_missing_freeze_nothing(
    house: House, held: int, gone: int, frozen: bool
) -> None:
    await many(house, held)
    await house.clock.sleep(60)
    house.cloud.hidden |= set(list(house.cloud.instances)[:gone])

    await sweep(house)

    state = house.peek(lambda book: book.accounts.state(CUMULUS))
    assert frozen == (state.frozen_since is not None)


@housed()
async def test_what_a_listing_left_out_is_looked_at_before_it_is_destroyed(house: House) -> None:
    session = await house.until_running()
    [held] = house.cloud.instances
    await house.beat(session)
    house.cloud.hidden.add(held)
    await sweep(house)
    house.cloud.hidden.clear()
    assert house.attempt(session).missing_since is not None
    await house.sessions.finish(session, by=AS_ALICE)
    looks = house.cloud.calls["observe"]

    await house.look_after(session)

    assert looks < house.cloud.calls["observe"]
    assert [held] == house.cloud.destroyed
    assert house.attempt(session).missing_since is None
