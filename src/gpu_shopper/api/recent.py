"""Answers that were given lately, while the menu is the one that they were made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_MOST_KEPT: Final = 64
_MOST_SEEN: Final = 4_096


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """What a page of the menu says, but for how its clouds stand: that changes with every second."""

    rows: Sequence[bytes]
    total: int
    next_cursor: str | None
    facets: Mapping[str, Mapping[str, int]]


class Recent(Generic[T]):
    """Keeps what is asked for more than once of one edition of the menu, by the text of the question.

    A question is kept when it comes the second time: most come once, and keeping what each of them is answered would cost
    more than it saves.
    """

    def __init__(self) -> None:
        self._edition = ""
        # By their hashes: a text may be long, and two that share one only lead to keeping what came once.
        self._seen: set[int] = set()
        self._kept: dict[bytes, T] = {}

    def find(self, edition: str, text: bytes) -> T | None:
        """Return what `text` is answered in this edition, if that is known."""
        return self._kept.get(text) if edition == self._edition else None

    def note(self, edition: str, text: bytes, answer: T) -> None:
        """Note what `text` was answered."""
        if edition != self._edition:
            self._edition = edition
            self._seen.clear()
            self._kept.clear()
        if hash(text) not in self._seen:
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen.add(hash(text))
            return
        if len(self._kept) >= _MOST_KEPT:
            # What was kept first goes first.
            del self._kept[next(iter(self._kept))]
        self._kept[text] = answer
