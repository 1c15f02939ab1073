"""What is owed, counted by the book: the same as counting the open attempts one by one."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.surplus import surplus_of
from gpu_shopper.ports.books import Owed
from gpu_shopper.testing.builders import an_instance
from tests.unit.stores import arrange, shelves
from tests.unit.stores.arrange import HOUR, MINUTE, NOON, a_session, an_attempt
from tests.unit.stores.shelves import owe, put

UNKNOWN = {"state": AttemptState.UNKNOWN, "wanted": False, "sent_at": NOON - MINUTE}
ATTEMPTS = [
    an_attempt(1),
    an_attempt(2, **UNKNOWN),
    an_attempt(3, **arrange.CLOSING | {"closing_since": NOON - HOUR, "destroy_tries": 7}),
    an_attempt(4, **arrange.BOUND),
    an_attempt(5, **arrange.CLOSED | {"closing_since": NOON - 9 * HOUR, "destroy_tries": 99}),
    an_attempt(6, **arrange.REJECTED | {"sent_at": NOON - 9 * HOUR}),
]


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


def owed(shelf):
    return shelf.read(lambda book: book.launches.owed())


def test_nothing_is_owed_in_an_empty_book(shelf):
    nothing = Owed(open=0, unwanted=0, unwanted_since=None, unanswered=0, destroy_tries=0)

    assert nothing == owed(shelf)


def test_open_attempts_alone_are_owed(shelf):
    put(shelf, a_session())
    owe(shelf, *ATTEMPTS)

    assert Owed(
        open=4, unwanted=2, unwanted_since=NOON - HOUR, unanswered=2, destroy_tries=7
    ) == owed(shelf)


def test_an_attempt_without_an_instance_is_unwanted_since_it_was_sent(shelf):
    put(shelf, a_session())
    owe(shelf, *ATTEMPTS[:2])

    assert NOON - MINUTE == owed(shelf).unwanted_since


def test_what_is_counted_is_what_is_listed(shelf):
    put(shelf, a_session())
    owe(shelf, *ATTEMPTS)

    listed = shelf.read(lambda book: book.launches.open().attempts)

    assert len(listed) == owed(shelf).open
    assert sum(attempt.unanswered for attempt in listed) == owed(shelf).unanswered


def test_what_has_a_label_is_found_by_it_closed_or_not(shelf):
    owing = surplus_of(
        an_instance(id="i-1", label="gs1-a"), because="double", session_id=None, at=NOON
    )
    closed = replace(
        owing,
        instance_id="i-2",
        since=NOON + MINUTE,
        destroy_tries=1,
        destroy_called_at=NOON,
        destroy_answered_at=NOON,
        gone_listings=2,
        listing_at=NOON + MINUTE,
        gone_at=NOON,
        closed_at=NOON + HOUR,
    )
    others = (replace(owing, instance_id="i-3", label="gs1-b"), replace(owing, provider="nimbus"))

    def write(book):
        for one in (closed, owing, *others):
            book.surplus.save(one)

    shelf.write(write)

    found = shelf.read(lambda book: book.surplus.labelled(owing.provider, "gs1-a"))
    assert [owing, closed] == list(found)
