"""How fast a cloud is asked, and when it is left in peace: pure state and a clock.

A destroy never stands in line and knows no circuit: it takes its turn on credit, and the others wait until the debt is
paid. Only a cloud that asks for patience itself makes everybody wait.
"""

from gpu_shopper.ports.clock import Clock

CIRCUIT_FAILURES = 5
CIRCUIT_PAUSE = 30.0


class Pacer:
    """A token bucket and a circuit for one account."""

    def __init__(self, *, rate: float, burst: int, clock: Clock) -> None:
        assert rate > 0, rate
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock.monotonic()
        self._held_until = self._filled_at
        self._failures = 0
        self._open_until = self._filled_at

    async def turn(self, *, urgent: bool) -> None:
        """Return when a request may be made; an urgent one waits only where the cloud itself asked for patience."""
        delay = self._take(urgent=urgent)
        if delay > 0:
            await self._clock.sleep(delay)

    def hold(self, seconds: float) -> None:
        """Ask nothing for so long: the cloud said so."""
        self._held_until = max(self._held_until, self._clock.monotonic() + seconds)

    def succeeded(self) -> None:
        """Note an answer: the circuit closes."""
        self._failures = 0
        self._open_until = self._clock.monotonic()

    def failed(self) -> None:
        """Note that there was no answer; several in a row open the circuit for a while."""
        self._failures += 1
        if self._failures >= CIRCUIT_FAILURES:
            self._open_until = self._clock.monotonic() + CIRCUIT_PAUSE

    @property
    def circuit_open(self) -> bool:
        """The cloud has not answered several times in a row: do not buy there now."""
        return self._clock.monotonic() < self._open_until

    def _take(self, *, urgent: bool) -> float:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._tokens -= 1
        held = max(0.0, self._held_until - now)
        # Each request takes a token at once, also on credit: those in line are spaced by their debts.
        debt = 0.0 if urgent else max(0.0, -self._tokens / self._rate)
        return max(held, debt)
