"""The meter of one instance: what it has cost, exactly, to the microsecond.

The meter adds up price times time in whole numbers and rounds once, half up, when it is read, so
reading it often costs nothing and the sum never depends on who looked when.
"""

import msgspec

_MICROS_PER_HOUR = 3_600_000_000


class Meter(msgspec.Struct, kw_only=True):
    """Price times time, in micro-dollars per hour times microseconds."""

    settled: int = 0
    rate_micros: int = 0
    since_us: int | None = None
    began_us: int | None = None

    def run(self, *, rate_micros: int, now: float) -> None:
        """Bill at this rate from now on."""
        self.stop(now=now)
        self.rate_micros = rate_micros
        self.since_us = microseconds(now)
        if self.began_us is None:
            self.began_us = self.since_us

    def stop(self, *, now: float) -> None:
        """Bill nothing from now on."""
        self.settled = self._upto(now)
        self.since_us = None

    def close(self, *, now: float, least_s: float, step_s: float) -> None:
        """Bill nothing from now on but what is left of the least time that is billed, or of the step that has begun."""
        if self.since_us is None or self.began_us is None:
            return
        self.stop(now=now)
        stood, step = max(0, microseconds(now) - self.began_us), microseconds(step_s) or 1
        whole = -(-max(stood, microseconds(least_s)) // step) * step
        self.settled += self.rate_micros * (whole - stood)
        # What lives again is billed anew.
        self.began_us = None

    def total_micros(self, *, now: float) -> int:
        """Return what has been billed until now, in micro-dollars, rounded half up."""
        return (2 * self._upto(now) + _MICROS_PER_HOUR) // (2 * _MICROS_PER_HOUR)

    def _upto(self, now: float) -> int:
        if self.since_us is None:
            return self.settled
        # A clock that was set back must not un-bill anything.
        return self.settled + self.rate_micros * max(0, microseconds(now) - self.since_us)


def microseconds(now: float) -> int:
    """Return a moment in whole microseconds."""
    return round(now * 1_000_000)
