"""The pace of a cloud: others wait in line, a destroy never does, and only the cloud itself can make all wait."""

from dataclasses import replace

from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.engine.pacing import CIRCUIT_FAILURES, CIRCUIT_PAUSE, Pacer
from gpu_shopper.testing.builders import an_offer
from tests.unit.engine.house import QUIRKS, House, at_once, housed


async def waited(house: House, pacer: Pacer, *, urgent: bool = False) -> float:
    before = house.clock.monotonic()
    await pacer.turn(urgent=urgent)
    return round(house.clock.monotonic() - before, 6)


def a_pacer(house: House, rate: float = 2.0, burst: int = 3) -> Pacer:
    return Pacer(rate=rate, burst=burst, clock=house.clock)


@housed()
async def test_a_burst_goes_at_once_and_the_rest_in_step(house: House) -> None:
    pacer = a_pacer(house)

    waits = await at_once(*(waited(house, pacer) for _ in range(6)))
    assert [0, 0, 0, 0.5, 1.0, 1.5] == sorted(waits)


@housed()
async def test_a_destroy_never_stands_in_line(house: House) -> None:
    pacer = a_pacer(house, burst=1)
    waiting = [house.loop.create_task(waited(house, pacer)) for _ in range(20)]
    await house.clock.sleep(0.01)

    assert [0.0] * 5 == [await waited(house, pacer, urgent=True) for _ in range(5)]
    for task in waiting:
        await task


@housed()
async def test_others_pay_for_the_turns_that_destroys_took(house: House) -> None:
    pacer = a_pacer(house, burst=1)
    for _ in range(5):
        await pacer.turn(urgent=True)

    assert 2.5 == await waited(house, pacer)


@housed()
async def test_a_rest_refills_no_more_than_the_burst(house: House) -> None:
    pacer = a_pacer(house, burst=2)
    await house.clock.sleep(3600)

    assert [0, 0, 0.5] == sorted(await at_once(*(waited(house, pacer) for _ in range(3))))


@housed()
async def test_a_cloud_that_asks_for_patience_gets_it_from_all_but_destroys(house: House) -> None:
    pacer = a_pacer(house)
    pacer.hold(7)
    pacer.hold(3)

    assert [7, 0] == await at_once(waited(house, pacer), waited(house, pacer, urgent=True))
    assert 0 == await waited(house, pacer)


@housed()
async def test_a_cloud_that_puts_off_a_destroy_gets_patience_from_destroys_too(
    house: House,
) -> None:
    pacer = a_pacer(house)
    pacer.hold(7, urgent=True)
    pacer.hold(9)

    assert [9, 7] == await at_once(waited(house, pacer), waited(house, pacer, urgent=True))


@housed()
async def test_failures_in_a_row_open_the_circuit_for_a_while(house: House) -> None:
    pacer = a_pacer(house)
    for _ in range(CIRCUIT_FAILURES - 1):
        pacer.failed()
    assert not pacer.circuit_open

    pacer.failed()
    assert pacer.circuit_open
    await house.clock.sleep(CIRCUIT_PAUSE - 0.1)
    assert pacer.circuit_open
    await house.clock.sleep(0.2)
    assert not pacer.circuit_open


@housed()
async def test_one_answer_closes_the_circuit_and_forgets_the_failures(house: House) -> None:
    pacer = a_pacer(house)
    for _ in range(CIRCUIT_FAILURES):
        pacer.failed()
    pacer.succeeded()
    assert not pacer.circuit_open

    pacer.failed()
    assert not pacer.circuit_open


@housed()
async def test_a_destroy_knows_no_circuit(house: House) -> None:
    pacer = a_pacer(house)
    for _ in range(CIRCUIT_FAILURES):
        pacer.failed()

    assert 0 == await waited(house, pacer, urgent=True)


SPACED = replace(QUIRKS, launch_spacing=seconds(12))


@housed(quirks=SPACED)
async def test_a_create_that_would_stand_in_line_is_not_begun(house: House) -> None:
    await house.open_shop(an_offer("o1", machine_id="m1"), an_offer("o2", machine_id="m2"))
    first, second = await house.asked_for(), await house.asked_for()

    await house.look_after(first)
    await house.look_after(second)
    assert [] == house.attempts(second), "nothing is written down as sent that waits for its turn"

    await house.clock.sleep(12)
    await house.look_after(second)
    assert [AttemptState.BOUND] == [attempt.state for attempt in house.attempts(second)]
    assert 2 == len(house.cloud.orders)
