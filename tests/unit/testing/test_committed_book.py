"""The oracle's own view of the book: which rows were written, whoever wrote them and however it ended."""

import asyncio
import gc
import weakref

import pytest

from gpu_shopper.stores.inline import Memory
from gpu_shopper.testing.rows import CommittedBook
from tests.unit.stores.arrange import US, StoppedClock, a_session, an_attempt


@pytest.fixture
def memory():
    memory = Memory()
    yield memory
    memory.discard()


@pytest.fixture
def books(memory):
    books = memory.books(clock=StoppedClock(), deployment=US)

    def fill(book):
        for number in (1, 2):
            book.sessions.add(a_session(number))
            book.launches.add(an_attempt(number, number))

    asyncio.run(books.write(fill))
    return books


def keys(moved):
    attempts, sessions = moved
    return [row.label for row in attempts], [row.id for row in sessions]


def save(number):
    def work(book):
        book.launches.save(an_attempt(number, number, looks=5))
        book.sessions.save(a_session(number, error="late"))

    return work


def test_at_first_every_row_has_moved(memory, books):
    seen = CommittedBook(memory)

    assert keys(seen.moved()) == (
        [an_attempt(1, 1).label, an_attempt(2, 2).label],
        [a_session(1).id, a_session(2).id],
    )
    assert seen.moved() == ([], [])


def test_what_was_written_has_moved_and_is_read_anew(memory, books):
    seen = CommittedBook(memory)
    seen.moved()

    asyncio.run(books.write(save(2)))

    attempts, sessions = seen.moved()
    assert [(row.label, row.looks) for row in attempts] == [(an_attempt(2, 2).label, 5)]
    assert [row.id for row in sessions] == [a_session(2).id]
    assert seen.moved() == ([], [])


def test_what_was_written_past_the_store_has_moved_too(memory, books):
    seen = CommittedBook(memory)
    seen.moved()

    memory.desk.raw.execute("UPDATE attempts SET looks = 9 WHERE number = 1")
    memory.desk.raw.execute("UPDATE sessions SET error = 'x'")

    attempts, sessions = seen.moved()
    assert [row.looks for row in attempts if row.label == an_attempt(1, 1).label] == [9]
    assert [row.id for row in sessions] == [a_session(1).id, a_session(2).id]


def test_what_was_rolled_back_reads_as_it_was(memory, books):
    seen = CommittedBook(memory)
    before = seen.moved()

    def fail(book):
        save(1)(book)
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(books.write(fail))

    attempts, sessions = seen.moved()
    assert set(attempts) <= set(before[0])
    assert set(sessions) <= set(before[1])


def test_after_going_back_in_time_every_row_has_moved(memory, books):
    seen = CommittedBook(memory)
    image = memory.image()
    seen.moved()
    asyncio.run(books.write(save(1)))
    memory.restore(image)

    assert [row.looks for row in seen.moved()[0]] == [0, 0]
    asyncio.run(books.write(save(2)))
    assert [row.looks for row in seen.moved()[0]] == [5]


def test_nothing_in_the_database_holds_on_to_it(memory, books):
    seen = CommittedBook(memory)
    seen.moved()
    left = weakref.ref(seen)

    del seen
    gc.collect()

    assert left() is None
