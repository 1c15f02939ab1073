"""What is true, whatever the server says: the kernel's processes, the cloud's ledger on its disk, the book in its file."""

import contextlib
import random
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.programs import command_line, marked

_PATIENCE_S = 20.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Where to look. Nothing here asks a program, so it holds while they are dead."""

    cloud: Path
    database: Path
    account_key: str

    def ledger(self, *, now: float) -> list[LedgerEntry]:
        """Return every instance that ever was, as the cloud's state stands on the disk."""
        try:
            raw = (self.cloud / "state.json").read_bytes()
        except FileNotFoundError:
            return []
        model = CloudModel(
            Catalogue(seed=1, size=1), random.Random(0), ModelConfig(account_key=self.account_key)
        )
        model.restore(msgspec.json.decode(raw, type=dict))
        return model.ledger(now)

    def instances(self) -> set[str]:
        """Return every instance that has, or had, a folder or an entry."""
        folder = self.cloud / "instances"
        named = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        return named | {entry.id for entry in self.ledger(now=0.0)}

    def processes(self) -> list[tuple[int, str]]:
        """Return every living process of every instance that ever was, and whose it is: by its mark.

        The mark is inherited by whatever an instance starts, and does not care who the parent is now.
        """
        return list(marked(self.instances()))

    def agents(self) -> list[tuple[int, str]]:
        """Return the processes of the nodes' agents, and on which instance."""
        return [
            (pid, instance)
            for pid, instance in self.processes()
            if b"agent.pyz\0run" in command_line(pid)
        ]

    def book(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Read the database file, beside whoever has it open or died over it."""
        give_up_at = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._read(statement, values)
            except sqlite3.OperationalError:
                # A reader cannot open a book in the moment between the end of one server and the start of the next.
                if time.monotonic() > give_up_at:
                    raise
            time.sleep(_POLL_S)

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        address = f"{self.database.as_uri()}?mode=ro"
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=_PATIENCE_S)
        ) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]
