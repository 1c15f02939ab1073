"""What is bought next: only within the request, only where buying is safe, never twice the same."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import SessionId
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import Money, rate
from gpu_shopper.domain.offer import Offer, Requirements, RetryScope
from gpu_shopper.domain.offer_health import Outcome
from gpu_shopper.domain.quirks import Capabilities
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.engine.choosing import SWEEP_FRESH_FOR, Chooser
from gpu_shopper.ports.books import AccountState
from gpu_shopper.ports.provider_errors import OfferGone, Unavailable
from gpu_shopper.testing.builders import CUMULUS, GPU, NIMBUS, an_offer
from tests.unit.engine.house import House, at_once, housed

BOTH = (CUMULUS, NIMBUS)


async def chosen(house: House, session: SessionId) -> Offer | None:
    return await Chooser(house.desk).choose(await house.desk.facts(session))


async def set_state(house: House, **changes: object) -> None:
    state = AccountState(provider=CUMULUS)
    await house.books.write(lambda book: book.accounts.save_state(replace(state, **changes)))


@housed()
async def test_the_best_offer_is_chosen(house: House) -> None:
    await house.open_shop(an_offer("dear", price=rate("0.55")), an_offer("cheap"))

    offer = await chosen(house, await house.asked_for())
    assert offer is not None
    assert "cheap" == offer.provider_id


@housed()
async def test_what_the_disk_costs_counts_where_one_is_asked_for(house: House) -> None:
    cheap = an_offer("cheap", storage_price_per_gb_month=0.5)
    all_in = an_offer("all-in", price=rate("0.45"))
    await house.open_shop(cheap, all_in)

    assert cheap == await chosen(house, await house.asked_for())
    with_disk = Workload(kind=WorkloadType.BATCH, disk_gb=200)
    assert all_in == await chosen(house, await house.asked_for(workload=with_disk))


@housed(names=BOTH)
async def test_what_a_cloud_may_sell_that_was_not_asked_yet_is_waited_for(house: House) -> None:
    house.market.replace(CUMULUS, [an_offer("here")], house.now)
    session = await house.asked_for()
    house.market.withdraw(CUMULUS)
    assert await chosen(house, session) is None

    house.market.replace(NIMBUS, [], house.now)
    with pytest.raises(NothingMatches):
        await chosen(house, session)


@housed(names=BOTH)
async def test_an_account_that_was_never_swept_is_not_bought_from(house: House) -> None:
    cheap, dear = an_offer("a", price=rate("0.2")), an_offer("b", provider=NIMBUS)
    house.sells(cheap, dear)
    session = await house.asked_for()
    assert await chosen(house, session) is None

    await house.sweeping.sweep(NIMBUS)
    assert dear == await chosen(house, session)


@housed()
async def test_an_account_whose_last_sweep_is_old_is_not_bought_from(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for(startup_timeout=2 * SWEEP_FRESH_FOR)

    await house.clock.sleep(SWEEP_FRESH_FOR.total_seconds())
    assert await chosen(house, session) is not None
    await house.clock.sleep(1)
    assert await chosen(house, session) is None


@housed()
async def test_after_the_clock_was_set_far_back_an_account_is_swept_before_it_is_bought_from(
    house: House,
) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.clock.jump(-3600)
    assert await chosen(house, session) is None

    await house.sweeping.sweep(CUMULUS)
    assert await chosen(house, session) is not None


@housed()
async def test_a_sweep_that_failed_makes_nothing_fresh(house: House) -> None:
    house.sells(an_offer())
    house.cloud.incomplete = True
    await house.sweeping.sweep(CUMULUS)

    assert await chosen(house, await house.asked_for()) is None


@pytest.mark.parametrize("trouble", ["frozen_since", "unauthorized_since"])
@housed()
async def test_an_account_in_trouble_is_not_bought_from(house: House, trouble: str) -> None:
    await house.open_shop()
    session = await house.asked_for()
    await set_state(house, **{trouble: house.now})
    assert await chosen(house, session) is None

    await set_state(house)
    assert await chosen(house, session) is not None


@housed()
async def test_a_cloud_that_does_not_answer_is_not_bought_from(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.errors["observe"] = Unavailable("down")
    for _ in range(5):
        await at_once(house.desk.clouds[CUMULUS].observe("i-1"))

    assert await chosen(house, session) is None


@housed()
async def test_an_account_without_money_for_the_whole_reservation_is_not_bought_from(
    house: House,
) -> None:
    house.cloud.money = Money(799_999)
    await house.open_shop()
    session = await house.asked_for()
    assert await chosen(house, session) is None

    house.cloud.money = Money(800_000)
    await house.clock.sleep(300)
    await house.sweeping.sweep(CUMULUS)
    assert await chosen(house, session) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"price": rate("0.600001")},
        {"gpu_type": "H100"},
        {"gpu_count": 2},
        {"available": False},
        {"max_duration_hours": 1},
        {"disk_gb": 99},
        {"storage_price_per_gb_month": 20.0},
    ],
    ids=lambda changed: next(iter(changed)),
)
@housed()
async def test_what_the_request_does_not_allow_is_not_bought(
    house: House, changed: dict[str, object]
) -> None:
    await house.open_shop(an_offer())
    session = await house.asked_for(workload=Workload(kind=WorkloadType.BATCH, disk_gb=100))
    house.sells(an_offer("other", **changed))

    with pytest.raises(NothingMatches):
        await chosen(house, session)


@housed()
async def test_what_was_tried_is_not_bought_again_nor_its_machine(house: House) -> None:
    tried = an_offer("o1", machine_id="m-1", price=rate("0.3"))
    await house.open_shop(tried)
    session = await house.asked_for()
    house.cloud.launch_answers.append(OfferGone("sold"))
    claim = await house.claim(session)
    await house.reconciler._launching.buy(claim, await house.desk.facts(session))
    house.sells(tried, an_offer("o2", machine_id="m-1"), an_offer("o3", machine_id="m-3"))

    offer = await chosen(house, session)
    assert offer is not None
    assert "o3" == offer.provider_id


@housed()
async def test_the_offer_that_was_asked_for_is_bought_whatever_speaks_against_it(
    house: House,
) -> None:
    wanted = an_offer("dear", price=rate("0.59"))
    await house.open_shop(wanted, an_offer("cheap"))
    failure = Outcome(
        at=house.now, provider=CUMULUS, offer_id=wanted.id, machine_id=wanted.machine_id,
        location="", gpu_type=GPU, blame=Blame.MACHINE, reason="no sign of life",
    )  # fmt: skip
    await house.books.write(lambda book: book.accounts.add_outcome(failure))

    assert wanted == await chosen(house, await house.asked_for(offer_id=wanted.id))


@housed()
async def test_an_offer_that_was_asked_for_and_went_is_told_so(house: House) -> None:
    await house.open_shop(an_offer("o1"))
    session = await house.asked_for(offer_id=an_offer("o1").id)
    house.sells(an_offer("o2"))

    with pytest.raises(NothingMatches, match="not on sale any more"):
        await chosen(house, session)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [(RetryScope.SAME_GPU, "same"), (RetryScope.SAME_VRAM, "as-big"), (RetryScope.ANY, "as-big")],
)
@housed()
async def test_in_place_of_the_offer_asked_for_only_comparable_ones_are_bought(
    house: House, scope: RetryScope, expected: str
) -> None:
    wanted = an_offer("o1")
    await house.open_shop(wanted)
    session = await house.asked_for(offer_id=wanted.id, retry_scope=scope)
    house.cloud.launch_answers.append(OfferGone("sold"))
    claim = await house.claim(session)
    await house.reconciler._launching.buy(claim, await house.desk.facts(session))
    house.sells(
        an_offer("same", price=rate("0.5")),
        an_offer("as-big", gpu_type="RTX 3090", price=rate("0.3")),
        an_offer("small", gpu_type="RTX 3080", vram_gb=10, price=rate("0.1")),
        an_offer("spot", interruptible=True, price=rate("0.1")),
    )

    offer = await chosen(house, session)
    assert offer is not None
    assert expected == offer.provider_id


@housed(names=BOTH)
async def test_a_cloud_that_cannot_do_what_was_asked_is_never_bought_from(house: House) -> None:
    can, cannot = an_offer("a", price=rate("0.5")), an_offer("b", provider=NIMBUS)
    await house.open_shop(can)
    session = await house.asked_for(
        workload=Workload(kind=WorkloadType.BATCH, image="pytorch:2"),
        requirements=Requirements(),
    )
    house.fakes[NIMBUS].capabilities = Capabilities(custom_image=False)
    house.sells(can, cannot)

    assert can == await chosen(house, session)
    house.sells(cannot)
    with pytest.raises(NothingMatches):
        await chosen(house, session)
