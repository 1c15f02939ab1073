"""How long a request may take until it runs: what it says, or what the slowest cloud needs that may serve it."""

import asyncio
from datetime import timedelta

import pytest

from gpu_shopper.commands.choosing import checked
from gpu_shopper.domain.offer import Requirements
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.market.holder import Market
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.testing.builders import CUMULUS, NIMBUS, NOON, a_request, an_offer
from tests.unit.engine.house import House, housed


@housed(quirks=Quirks(boot_grace=timedelta(minutes=25)))
async def test_who_names_no_time_to_start_in_gives_the_clouds_what_they_need(house: House) -> None:
    house.sells(an_offer())
    minute = timedelta(minutes=1)

    session = (await house.requested()).session
    assert 30 * minute == session.startup_deadline - session.created_at
    session = (await house.requested(startup_timeout=7 * minute)).session
    assert 7 * minute == session.startup_deadline - session.created_at


@pytest.mark.parametrize(("grace_minutes", "minutes"), [(3, 15), (10, 15), (11, 16), (25, 30)])
@pytest.mark.parametrize("named", [True, False])
def test_only_the_clouds_that_may_serve_a_request_say_how_long_it_may_take(
    grace_minutes: int, minutes: int, *, named: bool
) -> None:
    """The slowest cloud is left out by name, or by what it cannot do."""
    quick = Quirks(boot_grace=timedelta(minutes=grace_minutes))
    market = Market((CUMULUS,))
    market.replace(CUMULUS, [an_offer()], NOON)
    kind = WorkloadType.INTERACTIVE

    checking = checked(
        a_request(
            requirements=Requirements(providers=frozenset({"Cumulus"} if named else ())),
            workload=Workload(kind=kind, image=None if named else "any"),
        ),
        market=market,
        capabilities={CUMULUS: Capabilities(), NIMBUS: Capabilities(custom_image=named)},
        quirks={CUMULUS: quick, NIMBUS: Quirks(boot_grace=timedelta(hours=1))},
        health=OfferHealth(),
        clock=RealClock(),
    )

    assert timedelta(minutes=minutes) == asyncio.run(checking).startup_timeout
