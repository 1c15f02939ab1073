"""The one table of session states.

`move` is the only way from one state to another. The CHECK in the schema, the drawing in the docs and the enum in the
OpenAPI document are made from this table and held equal to it by tests.
"""

from enum import StrEnum

from gpu_shopper.domain.errors import IllegalMove


class State(StrEnum):
    """Where a session is. Both final states mean that absence is proved, or that nothing was ever bought."""

    PENDING = "pending"
    PROVISIONING = "provisioning"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Event(StrEnum):
    """What moves a session."""

    LAUNCH_INTENDED = "launch_intended"
    LAUNCH_DISPROVEN = "launch_disproven"
    HEARD_FROM = "heard_from"
    STOP_INTENDED = "stop_intended"
    GONE_AS_ASKED = "gone_as_asked"
    GONE_OTHERWISE = "gone_otherwise"


MOVES: dict[tuple[State, Event], State] = {
    (State.PENDING, Event.LAUNCH_INTENDED): State.PROVISIONING,
    (State.PROVISIONING, Event.LAUNCH_DISPROVEN): State.PENDING,
    (State.PROVISIONING, Event.HEARD_FROM): State.RUNNING,
    (State.PENDING, Event.STOP_INTENDED): State.STOPPING,
    (State.PROVISIONING, Event.STOP_INTENDED): State.STOPPING,
    (State.RUNNING, Event.STOP_INTENDED): State.STOPPING,
    (State.STOPPING, Event.GONE_AS_ASKED): State.STOPPED,
    (State.STOPPING, Event.GONE_OTHERWISE): State.FAILED,
}

FINAL = frozenset({State.STOPPED, State.FAILED})
ENDING = FINAL | {State.STOPPING}


def move(state: State, event: Event) -> State:
    """Return the state that `event` leads to.

    Raises:
        IllegalMove: the table has no such move.
    """
    try:
        return MOVES[state, event]
    except KeyError:
        message = f"a session that is {state} cannot take {event}"
        raise IllegalMove(message, state=str(state), event=str(event)) from None
