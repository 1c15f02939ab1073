"""What was run after in vain is on the menu again at once, if the offer is not to blame."""

import pytest

from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    NoCapacity,
    OfferGone,
    QuotaReached,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.testing.builders import an_offer
from tests.unit.engine.house import House, housed


@pytest.mark.parametrize(
    ("error", "back"),
    [
        (QuotaReached("no money"), True),
        (BadOrder("no such field"), True),
        (Refused("no"), True),
        (Unauthorized("who are you"), True),
        (Unavailable("connect refused"), True),
        (RateLimited("later", retry_after=1), True),
        (OfferGone("sold"), False),
        (NoCapacity("none left"), False),
        (Ambiguous("cut off"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
@housed()
async def test_an_offer_that_is_not_to_blame_is_back_on_the_menu_at_once(
    house: House, error: Exception, *, back: bool
) -> None:
    offer = an_offer("o1", machine_id="m1")
    await house.open_shop(offer)
    session = await house.asked_for()
    house.cloud.launch_answers.append(error)
    seen: list[bool] = []
    launch = house.cloud.launch

    async def launch_and_look(order):
        seen.append(house.market.snapshot.has_gone(offer.id))
        return await launch(order)

    house.cloud.launch = launch_and_look
    await house.look_after(session)

    assert [True] == seen
    assert (not back) is house.market.snapshot.has_gone(offer.id)
    assert (not back) is house.market.is_taken(offer)
