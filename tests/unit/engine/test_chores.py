"""The chores beside the sessions: the market refreshed, the hours booked, the operator told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from gpu_shopper.domain.conditions import EVERYTHING
from gpu_shopper.domain.money import charge, rate
from gpu_shopper.engine.accruing import Accruing
from gpu_shopper.engine.delivering import Delivering
from gpu_shopper.engine.listening import GAP, Listening
from gpu_shopper.engine.pricing import Pricing
from gpu_shopper.engine.shopping import TOO_OLD, Shopping
from gpu_shopper.ports.books import Book, BookUnavailable, CostFilter, PriceFilter
from gpu_shopper.ports.provider_errors import Unauthorized, Unavailable
from gpu_shopper.testing.builders import CUMULUS, HOUR, MINUTE, NIMBUS, NOON, SECOND, an_offer
from gpu_shopper.transactions.notices import notice
from tests.unit.engine.house import AS_ALICE, House, housed

EVERY_FAMILY = PriceFilter(since=NOON - 720 * HOUR, limit=1_000)

# ── shopping ─────────────────────────────────────────────────────────────────────────────────────


def on_sale(house: House) -> list[str]:
    return sorted(offer.provider_id for offer in house.market.snapshot.matching(EVERYTHING))


@housed()
async def test_the_market_is_what_the_cloud_sells_now(house: House) -> None:
    house.cloud.offers = [an_offer("o1"), an_offer("o2")]
    await Shopping(house.desk).refresh(CUMULUS)
    assert ["o1", "o2"] == on_sale(house)

    house.cloud.offers = [an_offer("o3")]
    await Shopping(house.desk).refresh(CUMULUS)
    assert ["o3"] == on_sale(house)


@housed(names=(CUMULUS, NIMBUS))
async def test_one_broken_cloud_empties_nobody_elses_shelf(house: House) -> None:
    house.cloud.offers = [an_offer("o1")]
    house.fakes[NIMBUS].offers = [an_offer("n1", provider=NIMBUS)]
    shopping = Shopping(house.desk)
    for name in (CUMULUS, NIMBUS):
        await shopping.refresh(name)

    house.cloud.errors["list_offers"] = Unavailable("down")
    await shopping.refresh(CUMULUS)
    assert ["n1", "o1"] == on_sale(house)
    assert [False, True] == [listing.ok for listing in house.market.snapshot.providers]


@housed()
async def test_offers_that_are_too_old_to_be_believed_are_taken_off(house: House) -> None:
    house.cloud.offers = [an_offer()]
    shopping = Shopping(house.desk)
    await shopping.refresh(CUMULUS)
    house.cloud.errors["list_offers"] = Unavailable("down")

    await house.clock.sleep(TOO_OLD.total_seconds())
    await shopping.refresh(CUMULUS)
    assert ["o1"] == on_sale(house)
    await house.clock.sleep(1)
    await shopping.refresh(CUMULUS)
    assert [] == on_sale(house)


@housed()
async def test_a_refused_key_is_told_while_shopping_too(house: House) -> None:
    house.cloud.errors["list_offers"] = Unauthorized("401")

    await Shopping(house.desk).refresh(CUMULUS)
    await Shopping(house.desk).refresh(CUMULUS)

    assert ["unauthorized"] == house.notices()


# ── keeping prices ───────────────────────────────────────────────────────────────────────────────


def kept(house: House) -> list[tuple[str, int, list[tuple[int, float]]]]:
    """Return each family's GPU and number of them, with its runs: how many hours, at what price."""
    wanted = PriceFilter(since=NOON - 720 * HOUR)
    return [
        (
            found.family.gpu_type,
            found.family.gpu_count,
            [(run.hours, run.price.lowest.dollars) for run in found.runs],
        )
        for found in house.peek(lambda book: book.prices.history(wanted))
    ]


@housed()
async def test_what_offers_cost_is_written_down_once_an_hour(house: House) -> None:
    shopping, gpu = Shopping(house.desk), an_offer().gpu_type
    for price in (3, 2, 2, 1):
        house.cloud.offers = [an_offer(price=rate(price)), an_offer("o2", price=rate(9))]
        await shopping.refresh(CUMULUS)
        await house.clock.sleep(HOUR.total_seconds() / 2)

    assert [(gpu, 1, [(1, 3.0), (1, 2.0)])] == kept(house)


@housed()
async def test_a_restart_within_the_hour_writes_nothing_anew(house: House) -> None:
    for price in (3, 2):
        house.cloud.offers = [an_offer(price=rate(price))]
        await Shopping(house.desk).refresh(CUMULUS)

    assert [[(1, 3.0)]] == [runs for *_, runs in kept(house)]


@housed()
async def test_prices_are_kept_for_thirty_days(house: House) -> None:
    shopping = Shopping(house.desk)
    for day in range(32):
        house.cloud.offers = [an_offer(price=rate(day))]
        await shopping.refresh(CUMULUS)
        await house.clock.sleep(24 * HOUR.total_seconds())

    (runs,) = [runs for *_, runs in kept(house)]
    assert list(range(1, 32)) == [price for _, price in runs]


@housed()
async def test_a_menu_of_many_pieces_is_gathered_whole(house: House) -> None:
    house.cloud.offers = [an_offer(f"o{n}", price=rate(5000 - n)) for n in range(2_500)]

    await Shopping(house.desk).refresh(CUMULUS)

    assert [[(1, 2501.0)]] == [runs for *_, runs in kept(house)]


@housed()
async def test_a_price_that_cannot_be_right_is_no_price(house: House) -> None:
    right = [an_offer(f"o{n}", price=rate(2)) for n in range(6)]
    house.cloud.offers = [*right, an_offer("free", price=rate(0)), an_offer("mad", price=rate(999))]

    await Shopping(house.desk).refresh(CUMULUS)

    wanted = PriceFilter(since=NOON - HOUR)
    (found,) = house.peek(lambda book: book.prices.history(wanted))
    assert (6, rate(2)) == (found.runs[0].price.offers, found.runs[0].price.lowest)


@housed()
async def test_a_world_that_keeps_no_prices_writes_none(house: House) -> None:
    house.cloud.offers = [an_offer()]

    await Shopping(replace(house.desk, keeps_prices=False)).refresh(CUMULUS)

    assert [] == kept(house)


class WatchedBooks:
    """Books that let somebody else write after each write of ours."""

    def __init__(self, house: House) -> None:
        self._books = house.desk.books
        self.families: list[int] = []

    async def write(self, work: Callable[[Book], object]) -> None:
        def counted(book: Book) -> object:
            before = len(book.prices.history(EVERY_FAMILY))
            result = work(book)
            self.families.append(len(book.prices.history(EVERY_FAMILY)) - before)
            return result

        await self._books.write(counted)


@housed()
async def test_the_prices_of_a_large_cloud_are_written_a_hundred_families_at_a_time(
    house: House,
) -> None:
    offers = [an_offer(f"o{n}", gpu_count=n, price=rate(n)) for n in range(1, 251)]
    books = WatchedBooks(house)
    pricing = Pricing(replace(house.desk, books=books))

    house.desk.market.replace(CUMULUS, offers, at=NOON)
    await pricing.keep(CUMULUS, at=NOON)
    # The same hour, by a house that has just started: what is known stays.
    await Pricing(replace(house.desk, books=books)).keep(CUMULUS, at=NOON)

    assert [0, 100, 100, 50, 0, 0, 0, 0] == books.families


class ClosedBooks:
    """Books that cannot be written now."""

    async def write(self, _work: object) -> None:
        raise BookUnavailable


@housed()
async def test_a_book_that_is_closed_costs_an_entry_and_no_menu(house: House) -> None:
    house.cloud.offers = [an_offer()]
    pricing = Pricing(replace(house.desk, books=ClosedBooks()))

    house.desk.market.replace(CUMULUS, house.cloud.offers, at=NOON)
    await pricing.keep(CUMULUS, at=NOON)
    await Shopping(house.desk).refresh(CUMULUS)

    assert 1 == len(kept(house))


# ── accruing ─────────────────────────────────────────────────────────────────────────────────────


def entries(house: House, session):
    wanted = CostFilter(session_id=session)
    return list(house.peek(lambda book: book.costs.entries(wanted)))


@housed()
async def test_full_hours_are_booked_once_they_were_certainly_lived_through(house: House) -> None:
    session = await house.until_running()
    accruing = Accruing(house.desk)
    await house.clock.sleep(3600)
    await house.beat(session)
    await house.clock.sleep(5400)

    assert 1 == await accruing.accrue()
    assert 0 == await accruing.accrue()
    await house.beat(session)
    assert 1 == await accruing.accrue()

    booked = entries(house, session)
    assert [(NOON, NOON + HOUR), (NOON + HOUR, NOON + 2 * HOUR)] == [
        (entry.begins_at, entry.ends_at) for entry in booked
    ]


@housed()
async def test_a_row_that_cannot_be_read_is_told_once_and_leaves_the_bills_of_others_alone(
    house: House,
) -> None:
    unreadable, other = await house.until_running(), await house.until_running()
    accruing = Accruing(house.desk)
    await house.clock.sleep(3700)
    for session in (unreadable, other):
        await house.beat(session)
    poison = "UPDATE attempts SET absence = '{' WHERE session_id = ?"
    house.memory.desk.raw.execute(poison, (unreadable,))

    assert 1 == await accruing.accrue()
    await house.clock.sleep(3600)
    await house.beat(other)
    assert 1 == await accruing.accrue()

    assert ([], 2) == (entries(house, unreadable), len(entries(house, other)))
    assert ["unreadable_row"] == house.notices()


@housed()
async def test_the_whole_bill_is_the_price_of_the_time_whenever_it_was_booked(house: House) -> None:
    session = await house.until_running(reservation_hours=5)
    accruing = Accruing(house.desk)
    for _ in range(23):
        await house.clock.sleep(457)
        await house.beat(session)
        await accruing.accrue()
    await house.sessions.finish(session, by=AS_ALICE)
    await house.live(session, 300)

    ended = house.attempt(session).billing_ended_at
    assert ended is not None
    billed = sum(entry.amount.micros for entry in entries(house, session))
    assert charge(house.attempt(session).rate, ended - NOON).micros == billed


@housed()
async def test_sealed_private_keys_are_wiped_after_their_ten_minutes(house: House) -> None:
    house.sells(an_offer())
    await house.requested(key="k1", ssh_public_keys=())
    accruing = Accruing(house.desk)

    await house.clock.sleep(599)
    assert 0 == await accruing.wipe_sealed_keys()
    await house.clock.sleep(1)
    assert 1 == await accruing.wipe_sealed_keys()


# ── delivering ───────────────────────────────────────────────────────────────────────────────────


async def tell(house: House, key: str = "k") -> None:
    told = notice("late_arrival", key, at=house.now, text="it is there", label="gs1-x")
    await house.books.write(lambda book: book.notices.add(told))


@housed()
async def test_a_notice_is_delivered_once_when_all_goes_well(house: House) -> None:
    await tell(house)
    delivering = Delivering(house.desk)

    assert [1, 0] == [await delivering.deliver(), await delivering.deliver()]
    assert ["late_arrival:k"] == [one.id for one in house.notifier.delivered]


@housed()
async def test_the_same_trouble_is_told_once(house: House) -> None:
    await tell(house)
    await tell(house)

    assert 1 == await Delivering(house.desk).deliver()


@housed()
async def test_a_notice_that_did_not_arrive_is_tried_again_ever_more_slowly(house: House) -> None:
    await tell(house)
    house.notifier.down = True
    delivering, tried_at = Delivering(house.desk), []
    for _ in range(400):
        before = house.meter.events.count("notice_not_delivered")
        await delivering.deliver()
        if house.meter.events.count("notice_not_delivered") > before:
            tried_at.append(house.clock.monotonic())
        await house.clock.sleep(5)
    assert [0, 5, 15, 35, 75, 155, 315, 635, 1275] == tried_at

    house.notifier.down = False
    await house.clock.sleep(3600)
    assert 1 == await delivering.deliver()


@housed()
async def test_a_notice_is_in_the_book_before_it_is_delivered_and_after(house: House) -> None:
    await tell(house)
    await Delivering(house.desk).deliver()

    (kept,) = house.peek(lambda book: book.notices.recent(limit=9))
    assert (house.now, "it is there") == (kept.delivered_at, kept.text)


# ── listening ────────────────────────────────────────────────────────────────────────────────────


def test_who_looks_often_has_listened_since_the_first_look() -> None:
    listening, looks = Listening(), [NOON + n * 30 * SECOND for n in range(100)]

    assert {NOON} == {listening.note(at) for at in looks}


def test_a_gap_begins_the_listening_anew_whichever_way_the_clock_went() -> None:
    for jump in (GAP + SECOND, -(GAP + SECOND), timedelta(days=3)):
        listening = Listening()
        listening.note(NOON)

        assert NOON + jump == listening.note(NOON + jump)


@housed()
async def test_a_house_that_was_away_holds_its_own_absence_against_no_node(house: House) -> None:
    session = await house.until_running()
    await house.look_after(session)

    await house.clock.sleep(1800)
    await house.look_after(session)
    assert "running" == house.session(session).state

    await house.beat(session)
    await house.live(session, 60)
    assert "running" == house.session(session).state


@housed()
async def test_a_house_that_was_away_still_meets_the_end_of_the_reservation(house: House) -> None:
    session = await house.until_running(reservation_hours=1)

    await house.clock.sleep(3601)
    await house.look_after(session)

    assert "expired" == house.session(session).stop_reason
    assert MINUTE < house.now - NOON


@housed()
async def test_two_notices_of_different_troubles_are_two(house: House) -> None:
    await tell(house, "one")
    await tell(house, "two")
    first, second = house.peek(lambda book: book.notices.recent(limit=9))

    assert replace(first, id=second.id, at=second.at) == second
    assert 2 == await Delivering(house.desk).deliver()
