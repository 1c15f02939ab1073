"""The order of a launch: the same secrets at every call, and a digest that tells two orders apart."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.engine.ordering import launch_order, request_digest, start_script, way_of_agent
from gpu_shopper.testing.builders import (
    CUMULUS,
    HOUR,
    NOON,
    SSH_KEY,
    a_request,
    a_session,
    an_attempt,
    an_offer,
)
from tests.unit.engine.house import House, housed

SESSION = a_session(
    State.PROVISIONING,
    request=a_request(
        workload=Workload(
            kind=WorkloadType.BATCH, image="pytorch:2", disk_gb=80, on_start="echo hello"
        )
    ),
)
ATTEMPT = an_attempt(session=SESSION)


@housed()
async def test_an_order_holds_everything_that_was_asked_for(house: House) -> None:
    order = launch_order(
        SESSION, ATTEMPT, vault=house.vault, scripts=house.scripts, now=NOON + HOUR
    )

    assert (ATTEMPT.offer, ATTEMPT.label, ATTEMPT.expires_at, rate("0.6"), "pytorch:2", 80) == (
        order.offer, order.label, order.ends_by, order.price_cap, order.image, order.disk_gb,
    )  # fmt: skip
    assert (SSH_KEY,) == order.ssh_public_keys
    assert "echo hello" in order.on_start


@housed()
async def test_the_agent_is_born_with_its_hard_stop_and_the_key_that_may_read_it(
    house: House,
) -> None:
    launch_order(SESSION, ATTEMPT, vault=house.vault, scripts=house.scripts, now=NOON + HOUR)

    (boot,) = house.scripts.orders
    assert ATTEMPT.expires_at - (NOON + HOUR) == boot.stop_in
    assert house.vault.probe_key(ATTEMPT.label).public == boot.probe_key
    assert house.vault.agent_token(ATTEMPT.label) == boot.token


@housed()
async def test_the_same_order_can_be_made_again_after_a_crash(house: House) -> None:
    orders = [
        launch_order(SESSION, ATTEMPT, vault=house.vault, scripts=house.scripts, now=NOON)
        for _ in range(2)
    ]

    assert orders[0] == orders[1]
    assert house.scripts.orders[0] == house.scripts.orders[1]


@housed()
async def test_a_label_that_is_over_stops_the_agent_at_once(house: House) -> None:
    late = ATTEMPT.expires_at + HOUR
    launch_order(SESSION, ATTEMPT, vault=house.vault, scripts=house.scripts, now=late)

    assert timedelta(0) == house.scripts.orders[0].stop_in


@pytest.mark.parametrize(
    ("session", "offer"),
    [
        (a_session(number=2), an_offer()),
        (a_session(), an_offer("o2")),
        (a_session(), an_offer(price=rate("0.41"))),
        (SESSION, an_offer()),
    ],
    ids=["session", "offer", "price", "workload"],
)
def test_another_order_has_another_digest(session, offer) -> None:
    base = request_digest(a_session(), an_offer())

    assert base == request_digest(replace(a_session(), error="x"), an_offer())
    assert base != request_digest(session, offer)


@housed()
async def test_an_order_without_a_script_holds_the_key_by_which_it_is_brought(house: House) -> None:
    bare = replace(ATTEMPT, agent_way=AgentWay.OVER_SSH)

    order = launch_order(SESSION, bare, vault=house.vault, scripts=house.scripts, now=NOON)

    assert order.on_start == ""
    assert (house.vault.probe_key(ATTEMPT.label).public, SSH_KEY) == order.ssh_public_keys


@housed()
async def test_the_script_that_is_brought_lets_in_whom_the_cloud_may_not_have(house: House) -> None:
    bare = replace(ATTEMPT, agent_way=AgentWay.OVER_SSH)

    start_script(SESSION, bare, vault=house.vault, scripts=house.scripts, now=NOON)
    start_script(SESSION, ATTEMPT, vault=house.vault, scripts=house.scripts, now=NOON)

    assert [(SSH_KEY,), ()] == [order.login_keys for order in house.scripts.orders]


@pytest.mark.parametrize(
    ("limit", "way"),
    [(20, AgentWay.IN_ORDER), (19, AgentWay.OVER_SSH), (0, AgentWay.OVER_SSH)],
)
@housed()
async def test_a_script_that_is_larger_than_the_cloud_takes_goes_over_ssh(
    house: House, limit: int, way: AgentWay
) -> None:
    house.cloud.quirks = Quirks(start_script_limit=limit)

    assert way is way_of_agent(SESSION, house.desk.clouds[CUMULUS], scripts=house.scripts)
