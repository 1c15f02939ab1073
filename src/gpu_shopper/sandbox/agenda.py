"""What the model has to do later: moments, in order, each with a task and what it is about."""

import heapq

Entry = tuple[float, int, str, str]


class Agenda:
    """A queue of (moment, number, task, subject); equal moments come in the order of noting."""

    def __init__(self, entries: list[Entry] | None = None) -> None:
        self._heap = sorted(entries or [])
        self._number = 1 + max((entry[1] for entry in self._heap), default=0)

    def note(self, at: float, task: str, subject: str) -> None:
        """Remember to do this task at that moment."""
        heapq.heappush(self._heap, (at, self._number, task, subject))
        self._number += 1

    def next_at(self) -> float | None:
        """Return the earliest moment, None if nothing is planned."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Entry | None:
        """Take the earliest task if its moment has come."""
        return heapq.heappop(self._heap) if self._heap and self._heap[0][0] <= now else None

    def entries(self) -> list[Entry]:
        """Return all that is planned, in order, numbered from 1."""
        planned = enumerate(sorted(self._heap), start=1)
        return [(at, number, task, subject) for number, (at, _, task, subject) in planned]
