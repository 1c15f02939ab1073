"""The bodies that the node agent and the control plane exchange.

Standard library only and valid on Python 3.8, because this file travels to the rented node inside the agent.
Parsing is strict: an unknown or missing field, a wrong type, a number that is not finite or a value out of bounds
raises `BodyError` with the path of the field. What was parsed can be trusted; what is built by hand can't, until parsed.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, TypeVar, Union

PROTOCOL = 1
BODY_LIMIT_BYTES = 64 * 1024
ORDER_CONTINUE, ORDER_DRAIN, ORDER_STOP = "continue", "drain", "stop"
WORKLOAD_STATES = ("none", "running", "exited")

_DAY = 86_400.0
_LONGEST = 3_660 * _DAY
_LABEL = r"[a-z0-9-]{1,60}"
_URL = r"https?://[!-~]{1,500}"
_END_URL = r"(https?://|\$\{[A-Za-z_][A-Za-z0-9_]{0,63}\})[!-~]{1,500}"
_ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_HEADER_NAME = r"[A-Za-z0-9-]{1,64}"
_KEY_LINE = r"[a-z0-9@.-]{4,64} [A-Za-z0-9+/=]{16,2000}( [ -~]{0,200})?"
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

    def whole_or_none(self, name: str, low: int, high: int) -> Optional[int]:
        """Take a whole number that may be null."""
        return self.maybe(name, lambda one: self.whole(one, low, high))

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


def _line(most: int) -> str:
    return r"[^\x00-\x1f\x7f]{0,%d}" % most


@dataclass(frozen=True)
class _Body:
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

    @classmethod
    def parse(cls, value: object, path: str) -> GpuReading:
        """Parse one item of a heartbeat's list."""
        read = FieldReader(value, path)
        found = cls(
            name=read.text("name", _line(200)),
            memory_mib=read.whole_or_none("memory_mib", 0, 1 << 30),
            uuid=read.text("uuid", _line(100)),
            utilization_percent=read.maybe(
                "utilization_percent", lambda name: read.number(name, 0, 100)
            ),
            memory_used_mib=read.whole_or_none("memory_used_mib", 0, 1 << 30),
        )
        read.finish()
        return found


@dataclass(frozen=True)
class Workload:
    """What became of the consumer's start-up script."""

    state: str
    exit_code: int | None = None

    @classmethod
    def parse(cls, value: object, path: str) -> Workload:
        """Parse a heartbeat's workload."""
        read = FieldReader(value, path)
        found = cls(
            state=read.choice("state", WORKLOAD_STATES),
            exit_code=read.whole_or_none("exit_code", -255, 255),
        )
        read.finish()
        return found


@dataclass(frozen=True)
class Heartbeat(_Body):
    """One sign of life. Gigabytes are of 10^9 bytes.

    The counter only ever grows within one boot id, also over restarts of the agent: a body whose counter was seen
    before is a copy, not news. `sent_at` is for people: the node's clock is not trusted.
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

    @classmethod
    def from_json(cls, body: Union[str, bytes]) -> Heartbeat:
        """Parse a body, or raise BodyError."""
        read = parse_object(body)
        read.whole("protocol", PROTOCOL, PROTOCOL)
        found = cls(
            label=read.text("label", _LABEL),
            boot_id=read.text("boot_id", r"[A-Za-z0-9-]{1,64}"),
            counter=read.whole("counter", 1, 1 << 53),
            agent_version=read.text("agent_version", r"[0-9A-Za-z.+-]{1,40}"),
            sent_at=read.text(
                "sent_at", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
            ),
            gpus=read.items("gpus", 64, GpuReading.parse),
            gpu_error=read.text_or_none("gpu_error", _line(500)),
            driver_version=read.text_or_none("driver_version", _line(40)),
            cuda_version=read.text_or_none("cuda_version", _line(40)),
            disk_total_gb=read.number("disk_total_gb", 0, 1e9),
            disk_free_gb=read.number("disk_free_gb", 0, 1e9),
            ram_total_gb=read.number("ram_total_gb", 0, 1e7),
            cpu_count=read.whole("cpu_count", 0, 1 << 20),
            idle_seconds=read.number("idle_seconds", 0, _LONGEST),
            ssh_sessions=read.whole("ssh_sessions", 0, 1 << 20),
            uptime_seconds=read.number("uptime_seconds", 0, _LONGEST),
            host_key=read.text_or_none("host_key", r"ssh-ed25519 [A-Za-z0-9+/=]{16,1000}"),
            workload=Workload.parse(read.raw("workload"), "workload"),
        )
        read.finish()
        return found


@dataclass(frozen=True)
class Orders(_Body):
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
            stop_in_seconds=read.number("stop_in_seconds", -_LONGEST, _LONGEST),
            lease_seconds=read.number("lease_seconds", 0.1, 7 * _DAY),
            heartbeat_seconds=read.number("heartbeat_seconds", 0.1, 3_600),
        )
        read.finish()
        return found


@dataclass(frozen=True)
class EndByRequest:
    """End the instance by one HTTP request; `${NAME}` in any part is replaced from the node's environment."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True)
class EndByCommand:
    """End the instance by a command on the node, given as its words; nothing in them is replaced."""

    command: tuple[str, ...]


def _read_end(value: object, path: str) -> EndByRequest | EndByCommand:
    read = FieldReader(value, path)
    found: EndByRequest | EndByCommand
    if isinstance(value, dict) and "command" in value:
        words = read.items(
            "command", 64, lambda item, at: checked_text(item, r"[^\x00]{1,1000}", at)
        )
        if not words:
            raise BodyError(path + ".command", "must name a program")
        found = EndByCommand(words)
    else:
        found = EndByRequest(
            method=read.choice("method", ("DELETE", "POST", "PUT", "PATCH", "GET")),
            url=read.text("url", _END_URL),
            headers=_read_headers(read.raw("headers"), path + ".headers"),
            body=read.text_or_none("body", r".{0,4000}"),
        )
    read.finish()
    return found


def _read_headers(value: object, path: str) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 32:
        raise BodyError(path, "must be an object of at most 32 headers")
    for name, text in value.items():
        checked_text(name, _HEADER_NAME, path)
        checked_text(text, r"[ -~]{0,2000}", path + "." + name)
    return dict(value)


@dataclass(frozen=True)
class AgentConfig(_Body):
    """What a node's agent is born with, inside the start-up script.

    `stop_in_seconds` is the hard stop, counted from the agent's first start on the node; no order moves it.
    `control_urls` are whole URLs for the heartbeat's POST; none means that heartbeats are read over SSH.
    `process_scope_env` names an environment variable: only processes whose value of it equals the agent's own are
    looked at or stopped. It is for clouds whose instances share one process table.
    """

    label: str
    token: str
    stop_in_seconds: float
    control_urls: tuple[str, ...] = ()
    heartbeat_seconds: float = 15.0
    lease_seconds: float = 1_800.0
    grace_seconds: float = 300.0
    end: EndByRequest | EndByCommand | None = None
    idle_utilization_percent: float = 5.0
    probe_public_key: str | None = None
    process_scope_env: str | None = None

    def __repr__(self) -> str:
        """Leave out the token, and the headers that may hold a key."""
        return "AgentConfig(label=%r, token=•••)" % self.label

    @classmethod
    def from_json(cls, body: Union[str, bytes]) -> AgentConfig:
        """Parse a file, or raise BodyError."""
        read = parse_object(body)
        read.whole("protocol", PROTOCOL, PROTOCOL)
        found = cls(
            label=read.text("label", _LABEL),
            token=read.text("token", r"[!-~]{8,500}"),
            stop_in_seconds=read.number("stop_in_seconds", 0.1, _LONGEST),
            control_urls=read.items(
                "control_urls", 8, lambda item, at: checked_text(item, _URL, at)
            ),
            heartbeat_seconds=read.number("heartbeat_seconds", 0.1, 3_600),
            lease_seconds=read.number("lease_seconds", 0.1, 7 * _DAY),
            grace_seconds=read.number("grace_seconds", 0, _DAY),
            end=read.maybe("end", lambda name: _read_end(read.raw(name), name)),
            idle_utilization_percent=read.number("idle_utilization_percent", 0, 100),
            probe_public_key=read.text_or_none("probe_public_key", _KEY_LINE),
            process_scope_env=read.text_or_none("process_scope_env", _ENV_NAME),
        )
        read.finish()
        return found
