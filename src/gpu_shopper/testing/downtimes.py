"""When something was down, as the oracle remembers it: what a bound excuses."""


class Outages:
    """When something was down, and how long of a stretch of time that was."""

    def __init__(self) -> None:
        self._over: list[tuple[float, float]] = []
        self._since: float | None = None

    def begin(self, at: float) -> None:
        """It is down from now on."""
        if self._since is None:
            self._since = at

    def end(self, at: float) -> None:
        """It is up again."""
        if self._since is not None:
            self._over.append((self._since, at))
            self._since = None

    @property
    def since(self) -> float | None:
        """Since when it is down; None while it is up."""
        return self._since

    @property
    def ended_at(self) -> float | None:
        """When it last came up again; None if it never went down."""
        return self._over[-1][1] if self._over else None

    def within(self, begin: float, end: float) -> list[tuple[float, float]]:
        """Return the stretches of [begin, end] in which it was down."""
        spans = [*self._over, (self._since, end)] if self._since is not None else self._over
        return [(max(a, begin), min(b, end)) for a, b in spans if a < end and b > begin]
