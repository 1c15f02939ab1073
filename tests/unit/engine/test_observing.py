"""Watching: silence is not absence, a stale listing is not a death, and a node that cannot reach us is read."""

import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.ports.provider_errors import Unauthorized, Unavailable
from gpu_shopper.testing.builders import CUMULUS, MINUTE, a_heartbeat, a_label, a_session
from gpu_shopper.wire.agent import ORDER_CONTINUE, Orders
from tests.unit.engine.house import AS_ALICE, House, housed


def behind_a_wall(house: House) -> None:
    """Let nodes know no address of ours."""
    house.scripts.node_can_reach_us = False


def reports(house: House, session, counter: int = 1, **changes: object) -> None:
    body = a_heartbeat(house.attempt(session).label, counter=counter, **changes)
    house.probe.report = body.to_json().encode()


@housed()
async def test_an_instance_that_comes_up_is_looked_at_until_it_runs(house: House) -> None:
    session = await house.until_bound()
    before = house.cloud.calls["observe"]

    await house.live(session, 60)

    assert 6 <= house.cloud.calls["observe"] - before <= 7


@housed()
async def test_what_runs_costs_the_cloud_no_questions(house: House) -> None:
    session = await house.until_running()
    before = house.cloud.calls.copy()

    for _ in range(40):
        await house.live(session, 15)
        await house.beat(session)

    assert {} == dict(house.cloud.calls - before)


@housed()
async def test_a_node_that_cannot_reach_us_is_read_over_ssh(house: House) -> None:
    behind_a_wall(house)
    session = await house.until_bound()
    reports(house, session)

    await house.live(session, 11)

    assert State.RUNNING is house.session(session).state


@housed()
async def test_a_node_that_is_read_gets_its_orders_with_it(house: House) -> None:
    behind_a_wall(house)
    session = await house.until_bound()
    reports(house, session)

    await house.live(session, 40)

    assert ORDER_CONTINUE == Orders.from_json(house.probe.orders[-1]).order


@housed()
async def test_the_host_key_that_answered_first_is_pinned(house: House) -> None:
    behind_a_wall(house)
    session = await house.until_bound()
    reports(house, session, host_key=None)
    await house.live(session, 11)
    assert "ssh-ed25519 AAAAnode" == house.attempt(session).host_key

    await house.live(session, 30)
    assert "ssh-ed25519 AAAAnode" == house.probe.pinned[-1]


@housed()
async def test_a_report_for_another_label_is_no_sign_of_life(house: House) -> None:
    behind_a_wall(house)
    session = await house.until_bound()
    other = a_heartbeat(a_label(a_session(number=99)))
    house.probe.report = other.to_json().encode()

    await house.live(session, 60)

    assert house.attempt(session).heard is None


@pytest.mark.parametrize("report", [b"", b"{}", b"\xff", b"[1]"])
@housed()
async def test_a_report_that_makes_no_sense_is_no_sign_of_life(house: House, report: bytes) -> None:
    behind_a_wall(house)
    session = await house.until_bound()
    house.probe.report = report

    await house.live(session, 60)

    assert house.attempt(session).heard is None
    assert "probe_failed" in house.meter.events


@housed()
async def test_a_node_that_should_reach_us_is_read_only_when_it_is_late(house: House) -> None:
    session = await house.until_running()
    house.probe.pinned.clear()
    for _ in range(20):
        await house.live(session, 15)
        await house.beat(session)
    assert [] == house.probe.pinned

    await house.live(session, 300)
    assert [] != house.probe.pinned


@housed()
async def test_a_node_that_is_silent_for_too_long_is_ended(house: House) -> None:
    session = await house.until_running()

    await house.live(session, 599)
    assert State.RUNNING is house.session(session).state
    await house.live(session, 300)

    assert StopReason.SILENT is house.session(session).stop_reason
    assert {} == house.cloud.instances


@housed()
async def test_who_is_cut_off_from_the_cloud_holds_no_silence_against_its_nodes(
    house: House,
) -> None:
    session = await house.until_running()
    await house.sweeping.sweep(CUMULUS)

    house.cloud.errors["list_all"] = Unavailable("no network")
    await house.live(session, 1200, sweeping=True)
    assert State.RUNNING is house.session(session).state
    house.cloud.errors.clear()
    await house.live(session, 590, sweeping=True)
    assert State.RUNNING is house.session(session).state
    await house.live(session, 120, sweeping=True)

    assert StopReason.SILENT is house.session(session).stop_reason


@housed()
async def test_a_node_that_can_still_be_read_is_not_silent(house: House) -> None:
    session = await house.until_running()
    for minute in range(30):
        reports(house, session, counter=2 + minute)
        await house.live(session, 60)

    assert State.RUNNING is house.session(session).state


@pytest.mark.parametrize("error", [Unavailable("down"), Unauthorized("401")], ids=repr)
@housed()
async def test_a_cloud_that_cannot_be_asked_says_nothing_of_the_instance(
    house: House, error: Exception
) -> None:
    session = await house.until_bound()
    house.cloud.errors["observe"] = error

    await house.live(session, 120)

    attempt = house.attempt(session)
    assert (AttemptState.BOUND, None) == (attempt.state, attempt.missing_since)


@housed()
async def test_reads_alone_end_nothing_while_the_listing_shows_it(house: House) -> None:
    session = await house.until_running()
    house.cloud.hidden.add(InstanceId("i-1"))
    await house.clock.sleep(30)
    await house.sweeping.sweep(CUMULUS)
    house.cloud.hidden.clear()

    for _ in range(60):
        await house.live(session, 15, sweeping=True)
        await house.beat(session)

    assert State.RUNNING is house.session(session).state
    assert house.attempt(session).missing_since is None


@housed()
async def test_what_is_preempted_while_it_comes_up_is_replaced(house: House) -> None:
    session = await house.until_bound()
    instance = house.cloud.instances["i-1"]
    house.cloud.add(instance.label, id=instance.id, status=InstanceStatus.STOPPED)

    await house.live(session, 11)

    assert AttemptState.CLOSING is house.attempt(session, 1).state


@housed()
async def test_nobody_is_watched_after_the_end_was_asked_for(house: House) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)
    house.probe.pinned.clear()

    await house.live(session, 200)

    assert [] == house.probe.pinned


async def _beside_a_double(house: House, *, doubled: bool = True, **beats: object) -> Session:
    """Hide what runs while its double speaks under the same token, and return what became of the session."""
    session = await house.until_running()
    house.cloud.ignores_destroy = True
    if doubled:
        house.cloud.add(house.attempt(session).label)
    await house.sweeping.sweep(CUMULUS)
    house.cloud.hidden.add(InstanceId("i-1"))
    for counter in range(100, 200):
        if house.probe.report is not None:
            reports(house, session, counter=counter)
        await house.sweeping.sweep(CUMULUS)
        await house.live(session, 7)
        await house.beat(session, **beats)
        await house.live(session, 8)
    await house.beat(session, **beats)
    return house.session(session)


@housed()
async def test_what_every_read_calls_gone_is_lost_though_a_known_double_speaks_on(
    house: House,
) -> None:
    ended = await _beside_a_double(house, boot_id="boot-2")

    lost = house.attempt(ended.id)
    assert lost.last_alive_at is not None
    assert (StopReason.LOST, True) == (
        ended.stop_reason, lost.last_alive_at - lost.sent_at < 2 * MINUTE,
    )  # fmt: skip


@housed()
async def test_what_answers_at_its_own_address_runs_whatever_its_cloud_says_beside_a_double(
    house: House,
) -> None:
    house.probe.report = b""
    assert State.RUNNING is (await _beside_a_double(house, boot_id="boot-2")).state


@pytest.mark.parametrize(
    ("doubled", "said"), [(True, "i-1"), (False, None)], ids=["it says which", "no double is known"]
)
@housed()
async def test_what_says_that_it_lives_runs_whatever_its_cloud_says(
    house: House, doubled: bool, said: str | None
) -> None:
    named = {} if said is None else {"instance_id": said}
    session = await _beside_a_double(house, doubled=doubled, **named)

    assert (State.RUNNING, None) == (session.state, house.attempt(session.id).missing_since)
