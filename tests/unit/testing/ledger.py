"""A ledger that processes of a simulation write to, each effect at a crash point."""

from gpu_shopper.testing.process import (
    crash_point,
)


class Ledger:
    """A seam with effects."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def write(self, row: str) -> None:
        with crash_point(row):
            self.rows.append(row)
