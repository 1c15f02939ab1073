"""Taking in an instance that bears our label and that the book has forgotten: after a restore, or the loss of the book.

It may be somebody's live work, so it is not destroyed before the moment in its own label. It becomes a session again, of
the consumer `recovered`, with a deadline and a notice; whoever owns it can be told where it is, or it can be ended.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from gpu_shopper.domain.census import Orphan
from gpu_shopper.domain.deadlines import time_to_start
from gpu_shopper.domain.ids import BITS, ConsumerId, OfferId, attempt_id
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt
from gpu_shopper.domain.lifecycle import Event, State
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.session import MAX_RESERVATION_HOURS, Session, SessionRequest
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.ordering import way_of_agent
from gpu_shopper.ports.books import Book
from gpu_shopper.transactions.sighting import record_instance

RECOVERED = ConsumerId("recovered")


def recover(desk: Desk, book: Book, orphan: Orphan, *, at: datetime) -> None:
    """Write a session and an attempt for the orphan, as if it had just been ordered."""
    facts, instance = orphan.facts, orphan.instance
    session = book.sessions.get(facts.session)
    if session is None:
        session = _session(orphan, desk.clouds[instance.provider].quirks.boot_grace, at=at)
        book.sessions.add(replace(session, launch=None, attempts_made=0))
        book.events.add(
            session.id, at=at, kind="recovered", actor="engine", details={"instance": instance.id}
        )
        session = session.advance(Event.LAUNCH_INTENDED, at=at)
        book.sessions.save(session)
        book.events.add(session.id, at=at, kind=Event.LAUNCH_INTENDED, actor="engine", details={})
    elif facts.number > session.attempts_made:
        # An older book knows the session, not this attempt: its number, and with it its label, is taken for ever.
        session = replace(session, attempts_made=facts.number)
        book.sessions.save(session)
    wanted = session.launch == facts.number and session.state is State.PROVISIONING
    attempt = _attempt(desk, orphan, session, wanted=wanted, at=at)
    book.launches.add(attempt)
    record_instance(book, session, attempt, instance, at=at)
    book.sessions.make_due(session.id, at=at)


def _session(orphan: Orphan, boot_grace: timedelta, *, at: datetime) -> Session:
    request = SessionRequest(
        consumer_id=RECOVERED,
        workload=Workload(kind=WorkloadType.INTERACTIVE),
        reservation_hours=MAX_RESERVATION_HOURS,
        offer_id=None,
        requirements=Requirements(),
        price_cap=None,
        auto_retry=False,
        startup_timeout=time_to_start([boot_grace]),
    )
    return Session(
        id=orphan.facts.session,
        consumer_id=RECOVERED,
        request=request,
        state=State.PENDING,
        created_at=at,
        state_since=at,
        reserved_hours=MAX_RESERVATION_HOURS,
        launch=orphan.facts.number,
        attempts_made=orphan.facts.number,
        gpu_type=orphan.instance.gpu_name,
        next_action_at=at,
    )


def _attempt(
    desk: Desk, orphan: Orphan, session: Session, *, wanted: bool, at: datetime
) -> LaunchAttempt:
    instance, label = orphan.instance, Label(orphan.instance.label)
    return LaunchAttempt(
        id=attempt_id(desk.chance.draw_bits(BITS)),
        session_id=session.id,
        consumer_id=session.consumer_id,
        number=orphan.facts.number,
        label=label,
        provider=instance.provider,
        offer=_offer(instance, at=at),
        state=AttemptState.SENT,
        wanted=wanted,
        unwanted_because=None if wanted else "recovered, and its session has another",
        # From now on it has the time of a new one to be heard, however long it has been running.
        sent_at=at,
        call_deadline=at,
        expires_at=orphan.facts.expires_at,
        token_hash=desk.vault.hash_token(desk.vault.agent_token(label).text),
        request_digest="",
        rate=instance.rate or HourlyRate(0),
        # As it was ordered, unless the consumer's own script made the difference, which is lost with the book.
        agent_way=way_of_agent(session, desk.clouds[instance.provider], scripts=desk.boot_scripts),
        next_action_at=at,
    )


def _offer(instance: Instance, *, at: datetime) -> Offer:
    return Offer(
        id=OfferId(f"{instance.provider}:recovered"),
        provider=instance.provider,
        provider_id="recovered",
        machine_id="",
        gpu_type=instance.gpu_name or "unknown",
        gpu_count=instance.gpu_count or 1,
        vram_gb=instance.gpu_memory_mib // 1024,
        price=instance.rate or HourlyRate(0),
        country="",
        region="",
        location="",
        reliability=0.0,
        fetched_at=at,
        available=False,
    )
