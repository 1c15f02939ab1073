"""The book in a SQLite file: opened by one server at a time, durable at every commit.

`open_books` refuses what it cannot vouch for: a file that another server has, a network disk, damage, a newer schema.
What comes back is the file brought to the present schema, with the claims of the former server forgotten.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.domain.ids import DeploymentId
from gpu_shopper.ports.books import Book, BookUnavailable
from gpu_shopper.ports.clock import Clock
from gpu_shopper.stores.connection import connect_file, is_sound
from gpu_shopper.stores.desk import Desk
from gpu_shopper.stores.file_lock import FileLock, check_file_system
from gpu_shopper.stores.migrating import migrate
from gpu_shopper.stores.migrations import known_migrations
from gpu_shopper.stores.threads import Readers, Writer
from gpu_shopper.stores.trouble import as_read, damaged, refused

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
READERS = 2


class SqliteBooks:
    """The `Books` of one file. `cautions` are sentences that an operator should see once."""

    def __init__(
        self, path: Path, writer: Writer, readers: Readers, *, lock: FileLock, caution: str
    ) -> None:
        self.path = path
        self.cautions = (caution,) if caution else ()
        self._writer = writer
        self._readers = readers
        self._lock = lock
        self._closing: Future[None] | None = None

    async def write(self, work: Callable[[Book], T]) -> T:
        """Run `work` in one durable transaction and return what it returns.

        A caller that is cancelled before its turn has changed nothing; after that, the work is done all the same.
        """
        self._check_open()
        return await asyncio.wrap_future(self._writer.submit(work))

    async def read(self, work: Callable[[Book], T]) -> T:
        """Run `work` on one consistent snapshot, beside whatever is being written."""
        self._check_open()
        try:
            return await asyncio.wrap_future(self._readers.submit(work))
        except sqlite3.Error as error:
            raise as_read(error, self.path) from error

    async def aclose(self) -> None:
        """Finish what was begun and close; may be called twice."""
        if self._closing is None:
            self._closing = Future()
            self._closing.set_running_or_notify_cancel()
            threading.Thread(target=self._close, args=(self._closing,), name="book-closer").start()
        await asyncio.wrap_future(self._closing)

    def _close(self, closing: "Future[None]") -> None:
        try:
            self._readers.close()
            self._writer.close()
        finally:
            self._lock.release()
            closing.set_result(None)

    def _check_open(self) -> None:
        if self._closing is not None:
            raise BookUnavailable(f"database {self.path} is closed: the server is stopping")


def open_books(
    path: Path,
    *,
    clock: Clock,
    deployment: DeploymentId,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    readers: int = READERS,
) -> SqliteBooks:
    """Open the database at `path`, made if it is not there, and hold it until `aclose`.

    A new one is the book of `deployment`; one that is there knows whose it is, and stays so.

    Raises:
        StorageRefused: it cannot be used; the message and the hint say why and what to do.
    """
    path = path.expanduser().resolve()
    try:
        with ExitStack() as undo:
            caution = _prepare(path)
            lock = FileLock.take(path)
            undo.callback(lock.release)
            desk = Desk(connect_file(path, busy_timeout_ms=busy_timeout_ms))
            undo.callback(desk.close)
            _make_ready(desk, path, clock=clock, deployment=deployment)
            undo.pop_all()
    except OSError as error:
        raise StorageRefused(
            f"database {path} cannot be made or opened ({error.strerror})",
            hint="name a file in a folder that the server may write to",
            file=str(path),
        ) from error
    except sqlite3.Error as error:
        raise refused(error, path) from error
    reading = Readers(
        lambda: connect_file(path, busy_timeout_ms=busy_timeout_ms, read_only=True), count=readers
    )
    return SqliteBooks(path, Writer(desk, path), reading, lock=lock, caution=caution)


def _prepare(path: Path) -> str:
    """Make the folder and the file, readable to nobody else, and return a caution about the disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    caution = check_file_system(path)
    if path.is_dir():
        raise StorageRefused(
            f"database {path} is a folder", hint="name a file in it", file=str(path)
        )
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return caution


def _make_ready(desk: Desk, path: Path, *, clock: Clock, deployment: DeploymentId) -> None:
    if not is_sound(desk.raw, "quick_check"):
        raise damaged(path)
    migrate(desk.raw, known_migrations(), file=path, now=clock.now())
    desk.take_over(clock=clock, deployment=deployment)
