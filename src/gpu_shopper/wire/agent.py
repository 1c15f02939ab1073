"""The bodies that the node agent and the control plane exchange.

Standard library only and valid on Python 3.8, because this file travels to the rented node inside the agent.
Parsing is strict: an unknown or missing field, a wrong type, a number that is not finite or a value out of bounds
raises `BodyError` with the path of the field. What was parsed can be trusted; what is built by hand can't, until parsed.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Callable, Optional, TypeVar, Union

PROTOCOL = 1
BODY_LIMIT_BYTES = 64 * 1024
ORDER_CONTINUE, ORDER_DRAIN, ORDER_STOP = "continue", "drain", "stop"

DAY = 86_400.0
LONGEST = 3_660 * DAY
LABEL = r"[a-z0-9-]{1,60}"
# A plain number, as `re` unwraps a flag at each call; and one encoder, as `dumps` makes one at each call.
_DOTALL = int(re.DOTALL)
_write = json.JSONEncoder(default=vars, separators=(",", ":"), allow_nan=False).encode

T = TypeVar("T")


class BodyError(ValueError):
    """A body that does not say what it must, with the path of the wrong field apart from the message."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__((path or "body") + ": " + message)
        self.path = path
        self.message = message


class FieldReader:
    """Takes typed fields out of one JSON object, refuses anything else and whatever is left over."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise BodyError(path, "must be an object")
        self._left = dict(value)
        self._path = path

    def path(self, name: str) -> str:
        """Return the full path of one field of this object."""
        return self._path + "." + name if self._path else name

    def raw(self, name: str) -> Any:
        """Take a field as it is; it must be there."""
        if name not in self._left:
            raise BodyError(self.path(name), "is missing")
        return self._left.pop(name)

    def text(self, name: str, pattern: str) -> str:
        """Take a string that matches the whole pattern."""
        return checked_text(self.raw(name), pattern, self.path(name))

    def number(self, name: str, low: float, high: float) -> float:
        """Take a finite number within bounds."""
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BodyError(self.path(name), "must be a number")
        # Compared before conversion: an integer of a thousand digits has no float.
        if not (low <= value <= high and math.isfinite(value)):
            raise BodyError(self.path(name), "must be from %g to %g" % (low, high))
        return float(value)

    def whole(self, name: str, low: int, high: int) -> int:
        """Take a whole number within bounds."""
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise BodyError(self.path(name), "must be a whole number")
        if not low <= value <= high:
            raise BodyError(self.path(name), "must be from %d to %d" % (low, high))
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Take one of a few words."""
        value = self.raw(name)
        if not isinstance(value, str) or value not in choices:
            raise BodyError(self.path(name), "must be one of " + ", ".join(choices))
        return value

    def items(self, name: str, most: int, parse: Callable[[object, str], T]) -> tuple[T, ...]:
        """Take a list of at most so many items, each parsed under its own path."""
        value = self.raw(name)
        if not isinstance(value, list):
            raise BodyError(self.path(name), "must be a list")
        if len(value) > most:
            raise BodyError(self.path(name), "must hold at most %d items" % most)
        return tuple(
            parse(item, "%s[%d]" % (self.path(name), index)) for index, item in enumerate(value)
        )

    def maybe(self, name: str, take: Callable[[str], T]) -> Optional[T]:
        """Take a field that may be null; it must be there all the same."""
        if name in self._left and self._left[name] is None:
            del self._left[name]
            return None
        return take(name)

    def text_or_none(self, name: str, pattern: str) -> Optional[str]:
        """Take a string that may be null."""
        return self.maybe(name, lambda one: self.text(one, pattern))

    def has(self, name: str) -> bool:
        """Tell whether a field is there: an older sender does not know the newest."""
        return name in self._left

    def finish(self) -> None:
        """Refuse the fields that nobody took."""
        if self._left:
            raise BodyError(self.path(min(self._left))[:100], "is not a known field")


def checked_text(value: object, pattern: str, path: str) -> str:
    """Return the value if it is a string that matches the whole pattern."""
    if not isinstance(value, str):
        raise BodyError(path, "must be a string")
    if re.fullmatch(pattern, value, _DOTALL) is None:
        raise BodyError(path, "is not well formed (%d characters)" % len(value))
    return value


def parse_object(body: Union[str, bytes]) -> FieldReader:
    """Read one JSON object: bounded, no duplicate names, no NaN."""
    if len(body) > BODY_LIMIT_BYTES:
        raise BodyError("", "must be at most %d bytes" % BODY_LIMIT_BYTES)
    try:
        value = json.loads(
            body, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
        )
    except (ValueError, RecursionError) as error:
        raise BodyError("", "is not plain JSON: %s" % error) from error
    return FieldReader(value)


def _refuse_constant(name: str) -> float:
    raise ValueError("%s is not a number" % name)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same name stands twice")
    return found


@dataclass(frozen=True)
class Body:
    """What every body can do."""

    def to_json(self) -> str:
        """Write the body."""
        return _write(dict(vars(self), protocol=PROTOCOL))


@dataclass(frozen=True)
class GpuReading:
    """One GPU as nvidia-smi shows it; None where it would not say (`[N/A]`)."""

    name: str
    memory_mib: int | None
    uuid: str
    utilization_percent: float | None
    memory_used_mib: int | None


@dataclass(frozen=True)
class Workload:
    """What became of the consumer's start-up script."""

    state: str
    exit_code: int | None = None


@dataclass(frozen=True)
class Heartbeat(Body):
    """One sign of life. Gigabytes are of 10^9 bytes.

    The counter only ever grows within one boot id, also over restarts of the agent: a body whose counter was seen
    before is a copy, not news. `sent_at` is for people: the node's clock is not trusted. `instance_id` is by what name
    its cloud lets the node know itself, where it does.
    """

    label: str
    boot_id: str
    counter: int
    agent_version: str
    sent_at: str
    gpus: tuple[GpuReading, ...]
    gpu_error: str | None
    driver_version: str | None
    cuda_version: str | None
    disk_total_gb: float
    disk_free_gb: float
    ram_total_gb: float
    cpu_count: int
    idle_seconds: float
    ssh_sessions: int
    uptime_seconds: float
    host_key: str | None
    workload: Workload
    instance_id: str | None = None


@dataclass(frozen=True)
class Orders(Body):
    """The control plane's answer to a heartbeat, and by that a renewal of the lease.

    `stop_in_seconds` counts from the answer: neither side's clock is trusted. It may be negative when the time is
    over already; it can't move the stop past the hard stop that the node was born with.
    """

    order: str
    stop_in_seconds: float
    lease_seconds: float
    heartbeat_seconds: float

    @classmethod
    def from_json(cls, body: Union[str, bytes]) -> Orders:
        """Parse a body, or raise BodyError."""
        return cls.read(parse_object(body))

    @classmethod
    def read(cls, read: FieldReader) -> Orders:
        """Take orders out of an object that was parsed already."""
        read.whole("protocol", PROTOCOL, PROTOCOL)
        found = cls(
            order=read.choice("order", (ORDER_CONTINUE, ORDER_DRAIN, ORDER_STOP)),
            stop_in_seconds=read.number("stop_in_seconds", -LONGEST, LONGEST),
            lease_seconds=read.number("lease_seconds", 0.1, 7 * DAY),
            heartbeat_seconds=read.number("heartbeat_seconds", 0.1, 3_600),
        )
        read.finish()
        return found
