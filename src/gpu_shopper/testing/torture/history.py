"""What each client asked and was told, one JSON line when a call begins and one when it ends.

A call that has begun and not ended was in flight when the recorder died: nobody knows whether it was heard.
"""

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

Op = Literal["create", "get", "list", "done", "delete", "extend"]
# unsent: it certainly never arrived. unknown: it may have been heard. garbled: not an answer of such a server.
Outcome = Literal["begun", "ok", "refused", "unsent", "unknown", "garbled"]


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call. Seconds are of the recorder's own clock, which never goes back."""

    n: int
    op: Op
    consumer: str
    began_s: float
    ended_s: float = 0.0
    outcome: Outcome = "begun"
    key: str = ""
    digest: str = ""
    session: str = ""
    status: str = ""
    usable: bool = False
    code: str = ""
    seen: dict[str, str] = {}


class Journal:
    """Appends calls to a file; threads may share it."""

    def __init__(self, path: Path) -> None:
        """Open the file, which stays open until `close`."""
        self._file = path.open("ab")
        self._lock = threading.Lock()
        self._count = 0
        self.calls: list[Call] = []

    def now(self) -> float:
        """Return the recorder's clock."""
        return time.monotonic()

    def begin(
        self, op: Op, *, consumer: str, session: str = "", key: str = "", digest: str = ""
    ) -> Call:
        """Note that a call is about to be made."""
        with self._lock:
            self._count += 1
            call = Call(
                n=self._count, op=op, consumer=consumer, began_s=self.now(), session=session,
                key=key, digest=digest,
            )  # fmt: skip
            self._write(call)
        return call

    def end(self, call: Call) -> Call:
        """Note what came of a call."""
        with self._lock:
            self._write(call)
            self.calls.append(call)
        return call

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, call: Call) -> None:
        self._file.write(msgspec.json.encode(call) + b"\n")
        self._file.flush()


def read_history(lines: Iterable[bytes]) -> list[Call]:
    """Return the calls of a file in the order of their beginning; what never ended stays `begun`."""
    decoder = msgspec.json.Decoder(Call)
    calls: dict[int, Call] = {}
    for line in lines:
        call = decoder.decode(line)
        calls[call.n] = call
    return [calls[n] for n in sorted(calls)]
