"""What goes wrong with the book under a running house: it is locked, cannot grow, can only be read, lies, is old, is gone.

A book that cannot be written is an outage of the house: nothing can be promised or intended, and no house can start. A
disk that lied about what it had written, a backup that was put back and the loss of the whole file take the book back to
a state in which it knows less than the clouds; what was forgotten then is the oracle's to remember.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.house import House
from gpu_shopper.testing.oracle import BOOK, Oracle
from gpu_shopper.testing.process import current_process

_BUSY_WAIT_S = 5.0
_LIE_LIMIT_S = 600.0


class BookTroubles:
    """Strikes at the book; `heal` ends what lasts."""

    def __init__(self, house: House, oracle: Oracle, *, chance: SeededChance) -> None:
        self._house = house
        self._oracle = oracle
        self._chance = chance
        self._unwritable = ""

    @property
    def acts(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What can strike, by name; rates are per hour."""
        return {
            "book_busy": lambda: self.close("book_busy", 2 + 90 * self._draw()),
            "disk_full": lambda: self.close("disk_full", 60 + 2400 * self._draw()),
            "book_read_only": lambda: self.close("book_read_only", 30 + 900 * self._draw()),
            "disk_lies": self._lie,
            "book_restored": self._restore,
            "book_lost": self._lose,
        }

    @property
    def opens(self) -> bool:
        """Whether a house that starts now could take the book over."""
        return not self._unwritable

    @property
    def is_locked(self) -> bool:
        """Whether another program holds the book just now."""
        return self._unwritable == "book_busy"

    async def wait(self) -> None:
        """Wait for a lock, as SQLite does, in the name of whoever asks the book."""
        if self.is_locked and current_process.get() is not None:
            await asyncio.sleep(_BUSY_WAIT_S * self._draw())

    def refuse(self) -> None:
        """Refuse a commit while nothing can be written.

        Raises:
            BookUnavailable: see there.
        """
        if self._unwritable:
            self._oracle.commit_faults_at.append(self._oracle.now)
            raise BookUnavailable(self._unwritable)

    def heal(self) -> None:
        """Let the book be written from now on."""
        if self._unwritable:
            self._unwritable = ""
            self._oracle.up(BOOK)

    async def close(self, name: str, seconds: float) -> None:
        """Let nothing be written for so long, for the reason that the fault names."""
        if self._unwritable:
            return
        self._oracle.struck(name)
        self._unwritable = name
        self._oracle.down(BOOK)
        await asyncio.sleep(seconds)
        self.heal()

    async def _lie(self) -> None:
        """Lose the newest commits at a loss of power: a disk that only said that it had written them."""
        memory, oracle = self._house.around.memory, self._oracle
        oracle.struck("disk_lies")
        image, written = memory.image(), memory.desk.raw.total_changes
        taken_at = oracle.now
        end = oracle.now + _LIE_LIMIT_S
        until = written + 1 + self._chance.below(40)
        while memory.desk.raw.total_changes < until and oracle.now < end:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        self._kill("power lost")
        memory.rewind(image)
        oracle.rewound(to=taken_at)

    async def _restore(self) -> None:
        memory = self._house.around.memory
        self._oracle.struck("book_restored")
        image, taken_at = memory.image(), self._oracle.now
        await asyncio.sleep(300 + 3300 * self._draw())
        self._kill("stopped for a restore")
        memory.restore(image)
        self._oracle.rewound(to=taken_at)

    async def _lose(self) -> None:
        self._oracle.struck("book_lost")
        self._kill("the disk is gone")
        self._house.around.memory.lose()
        self._oracle.rewound()

    def _kill(self, because: str) -> None:
        life = self._house.life
        if life is not None and life.process.alive:
            life.process.kill(because=because)

    def _draw(self) -> float:
        return self._chance.uniform() ** 2
