"""What tests of the sweep and of what it clears away arrange alike."""

from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.testing.builders import CUMULUS
from tests.unit.engine.house import AS_ALICE, House


async def sweep(house: House):
    # A listing of this very moment would be shared.
    await house.clock.sleep(1)
    return await house.sweeping.sweep(CUMULUS)


async def ended(house: House):
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)
    await house.live(session, 300)
    assert AttemptState.CLOSED is house.attempt(session).state
    return session
