"""The real chance: the operating system's, because ids and keys come from it too."""

import secrets


class RealChance:
    """Values that nobody can guess or repeat."""

    def __init__(self) -> None:
        self._source = secrets.SystemRandom()

    def draw_bits(self, count: int) -> int:
        """Return an integer of `count` random bits."""
        return secrets.randbits(count)

    def uniform(self) -> float:
        """Return a float in [0, 1)."""
        return self._source.random()

    def below(self, limit: int) -> int:
        """Return an integer in [0, limit)."""
        return secrets.randbelow(limit)

    def token_bytes(self, count: int) -> bytes:
        """Return `count` bytes that nobody can guess."""
        return secrets.token_bytes(count)
