"""Performing Observe: what the cloud says of an instance, and what its own agent reports when it cannot reach us."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.hearing import NodeReport, answered, is_overheard
from gpu_shopper.domain.ids import AttemptId
from gpu_shopper.domain.launch import AttemptState, Blame, LaunchAttempt
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.plan import Facts
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.engine.bringing import bring_agent
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.troubles import note_unauthorized
from gpu_shopper.ports.books import Book, Claim
from gpu_shopper.ports.probe import AgentMissing, ProbeFailed
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.transactions.known import known_attempt, known_session
from gpu_shopper.transactions.orders import node_report, orders_for
from gpu_shopper.transactions.sighting import has_a_double, record_instance, record_report
from gpu_shopper.transactions.stopping import give_up, intend_stop
from gpu_shopper.wire.agent import BodyError
from gpu_shopper.wire.heartbeats import read_heartbeat

GHOST_READS = 3
PROBE_LIMIT = 15.0
# How long a node that should reach us may be unheard before we look at it ourselves.
_UNHEARD = timedelta(seconds=20)
_MISSING_LOOK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What a node said when it was asked, and by which key its host was known."""

    report: NodeReport
    host_key: str
    at: datetime


class Observing:
    """Looks at instances and nodes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def observe(self, claim: Claim, facts: Facts, attempt: LaunchAttempt) -> None:
        """Look at what is due to be looked at, write it down, and say when to look again."""
        session, known, heard = facts.session, attempt, None
        if session.state is State.PROVISIONING or attempt.missing_since is not None:
            await self._look_at_cloud(claim, attempt)
            session, known = await self._reload(attempt)
        if self._look_at_node_due(facts, known):
            heard = await self._look_at_node(claim, session, known)
        await self._conclude(claim, attempt.id, heard)

    async def _look_at_cloud(self, claim: Claim, attempt: LaunchAttempt) -> None:
        desk = self._desk
        assert attempt.instance_id is not None, attempt.id
        try:
            instance = await desk.clouds[attempt.provider].observe(attempt.instance_id)
        except ProviderError as error:
            # Silence is not absence: nothing is written but, perhaps, that our key is refused.
            await note_unauthorized(desk, attempt.provider, error)
            return
        now = desk.clock.now()

        def write(book: Book, session: Session) -> None:
            known = known_attempt(book, attempt.id)
            if known.state is not AttemptState.BOUND:
                return
            if instance is None:
                self._note_missing(book, session, known, at=now)
            else:
                record_instance(book, session, known, instance, at=now)

        await desk.write(claim, write)

    def _note_missing(
        self, book: Book, session: Session, attempt: LaunchAttempt, *, at: datetime
    ) -> None:
        missing = replace(
            attempt,
            missing_since=attempt.missing_since or at,
            missing_reads=attempt.missing_reads + 1,
        )
        book.launches.save(missing)
        end_if_ghost(self._desk, book, session, missing, at=at)

    def _look_at_node_due(self, facts: Facts, attempt: LaunchAttempt) -> bool:
        if attempt.state is not AttemptState.BOUND or attempt.endpoint is None:
            return False
        if not facts.node_can_reach_us or is_overheard(attempt):
            return True
        if attempt.heard is None and attempt.agent_way is not AgentWay.IN_ORDER:
            # It has nothing to reach us with before we were there.
            return True
        since = attempt.heard.at if attempt.heard else attempt.read_back_at
        return since is not None and facts.now - since >= _UNHEARD

    async def _look_at_node(
        self, claim: Claim, session: Session, attempt: LaunchAttempt
    ) -> _Heard | None:
        desk = self._desk
        assert attempt.endpoint is not None, attempt.id
        orders = orders_for(session, attempt, limits=desk.limits, now=desk.clock.now())
        try:
            body, host_key = await desk.probe.read_report(
                attempt.endpoint,
                key=desk.vault.probe_key(attempt.label),
                host_key=attempt.host_key,
                orders=orders.to_json().encode(),
                timeout=PROBE_LIMIT,
            )
            heartbeat = read_heartbeat(body)
        except AgentMissing as missing:
            desk.meter.count("probes_total", outcome="no_agent")
            await bring_agent(desk, claim, session, attempt, host_key=missing.host_key)
            return None
        except (ProbeFailed, BodyError) as error:
            desk.meter.event("probe_failed", session=attempt.session_id, because=str(error))
            desk.meter.count("probes_total", outcome="failed")
            return None
        desk.meter.count("probes_total", outcome="answered")
        if heartbeat.label != attempt.label:
            return None
        return _Heard(report=node_report(heartbeat), host_key=host_key, at=desk.clock.now())

    async def _conclude(self, claim: Claim, attempt: AttemptId, heard: _Heard | None) -> None:
        """Write down what the node said, if anything, and when to look again."""
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> None:
            known = book.launches.get(attempt)
            if known is not None and heard is not None:
                # The key that answered is the one to pin, whatever the report says of it.
                pinned = replace(known, host_key=known.host_key or heard.host_key)
                record_report(book, session, answered(pinned), heard.report, at=heard.at)
                session, known = known_session(book, session.id), book.launches.get(attempt)
            if known is not None and known.state is AttemptState.BOUND:
                at = self._next_look(session, known, now)
                book.launches.save(replace(known, next_action_at=at))

        await self._desk.write(claim, write)

    def _next_look(self, session: Session, attempt: LaunchAttempt, now: datetime) -> datetime:
        desk = self._desk
        quirks = desk.clouds[attempt.provider].quirks
        if session.state is State.PROVISIONING:
            return now + quirks.observe_period
        if attempt.missing_since is not None:
            return now + _MISSING_LOOK
        if not desk.boot_scripts.node_can_reach_us:
            return now + desk.limits.heartbeat
        heard_at = attempt.heard.at if attempt.heard else now
        return max(now + desk.limits.heartbeat, heard_at + desk.limits.silence / 3)

    async def _reload(self, attempt: LaunchAttempt) -> tuple[Session, LaunchAttempt]:
        def read(book: Book) -> tuple[Session, LaunchAttempt]:
            return known_session(book, attempt.session_id), known_attempt(book, attempt.id)

        return await self._desk.books.read(read)


def end_if_ghost(
    desk: Desk, book: Book, session: Session, attempt: LaunchAttempt, *, at: datetime
) -> None:
    """End an attempt whose instance is gone by all signs: listings, direct reads, and a silent node.

    A heartbeat vetoes a listing, and nothing is inferred while the account is frozen.
    """
    quirks = desk.clouds[attempt.provider].quirks
    since, heard = attempt.missing_since, attempt.heard
    if since is None or at - since < quirks.ghost_after:
        return
    enough = (
        attempt.missing_listings >= quirks.ghost_listings and attempt.missing_reads >= GHOST_READS
    )
    # A double speaks on for what is lost; a word from the instance's own address would have ended the search.
    # What has no address yet could not say that it is there: it is waited for as long as its cloud is given to boot.
    has_address = attempt.endpoint is not None
    doubles_word = has_address and is_overheard(attempt) and has_a_double(book, attempt)
    silent = heard is None or doubles_word or at - heard.at >= quirks.ghost_after
    frozen = book.accounts.state(attempt.provider).frozen_since is not None
    if not enough or not silent or frozen:
        return
    because = f"{attempt.provider} holds no such instance any more"
    if session.state is State.RUNNING:
        intend_stop(book, session, reason=StopReason.LOST, actor="engine", at=at, error=because)
    elif session.state is State.PROVISIONING:
        give_up(book, session, attempt, because=because, blame=Blame.MACHINE, at=at)
