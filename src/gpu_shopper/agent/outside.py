"""What the agent needs from the node and the network, handed in so that every decision can be tried with fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Mapping, Optional, Sequence


@dataclass(frozen=True)
class Ran:
    """How a command went: its exit code and output, or why there is none."""

    code: Optional[int]
    output: str
    error: Optional[str] = None


@dataclass(frozen=True)
class Asking:
    """One HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Optional[bytes] = None


@dataclass(frozen=True)
class Answer:
    """What came back: a status and a bounded body, or status 0 and why nothing did."""

    status: int
    body: bytes = b""
    error: Optional[str] = None


@dataclass(frozen=True)
class Outside:
    """The node, its clock and the network.

    `clock` counts seconds that no calendar can change. `run` takes words and a time limit, `launch` leaves a
    command to itself, `send` takes a request; none of them raises. `signal_group` and `signal_one` take a number and a signal, and return whether there was anybody to hear it.
    """

    place: Path
    root: Path
    environ: Mapping[str, str]
    clock: Callable[[], float]
    calendar: Callable[[], str]
    run: Callable[[Sequence[str], float], Ran]
    launch: Callable[[Sequence[str]], None]
    send: Callable[[Asking], Answer]
    signal_group: Callable[[int, int], bool]
    signal_one: Callable[[int, int], bool]
    log: Callable[[str], None]
