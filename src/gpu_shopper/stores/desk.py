"""One connection and the books over it: where a unit of work is done, by one thread at a time."""

import sqlite3

from gpu_shopper.domain.ids import DeploymentId
from gpu_shopper.ports.clock import Clock
from gpu_shopper.stores.book import SqlBook
from gpu_shopper.stores.statements import Connection, ReadingConnection


class Desk:
    """Owns `raw` from now on: whoever closes the desk closes the connection."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.book = SqlBook(Connection(raw))
        # For reads outside a transaction: a connection that nobody shares changes under no one's hands.
        self.reading = SqlBook(ReadingConnection(raw))

    def begin(self) -> None:
        """Begin to write: nobody else can from here on."""
        self.raw.execute("BEGIN IMMEDIATE")

    def begin_reading(self) -> None:
        """Begin to read one snapshot."""
        self.raw.execute("BEGIN")

    def commit(self) -> None:
        """Make it durable."""
        self.raw.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo what was begun; SQLite may have done so itself."""
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")

    def take_over(self, *, clock: Clock, deployment: DeploymentId) -> None:
        """Begin a server's life: say who we are, the first time, and free what the last server held."""
        self.begin()
        if not self.book.has_deployment():
            self.book.found_deployment(deployment, at=clock.now())
        self.book.forget_claims()
        self.commit()

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        self.raw.close()
