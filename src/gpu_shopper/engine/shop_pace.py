"""When a cloud is asked for its menu again, and what of its answers is believed: numbers and state, one of each per cloud."""

from typing import Final
from zlib import crc32

# After a failure the next try comes soon, then later and later.
FIRST_RETRY_S: Final = 30.0
LONGEST_PAUSE_S: Final = 300.0
# Somebody who waits for a newer menu gets one, unless it is as new as this.
NEW_ENOUGH_S: Final = 15.0
FAILING_S: Final = 60.0
# So far from its period is a cloud asked at most, so that not all of them are asked, nor all of us ask, at once.
JITTER: Final = 0.1
_GOLDEN: Final = 0.6180339887498949

# A menu of so many offers does not shrink to a tenth from one minute to the next, unless it is said so often enough.
MANY: Final = 50
SHRUNK_TO: Final = 0.1
SAID_OFTEN_ENOUGH: Final = 3
SAID_LONG_ENOUGH_S: Final = 60.0


class Pace:
    """One cloud's pace. All times are in seconds; `seed` scatters its jitter."""

    def __init__(self, *, period: float, seed: str) -> None:
        assert period > 0, period
        self._period = period
        self._step = crc32(seed.encode()) / 2**32
        self._failures = 0
        self.least = 0.0

    def heard(self) -> float:
        """Note a good answer; return how long to wait before the next question."""
        self._failures = 0
        self.least = NEW_ENOUGH_S
        # Spread evenly, and the same in every run: no two steps of the golden ratio fall together.
        self._step = (self._step + _GOLDEN) % 1.0
        return self._period * (1 + JITTER * (2 * self._step - 1))

    def failed(self, *, patience: float = 0.0) -> float:
        """Note a failure; return likewise. For `patience` seconds the cloud wants to be left alone, whoever waits."""
        pause: float = min(self._period, FIRST_RETRY_S) * 2 ** min(self._failures, 20)
        self._failures += 1
        self.least = max(min(NEW_ENOUGH_S * self._failures, FAILING_S), patience)
        longest = max(self._period, LONGEST_PAUSE_S)
        return max(patience, min(pause, longest))


class Doubt:
    """Weighs each new listing of one cloud against the one before: what is unknown is never a no."""

    def __init__(self) -> None:
        self._said = 0
        self._since = 0.0

    def weigh(self, *, offers: int, rejected: int, known: int, now: float) -> str | None:
        """Return why a listing is not taken for the truth; None to take it.

        `offers` could be read of it, and `rejected` could not; `known` were in the last one. A menu most of which
        cannot be read says nothing of what is sold. One that has all but vanished is believed when it was said three
        times, for a minute at least. `now` is in monotonic seconds.
        """
        if rejected > offers and (known or not offers):
            return f"{rejected} of {rejected + offers} rows cannot be read"
        if known < MANY or offers > known * SHRUNK_TO:
            self._said = 0
            return None
        if not self._said:
            self._since = now
        self._said += 1
        if self._said >= SAID_OFTEN_ENOUGH and now - self._since >= SAID_LONG_ENOUGH_S:
            self._said = 0
            return None
        return f"it lists {offers} offers after {known}: asked again before that is believed"
