"""How many requests the simulated RunPod bears in a minute, an hour and a day, and how it tells."""

from collections.abc import Mapping

WINDOWS: Mapping[str, tuple[int, int]] = {
    "minute": (60, 60),
    "hour": (3000, 3600),
    "day": (50_000, 86_400),
}
POLICY = ", ".join(f'"{name}";q={most};w={length}' for name, (most, length) in WINDOWS.items())


class Quota:
    """What is left of each window. `enforced` says whether somebody who has used one up is turned away."""

    def __init__(self) -> None:
        self.enforced = False
        self._used = dict.fromkeys(WINDOWS, (0, 0))

    def spend(self, now: float) -> int | None:
        """Count a request; return for how many seconds its sender should wait, None if it is borne."""
        waits = []
        for name, (most, length) in WINDOWS.items():
            number, used = self._used[name]
            window = int(now // length)
            used = used + 1 if window == number else 1
            self._used[name] = (window, used)
            if used > most:
                waits.append(self._left_s(now, length))
        return max(waits) if waits and self.enforced else None

    def headers(self, now: float) -> Mapping[str, str]:
        """Return what every answer says of it."""
        state = ", ".join(
            f'"{name}";r={max(0, most - self._used[name][1])};t={self._left_s(now, length)}'
            for name, (most, length) in WINDOWS.items()
        )
        return {"ratelimit": state, "ratelimit-policy": POLICY}

    @staticmethod
    def _left_s(now: float, length: int) -> int:
        return length - int(now % length)
