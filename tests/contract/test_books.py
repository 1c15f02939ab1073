"""What the port to the book promises about transactions and sessions, in a file and in memory."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.ids import ConsumerId, ProviderName
from gpu_shopper.domain.lifecycle import Event, State
from gpu_shopper.domain.session import StopReason
from gpu_shopper.ports.books import (
    BookUnavailable,
    SessionFilter,
    StaleClaim,
)
from tests.unit.stores import arrange, shelves
from tests.unit.stores.arrange import (
    CLOUD,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    a_session,
    an_attempt,
)
from tests.unit.stores.shelves import owe, put, stored, take

ANN, BOB = ConsumerId("ann"), ConsumerId("bob")


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


def test_a_work_that_raises_changes_nothing(shelf):
    def work(book):
        book.sessions.add(a_session())
        raise KeyError("on purpose")

    with pytest.raises(KeyError, match="on purpose"):
        shelf.write(work)

    assert stored(shelf) is None


def test_a_work_sees_what_it_wrote_itself(shelf):
    def work(book):
        book.sessions.add(a_session())
        return book.sessions.get(a_session().id)

    assert a_session() == shelf.write(work)


def test_a_read_may_not_write(shelf):
    with pytest.raises(AssertionError, match="a read may not write"):
        shelf.read(lambda book: book.sessions.add(a_session()))

    assert stored(shelf) is None


def test_a_closed_book_says_so_and_may_be_closed_again(shelf):
    shelf.runner.run(shelf.books.aclose())
    shelf.runner.run(shelf.books.aclose())

    with pytest.raises(BookUnavailable, match="closed"):
        shelf.write(lambda book: book.deployment())
    with pytest.raises(BookUnavailable, match="closed"):
        shelf.read(lambda book: book.deployment())


def test_the_deployment_is_made_at_the_first_start(shelf):
    found = shelf.read(lambda book: book.deployment())

    assert "dep_aaaaaaaaaaaaaaab" == found.id
    assert (1, NOON) == (found.epoch, found.created_at)


@pytest.mark.parametrize(
    "state",
    [
        {},
        arrange.PROVISIONING,
        arrange.RUNNING,
        arrange.STOPPING,
        arrange.STOPPED,
        arrange.FAILED,
        {"gpu_type": "RTX 4090", "attempts_made": 3, "error": "no luck", "epoch": 4},
        arrange.RUNNING | {"hard_max_override": NOON + 20 * HOUR, "reserved_hours": 11},
    ],
)
def test_a_session_comes_back_as_it_was_written(shelf, state):
    session = a_session(**state)

    put(shelf, session)

    assert session == stored(shelf)


def test_what_was_never_written_is_none(shelf):
    assert stored(shelf) is None


def test_every_field_but_the_request_and_the_next_action_is_saved(shelf):
    put(shelf, a_session())
    ending = (
        replace(a_session(), gpu_type="L4", attempts_made=2, reserved_hours=5)
        .advance(Event.LAUNCH_INTENDED, at=NOON + SECOND)
        .asked_to_stop(StopReason.DONE, actor="ann", at=NOON + MINUTE, error="why not")
    )

    shelf.write(lambda book: book.sessions.save(replace(a_session(), state_since=NOON)))
    for step in (replace(a_session(), **arrange.PROVISIONING), ending):
        shelf.write(lambda book, step=step: book.sessions.save(step))

    assert replace(ending, next_action_at=NOON) == stored(shelf)


def test_saving_with_an_older_epoch_is_stale(shelf):
    put(shelf, a_session())
    before = stored(shelf)
    take(shelf)

    with pytest.raises(StaleClaim, match="ses_0000000000000001 is at epoch 1"):
        shelf.write(lambda book: book.sessions.save(replace(before, gpu_type="L4")))

    assert "" == stored(shelf).gpu_type


def test_saving_what_was_never_added_is_a_bug(shelf):
    with pytest.raises(AssertionError, match="never added"):
        shelf.write(lambda book: book.sessions.save(a_session()))


def test_a_session_that_ends_is_at_rest(shelf):
    put(shelf, a_session(**arrange.STOPPING))

    shelf.write(lambda book: book.sessions.save(stopped()))

    assert stored(shelf).next_action_at is None
    assert [] == shelf.read(lambda book: book.sessions.due(now=NOON + HOUR, limit=9))


def stopped():
    return a_session(**arrange.STOPPING).settled(at=NOON)


def test_states_are_counted_and_absent_ones_are_zero(shelf):
    put(shelf, a_session(1), a_session(2), a_session(3, **arrange.RUNNING))

    counts = shelf.read(lambda book: book.sessions.count_by_state())

    assert set(State) == set(counts)
    assert (2, 1, 0) == (counts[State.PENDING], counts[State.RUNNING], counts[State.FAILED])


def page(shelf, **wanted):
    found = shelf.read(lambda book: book.sessions.list(SessionFilter(**wanted)))
    return [int(session.id.removeprefix("ses_")) for session in found]


def test_sessions_are_listed_newest_first_with_ties_broken_by_id(shelf):
    put(
        shelf,
        a_session(1, created_at=NOON),
        a_session(2, created_at=NOON + MINUTE),
        a_session(3, created_at=NOON),
    )

    assert [2, 3, 1] == page(shelf)


def test_lists_are_filtered_by_consumer_state_and_provider_alone_and_together(shelf):
    put(
        shelf,
        a_session(1),
        a_session(2, consumer_id=BOB),
        a_session(3, **arrange.RUNNING),
        a_session(4, consumer_id=BOB, **arrange.RUNNING),
    )
    owe(shelf, an_attempt(1, 3), an_attempt(1, 4, provider=ProviderName("nimbus")))

    assert [4, 2] == page(shelf, consumer_id=BOB)
    assert [4, 3] == page(shelf, states=frozenset({State.RUNNING}))
    assert [4, 3, 2, 1] == page(shelf, states=frozenset({State.RUNNING, State.PENDING}))
    assert [3] == page(shelf, provider=CLOUD)
    assert [4] == page(shelf, consumer_id=BOB, states=frozenset({State.RUNNING}))
    assert [] == page(shelf, consumer_id=BOB, provider=CLOUD)


def test_pages_stay_stable_while_sessions_are_added(shelf):
    put(shelf, *(a_session(number, created_at=NOON + number * SECOND) for number in range(1, 6)))
    first = shelf.read(lambda book: book.sessions.list(SessionFilter(limit=2)))

    put(shelf, a_session(9, created_at=NOON + HOUR))
    last = first[-1]

    assert [3, 2] == page(shelf, limit=2, after=(last.created_at, last.id))
