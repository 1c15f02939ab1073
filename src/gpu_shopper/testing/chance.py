"""Chance from a seed: the real port's stand-in.

Promises: the same seed and name give the same draws on every machine; a fork depends
on seed and names only, so a new draw in one place changes nothing in another.
"""

import hashlib
import random

from gpu_shopper.testing.process import check_alive


class SeededChance:
    """One stream of draws; fork it by name for each one who draws."""

    def __init__(self, seed: int, *, name: str = "") -> None:
        self.seed = seed
        self.name = name
        digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
        self._random = random.Random(int.from_bytes(digest))

    def fork(self, name: str) -> "SeededChance":
        """Return an independent stream of that name; twice the same name is twice the same stream."""
        # Escaped, or the forks "a/b" and "a" then "b" would be one.
        return SeededChance(self.seed, name=f"{self.name}/{name.replace('/', '//')}")

    def draw_bits(self, count: int) -> int:
        """Return an integer of that many random bits."""
        check_alive()
        return self._random.getrandbits(count)

    def uniform(self) -> float:
        """Return a number from 0 to 1, without 1."""
        check_alive()
        return self._random.random()

    def below(self, limit: int) -> int:
        """Return an integer from 0 to the limit, without the limit."""
        check_alive()
        assert limit > 0, limit
        return self._random.randrange(limit)

    def token_bytes(self, count: int) -> bytes:
        """Return that many random bytes."""
        check_alive()
        return self._random.randbytes(count)
