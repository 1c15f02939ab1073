"""Bringing the agent over SSH: to whom, when, and what is remembered of it."""

from dataclasses import replace

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.launch import AttemptState, Blame
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.ports.probe import ProbeFailed
from gpu_shopper.testing.builders import a_heartbeat
from tests.unit.engine.house import AS_ALICE, QUIRKS, House, housed

NO_SCRIPTS = replace(QUIRKS, start_script_limit=0)
WITH_SCRIPT = Workload(kind=WorkloadType.BATCH, on_start="echo hello")
HOST_KEY = "ssh-ed25519 AAAAnode"


def lets_in(house: House) -> None:
    house.probe.lets_in = True


@housed(quirks=NO_SCRIPTS)
async def test_where_the_login_works_and_nobody_is_there_the_agent_is_brought(house: House) -> None:
    lets_in(house)

    session = await house.until_bound(workload=WITH_SCRIPT)

    ((host_key, script),) = house.probe.delivered
    assert HOST_KEY == host_key == house.attempt(session).host_key
    assert "echo hello" in script
    assert AgentWay.LOGGED_IN is house.attempt(session).agent_way
    assert ["ssh_answered", "agent_brought"] == house.kinds(session)[-2:]


@housed(quirks=NO_SCRIPTS)
async def test_it_runs_when_the_agent_that_was_brought_is_heard(house: House) -> None:
    lets_in(house)
    session = await house.until_bound()
    house.probe.lets_in = False

    await house.beat(session)

    assert State.RUNNING is house.session(session).state


@housed(quirks=NO_SCRIPTS)
async def test_a_delivery_that_failed_is_counted_and_tried_again(house: House) -> None:
    lets_in(house)
    house.probe.refuses = ProbeFailed("connection lost")

    session = await house.until_bound()
    await house.live(session, 25)

    assert 3 == len(house.probe.delivered) == house.meter.counted["deliveries_total"]
    assert 3 == house.meter.events.count("delivery_failed")
    assert 1 == house.kinds(session).count("ssh_answered")
    assert "agent_brought" not in house.kinds(session)
    assert State.PROVISIONING is house.session(session).state


@housed(quirks=NO_SCRIPTS)
async def test_a_login_that_is_refused_speaks_against_nobody_until_the_time_is_up(
    house: House,
) -> None:
    session = await house.until_bound()

    await house.live(session, 590)
    assert AttemptState.BOUND is house.attempt(session).state
    assert [] == house.probe.delivered
    await house.live(session, 20)

    given_up = house.attempt(session, 1)
    assert Blame.MACHINE is given_up.blame
    assert given_up.unwanted_because is not None
    assert given_up.unwanted_because.startswith("no login within 600 s")


@housed()
async def test_nothing_is_brought_where_the_script_was_in_the_order(house: House) -> None:
    house.scripts.node_can_reach_us = False
    lets_in(house)

    session = await house.until_bound()
    await house.live(session, 60)

    assert [] == house.probe.delivered
    assert AgentWay.IN_ORDER is house.attempt(session).agent_way


@housed(quirks=NO_SCRIPTS)
async def test_another_host_key_than_the_pinned_one_gets_no_script(house: House) -> None:
    house.cloud.granted = {"host_key": "ssh-ed25519 AAAAtold"}
    lets_in(house)

    session = await house.until_bound()

    assert ["ssh-ed25519 AAAAtold"] == house.probe.pinned[:1]
    assert {"ssh-ed25519 AAAAtold"} == {key for key, _ in house.probe.delivered}
    assert "ssh-ed25519 AAAAtold" == house.attempt(session).host_key


@housed(quirks=NO_SCRIPTS)
async def test_what_is_wanted_no_more_is_brought_nothing(house: House) -> None:
    session = await house.until_bound()
    lets_in(house)
    await house.sessions.finish(session, by=AS_ALICE)

    await house.live(session, 60)

    assert [] == house.probe.delivered


@housed(quirks=NO_SCRIPTS)
async def test_a_node_whose_driver_is_not_up_waits_its_whole_time_and_then_says_why(
    house: House,
) -> None:
    session = await house.until_bound()
    for counter in range(1, 60):
        await house.beat(session, counter=counter, gpus=(), gpu_error="no driver")
        await house.live(session, 10)
    assert AttemptState.BOUND is house.attempt(session).state

    await house.live(session, 30)

    because = house.attempt(session, 1).unwanted_because
    assert because == "its GPUs could not be read within 600 s of the order"
    assert a_heartbeat(house.attempt(session, 1).label).gpu_error is None
