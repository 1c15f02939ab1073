"""The same books in a file and in memory, opened for a test that is not asynchronous itself."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gpu_shopper.ports.books import Book, Books, Claim
from gpu_shopper.stores.inline import Memory
from gpu_shopper.stores.sqlite import open_books
from gpu_shopper.stores.trouble import RuleBroken
from tests.unit.stores.arrange import MINUTE, NOON, US, StoppedClock, a_session

T = TypeVar("T")
KINDS = ("file", "memory")


class Shelf:
    """Books, and a loop to reach them by."""

    def __init__(self, books: Books, runner: asyncio.Runner) -> None:
        self.books = books
        self.runner = runner

    def write(self, work: Callable[[Book], T]) -> T:
        return self.runner.run(self.books.write(work))

    def read(self, work: Callable[[Book], T]) -> T:
        return self.runner.run(self.books.read(work))

    def refusal(self, work: Callable[[Book], object]) -> str:
        try:
            self.write(work)
        except RuleBroken as error:
            return str(error)
        return ""

    def sql(self, statement: str) -> list:
        def work(book):
            return book._connection.raw.execute(statement).fetchall()

        return self.write(work)


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Shelf]:
    clock = StoppedClock()
    with asyncio.Runner() as runner:
        if kind == "file":
            books = open_books(folder / "book.db", clock=clock, deployment=US, busy_timeout_ms=50)
            try:
                yield Shelf(books, runner)
            finally:
                runner.run(books.aclose())
        else:
            memory = Memory()
            try:
                yield Shelf(memory.books(clock=clock, deployment=US), runner)
            finally:
                memory.discard()


def put(shelf, *sessions):
    shelf.write(lambda book: [book.sessions.add(session) for session in sessions])


def owe(shelf, *attempts):
    shelf.write(lambda book: [book.launches.add(attempt) for attempt in attempts])


def stored(shelf, number=1):
    return shelf.read(lambda book: book.sessions.get(a_session(number).id))


def take(shelf, number=1, *, owner="one", now=NOON, until=NOON + MINUTE) -> Claim | None:
    return shelf.write(
        lambda book: book.sessions.claim(a_session(number).id, owner=owner, now=now, until=until)
    )
