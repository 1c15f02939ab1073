"""How fast a cloud is asked, and when it is left in peace: pure state and a clock.

A destroy never stands in line and knows no circuit: it takes its turn on credit, and the others wait until the debt is
paid. So does a create, which has a line of its own. A cloud that asks for patience gets it; a destroy waits only where it was a destroy that it put off.
"""

from gpu_shopper.domain.token_bucket import TokenBucket
from gpu_shopper.ports.clock import Clock

CIRCUIT_FAILURES = 5
CIRCUIT_PAUSE = 30.0


class Pacer:
    """A token bucket and a circuit for one account."""

    def __init__(self, *, rate: float, burst: int, clock: Clock) -> None:
        now = clock.monotonic()
        self._clock = clock
        self._bucket = TokenBucket(rate=rate, burst=burst, now=now)
        self._held_until = now
        self._urgent_held_until = now
        self._failures = 0
        self._open_until = now

    async def turn(self, *, urgent: bool) -> None:
        """Return when a request may be made; an urgent one waits only where the cloud put off another such."""
        delay = self.take(urgent=urgent)
        if delay > 0:
            await self._clock.sleep(delay)

    def take(self, *, urgent: bool) -> float:
        """Take a turn, and return in how many seconds it comes: whoever asks next stands behind it already."""
        now = self._clock.monotonic()
        debt = self._bucket.take(now, urgent=urgent)
        return max((self._urgent_held_until if urgent else self._held_until) - now, debt)

    @property
    def wait(self) -> float:
        """How long a request that is not urgent would wait if it came now, in seconds."""
        now = self._clock.monotonic()
        return max(self._held_until - now, self._bucket.wait(now))

    @property
    def patience(self) -> float:
        """How long the cloud itself has asked not to be asked, from now on, in seconds."""
        return max(0.0, self._held_until - self._clock.monotonic())

    def hold(self, seconds: float, *, urgent: bool = False) -> None:
        """Ask nothing for so long: the cloud said so, to an urgent request or to another, which holds up nothing urgent."""
        until = self._clock.monotonic() + seconds
        self._held_until = max(self._held_until, until)
        if urgent:
            self._urgent_held_until = max(self._urgent_held_until, until)

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
