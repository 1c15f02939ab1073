"""The book in memory, without threads: the same statements and the same schema, for simulation and for tests.

Nothing waits but in `pause`, so that a run is as deterministic as its loop. The hooks stand where a commit can go
wrong: one that raises before it has changed nothing; one that raises after it has lost only the answer.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from gpu_shopper.domain.ids import DeploymentId
from gpu_shopper.ports.books import Book, BookUnavailable
from gpu_shopper.ports.clock import Clock
from gpu_shopper.stores.connection import MEMORY, connect_memory
from gpu_shopper.stores.desk import Desk
from gpu_shopper.stores.migrating import migrate
from gpu_shopper.stores.migrations import known_migrations
from gpu_shopper.stores.moments import moment
from gpu_shopper.stores.trouble import as_met, as_read

T = TypeVar("T")


def _nothing() -> None:
    pass


async def _at_once() -> None:
    pass


@dataclass(slots=True)
class CommitHooks:
    """What a simulation puts around every write: `pause` where others may run, the rest around the commit."""

    pause: Callable[[], Awaitable[None]] = _at_once
    before_commit: Callable[[], None] = _nothing
    after_commit: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Image:
    """A copy of a whole book at one moment."""

    content: bytes

    def put_into(self, target: sqlite3.Connection) -> None:
        """Make `target` what was copied; its settings stay."""
        target.deserialize(self.content)


class Memory:
    """What a disk is to a server: it stays when the server dies. `books` opens it again."""

    def __init__(self) -> None:
        raw = connect_memory()
        _blank().put_into(raw)
        self.desk = Desk(raw)

    def books(
        self, *, clock: Clock, deployment: DeploymentId, hooks: CommitHooks | None = None
    ) -> "InlineBooks":
        """Open the book as a new server does: what the last one began is undone, its claims are forgotten."""
        self.desk.roll_back()
        self.desk.take_over(clock=clock, deployment=deployment)
        return InlineBooks(self, hooks or CommitHooks())

    def image(self) -> Image:
        """Copy everything that is committed."""
        return Image(self.desk.raw.serialize())

    def restore(self, image: Image) -> None:
        """Go back to a copy, as a restore from a backup does: the deployment's epoch grows by one."""
        self._go_back(image)
        self.desk.begin()
        self.desk.raw.execute("UPDATE deployment SET epoch = epoch + 1")
        self.desk.commit()

    def rewind(self, image: Image) -> None:
        """Go back to a copy exactly, as a disk that lost its newest commits does."""
        self._go_back(image)

    def lose(self) -> None:
        """Lose everything, as a disk that is gone does: the next server begins a new book."""
        self._go_back(_blank())

    def _go_back(self, image: Image) -> None:
        # A new connection: the old one's prepared statements do not survive a change of the pages under them.
        self.desk.close()
        raw = connect_memory()
        image.put_into(raw)
        self.desk = Desk(raw)

    def discard(self) -> None:
        """Let it all go."""
        self.desk.close()


class InlineBooks:
    """The `Books` of one server over a `Memory`."""

    def __init__(self, memory: Memory, hooks: CommitHooks) -> None:
        self._memory = memory
        self.hooks = hooks
        self._is_closed = False

    async def write(self, work: Callable[[Book], T]) -> T:
        """Run `work` in one transaction and return what it returns."""
        await self.hooks.pause()
        self._check_open()
        desk = self._memory.desk
        try:
            desk.begin()
            value = work(desk.book)
            self.hooks.before_commit()
            desk.commit()
        except BaseException as error:
            desk.roll_back()
            met = as_met(error, MEMORY)
            if met is not error:
                raise met from error
            raise
        self.hooks.after_commit()
        await self.hooks.pause()
        return value

    async def read(self, work: Callable[[Book], T]) -> T:
        """Run `work` on what is committed."""
        await self.hooks.pause()
        self._check_open()
        return self.peek(work)

    def peek(self, work: Callable[[Book], T]) -> T:
        """Read at once, even after the end: for those who watch a simulation."""
        try:
            return work(self._memory.desk.reading)
        except sqlite3.Error as error:
            raise as_read(error, MEMORY) from error

    async def aclose(self) -> None:
        """Close this server's way to the book; may be called twice. The memory stays."""
        self._is_closed = True

    def _check_open(self) -> None:
        if self._is_closed:
            raise BookUnavailable("the book is closed: the server is stopping")


@cache
def _blank() -> Image:
    """Make an empty book of the present schema once, to be copied: migrating takes far longer than a copy."""
    raw = connect_memory()
    migrate(raw, known_migrations(), file=None, now=moment(0))
    image = Image(raw.serialize())
    raw.close()
    return image
