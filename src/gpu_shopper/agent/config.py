"""What a node's agent is born with: its name and token, where it reports, when it ends, and by which means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

from gpu_shopper.wire.agent import (
    DAY,
    LABEL,
    LONGEST,
    PROTOCOL,
    Body,
    BodyError,
    FieldReader,
    checked_text,
    parse_object,
)

_END_URL = r"(https?://|\$\{[A-Za-z_][A-Za-z0-9_]{0,63}\})[!-~]{1,500}"
_ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_HEADER_NAME = r"[A-Za-z0-9-]{1,64}"
_KEY_LINE = r"[a-z0-9@.-]{4,64} [A-Za-z0-9+/=]{16,2000}( [ -~]{0,200})?"
_URL = r"https?://[!-~]{1,500}"


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
class AgentConfig(Body):
    """What a node's agent is born with, inside the start-up script.

    `stop_in_seconds` is the hard stop, counted from the agent's first start on the node; no order moves it.
    `control_urls` are whole URLs for the heartbeat's POST; none means that heartbeats are read over SSH.
    `process_scope_env` names an environment variable: only processes whose value of it equals the agent's own are
    looked at or stopped. It is for clouds whose instances share one process table.
    `instance_id_env` names the one by which the node knows its instance's id.
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
    instance_id_env: str | None = None

    def __repr__(self) -> str:
        """Leave out the token, and the headers that may hold a key."""
        return "AgentConfig(label=%r, token=•••)" % self.label

    @classmethod
    def from_json(cls, body: Union[str, bytes]) -> AgentConfig:
        """Parse a file, or raise BodyError."""
        read = parse_object(body)
        read.whole("protocol", PROTOCOL, PROTOCOL)
        found = cls(
            label=read.text("label", LABEL),
            token=read.text("token", r"[!-~]{8,500}"),
            stop_in_seconds=read.number("stop_in_seconds", 0.1, LONGEST),
            control_urls=read.items(
                "control_urls", 8, lambda item, at: checked_text(item, _URL, at)
            ),
            heartbeat_seconds=read.number("heartbeat_seconds", 0.1, 3_600),
            lease_seconds=read.number("lease_seconds", 0.1, 7 * DAY),
            grace_seconds=read.number("grace_seconds", 0, DAY),
            end=read.maybe("end", lambda name: _read_end(read.raw(name), name)),
            idle_utilization_percent=read.number("idle_utilization_percent", 0, 100),
            probe_public_key=read.text_or_none("probe_public_key", _KEY_LINE),
            process_scope_env=read.text_or_none("process_scope_env", _ENV_NAME),
            instance_id_env=read.text_or_none("instance_id_env", _ENV_NAME),
        )
        read.finish()
        return found
