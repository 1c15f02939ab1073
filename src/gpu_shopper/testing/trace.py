"""The trace of a simulation: what happened when, to whom, as lines and as one hash.

Promises: two runs are equal if their hashes are; lines hold no address and no real time unless a
field does; memory is bounded however long the run.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable
from typing import Final

Field = str | int | float | bool | None

_TAIL: Final = 1_000
_write: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class Trace:
    """Lines that are hashed as they come; the last ones can be read."""

    def __init__(self, *, tail: int = _TAIL, sink: Callable[[str], object] | None = None) -> None:
        self.count = 0
        self._hash = hashlib.sha256()
        self._tail: deque[str] = deque(maxlen=tail)
        self._sink = sink

    def append(self, at: float, process: str, event: str, **fields: Field) -> None:
        """Add what happened at a virtual time; the order of the fields does not matter."""
        # JSON keeps a field's own spaces and line breaks from looking like another field or line.
        said = _write(fields) if fields else "{}"
        line = f"{at:.6f} {process} {event} {said}"
        self.count += 1
        self._hash.update(line.encode() + b"\n")
        self._tail.append(line)
        if self._sink is not None:
            self._sink(line)

    def hash(self) -> str:
        """Return the hash of all lines so far."""
        return self._hash.hexdigest()

    def tail(self, count: int = _TAIL) -> list[str]:
        """Return the last lines, oldest first, as many as are kept and asked for."""
        return list(self._tail)[-count:] if count > 0 else []
