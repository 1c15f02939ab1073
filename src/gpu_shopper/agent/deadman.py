"""The dead-man switch, pure: how long the node has lived, what it was told, and whether it must end.

All moments are on one axis: the node's age in powered-on seconds since the agent's first start there. The age grows
by a monotonic clock, so no change of the calendar can bring an end nearer or move it away, and it is saved with the
boot it belongs to, so it goes on after a restart of the agent or of the node.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Optional

from gpu_shopper.agent.config import AgentConfig
from gpu_shopper.wire.agent import ORDER_DRAIN, ORDER_STOP, FieldReader, Orders

ENDED_BY_ORDER = "ordered"
ENDED_BY_DEADLINE = "deadline"
ENDED_BY_SILENCE = "silent"
END_REASONS = (ENDED_BY_ORDER, ENDED_BY_DEADLINE, ENDED_BY_SILENCE)

_FAR = 1e12


@dataclass(frozen=True)
class Life:
    """All that the agent must not forget: saved at each heartbeat, read back after a restart."""

    label: str
    boot_id: str
    clock: float
    age: float
    counter: int
    renewed_at: float
    busy_at: float
    lease_seconds: float
    heartbeat_seconds: float
    reservation_ends_at: Optional[float] = None
    draining: bool = False
    ending: Optional[str] = None

    def to_record(self) -> dict[str, object]:
        """Return what is written to the state file."""
        return asdict(self)

    @classmethod
    def from_record(cls, read: FieldReader) -> Life:
        """Parse the state file, or raise BodyError."""
        found = cls(
            label=read.text("label", r"[a-z0-9-]{1,60}"),
            boot_id=read.text("boot_id", r"[A-Za-z0-9-]{1,64}"),
            clock=read.number("clock", 0, _FAR),
            age=read.number("age", 0, _FAR),
            counter=read.whole("counter", 0, 1 << 53),
            renewed_at=read.number("renewed_at", 0, _FAR),
            busy_at=read.number("busy_at", 0, _FAR),
            lease_seconds=read.number("lease_seconds", 0, _FAR),
            heartbeat_seconds=read.number("heartbeat_seconds", 0, _FAR),
            reservation_ends_at=read.maybe(
                "reservation_ends_at", lambda name: read.number(name, -_FAR, _FAR)
            ),
            draining=read.raw("draining") is True,
            ending=read.maybe("ending", lambda name: read.choice(name, END_REASONS)),
        )
        read.finish()
        return found


@dataclass(frozen=True)
class Boot:
    """One run of the kernel, or of the container: its id, its clock now, and how long it has been up."""

    boot_id: str
    clock: float
    up_seconds: float


def born(config: AgentConfig, boot: Boot) -> Life:
    """Begin a life: the first start of the agent on this node, which counts as heard from."""
    return Life(
        label=config.label,
        boot_id=boot.boot_id,
        clock=boot.clock,
        age=0.0,
        # At one heartbeat a second or slower, a counter that starts at the clock has passed every earlier
        # one of this boot, even where the state file was lost.
        counter=int(boot.clock),
        renewed_at=0.0,
        busy_at=0.0,
        lease_seconds=config.lease_seconds,
        heartbeat_seconds=config.heartbeat_seconds,
    )


def resumed(saved: Life, boot: Boot) -> Life:
    """Go on with a saved life after a restart of the agent, the container or the node.

    Within one boot the clock tells exactly how long the agent was away. After another boot only the time since that
    boot is known; the time without power is not counted.
    """
    away = boot.clock - saved.clock
    if boot.boot_id != saved.boot_id or away < 0:
        away = max(0.0, min(boot.up_seconds, boot.clock))
    return replace(
        saved,
        boot_id=boot.boot_id,
        clock=boot.clock,
        age=saved.age + away,
        counter=max(saved.counter, int(boot.clock)),
    )


def aged(life: Life, clock: float) -> Life:
    """Let time pass up to the given reading of the clock; a clock that went back passes no time."""
    if clock == life.clock:
        return life
    return replace(life, clock=clock, age=life.age + max(0.0, clock - life.clock))


def counted(life: Life) -> Life:
    """Take the next counter, to be saved before the heartbeat that carries it leaves."""
    return replace(life, counter=life.counter + 1)


def busied(life: Life, at_age: float) -> Life:
    """Note that the node was in use."""
    return replace(life, busy_at=max(life.busy_at, at_age))


def obeyed(life: Life, orders: Orders, at_age: float) -> Life:
    """Take orders that arrived at the given age: the lease is renewed and the stop moved."""
    ends_at_age = at_age + orders.stop_in_seconds
    if orders.stop_in_seconds <= 0 and life.reservation_ends_at is not None:
        # "Over already", said again and again, must not push the end along.
        ends_at_age = min(ends_at_age, life.reservation_ends_at)
    return replace(
        obeyed_late(life, orders),
        renewed_at=max(life.renewed_at, at_age),
        reservation_ends_at=ends_at_age,
        lease_seconds=orders.lease_seconds,
        heartbeat_seconds=orders.heartbeat_seconds,
    )


def obeyed_late(life: Life, orders: Orders) -> Life:
    """Take from orders that newer ones have overtaken only what is never taken back: drain and stop."""
    stops = orders.order == ORDER_STOP and life.ending is None
    return replace(
        life,
        draining=life.draining or orders.order == ORDER_DRAIN,
        ending=ENDED_BY_ORDER if stops else life.ending,
    )


def ends_at(life: Life, config: AgentConfig) -> float:
    """Return the age at which the deadline ends the node: the earlier of reservation and hard stop, plus the grace."""
    stop = config.stop_in_seconds
    if life.reservation_ends_at is not None:
        stop = min(stop, life.reservation_ends_at)
    return stop + config.grace_seconds


def decide(life: Life, config: AgentConfig, *, answer_awaited: bool) -> Optional[str]:
    """Return why the node must end now, or None to go on.

    A node that slept past its lease has not been unheard of until it has asked once more, so silence is not concluded
    while the answer to that last question is awaited. Deadlines don't wait.
    """
    if life.ending is not None:
        return life.ending
    if life.age >= ends_at(life, config):
        return ENDED_BY_DEADLINE
    if life.age - life.renewed_at >= life.lease_seconds and not answer_awaited:
        return ENDED_BY_SILENCE
    return None
