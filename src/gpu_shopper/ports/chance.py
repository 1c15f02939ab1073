"""The port to chance: ids, keys, jitter and draws."""

from typing import Protocol


class Chance(Protocol):
    """A source of random values; the real one is the operating system's, the simulator's is seeded."""

    def draw_bits(self, count: int) -> int:
        """Return an integer of `count` random bits."""
        ...

    def uniform(self) -> float:
        """Return a float in [0, 1)."""
        ...

    def below(self, limit: int) -> int:
        """Return an integer in [0, limit)."""
        ...

    def token_bytes(self, count: int) -> bytes:
        """Return `count` bytes that nobody can guess."""
        ...
