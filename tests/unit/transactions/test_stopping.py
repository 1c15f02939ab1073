"""Ends as they are written: one path, everything let go of, the blame where it belongs."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.errors import IllegalMove
from gpu_shopper.domain.launch import AttemptState, Blame
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.testing.builders import NOON, an_offer
from gpu_shopper.transactions.health import offer_health
from gpu_shopper.transactions.stopping import give_up, intend_stop, note_failure, shop_again
from tests.unit.engine.house import House, housed


async def stop(house: House, session, reason: StopReason = StopReason.SILENT) -> None:
    known = house.session(session)
    await house.books.write(
        lambda book: intend_stop(
            book, known, reason=reason, actor="engine", at=house.now, error="why"
        )
    )


@housed()
async def test_a_stop_lets_go_of_everything_that_was_wanted(house: House) -> None:
    session = await house.until_running()

    await stop(house, session)

    stopping, attempt = house.session(session), house.attempt(session)
    assert (State.STOPPING, None, "why") == (stopping.state, stopping.launch, stopping.error)
    assert (AttemptState.CLOSING, False, "silent") == (
        attempt.state, attempt.wanted, attempt.unwanted_because,
    )  # fmt: skip


@housed()
async def test_a_stop_is_told_with_its_reason_in_the_same_transaction(house: House) -> None:
    session = await house.until_running()

    await stop(house, session)

    told = house.history(session)[-1]
    assert ("stop_intended", "engine", {"reason": "silent", "error": "why"}) == (
        told.kind, told.actor, told.details,
    )  # fmt: skip


@housed()
async def test_a_session_is_stopped_once(house: House) -> None:
    session = await house.until_running()
    await stop(house, session)

    with pytest.raises(IllegalMove):
        await stop(house, session, StopReason.DONE)
    assert StopReason.SILENT is house.session(session).stop_reason


@housed()
async def test_an_attempt_that_is_given_up_sends_its_session_shopping(house: House) -> None:
    session = await house.until_bound()

    known, attempt = house.session(session), house.attempt(session)
    await house.books.write(
        lambda book: give_up(
            book, known, attempt, because="late",
            blame=Blame.MACHINE, at=house.now,
        )
    )  # fmt: skip

    shopping = house.session(session)
    assert (State.PENDING, None, "late") == (shopping.state, shopping.launch, shopping.error)
    assert AttemptState.CLOSING is house.attempt(session).state
    assert "launch_disproven" in house.kinds(session)


@housed()
async def test_giving_up_an_attempt_that_the_session_has_left_leaves_the_session_alone(
    house: House,
) -> None:
    session = await house.until_bound()
    known, other = house.session(session), replace(house.attempt(session), number=7)

    left = await house.books.write(
        lambda book: shop_again(book, known, other, because="x", at=house.now)
    )
    assert State.PROVISIONING is left.state


@housed()
async def test_what_runs_does_not_go_shopping(house: House) -> None:
    session = await house.until_running()

    known, attempt = house.session(session), house.attempt(session)
    await house.books.write(
        lambda book: shop_again(book, known, attempt, because="x", at=house.now)
    )
    assert State.RUNNING is house.session(session).state


@pytest.mark.parametrize("blame", Blame)
@housed()
async def test_only_what_speaks_against_an_offer_is_held_against_it(
    house: House, blame: Blame
) -> None:
    session = await house.until_bound()
    attempt = house.attempt(session)

    await house.books.write(
        lambda book: note_failure(book, attempt, because="x", blame=blame, at=house.now)
    )

    failures = house.peek(lambda book: book.accounts.outcomes(since=NOON))
    darkened = house.peek(lambda book: offer_health(book, now=house.now))
    against = blame not in {Blame.OURS, Blame.ACCOUNT}
    assert int(against) == len(failures)
    assert against == (darkened.confidence(an_offer()) < 1)
