"""The book in memory: what its hooks can do to a commit, and what a memory remembers."""

import asyncio

import pytest

from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.stores.connection import pragma
from gpu_shopper.stores.inline import CommitHooks, Memory
from tests.unit.stores.arrange import MINUTE, NOON, US, StoppedClock, a_session

SETTINGS = ("foreign_keys", "trusted_schema", "recursive_triggers")


class Died(BaseException):
    pass


def fail(error):
    def hook():
        raise error

    return hook


@pytest.fixture
def memory():
    memory = Memory()
    yield memory
    memory.discard()


def opened(memory, **hooks):
    return memory.books(clock=StoppedClock(), deployment=US, hooks=CommitHooks(**hooks))


def add(books, number=1):
    asyncio.run(books.write(lambda book: book.sessions.add(a_session(number))))


def known(memory):
    count = opened(memory).peek(lambda book: book.sessions.count_by_state())
    return sum(count.values())


@pytest.mark.parametrize("error", [BookUnavailable("lost"), Died()])
def test_what_fails_before_the_commit_changed_nothing(memory, error):
    with pytest.raises(type(error)):
        add(opened(memory, before_commit=fail(error)))

    assert 0 == known(memory)


@pytest.mark.parametrize("error", [BookUnavailable("lost"), Died()])
def test_what_fails_after_the_commit_lost_only_the_answer(memory, error):
    with pytest.raises(type(error)):
        add(opened(memory, after_commit=fail(error)))

    assert 1 == known(memory)


def test_a_pause_lets_others_in_before_and_after_a_write(memory):
    trace = []

    async def pause():
        trace.append("pause")

    books = opened(memory, pause=pause, after_commit=lambda: trace.append("commit"))
    add(books)
    asyncio.run(books.read(lambda book: trace.append("read")))

    assert ["pause", "commit", "pause", "pause", "read"] == trace


def test_a_new_server_over_the_same_memory_finds_the_book_without_the_old_claims(memory):
    books = opened(memory)
    add(books)
    who = books.peek(lambda book: book.deployment())
    asyncio.run(
        books.write(
            lambda book: book.sessions.claim(
                a_session().id, owner="one", now=NOON, until=NOON + MINUTE
            )
        )
    )
    assert [] == books.peek(lambda book: book.sessions.due(now=NOON, limit=9))

    again = opened(memory)

    assert [a_session().id] == again.peek(lambda book: book.sessions.due(now=NOON, limit=9))
    assert who == again.peek(lambda book: book.deployment())


def test_a_memory_can_be_rewound_or_restored(memory):
    books = opened(memory)
    add(books, 1)
    image = memory.image()
    add(books, 2)

    memory.rewind(image)
    assert 1 == known(memory)
    assert 1 == books.peek(lambda book: book.deployment()).epoch

    add(books, 2)
    memory.restore(image)
    assert 1 == known(memory)
    assert 2 == books.peek(lambda book: book.deployment()).epoch
    add(books, 2)


def test_a_memory_keeps_its_settings_when_it_is_rewound(memory):
    opened(memory)
    before = {name: pragma(memory.desk.raw, name) for name in SETTINGS}

    memory.rewind(memory.image())

    assert {"foreign_keys": 1, "trusted_schema": 0, "recursive_triggers": 1} == before
    assert before == {name: pragma(memory.desk.raw, name) for name in SETTINGS}


def test_memories_do_not_share_anything(memory):
    other = Memory()
    add(opened(memory))

    assert 0 == known(other)
    other.discard()


def test_a_closed_server_can_still_be_watched(memory):
    books = opened(memory)
    asyncio.run(books.aclose())

    with pytest.raises(BookUnavailable):
        add(books)
    assert books.peek(lambda book: book.deployment())
