"""Rows that this build cannot read: refused where they are asked for, and no trouble to the others where many are listed."""

import pytest

from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.ports.books import Notice, SessionFilter, UnreadableRow
from tests.unit.stores import arrange, shelves
from tests.unit.stores.arrange import CLOUD, HOUR, NOON, SECOND, a_session, an_attempt
from tests.unit.stores.shelves import owe, put

BOUND = arrange.BOUND
# What a newer build, a hand or a disk may leave in a column that nothing searches.
GARBAGE = ["", "{", "[]"]


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


def with_poisoned_attempt(shelf, column="offer", text="{"):
    put(shelf, a_session(1), a_session(2))
    owe(shelf, an_attempt(1, 1, **BOUND), an_attempt(1, 2, **BOUND))
    shelf.sql("DROP TRIGGER attempts_identity")
    this = f"session_id = '{a_session(1).id}'"
    shelf.sql(f"UPDATE attempts SET {column} = '{text}' WHERE {this}")  # noqa: S608


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("column", ["offer", "absence", "heard", "endpoint"])
def test_an_attempt_that_cannot_be_read_is_refused_by_name(shelf, column, text):
    with_poisoned_attempt(shelf, column, text)
    attempt, session = an_attempt(1, 1), a_session(1).id

    for ask in (
        lambda book: book.launches.get(attempt.id),
        lambda book: book.launches.of_session(session),
        lambda book: book.launches.by_token_hash(attempt.token_hash),
    ):
        with pytest.raises(UnreadableRow, match=attempt.id) as refused:
            shelf.read(ask)
        assert session == refused.value.session_id


@pytest.mark.parametrize(
    "listed",
    [
        lambda book: book.launches.for_census(CLOUD, ()),
        lambda book: book.launches.for_census(CLOUD, [an_attempt(1, 1).label]),
        lambda book: book.launches.open(),
        lambda book: book.launches.billing(accrued_before=NOON + HOUR),
    ],
)
def test_a_list_of_attempts_tells_what_is_known_of_one_that_cannot_be_read(shelf, listed):
    with_poisoned_attempt(shelf)

    found = shelf.read(listed)

    assert [a_session(2).id] == [attempt.session_id for attempt in found.attempts]
    assert AttemptState.BOUND is found.attempts[0].state
    [unreadable], row = found.unreadable, an_attempt(1, 1, **BOUND)
    assert (row.id, row.session_id, row.provider, row.label, row.instance_id) == (
        unreadable.id, unreadable.session_id, unreadable.provider, unreadable.label, unreadable.instance_id,
    )  # fmt: skip
    assert [CLOUD, CLOUD] == found.providers


def test_a_page_of_sessions_shows_the_attempts_that_can_be_read(shelf):
    with_poisoned_attempt(shelf)
    owe(shelf, an_attempt(2, 1, **arrange.REJECTED))
    ids = [a_session(1).id, a_session(2).id]

    found = shelf.read(lambda book: book.launches.of_sessions(ids))

    assert [[2], [1]] == [[attempt.number for attempt in found[key]] for key in ids]


def test_a_session_that_cannot_be_read_is_refused_and_left_out_of_lists(shelf):
    put(shelf, *(a_session(number, created_at=NOON + number * SECOND) for number in range(1, 7)))
    shelf.sql("DROP TRIGGER sessions_identity")
    for number in (3, 4):
        this = f"id = '{a_session(number).id}'"
        shelf.sql(f"UPDATE sessions SET request = '[' WHERE {this}")  # noqa: S608

    with pytest.raises(UnreadableRow, match=a_session(3).id):
        shelves.stored(shelf, 3)

    def page(**wanted):
        found = shelf.read(lambda book: book.sessions.list(SessionFilter(**wanted)))
        return [int(session.id.removeprefix("ses_")) for session in found]

    assert [6, 5, 2, 1] == page()
    # A page that is full tells that there may be more, so that it must not come short for them.
    assert [6, 5, 2] == page(limit=3)
    assert [2, 1] == page(limit=3, after=(NOON + 5 * SECOND, a_session(5).id))
    assert [] == page(limit=3, after=(NOON + SECOND, a_session(1).id))


def test_details_that_cannot_be_read_are_told_as_they_stand(shelf):
    notices = [
        Notice(id=f"trouble:{number}", at=NOON + number * SECOND, kind="trouble", text="there is trouble")
        for number in (1, 2)
    ]  # fmt: skip
    shelf.write(lambda book: [book.notices.add(notice) for notice in notices])
    shelf.sql("UPDATE notices SET details = '{oh' WHERE id = 'trouble:1'")

    found = shelf.read(lambda book: book.notices.undelivered(now=NOON + HOUR, limit=9))

    assert [{"unreadable": "{oh"}, {}] == [notice.details for notice in found]
