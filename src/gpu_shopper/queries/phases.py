"""What happens to a session just now, in words: derived from its row and its attempts, never stored."""

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt, Proof
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.plan import wanted_attempt
from gpu_shopper.domain.session import Session


class Phase(StrEnum):
    """The steps between asking and proved absence, as a person would name them."""

    CHOOSING = "choosing an offer"
    WAITING_FOR_ANSWER = "waiting for the cloud's answer"
    LOOKING_FOR_INSTANCE = "looking for the instance"
    BOOTING = "booting"
    WAITING_FOR_SSH = "waiting for SSH"
    BRINGING_AGENT = "bringing the agent"
    WAITING_FOR_NODE = "waiting for the node"
    WAITING_FOR_DRIVER = "waiting for the GPU driver"
    CHECKING_NODE = "checking the node"
    RUNNING = "running"
    ASKING_FOR_END = "asking for the end"
    PROVING_ABSENCE = "proving absence"
    SETTLING = "settling"
    PROVED_ABSENT = "proved absent"
    PRESUMED_ABSENT = "presumed absent"
    NOTHING_BOUGHT = "nothing was bought"


# What a node with an address is waited for, as long as it was never heard.
_WAYS = {
    AgentWay.IN_ORDER: Phase.WAITING_FOR_NODE,
    AgentWay.OVER_SSH: Phase.WAITING_FOR_SSH,
    AgentWay.LOGGED_IN: Phase.BRINGING_AGENT,
}


def phase_of(session: Session, attempts: Sequence[LaunchAttempt]) -> Phase:
    """Return what happens to `session` just now."""
    match session.state:
        case State.PENDING:
            return Phase.CHOOSING
        case State.PROVISIONING:
            return _provisioning_phase(wanted_attempt(session, tuple(attempts)))
        case State.RUNNING:
            return Phase.RUNNING
        case State.STOPPING:
            return _ending_phase(attempts) or Phase.SETTLING
        case State.STOPPED | State.FAILED:
            # An instance may show up after its absence was proved; then its end is owed once more.
            return _ending_phase(attempts) or _final_phase(attempts)
        case _:
            assert_never(session.state)


def _provisioning_phase(attempt: LaunchAttempt | None) -> Phase:
    if attempt is None:
        return Phase.CHOOSING
    if attempt.unanswered:
        sent = attempt.state is AttemptState.SENT
        return Phase.WAITING_FOR_ANSWER if sent else Phase.LOOKING_FOR_INSTANCE
    if attempt.heard is not None:
        return Phase.CHECKING_NODE if attempt.heard.as_sold else Phase.WAITING_FOR_DRIVER
    return Phase.BOOTING if attempt.endpoint is None else _WAYS[attempt.agent_way]


def _ending_phase(attempts: Sequence[LaunchAttempt]) -> Phase | None:
    owed = [attempt for attempt in attempts if attempt.open]
    if not owed:
        return None
    if any(attempt.unanswered for attempt in owed):
        return Phase.LOOKING_FOR_INSTANCE
    if any(attempt.destroy_answered_at is None for attempt in owed):
        return Phase.ASKING_FOR_END
    return Phase.PROVING_ABSENCE


def _final_phase(attempts: Sequence[LaunchAttempt]) -> Phase:
    proofs = {attempt.proof for attempt in attempts}
    if Proof.PRESUMED in proofs:
        return Phase.PRESUMED_ABSENT
    return Phase.PROVED_ABSENT if Proof.PROVED in proofs else Phase.NOTHING_BOUGHT
