"""Finish, end, extend: whose it is, how often it may be said, and how far it goes."""

import pytest

from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.errors import (
    AlreadyEnded,
    Forbidden,
    NotFound,
    PastHardMax,
    Refusal,
    Unsupported,
)
from gpu_shopper.domain.ids import session_id
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.testing.builders import BOB, HOUR
from tests.unit.engine.house import AS_ALICE, OPERATOR, House, at_once, housed

AS_BOB = Caller(name="token:bob", consumer_id=BOB)
ORDERS = {
    "finish": lambda house, session, by: house.sessions.finish(session, by=by),
    "end": lambda house, session, by: house.sessions.end(session, by=by),
    "extend": lambda house, session, by: house.sessions.extend(
        session, hours=1, by=by, override_hard_max=False
    ),
}


@pytest.mark.parametrize("order", sorted(ORDERS))
@housed()
async def test_another_consumers_session_does_not_exist(house: House, order: str) -> None:
    session = await house.until_running()
    before = house.session(session)

    with pytest.raises(NotFound):
        await ORDERS[order](house, session, AS_BOB)
    with pytest.raises(NotFound):
        await ORDERS[order](house, session_id(99), AS_ALICE)
    assert before == house.session(session)


@pytest.mark.parametrize("order", sorted(ORDERS))
@housed()
async def test_an_operator_may_do_what_its_consumer_may(house: House, order: str) -> None:
    session = await house.until_running()

    await ORDERS[order](house, session, OPERATOR)
    assert "operator" == house.history(session)[-1].actor


@pytest.mark.parametrize(
    ("order", "reason"), [("finish", StopReason.DONE), ("end", StopReason.CANCELLED)]
)
@housed()
async def test_who_ends_a_session_and_why_is_written_before_anything_is_destroyed(
    house: House, order: str, reason: StopReason
) -> None:
    session = await house.until_running()

    stopping = await ORDERS[order](house, session, AS_ALICE)

    assert (State.STOPPING, reason, "token:alice") == (
        stopping.state, stopping.stop_reason, stopping.stop_actor,
    )  # fmt: skip
    assert [] == house.cloud.destroyed
    assert AttemptState.CLOSING is house.attempt(session).state
    assert house.now == house.session(session).next_action_at


@housed()
async def test_done_is_said_once(house: House) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)

    with pytest.raises(AlreadyEnded) as refusal:
        await house.sessions.finish(session, by=AS_ALICE)
    assert {"session_id": session, "status": "stopping"} == refusal.value.fields


@housed()
async def test_end_may_be_said_any_number_of_times_and_the_first_reason_stays(
    house: House,
) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)
    history = house.kinds(session)

    for _ in range(3):
        again = await house.sessions.end(session, by=OPERATOR)
    assert StopReason.DONE is again.stop_reason
    assert history == house.kinds(session)


@housed()
async def test_of_many_who_end_it_at_once_one_is_written(house: House) -> None:
    session = await house.until_running()

    ended = await at_once(*(house.sessions.finish(session, by=AS_ALICE) for _ in range(4)))
    assert 3 == sum(isinstance(one, AlreadyEnded) for one in ended)
    assert 1 == house.kinds(session).count("stop_intended")


@housed()
async def test_a_session_that_has_not_bought_yet_can_be_ended(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()

    await house.sessions.end(session, by=AS_ALICE)
    await house.look_after(session)

    assert (State.STOPPED, []) == (house.session(session).state, house.cloud.orders)


# ── extend ───────────────────────────────────────────────────────────────────────────────────────


async def extend(house: House, session, hours: int, by: Caller = AS_ALICE, override: bool = False):
    return await house.sessions.extend(session, hours=hours, by=by, override_hard_max=override)


@housed()
async def test_an_extension_moves_the_end_of_the_reservation(house: House) -> None:
    session = await house.until_running(reservation_hours=2)
    before = house.session(session).expires_at

    await extend(house, session, 3)

    assert before is not None
    assert before + 3 * HOUR == house.session(session).expires_at
    assert {"hours": "3", "total": "5", "override": "false"} == house.history(session)[-1].details


@housed()
async def test_extensions_end_at_the_hard_maximum(house: House) -> None:
    session = await house.until_running(reservation_hours=2)

    await extend(house, session, 10)
    with pytest.raises(PastHardMax):
        await extend(house, session, 1)
    assert 12 == house.session(session).reserved_hours


@housed()
async def test_only_an_operator_goes_past_the_hard_maximum(house: House) -> None:
    session = await house.until_running(reservation_hours=12)

    with pytest.raises(Forbidden):
        await extend(house, session, 1, override=True)
    with pytest.raises(PastHardMax):
        await extend(house, session, 1, by=OPERATOR)
    await extend(house, session, 1, by=OPERATOR, override=True)

    running = house.session(session)
    assert (13, running.expires_at) == (running.reserved_hours, running.hard_max_override)


@housed()
async def test_an_override_lets_it_live_on_past_the_hard_maximum(house: House) -> None:
    session = await house.until_running(reservation_hours=12)
    await extend(house, session, 1, by=OPERATOR, override=True)

    for _ in range(25 * 30):
        await house.clock.sleep(60)
        await house.beat(session)
    await house.look_after(session)
    assert State.RUNNING is house.session(session).state
    for _ in range(35):
        await house.clock.sleep(60)
        await house.beat(session)
    await house.look_after(session)
    assert StopReason.EXPIRED is house.session(session).stop_reason


@housed()
async def test_nothing_is_prolonged_past_the_moment_in_its_label(house: House) -> None:
    session = await house.until_running(reservation_hours=12)
    before = house.session(session)

    with pytest.raises(Unsupported, match="label ends at"):
        await extend(house, session, 2, by=OPERATOR, override=True)
    assert before == house.session(session)


@housed()
async def test_only_a_running_session_goes_past_the_hard_maximum(house: House) -> None:
    session = await house.until_bound(reservation_hours=12)

    with pytest.raises(PastHardMax):
        await extend(house, session, 1, by=OPERATOR, override=True)


@housed()
async def test_a_session_that_is_ending_is_not_prolonged(house: House) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)

    with pytest.raises(AlreadyEnded):
        await extend(house, session, 1)


@housed()
async def test_an_extension_in_the_last_moment_counts(house: House) -> None:
    session = await house.until_running(reservation_hours=1)
    for _ in range(59):
        await house.clock.sleep(60)
        await house.beat(session)

    await extend(house, session, 1)
    await house.clock.sleep(61)
    await house.beat(session)
    await house.look_after(session)

    assert State.RUNNING is house.session(session).state


@housed()
async def test_every_refusal_says_what_and_which(house: House) -> None:
    session = await house.until_running(reservation_hours=12)

    for order in (extend(house, session, 1), extend(house, session, 2, OPERATOR, True)):
        with pytest.raises(Refusal) as refusal:
            await order
        assert refusal.value.hint
        assert session == refusal.value.fields["session_id"]
