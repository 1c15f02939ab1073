"""The port to logs and counters. Gauges are not here: they are read from the book when somebody asks."""

from typing import Protocol


class Meter(Protocol):
    """Counts what happened and says it, with key-values and nothing secret."""

    def event(self, name: str, **fields: object) -> None:
        """Log one event."""
        ...

    def alarm(self, name: str, **fields: object) -> None:
        """Log one event that somebody must see."""
        ...

    def count(self, name: str, **labels: str) -> None:
        """Raise a counter by one."""
        ...

    def timed(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""
        ...
