"""Who may work on a session, and when it is looked at next."""

from dataclasses import replace

import pytest

from gpu_shopper.ports.books import (
    Claim,
    StaleClaim,
)
from tests.unit.stores import arrange, shelves
from tests.unit.stores.arrange import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    a_session,
)
from tests.unit.stores.shelves import put, stored, take


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


def stopped():
    return a_session(**arrange.STOPPING).settled(at=NOON)


def due(shelf, now=NOON, limit=10):
    found = shelf.read(lambda book: book.sessions.due(now=now, limit=limit))
    return [int(each.removeprefix("ses_")) for each in found]


def test_the_longest_due_comes_first(shelf):
    put(
        shelf,
        a_session(1, next_action_at=NOON),
        a_session(2, next_action_at=NOON - HOUR),
        a_session(3, next_action_at=NOON + SECOND),
    )

    assert [2, 1] == due(shelf)
    assert [2] == due(shelf, limit=1)


def test_a_claimed_session_is_not_due_until_the_claim_runs_out(shelf):
    put(shelf, a_session())

    take(shelf, until=NOON + MINUTE)

    assert [] == due(shelf, NOON + MINUTE - SECOND)
    assert [1] == due(shelf, NOON + MINUTE)


def test_the_next_due_time_looks_past_live_claims(shelf):
    put(
        shelf,
        a_session(1, next_action_at=NOON - HOUR),
        a_session(2, next_action_at=NOON + HOUR),
        a_session(3, **arrange.STOPPED | {"next_action_at": None}),
    )

    def next_due(shelf=shelf):
        return shelf.read(lambda book: book.sessions.next_due_at())

    assert NOON - HOUR == next_due()
    take(shelf, 1, until=NOON + MINUTE)
    assert NOON + MINUTE == next_due()
    take(shelf, 1, until=NOON + 2 * HOUR)
    assert NOON + HOUR == next_due()


def test_nothing_is_due_in_an_empty_book(shelf):
    assert shelf.read(lambda book: book.sessions.next_due_at()) is None


def test_a_claim_raises_the_epoch_and_keeps_others_out(shelf):
    put(shelf, a_session())

    assert Claim(session_id=a_session().id, epoch=1, until=NOON + MINUTE) == take(shelf)
    assert take(shelf, owner="two") is None
    assert 1 == stored(shelf).epoch


def test_a_claim_that_ran_out_is_taken_over_and_fences_its_former_holder(shelf):
    put(shelf, a_session())
    take(shelf, until=NOON + MINUTE)
    mine = stored(shelf)

    taken = take(shelf, owner="two", now=NOON + MINUTE, until=NOON + HOUR)

    assert 2 == taken.epoch
    with pytest.raises(StaleClaim):
        shelf.write(lambda book: book.sessions.save(mine))


def test_the_same_owner_may_claim_again_and_fences_itself(shelf):
    put(shelf, a_session())

    assert (1, 2) == (take(shelf).epoch, take(shelf).epoch)


def test_what_does_not_exist_cannot_be_claimed(shelf):
    assert take(shelf) is None


def release(shelf, claim, at):
    shelf.write(lambda book: book.sessions.release(claim, next_action_at=at))


def test_a_released_session_is_due_when_said(shelf):
    put(shelf, a_session())

    release(shelf, take(shelf), NOON + HOUR)

    assert NOON + HOUR == stored(shelf).next_action_at
    assert [] == due(shelf)
    assert [1] == due(shelf, NOON + HOUR)
    assert take(shelf, owner="two") is not None


def test_a_claim_of_an_older_epoch_releases_nothing(shelf):
    put(shelf, a_session())
    old = take(shelf)
    take(shelf, owner="two", now=NOON + MINUTE, until=NOON + HOUR)

    release(shelf, old, NOON + 9 * HOUR)

    assert take(shelf, owner="three", now=NOON + MINUTE) is None
    assert NOON == stored(shelf).next_action_at


def test_a_claim_is_released_once(shelf):
    put(shelf, a_session())
    claim = take(shelf)
    release(shelf, claim, NOON + HOUR)

    release(shelf, claim, NOON + 9 * HOUR)

    assert NOON + HOUR == stored(shelf).next_action_at


def nudge(shelf, at, number=1):
    shelf.write(lambda book: book.sessions.make_due(a_session(number).id, at=at))


def test_a_nudge_brings_the_next_look_forward_but_never_back(shelf):
    put(shelf, a_session(next_action_at=NOON + HOUR))

    nudge(shelf, NOON + MINUTE)
    nudge(shelf, NOON + 2 * HOUR)

    assert NOON + MINUTE == stored(shelf).next_action_at


def test_a_nudge_of_all_brings_forward_what_waits_and_wakes_nothing_at_rest(shelf):
    at_rest = a_session(3, **arrange.STOPPED | {"next_action_at": None})
    put(
        shelf,
        a_session(1, next_action_at=NOON + HOUR),
        a_session(2, next_action_at=NOON - HOUR),
        at_rest,
    )
    claim = take(shelf, 1)

    shelf.write(lambda book: book.sessions.make_all_due(at=NOON, claims_end_by=NOON + HOUR))
    shelf.write(lambda book: book.sessions.release(claim, next_action_at=NOON + HOUR))

    known = [stored(shelf, number).next_action_at for number in (1, 2, 3)]
    assert [NOON, NOON - HOUR, None] == known


def test_after_a_clock_was_set_back_no_claim_holds_for_longer_than_a_lease(shelf):
    put(shelf, a_session(1, next_action_at=NOON), a_session(2, next_action_at=NOON))
    take(shelf, 1, until=NOON + MINUTE)
    take(shelf, 2, until=NOON + HOUR)

    shelf.write(lambda book: book.sessions.make_all_due(at=NOON, claims_end_by=NOON + 5 * MINUTE))

    assert [] == due(shelf, NOON + MINUTE - SECOND)
    assert [1] == due(shelf, NOON + MINUTE)
    assert [1, 2] == due(shelf, NOON + 5 * MINUTE)


def test_a_nudge_wakes_a_session_at_rest(shelf):
    put(shelf, a_session(**arrange.STOPPED | {"next_action_at": None}))

    nudge(shelf, NOON + MINUTE)

    assert NOON + MINUTE == stored(shelf).next_action_at


def test_a_nudge_during_a_claim_outlives_it(shelf):
    put(shelf, a_session())
    claim = take(shelf)
    nudge(shelf, NOON + MINUTE)
    nudge(shelf, NOON + 2 * MINUTE)

    release(shelf, claim, NOON + HOUR)

    assert NOON + MINUTE == stored(shelf).next_action_at


def test_a_nudge_of_a_former_pass_is_not_heard_again(shelf):
    put(shelf, a_session())
    take(shelf)
    nudge(shelf, NOON + SECOND)

    claim = take(shelf)
    release(shelf, claim, NOON + HOUR)

    assert NOON + HOUR == stored(shelf).next_action_at


def test_a_nudge_outlives_the_end_of_the_session_in_the_same_pass(shelf):
    put(shelf, a_session(**arrange.STOPPING))
    claim = take(shelf)
    nudge(shelf, NOON + MINUTE)
    shelf.write(lambda book: book.sessions.save(replace(stopped(), epoch=1)))
    assert NOON + MINUTE == stored(shelf).next_action_at

    release(shelf, claim, None)

    assert NOON + MINUTE == stored(shelf).next_action_at


def test_saving_leaves_the_next_look_alone(shelf):
    put(shelf, a_session(next_action_at=NOON + MINUTE))

    shelf.write(
        lambda book: book.sessions.save(a_session(gpu_type="L4", next_action_at=NOON + HOUR))
    )

    assert NOON + MINUTE == stored(shelf).next_action_at
