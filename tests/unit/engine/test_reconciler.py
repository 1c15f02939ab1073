"""The loop: each session on its own, one holder at a time, and nobody's trouble delaying another's deadline."""

import asyncio

import pytest

from gpu_shopper.domain.lifecycle import State
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.reconciler import LEASE, Reconciler
from gpu_shopper.engine.schedule import Engine, Periods
from gpu_shopper.ports.books import BookUnavailable, StaleClaim
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.testing.builders import CUMULUS, HOUR, NIMBUS, a_label, an_offer
from tests.unit.engine.house import AS_ALICE, House, housed


async def ignore(name: str, work) -> bool:
    try:
        await work
    except Exception:  # noqa: BLE001 - stands in for the guard of the schedule
        return False
    return True


@housed()
async def test_a_session_that_somebody_else_holds_is_left_alone(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    now = house.now
    await house.books.write(
        lambda book: book.sessions.claim(session, owner="other", now=now, until=now + HOUR)
    )

    await house.look_after(session)

    assert [] == house.cloud.orders


@housed()
async def test_whoever_has_lost_its_claim_writes_nothing_any_more(house: House) -> None:
    session = await house.until_running()
    old = await house.claim(session)
    await house.claim(session)

    with pytest.raises(StaleClaim):
        await house.desk.write(old, lambda book, known: book.sessions.save(known))


@housed()
async def test_a_crash_while_a_call_is_out_is_found_out_by_the_next_holder(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.delays["launch"] = 30
    dying = house.loop.create_task(house.look_after(session))
    await house.clock.sleep(10)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)

    await house.clock.sleep(LEASE.total_seconds())
    await house.look_after(session)

    assert [house.attempt(session).instance_id] == list(house.cloud.instances)
    assert 1 == len(house.cloud.orders)


@housed()
async def test_a_session_at_rest_is_never_due(house: House) -> None:
    await house.open_shop()
    session = await house.asked_for()
    await house.sessions.end(session, by=AS_ALICE)
    await house.look_after(session)

    assert house.session(session).next_action_at is None
    assert house.peek(lambda book: book.sessions.next_due_at()) is None


@housed(names=(CUMULUS, NIMBUS))
async def test_a_cloud_that_hangs_delays_nobody_at_another(house: House) -> None:
    house.sells(an_offer("a", gpu_type="RTX 3090"), an_offer("b", provider=NIMBUS))
    for name in house.fakes:
        await house.sweeping.sweep(name)
    house.cloud.delays["launch"] = 59
    reconciler = Reconciler(house.desk, guard=ignore)
    slow = await house.asked_for(offer_id=an_offer("a").id)
    fast = await house.asked_for(offer_id=an_offer("b", provider=NIMBUS).id)
    await reconciler.run_once()
    await house.clock.sleep(1)
    await house.beat(fast)

    await house.sessions.finish(fast, by=AS_ALICE)
    await reconciler.run_once()
    await house.clock.sleep(1)

    assert {} == house.fakes[NIMBUS].instances
    assert house.attempt(slow).instance_id is None
    await reconciler.drain(120)


@housed()
async def test_a_moment_that_comes_soon_is_not_slept_through(house: House) -> None:
    await house.open_shop(an_offer("o1"), an_offer("o2"))
    first, second = await house.asked_for(), await house.asked_for()
    await house.books.write(lambda book: book.sessions.make_due(first, at=house.now))
    claim = await house.claim(second)
    soon = house.now + HOUR / 1200
    await house.books.write(lambda book: book.sessions.release(claim, next_action_at=soon))
    house.cloud.delays["launch"] = 59
    reconciler = Reconciler(house.desk, guard=ignore)

    nap = await reconciler.run_once()

    assert nap <= 3
    await reconciler.drain(120)


@housed()
async def test_a_fault_in_one_session_leaves_it_due_and_the_others_looked_after(
    house: House,
) -> None:
    await house.open_shop(an_offer("o1"), an_offer("o2"))
    broken, whole = await house.asked_for(), await house.asked_for()
    house.cloud.launch_answers.append(ZeroDivisionError("a bug"))
    reconciler = Reconciler(house.desk, guard=ignore)

    await ignore("", reconciler.reconcile(broken))
    await ignore("", reconciler.reconcile(whole))

    assert house.attempt(whole).instance_id is not None
    due_at = house.session(broken).next_action_at
    assert due_at is not None
    assert due_at > house.now


@housed()
async def test_no_more_passes_run_at_once_than_allowed(house: House) -> None:
    await house.open_shop(*(an_offer(f"o{n}") for n in range(6)))
    for _ in range(6):
        await house.asked_for()
    house.cloud.delays["launch"] = 20
    reconciler = Reconciler(house.desk, guard=ignore, concurrency=2)

    for _ in range(5):
        await reconciler.run_once()
        await house.clock.sleep(1)
    assert 2 == len(house.cloud.orders)
    await reconciler.drain(60)


@housed()
async def test_passes_that_take_too_long_are_cut_off_and_leave_the_attempt_open(
    house: House,
) -> None:
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.delays["launch"] = 50
    reconciler = Reconciler(house.desk, guard=ignore)
    await reconciler.run_once()
    await house.clock.sleep(1)

    await reconciler.drain(5)

    assert 6 == house.clock.monotonic()
    assert house.attempt(session).open


# ── the whole engine ─────────────────────────────────────────────────────────────────────────────


def engine_of(house: House, desk: Desk | None = None) -> Engine:
    return Engine(desk or house.desk, periods=Periods())


@housed()
async def test_the_engine_alone_leads_a_session_from_asked_for_to_gone(house: House) -> None:
    house.cloud.offers = [an_offer()]
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(2)
    session = await house.asked_for()
    await house.clock.sleep(15)
    await house.beat(session)
    await house.clock.sleep(60)
    await house.sessions.finish(session, by=AS_ALICE)
    await house.clock.sleep(300)
    await engine.stop()

    assert (State.STOPPED, {}) == (house.session(session).state, house.cloud.instances)
    assert [] == house.meter.alarms


@housed()
async def test_stopping_the_engine_leaves_every_session_as_it_is(house: House) -> None:
    house.cloud.offers = [an_offer()]
    session = await house.until_running()
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(20)

    await engine.stop()

    assert State.RUNNING is house.session(session).state
    assert [] == house.cloud.destroyed


@housed()
async def test_a_task_that_fails_is_told_and_goes_on(house: House) -> None:
    house.cloud.errors["list_offers"] = ZeroDivisionError("a bug")
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(30)
    assert "task_failed" in house.meter.alarms

    house.cloud.errors.clear()
    house.cloud.offers = [an_offer()]
    await house.clock.sleep(30)
    await engine.stop()
    assert house.market.snapshot.get(an_offer().id) is not None


@housed()
async def test_after_a_start_an_account_that_holds_nothing_is_swept_often_and_then_every_five_minutes(
    house: House,
) -> None:
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(285)
    assert 10 == house.cloud.calls["list_all"]
    await house.clock.sleep(900)
    assert 13 == house.cloud.calls["list_all"]
    await engine.stop()


@housed()
async def test_after_a_start_an_account_where_something_is_held_is_swept_faster(
    house: House,
) -> None:
    await house.until_running()
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(195)
    assert 20 == house.cloud.calls["list_all"]
    await engine.stop()


@housed()
async def test_after_a_start_sweeps_are_fast_also_while_listings_are_incomplete(
    house: House,
) -> None:
    await house.until_running()
    engine = engine_of(house)
    house.cloud.incomplete = True
    engine.start()
    await house.clock.sleep(195)
    assert 20 == house.cloud.calls["list_all"]
    await engine.stop()


@housed()
async def test_while_the_book_cannot_be_written_no_cloud_is_asked_in_vain_and_at_once_after_it(
    house: House,
) -> None:
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(3600)
    before = house.cloud.calls["list_all"]

    def refuse() -> None:
        raise BookUnavailable("the disk is full")

    house.books.hooks.before_commit = refuse
    await house.clock.sleep(3600)
    assert before + 1 == house.cloud.calls["list_all"]

    house.books.hooks.before_commit = lambda: None
    await house.clock.sleep(10)
    await engine.stop()
    assert before + 2 == house.cloud.calls["list_all"]


@housed()
async def test_a_sweep_can_be_asked_for_at_once(house: House) -> None:
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(3500)
    before = house.cloud.calls["list_all"]
    house.cloud.add(a_label(key=house.vault.label_key))

    engine.sweep_soon()
    await house.clock.sleep(1)
    await engine.stop()

    assert before + 1 == house.cloud.calls["list_all"]


@housed()
async def test_whoever_waits_to_buy_hastens_the_listing_that_failed_and_the_order_goes_out_after_it(
    house: House,
) -> None:
    house.sells(an_offer())
    house.cloud.offers = [an_offer()]
    house.cloud.errors["list_all"] = Unavailable("starting")
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(3)
    house.cloud.errors.clear()
    await house.asked_for()

    await house.clock.sleep(1)
    assert (1, 0) == (house.cloud.calls["list_all"], len(house.cloud.orders)), (
        "it is spared so long"
    )
    await house.clock.sleep(3)
    await engine.stop()

    assert (2, 1) == (house.cloud.calls["list_all"], len(house.cloud.orders))


@housed()
async def test_a_cloud_that_is_down_is_listed_seldom_however_many_wait_to_buy_there(
    house: House,
) -> None:
    house.sells(an_offer())
    house.cloud.offers = [an_offer()]
    house.cloud.errors["list_all"] = Unavailable("down")
    engine = engine_of(house)
    engine.start()
    for _ in range(20):
        await house.asked_for()
    await house.clock.sleep(300)
    await engine.stop()

    # After 0, 5, 15 and 35 seconds; from then on as if nobody waited.
    assert 11 == house.cloud.calls["list_all"]


@housed()
async def test_every_task_shows_that_it_lives(house: House) -> None:
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(600)
    beats = engine.beats
    await engine.stop()

    assert {"shop cumulus", "sweep cumulus", "reconcile", "accrue", "deliver"} == set(beats)
    assert min(beats.values()) >= 250


@housed()
async def test_a_cloud_that_is_down_at_the_start_is_waited_for(house: House) -> None:
    for call in ("list_all", "list_offers"):
        house.cloud.errors[call] = Unavailable("down")
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(120)
    house.cloud.errors.clear()
    house.cloud.offers = [an_offer()]
    await house.clock.sleep(120)
    session = await house.asked_for()
    await house.clock.sleep(30)
    await engine.stop()

    assert house.attempt(session).instance_id is not None


@housed()
async def test_a_sweep_that_failed_is_repeated_within_a_minute(house: House) -> None:
    engine = engine_of(house)
    engine.start()
    await house.clock.sleep(310)
    house.cloud.incomplete = True
    await house.clock.sleep(295)
    before = house.cloud.calls["list_all"]
    await house.clock.sleep(300)
    assert before + 5 == house.cloud.calls["list_all"]
    await engine.stop()
