"""Made-up facts for the plan: any session with any attempts that the book could hold, at any moment."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from gpu_shopper.domain.deadlines import Limits, stop_by
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import OPEN, Absence, AttemptState, LaunchAttempt
from gpu_shopper.domain.lifecycle import ENDING, FINAL, State
from gpu_shopper.domain.plan import Facts, wanted_attempt
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.session import Session
from gpu_shopper.testing.builders import (
    CUMULUS,
    MINUTE,
    NIMBUS,
    NOON,
    SECOND,
    a_request,
    a_session,
    an_attempt,
    an_offer,
    heard,
)

HOLDS = {
    State.PROVISIONING: (AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.BOUND),
    State.RUNNING: (AttemptState.BOUND,),
}
UNWANTED = tuple(state for state in AttemptState if state is not AttemptState.BOUND)
QUIRKS = {
    CUMULUS: Quirks(),
    NIMBUS: Quirks(
        quarantine=5 * MINUTE,
        quarantine_listings=1,
        absence_reads=1,
        absence_listings=1,
        boot_grace=2 * MINUTE,
        adoption_looks=(2 * SECOND, 9 * SECOND),
    ),
}


def some_facts(random: Random) -> Facts:
    """Return facts that obey the schema's rules and are otherwise as odd as can be."""
    now = NOON + timedelta(seconds=random.choice((0, 30, 300, 1000, 3000, 8000, 100_000)))
    now += timedelta(seconds=random.randrange(900))
    session = _session(random)
    count = random.randrange(5)
    if session.state in HOLDS:
        count = max(1, count)
        session = replace(session, launch=random.randint(1, count))
    attempts = tuple(_attempt(random, session, number, now) for number in range(1, count + 1))
    wanted = wanted_attempt(session, attempts)
    return Facts(
        now=now,
        session=session,
        attempts=attempts,
        deadline=stop_by(
            session,
            heard=wanted.heard if wanted else None,
            honoured_until=wanted.expires_at if wanted else None,
            limits=Limits(),
        ),
        quirks=QUIRKS,
        node_can_reach_us=random.random() < 0.5,
    )


def _session(random: Random) -> Session:
    request = a_request(
        auto_retry=random.random() < 0.8,
        max_retries=random.randrange(4),
        startup_timeout=random.choice((MINUTE, 120 * MINUTE, 2000 * MINUTE)),
        idle_threshold=random.choice((None, 30 * MINUTE)),
        reservation_hours=random.choice((1, 12)),
    )
    state = random.choice(list(State))
    return a_session(state, request=request, attempts_made=random.randrange(6))


def _attempt(random: Random, session: Session, number: int, now: datetime) -> LaunchAttempt:
    wanted = session.launch == number
    state = random.choice(HOLDS[session.state] if wanted else UNWANTED)
    sent_at = _some_time(random, until=now)
    attempt = an_attempt(
        state,
        session=session,
        number=number,
        wanted=wanted,
        offer=an_offer(f"o{number}", provider=random.choice((CUMULUS, NIMBUS))),
        sent_at=sent_at,
        call_deadline=sent_at + MINUTE,
        looks=random.choice((0, 1, 2, 3, 5, 7)),
        missing_listings=random.choice((0, 0, 1, 3)),
    )
    if state in OPEN:
        near = timedelta(seconds=random.choice((-3600, -1, 0, 0, 1, 3600)))
        attempt = replace(attempt, next_action_at=now + near)
    if wanted and random.random() < 0.5:
        attempt = replace(attempt, heard=heard(_some_time(random, until=now)))
    if state is AttemptState.REJECTED and random.random() < 0.3:
        attempt = replace(attempt, blame=None)
    if state is AttemptState.CLOSING:
        attempt = closing(random, attempt, now)
    return attempt


def closing(random: Random, attempt: LaunchAttempt, now: datetime) -> LaunchAttempt:
    """Return a closing attempt somewhere on its way."""
    called = random.choice((None, _some_time(random, until=now)))
    answered = None if called is None else random.choice((None, called + SECOND))
    read = random.choice((None, _some_time(random, until=now)))
    return replace(
        attempt,
        instance_id=InstanceId(f"i-{attempt.number}"),
        destroy_called_at=called,
        destroy_answered_at=answered,
        destroy_tries=random.randrange(20),
        absence=Absence(
            read_at=read,
            gone_reads=0 if read is None else random.randrange(4),
            gone_listings=0 if read is None else random.randrange(4),
        ),
    )


def _some_time(random: Random, *, until: datetime) -> datetime:
    ago = random.choice((0, 1, 59, 61, 599, 601, 1859, 1861, 90_000))
    return max(NOON, until - timedelta(seconds=ago))


def owed_and_due(facts: Facts) -> list[LaunchAttempt]:
    """Return the unwanted attempts that are due, the longest due first."""
    due = [
        attempt
        for attempt in facts.attempts
        if attempt.open
        and not attempt.wanted
        and attempt.next_action_at is not None
        and attempt.next_action_at <= facts.now
    ]
    return sorted(due, key=lambda attempt: attempt.next_action_at or NOON)


def has_ended(facts: Facts) -> bool:
    """Return whether the session is at its end, or on the way to it."""
    return facts.session.state in ENDING | FINAL
