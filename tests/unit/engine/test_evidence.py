"""What counts as evidence, taken one piece at a time: of an end that was asked for, and of one that nobody asked for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.launch import Absence, AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.plan import Retirement
from gpu_shopper.domain.session import StopReason
from gpu_shopper.engine.observing import GHOST_READS, end_if_ghost
from gpu_shopper.engine.retiring import was_listed
from gpu_shopper.ports.books import AccountState
from gpu_shopper.testing.builders import (
    CUMULUS,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    a_listing,
    an_attempt,
    an_instance,
    heard,
)
from tests.unit.engine.house import AS_ALICE, QUIRKS, House, housed

ANSWERED = NOON + MINUTE
GONE = Absence(read_at=ANSWERED + SECOND, gone_reads=2, first_gone_at=ANSWERED + SECOND)
CLOSING = an_attempt(AttemptState.CLOSING, destroy_answered_at=ANSWERED, absence=GONE)
SPACED = QUIRKS.absence_listing_spacing
NOW = NOON + HOUR


def listed(attempt=CLOSING, *, began_at=ANSWERED + SECOND, instances=(), beside=()):
    listing = a_listing(instances, began_at=began_at)
    return was_listed(attempt, listing, NOW, QUIRKS, beside=beside).absence


def test_a_listing_that_lacks_it_counts() -> None:
    assert 1 == listed().gone_listings


@pytest.mark.parametrize("late", [timedelta(0), SECOND, HOUR])
def test_a_listing_that_began_before_the_answer_says_nothing(late: timedelta) -> None:
    assert GONE == listed(began_at=ANSWERED - late)


def test_a_listing_before_any_read_said_gone_says_nothing() -> None:
    unread = replace(CLOSING, absence=Absence(read_at=ANSWERED + SECOND))

    assert 0 == listed(unread).gone_listings


def test_two_listings_that_are_too_close_count_as_one() -> None:
    once = replace(CLOSING, absence=listed())
    first_at = once.absence.listing_at
    assert first_at is not None

    assert 1 == listed(once, began_at=first_at + SPACED - SECOND).gone_listings
    assert 2 == listed(once, began_at=first_at + SPACED).gone_listings


@pytest.mark.parametrize(
    "instance",
    [an_instance(CLOSING), an_instance(CLOSING, id="i-9"), an_instance(CLOSING, label="renamed")],
    ids=["itself", "its label", "its id"],
)
def test_a_listing_that_shows_it_voids_the_proof(instance) -> None:
    again = listed(replace(CLOSING, absence=replace(GONE, gone_listings=1)), instances=[instance])

    assert (0, 0) == (again.gone_reads, again.gone_listings)


def test_a_listing_that_shows_a_double_with_a_row_of_its_own_counts() -> None:
    double = an_instance(CLOSING, id="i-9")

    assert 1 == listed(instances=[double], beside={double.id}).gone_listings
    assert 0 == listed(instances=[double, an_instance(CLOSING)], beside={double.id}).gone_listings


@housed()
async def test_a_sight_between_the_decision_and_the_close_forbids_it(house: House) -> None:
    session = await house.until_running()
    await house.sessions.finish(session, by=AS_ALICE)
    await house.live(session, 10)
    decided = house.attempt(session)
    await house.save(replace(decided, absence=Absence(read_at=house.now)))

    claim = await house.claim(session)
    await house.reconciler._retiring.retire(claim, decided, Retirement.CLOSE)

    assert AttemptState.CLOSING is house.attempt(session).state


ENOUGH = {
    "missing_since": QUIRKS.ghost_after,
    "missing_listings": QUIRKS.ghost_listings,
    "missing_reads": GHOST_READS,
    "heard": QUIRKS.ghost_after,
    "frozen": False,
}


async def is_taken_for_lost(house: House, **changes) -> bool:
    signs = ENOUGH | changes
    session = await house.until_running()
    known, now = house.session(session), house.now + HOUR
    attempt = replace(
        house.attempt(session),
        missing_since=None if signs["missing_since"] is None else now - signs["missing_since"],
        missing_listings=signs["missing_listings"],
        missing_reads=signs["missing_reads"],
        heard=heard(now - signs["heard"]),
    )

    def judge(book) -> None:
        if signs["frozen"]:
            book.accounts.save_state(AccountState(provider=CUMULUS, frozen_since=now))
        end_if_ghost(house.desk, book, known, attempt, at=now)

    await house.books.write(judge)
    ended = house.session(session)
    assert ended.state is State.RUNNING or ended.stop_reason is StopReason.LOST
    return ended.state is not State.RUNNING


@housed()
async def test_all_signs_together_say_that_it_is_lost(house: House) -> None:
    assert await is_taken_for_lost(house)


@pytest.mark.parametrize(
    "lacking",
    [
        {"missing_since": None},
        {"missing_since": QUIRKS.ghost_after - SECOND},
        {"missing_listings": QUIRKS.ghost_listings - 1},
        {"missing_reads": GHOST_READS - 1},
        {"heard": QUIRKS.ghost_after - SECOND},
        {"frozen": True},
    ],
    ids=["never missing", "too soon", "too few listings", "too few reads", "heard", "frozen"],
)
@housed()
async def test_all_signs_but_one_say_nothing(house: House, lacking: dict[str, object]) -> None:
    assert not await is_taken_for_lost(house, **lacking)
