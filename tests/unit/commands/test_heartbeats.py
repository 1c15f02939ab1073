"""Signs of life: each by the token of its own attempt, once, and answered with orders."""

import pytest

from gpu_shopper.domain.errors import Replayed, Unauthenticated
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import AttemptState, Blame
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.ports.provider_errors import Ambiguous, NoCapacity
from gpu_shopper.testing.builders import (
    HOUR,
    SECOND,
    a_gpu_reading,
    a_heartbeat,
    an_endpoint,
    an_offer,
)
from gpu_shopper.wire.agent import ORDER_CONTINUE, ORDER_STOP
from tests.unit.engine.house import AS_ALICE, House, housed
from tests.unit.engine.stories import sweep


@housed()
async def test_a_node_with_what_was_sold_makes_the_session_run(house: House) -> None:
    session = await house.until_bound()

    orders = await house.beat(session)

    running = house.session(session)
    assert (State.RUNNING, house.now) == (running.state, running.running_at)
    assert ORDER_CONTINUE == orders.order
    assert "heard_from" in house.kinds(session)


@housed()
async def test_an_unknown_token_is_refused(house: House) -> None:
    session = await house.until_bound()
    body = a_heartbeat(house.attempt(session).label)

    for token in ("", "cgs_agt_guess", house.vault.agent_token("another").text):
        with pytest.raises(Unauthenticated):
            await house.heartbeats.report(token, body)
    assert house.attempt(session).heard is None


@housed()
async def test_a_token_speaks_for_its_own_attempt_only(house: House) -> None:
    await house.open_shop(an_offer("o1"), an_offer("o2"))
    sessions = [await house.asked_for(), await house.asked_for()]
    for session in sessions:
        await house.look_after(session)
    mine, theirs = (house.attempt(session) for session in sessions)

    with pytest.raises(Unauthenticated):
        await house.heartbeats.report(
            house.vault.agent_token(mine.label).text, a_heartbeat(theirs.label)
        )


@pytest.mark.parametrize("counter", [1, 4, 5])
@housed()
async def test_a_report_that_was_seen_before_is_refused_and_changes_nothing(
    house: House, counter: int
) -> None:
    session = await house.until_running()
    await house.beat(session, counter=5)
    before = house.attempt(session)
    await house.clock.sleep(60)

    with pytest.raises(Replayed):
        await house.beat(session, counter=counter)
    assert before == house.attempt(session)


@pytest.mark.parametrize(
    "gpus",
    [(a_gpu_reading("Tesla T4", 15_360),), (a_gpu_reading(), a_gpu_reading())],
    ids=["another GPU", "more GPUs"],
)
@housed()
async def test_a_node_that_is_not_as_sold_never_runs(house: House, gpus) -> None:
    session = await house.until_bound()

    orders = await house.beat(session, gpus=gpus)

    attempt = house.attempt(session)
    assert ORDER_STOP == orders.order
    assert (AttemptState.CLOSING, Blame.OFFER) == (attempt.state, attempt.blame)
    assert State.PENDING is house.session(session).state


@housed()
async def test_a_node_that_changes_its_gpu_while_it_runs_is_ended(house: House) -> None:
    session = await house.until_running()

    await house.beat(session, gpus=(a_gpu_reading("Tesla T4", 15_360),))

    assert StopReason.NOT_AS_SOLD is house.session(session).stop_reason


@pytest.mark.parametrize("fault", [{"gpus": ()}, {"gpu_error": "driver not loaded"}])
@housed()
async def test_a_driver_that_is_not_up_yet_is_waited_for(
    house: House, fault: dict[str, object]
) -> None:
    session = await house.until_bound()

    await house.beat(session, **fault)
    assert State.PROVISIONING is house.session(session).state
    await house.beat(session)
    assert State.RUNNING is house.session(session).state


@housed()
async def test_running_waits_for_the_address(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.granted = {"endpoint": None}
    await house.look_after(session)

    await house.beat(session)
    assert State.PROVISIONING is house.session(session).state

    instance = house.cloud.instances["i-1"]
    house.cloud.granted = {}
    house.cloud.add(instance.label, id=instance.id, endpoint=an_endpoint())
    await house.look_after(session)
    assert State.RUNNING is house.session(session).state
    assert 0 == house.clock.monotonic()


@housed()
async def test_a_node_of_an_unanswered_call_has_the_cloud_asked_at_once(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing = True
    await house.look_after(session)

    await house.beat(session)
    await house.look_after(session)

    assert State.RUNNING is house.session(session).state
    assert 0 == house.clock.monotonic()


@housed()
async def test_a_node_of_a_session_that_is_ending_is_told_to_stop(house: House) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)

    assert ORDER_STOP == (await house.beat(session)).order


@housed()
async def test_a_node_that_was_given_up_is_told_to_stop_and_makes_nothing_run(
    house: House,
) -> None:
    await house.open_shop(an_offer("o1"), an_offer("o2"))
    session = await house.asked_for()
    await house.look_after(session)
    await house.live(session, 10 * 60 + 1)
    assert [False, True] == [attempt.wanted for attempt in house.attempts(session)]

    assert ORDER_STOP == (await house.beat(session, number=1)).order
    assert State.PROVISIONING is house.session(session).state
    assert ORDER_CONTINUE == (await house.beat(session, number=2)).order
    assert State.RUNNING is house.session(session).state


@housed()
async def test_a_node_that_speaks_after_its_end_is_told_to_stop(house: House) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)
    await house.live(session, 300)

    assert ORDER_STOP == (await house.beat(session)).order
    assert State.STOPPED is house.session(session).state


@housed()
async def test_the_node_is_told_how_long_it_may_go_on_by_a_clock_of_its_own(house: House) -> None:
    session = await house.until_bound(reservation_hours=2)
    orders = await house.beat(session)
    assert (2 * HOUR).total_seconds() == orders.stop_in_seconds

    await house.clock.sleep(600)
    later = await house.beat(session)
    assert orders.stop_in_seconds - 600 == later.stop_in_seconds
    assert 15 == later.heartbeat_seconds
    assert 1800 == later.lease_seconds


@housed()
async def test_before_it_runs_the_node_is_told_the_moment_in_its_label(house: House) -> None:
    session = await house.until_bound()

    orders = await house.beat(session, gpus=())
    left = house.attempt(session).expires_at - house.now
    assert left.total_seconds() == orders.stop_in_seconds


@housed()
async def test_a_sign_of_life_is_written_with_its_moment(house: House) -> None:
    session = await house.until_running()
    await house.clock.sleep(15)
    await house.beat(session, idle_seconds=7.5)

    heard = house.attempt(session).heard
    assert heard is not None
    assert (house.now, 2, 7.5, True) == (heard.at, heard.counter, heard.idle_seconds, heard.as_sold)
    assert 15 * SECOND == house.now - (house.session(session).running_at or house.now)


@housed()
async def test_a_double_is_not_heard_and_ends_only_once_a_sweep_has_seen_it(house: House) -> None:
    session = await house.until_bound()
    before = house.attempt(session)

    orders = await house.beat(session, boot_id="boot-2", instance_id="i-2")
    assert (State.PROVISIONING, before) == (house.session(session).state, house.attempt(session))
    assert ORDER_CONTINUE == orders.order

    house.cloud.add(before.label, id=InstanceId("i-2"))
    await sweep(house)
    orders = await house.beat(session, boot_id="boot-2", counter=2, instance_id="i-2")
    assert ORDER_STOP == orders.order

    orders = await house.beat(session, instance_id="i-1")
    assert (State.RUNNING, ORDER_CONTINUE) == (house.session(session).state, orders.order)


@housed()
async def test_what_a_double_said_before_the_answer_makes_no_session_run(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing = True
    await house.look_after(session)
    await house.beat(session, instance_id="i-2")

    await sweep(house)
    assert ("i-1", None) == (house.attempt(session).instance_id, house.attempt(session).heard)
    assert State.PROVISIONING is house.session(session).state


@pytest.mark.parametrize("label_kept", [True, False])
@housed()
async def test_what_was_refused_and_speaks_all_the_same_is_destroyed_where_its_label_shows_it(
    house: House, *, label_kept: bool
) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(NoCapacity("no"))
    await house.look_after(session)
    refused = house.attempt(session, 1)
    assert AttemptState.REJECTED is refused.state
    label = str(refused.label) if label_kept else ""
    house.cloud.add(label, id=InstanceId("i-unseen"))

    orders = await house.beat(session, 1, instance_id="i-unseen")
    await sweep(house)
    await house.live(session, 300, sweeping=True)

    assert ORDER_STOP == orders.order
    told = house.peek(lambda book: book.notices.recent(limit=9))
    assert ["i-unseen"] == [
        notice.details["instance"] for notice in told if notice.kind == "heard_unseen"
    ]
    # Whose label is lost, and whose id the cloud never told us, is a stranger's as far as anybody can prove.
    assert label_kept is (InstanceId("i-unseen") in house.cloud.destroyed)
