"""Who has signed in: the browser holds a key that means nothing elsewhere, the server the token behind it.

It is in memory only. A restart, eight hours or a click ends it; a token that is revoked is worthless at once, because each
page shows it to the API anew.
"""

from base64 import urlsafe_b64encode
from typing import Final

from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.vault import Secret

LASTS_S: Final = 8 * 3600
_KEY_BYTES: Final = 32
_MOST: Final = 1_000


class SignIns:
    """Tokens of browsers, by the keys that they were given."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        # The oldest comes first: each lasts as long as every other.
        self._held: dict[str, tuple[float, Secret]] = {}

    def begin(self, token: Secret) -> str:
        """Keep a token, and return its key."""
        self._forget_old()
        key = urlsafe_b64encode(self._chance.token_bytes(_KEY_BYTES)).decode().rstrip("=")
        self._held[key] = self._clock.monotonic() + LASTS_S, token
        return key

    def token(self, key: str) -> Secret | None:
        """Return the token behind a key, None if there is none any more."""
        until, token = self._held.get(key, (0.0, None))
        return token if token is not None and self._clock.monotonic() < until else None

    def end(self, key: str) -> None:
        """Forget what is behind a key."""
        self._held.pop(key, None)

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        for key in [key for key, (until, _) in self._held.items() if until <= now]:
            del self._held[key]
        while len(self._held) >= _MOST:
            del self._held[next(iter(self._held))]
