"""The book of a fleet's server, read in its file: beside whoever has it open, or died over it."""

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any


class BookFile:
    """One database file."""

    def __init__(self, path: Path) -> None:
        """Say which."""
        self._address = f"{path.as_uri()}?mode=ro"

    def states(self) -> dict[str, str]:
        """Return the state of every session."""
        return {row["id"]: row["state"] for row in self._rows("SELECT id, state FROM sessions")}

    def attempts(self) -> dict[str, dict[str, Any]]:
        """Return every launch, by label."""
        wanted = "label, session_id, state, accrued_to, billing_ended_at"
        rows = self._rows(f"SELECT {wanted} FROM attempts")  # noqa: S608 - its own text
        return {row["label"]: dict(row) for row in rows}

    def booked(self) -> dict[str, int]:
        """Return what each launch has cost, in micro-dollars, by label."""
        rows = self._rows(
            "SELECT label, SUM(amount) AS amount FROM attempts JOIN cost_entries ON attempt_id = attempts.id GROUP BY label"
        )
        return {row["label"]: row["amount"] for row in rows}

    def _rows(self, statement: str) -> list[sqlite3.Row]:
        for _ in range(100):
            try:
                with contextlib.closing(
                    sqlite3.connect(self._address, uri=True, timeout=10)
                ) as book:
                    book.row_factory = sqlite3.Row
                    return book.execute(statement).fetchall()
            except sqlite3.OperationalError:
                time.sleep(0.1)
        message = "the book cannot be read"
        raise RuntimeError(message)
