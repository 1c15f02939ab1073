"""How long to wait before the next request to somebody who wants to be asked at a certain pace: pure arithmetic."""


class TokenBucket:
    """So many requests a second, and so many at once after a rest. Moments are seconds of a clock that never goes back."""

    def __init__(self, *, rate: float, burst: int, now: float) -> None:
        assert rate > 0, rate
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_at = now

    def take(self, now: float, *, urgent: bool = False) -> float:
        """Take a turn, also on credit, and return in how many seconds it comes: those in line are spaced by their debts.

        An urgent one comes at once; the others wait until its debt is paid.
        """
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._tokens -= 1
        return 0.0 if urgent else max(0.0, -self._tokens / self._rate)

    def wait(self, now: float) -> float:
        """Return in how many seconds a turn that were taken now would come; takes none."""
        tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate) - 1
        return max(0.0, -tokens / self._rate)

    def give_back(self) -> None:
        """Return the turn that was taken last: its owner goes away instead of waiting."""
        self._tokens += 1
