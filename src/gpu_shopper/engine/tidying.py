"""Tidying: what menus were made of is let go while none is being read, so that the process is no larger than its market."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Final

from gpu_shopper.ports.clock import Clock

# As seldom as this where little was read, since it holds the loop up for some milliseconds.
TIDY_EVERY_S: Final = 30.0
# So many offers take hundreds of milliseconds to be read, and what that leaves behind is worth a few more.
TIDY_EVERY_OFFERS: Final = 10_000


class Tidying:
    """Calls `tidy` when it is worth it."""

    def __init__(self, tidy: Callable[[], object], clock: Clock) -> None:
        self._tidy = tidy
        self._clock = clock
        self._asking = 0
        self._read = 0
        self._tidied_at = -inf

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Put off tidying while a cloud is asked: what is let go now would be taken again at once."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    def read(self, offers: int) -> None:
        """Note that so many offers were read, and not taken over from before."""
        self._read += offers

    def tidy(self) -> None:
        """Tidy, unless a cloud is being asked or there is little to let go."""
        now = self._clock.monotonic()
        due = now - self._tidied_at >= TIDY_EVERY_S or self._read >= TIDY_EVERY_OFFERS
        if due and not self._asking:
            self._tidied_at, self._read = now, 0
            self._tidy()
