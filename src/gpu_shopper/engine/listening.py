"""Since when this house has listened without a gap.

A node is silent only to somebody who listens. After a start, a machine that slept, a paused process, a clock that was
set or a book that could not be written, the nodes first get the time to be heard again: our own absence is never held
against them.
"""

from datetime import datetime, timedelta

GAP = timedelta(minutes=2)


class Listening:
    """Notes each look at the clock; the engine takes one every minute at least."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._last: datetime | None = None
        self._wrote_at: datetime | None = None
        self._unwritten: bool = False

    def note(self, now: datetime) -> datetime:
        """Return since when there was no gap, this look included."""
        if self._since is None or self._last is None or abs(now - self._last) > GAP:
            self._since = now
        self._last = now
        return self._since

    def could_not_write(self, now: datetime) -> None:
        """Note that the book refused a write: what nodes say meanwhile is lost as well."""
        self._wrote_at = self._wrote_at or now
        self._unwritten = True

    def wrote(self, now: datetime) -> None:
        """Note that the book can be written; if it could not, and the last write is longer ago than the gap, listen anew.

        Nobody knows when it began to refuse: it may have been right after the last write.
        """
        if self._unwritten and self._wrote_at is not None and abs(now - self._wrote_at) > GAP:
            self._since = now
        self._wrote_at, self._unwritten = now, False
