"""Bringing the agent to a node over SSH, where the cloud took no start-up script, or none as large as ours.

Nothing is remembered of it but that the login once worked: whoever reads the report and finds no agent brings it, however
often that was begun before. The key of the host is pinned, durably, before anything of ours is said to it.
"""

from dataclasses import replace

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt
from gpu_shopper.domain.session import Session
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.ordering import start_script
from gpu_shopper.ports.books import Book, Claim
from gpu_shopper.ports.probe import ProbeFailed
from gpu_shopper.transactions.known import known_attempt

# As for a visit that reads, and for the machine to unpack: it may be busy with its own installation.
DELIVERY_LIMIT = 60.0


async def bring_agent(
    desk: Desk, claim: Claim, session: Session, attempt: LaunchAttempt, *, host_key: str
) -> None:
    """Pin the host's key, and run the start-up script there; what came of it shows when the node is looked at again."""
    assert attempt.endpoint is not None, attempt.id
    pinned = await _pin(desk, claim, attempt, host_key)
    if pinned is None:
        return
    now = desk.clock.now()
    try:
        await desk.probe.deliver(
            attempt.endpoint,
            key=desk.vault.probe_key(attempt.label),
            host_key=pinned,
            script=start_script(
                session, attempt, vault=desk.vault, scripts=desk.boot_scripts, now=now
            ),
            timeout=DELIVERY_LIMIT,
        )
    except (ProbeFailed, ValueError) as error:
        # Whether it ran all the same, the next look shows. A script that could not be made was not sent.
        desk.meter.event("delivery_failed", session=attempt.session_id, because=str(error))
        desk.meter.count("deliveries_total", outcome="failed")
        return
    desk.meter.count("deliveries_total", outcome="brought")
    await desk.write(claim, lambda book, _: _tell(desk, book, attempt, kind="agent_brought"))


async def _pin(desk: Desk, claim: Claim, attempt: LaunchAttempt, host_key: str) -> str | None:
    """Write down the key of the host that let us in, and return it; None if it is to be brought nothing."""

    def write(book: Book, session: Session) -> str | None:
        known = known_attempt(book, attempt.id)
        same_place = (known.endpoint, known.host_key) == (attempt.endpoint, attempt.host_key)
        wanted = known.state is AttemptState.BOUND and not session.ending
        if not (wanted and same_place) or known.agent_way is AgentWay.IN_ORDER:
            return None
        pinned = known.host_key or host_key
        if known.agent_way is AgentWay.OVER_SSH:
            _tell(desk, book, known, kind="ssh_answered")
            let_in = replace(known, host_key=pinned, agent_way=AgentWay.LOGGED_IN)
            book.launches.save(let_in)
        return pinned

    return await desk.write(claim, write)


def _tell(desk: Desk, book: Book, attempt: LaunchAttempt, *, kind: str) -> None:
    details = {"attempt": str(attempt.number)}
    book.events.add(
        attempt.session_id, at=desk.clock.now(), kind=kind, actor="engine", details=details
    )
