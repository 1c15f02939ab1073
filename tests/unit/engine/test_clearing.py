"""What bears our label and has no attempt: written down, destroyed with a count, closed only on proof."""

from dataclasses import replace

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.engine.clearing import note_listing, note_surplus
from gpu_shopper.ports.books import Book
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.testing.builders import CUMULUS, MINUTE, a_listing
from tests.unit.engine.house import House, housed
from tests.unit.engine.stories import ended, sweep


@housed()
async def test_two_late_arrivals_of_one_label_both_end(house: House) -> None:
    session = await ended(house)
    for name in ("i-late", "i-later"):
        house.cloud.add(house.attempt(session).label, id=InstanceId(name))

    await sweep(house)
    await house.live(session, 300)

    assert {} == house.cloud.instances


@housed()
async def test_a_double_is_destroyed_and_the_one_we_hold_is_not(house: House) -> None:
    session = await house.until_running()
    held = house.attempt(session)
    house.cloud.instances = {
        InstanceId("i-0"): replace(house.cloud.instances["i-1"], id=InstanceId("i-0"))
    } | house.cloud.instances

    await sweep(house)

    assert ["i-0"] == house.cloud.destroyed
    assert [held.instance_id] == list(house.cloud.instances)
    assert "duplicate_destroyed" in house.kinds(session)
    assert State.RUNNING is house.session(session).state


@housed()
async def test_a_double_that_cannot_be_destroyed_is_met_by_every_sweep(house: House) -> None:
    await house.until_running()
    house.cloud.add(house.cloud.instances["i-1"].label, id=InstanceId("i-2"))
    house.cloud.errors["destroy"] = Unavailable("down")

    for _ in range(3):
        await house.clock.sleep(20)
        await sweep(house)

    assert ["i-2"] * 6 == house.cloud.destroyed
    assert house.sweeping.owes(CUMULUS)


@housed()
async def test_an_operator_is_told_of_a_double_that_cannot_be_destroyed(house: House) -> None:
    session = await house.until_running()
    house.cloud.add(house.cloud.instances["i-1"].label, id=InstanceId("i-2"))
    house.cloud.errors["destroy"] = Unavailable("down")

    for tries in range(1, 12):
        await house.beat(session)
        await house.clock.sleep(300)
        await sweep(house)
        assert (tries >= 10) is ("destroy_failing" in house.notices())


@housed()
async def test_a_double_is_closed_when_listings_and_a_read_say_that_it_is_gone(
    house: House,
) -> None:
    session = await house.until_running()
    house.cloud.add(house.cloud.instances["i-1"].label, id=InstanceId("i-2"))
    row = InstanceId("i-2")

    await sweep(house)
    opened = house.peek(lambda book: book.surplus.get(CUMULUS, row))
    for _ in range(3):
        await house.clock.sleep(70)
        await sweep(house)
    closed = house.peek(lambda book: book.surplus.get(CUMULUS, row))

    assert opened is not None
    assert closed is not None
    assert (None, 1) == (opened.closed_at, opened.destroy_tries)
    assert closed.closed_at is not None
    assert not house.sweeping.owes(CUMULUS)
    assert "duplicate_gone" in house.kinds(session)


@housed()
async def test_the_proof_that_a_double_is_gone_begins_anew_where_the_clock_was_set_back_meanwhile(
    house: House,
) -> None:
    await house.until_running()
    house.cloud.add(house.cloud.instances["i-1"].label, id=InstanceId("i-2"))
    for _ in range(2):
        await sweep(house)
        await house.clock.sleep(70)

    house.clock.jump(-7200)
    for _ in range(4):
        await sweep(house)
        await house.clock.sleep(70)

    closed = house.peek(lambda book: book.surplus.get(CUMULUS, InstanceId("i-2")))
    assert closed is not None
    assert closed.closed_at is not None


@housed()
async def test_a_double_that_listings_leave_out_is_not_closed_while_no_read_agrees(
    house: House,
) -> None:
    await house.until_running()
    house.cloud.add(house.cloud.instances["i-1"].label, id=InstanceId("i-2"))
    house.cloud.errors |= {"destroy": Unavailable("down"), "observe": Unavailable("down")}
    await sweep(house)
    house.cloud.ignores_destroy = True
    house.cloud.hidden.add(InstanceId("i-2"))
    for _ in range(3):
        await house.clock.sleep(70)
        await sweep(house)
    unread = house.peek(lambda book: book.surplus.get(CUMULUS, InstanceId("i-2")))
    house.cloud.errors.clear()
    house.cloud.hidden.clear()
    house.cloud.ignores_destroy = False
    await house.clock.sleep(70)
    await sweep(house)

    assert unread is not None
    assert unread.closed_at is None
    assert ["i-2"] * 9 == house.cloud.destroyed
    assert ["i-1"] == list(house.cloud.instances)


@housed()
async def test_another_instance_of_what_was_proved_gone_has_a_row_of_its_own(house: House) -> None:
    session = await ended(house)
    house.cloud.add(house.attempt(session).label, id=InstanceId("i-late"))

    await sweep(house)

    assert AttemptState.CLOSED is house.attempt(session).state
    assert {} == house.cloud.instances
    assert ["duplicate"] == house.notices()


@housed()
async def test_a_double_that_came_back_is_destroyed_again_before_it_is_closed_again(
    house: House,
) -> None:
    session = await house.until_running()
    double = house.cloud.add(house.cloud.instances["i-1"].label, id=InstanceId("i-2"))
    for _ in range(3):
        await sweep(house)
        await house.clock.sleep(70)

    def missed(book: Book) -> None:
        # Seen again, and lacking in two listings; the house died each time before it could destroy anything.
        note_surplus(book, double, because="it came back", session_id=session, at=house.now)
        for minutes in (2, 4):
            began_at = house.now + minutes * MINUTE
            listing = a_listing(house.cloud.instances.values(), began_at=began_at)
            note_listing(book, listing, CUMULUS, house.cloud.quirks)

    await house.books.write(missed)
    await sweep(house)

    assert ["i-2"] * 2 == house.cloud.destroyed
