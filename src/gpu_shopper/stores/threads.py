"""The two ways to the file: one thread that writes, a few that read.

All writes go through one thread and one connection. Those that wait while a commit is on its way to the disk share the
next one: each runs inside its own savepoint, so that one that fails takes nothing else with it, and none is answered
before the commit they share. Reads have their own connections and see one snapshot each.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

from gpu_shopper.stores.book import SqlBook
from gpu_shopper.stores.desk import Desk
from gpu_shopper.stores.trouble import as_met, lost

T = TypeVar("T")
# Enough to share the cost of a commit, few enough to keep the first of them from waiting for long.
MOST_PER_COMMIT = 64


class Outcome(Generic[T]):
    """What came of a piece of work: its value, or what it raised; entered around the work, it holds the latter."""

    __slots__ = ("error", "value")

    value: T

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> "Outcome[T]":
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        self.error = error
        return True


class Order(Generic[T]):
    """One unit of work that waits to be done."""

    __slots__ = ("reply", "work")

    def __init__(self, work: Callable[[SqlBook], T]) -> None:
        self.work = work
        self.reply: Future[T] = Future()

    def answer(self, outcome: Outcome[T], file: Path) -> None:
        """Tell whoever waits, now that the commit is durable."""
        if outcome.error is None:
            self.reply.set_result(outcome.value)
        else:
            self.reply.set_exception(as_met(outcome.error, file))


class Writer:
    """The one thread that writes. It owns its desk from the first order to `close`."""

    def __init__(self, desk: Desk, file: Path) -> None:
        self._desk = desk
        self._file = file
        self._orders: queue.SimpleQueue[Order[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="book-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[SqlBook], T]) -> "Future[T]":
        """Let `work` be done and committed."""
        order = Order(work)
        self._orders.put(order)
        return order.reply

    def close(self) -> None:
        """Finish what was ordered, fold the log into the file, and end. It blocks: call it from another thread."""
        self._orders.put(None)
        self._thread.join()
        with Outcome[
            None
        ]():  # A checkpoint that fails costs the next start a moment, nothing else.
            self._desk.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._desk.close()

    def _run(self) -> None:
        while True:
            orders, is_last = self._take()
            wanted = [order for order in orders if order.reply.set_running_or_notify_cancel()]
            if wanted:
                self._commit(wanted)
            if is_last:
                return

    def _take(self) -> tuple[list[Order[Any]], bool]:
        orders: list[Order[Any]] = []
        order = self._orders.get()
        while order is not None:
            orders.append(order)
            if len(orders) == MOST_PER_COMMIT:
                return orders, False
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return orders, False
        return orders, True

    def _commit(self, orders: list[Order[Any]]) -> None:
        outcomes: list[Outcome[Any]] = []
        with Outcome[None]() as whole:
            self._desk.begin()
            outcomes.extend(self._try(order) for order in orders)
            self._desk.commit()
        if whole.error is None:
            for order, outcome in zip(orders, outcomes, strict=True):
                order.answer(outcome, self._file)
            return
        with Outcome[None]():
            self._desk.roll_back()
        self._explain(orders, whole.error)

    def _explain(self, orders: list[Order[Any]], error: BaseException) -> None:
        for order in orders:
            met = as_met(error, self._file)
            order.reply.set_exception(lost(self._file, error) if met is error else met)

    def _try(self, order: Order[Any]) -> Outcome[Any]:
        raw, outcome = self._desk.raw, Outcome[Any]()
        raw.execute("SAVEPOINT work")
        with outcome:
            outcome.value = order.work(self._desk.book)
        if outcome.error is not None:
            if not raw.in_transaction:
                # The database gave up the whole transaction, and with it all that came before.
                raise outcome.error
            raw.execute("ROLLBACK TO work")
        raw.execute("RELEASE work")
        return outcome


class Readers:
    """A few threads that read, each with a connection of its own."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, count: int) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._opened: list[Desk] = []
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="book-reader")

    def submit(self, work: Callable[[SqlBook], T]) -> "Future[T]":
        """Let `work` be done on one snapshot."""
        return self._pool.submit(self._run, work)

    def close(self) -> None:
        """Let what runs end, then close; it blocks."""
        self._pool.shutdown(wait=True)
        for desk in self._opened:
            desk.close()

    def _run(self, work: Callable[[SqlBook], T]) -> T:
        if not hasattr(self._mine, "desk"):
            self._mine.desk = Desk(self._connect())
            self._opened.append(self._mine.desk)
        desk: Desk = self._mine.desk
        desk.begin_reading()
        try:
            return work(desk.book)
        finally:
            desk.roll_back()
