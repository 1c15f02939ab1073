"""The only place that decides: facts in, one step out.

`next_step` looks at a session and all of its attempts, and names the one act that brings the world closer to what was
asked. First run, retry, restart and crash ask the same question and get the same answer, for nothing is remembered
outside the book.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from gpu_shopper.domain.deadlines import Deadline
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt, destroy_pause
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.session import Session, StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision may know. `attempts` are all of the session's, by number."""

    now: datetime
    session: Session
    attempts: tuple[LaunchAttempt, ...]
    deadline: Deadline
    quirks: Mapping[ProviderName, Quirks]
    node_can_reach_us: bool = True
    listening_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Intend the session's end."""

    reason: StopReason
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Buy:
    """Choose an offer and launch it."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Look for the instance of an attempt that was never answered."""

    attempt: LaunchAttempt


@dataclass(frozen=True, slots=True)
class BuyElsewhere:
    """Stop waiting for an unanswered attempt; it stays an obligation of its own."""

    attempt: LaunchAttempt


@dataclass(frozen=True, slots=True)
class Presume:
    """Close an attempt that was looked for long enough and never seen."""

    attempt: LaunchAttempt


@dataclass(frozen=True, slots=True)
class GiveUp:
    """An instance did not come up in time: want it no more, and shop again."""

    attempt: LaunchAttempt


@dataclass(frozen=True, slots=True)
class Observe:
    """Look at the instance and, where the node cannot reach us, at its agent's report."""

    attempt: LaunchAttempt


@dataclass(frozen=True, slots=True)
class Retire:
    """Do the next thing towards the proof that an instance is gone."""

    attempt: LaunchAttempt
    act: "Retirement"


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing is left: end the session."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do, ever."""


Step = (
    Stop | Buy | Adopt | BuyElsewhere | Presume | GiveUp | Observe | Retire | Settle | Wait | Rest
)


class Retirement(StrEnum):
    """The acts that lead to a proof of absence."""

    DESTROY = "destroy"
    READ = "read"
    LIST = "list"
    CLOSE = "close"


def next_step(facts: Facts) -> Step:
    """Choose the one step that brings the session closer to what was asked."""
    session = facts.session
    if not session.ending and facts.now >= facts.deadline.at:
        return Stop(facts.deadline.reason)
    # What is owed comes before what is wanted: an unwanted instance bills while we shop.
    owed = _owed_step(facts)
    if owed is not None:
        return owed
    match session.state:
        case State.PENDING:
            return _pending_step(facts)
        case State.PROVISIONING | State.RUNNING:
            return _care_for_wanted(facts)
        case State.STOPPING:
            return _wait(facts) if any(attempt.open for attempt in facts.attempts) else Settle()
        case State.STOPPED | State.FAILED:
            return _wait(facts) if any(attempt.open for attempt in facts.attempts) else Rest()
        case _:
            assert_never(session.state)


def retirement(attempt: LaunchAttempt, quirks: Quirks, now: datetime) -> Retirement:
    """Choose what brings the proof that the instance of a closing attempt is gone one step closer.

    The answer to a destroy is only a hint. What counts is what is read after it: gone-class answers, spaced, and then
    absence from complete listings that began after the last destroy was answered.
    """
    absence = attempt.absence
    called_at, answered_at = attempt.destroy_called_at, attempt.destroy_answered_at
    if called_at is None or answered_at is None or answered_at < called_at:
        # Never told, or we went down in the call: perhaps before it was sent.
        return Retirement.DESTROY
    read_since_destroy = absence.read_at is not None and absence.read_at > answered_at
    if not read_since_destroy:
        return Retirement.READ
    if _too_soon(attempt, quirks):
        return Retirement.READ
    if absence.gone_reads == 0:
        due_at = called_at + destroy_pause(attempt, now)
        return Retirement.DESTROY if now >= due_at else Retirement.READ
    if absence.gone_reads < quirks.absence_reads:
        return Retirement.READ
    if absence.gone_listings < quirks.absence_listings:
        return Retirement.LIST
    return Retirement.CLOSE


def _too_soon(attempt: LaunchAttempt, quirks: Quirks) -> bool:
    """Tell whether the last look missed it, too soon after the order to prove anything."""
    read_at, answered_at = attempt.absence.read_at, attempt.destroy_answered_at
    if read_at is None or answered_at is None or attempt.absence.first_gone_at is None:
        return False
    return read_at < answered_at + quirks.destroy_settle


def _owed_step(facts: Facts) -> Step | None:
    due = [
        attempt
        for attempt in facts.attempts
        if attempt.open and not attempt.wanted and _due(attempt, facts.now)
    ]
    for attempt in sorted(due, key=_action_time):
        quirks = facts.quirks[attempt.provider]
        if attempt.state is AttemptState.CLOSING:
            return Retire(attempt, retirement(attempt, quirks, facts.now))
        if _looked_for_long_enough(attempt, quirks, facts.now):
            return Presume(attempt)
        return Adopt(attempt)
    return None


def _pending_step(facts: Facts) -> Step:
    if tries(facts.attempts) > _tries_allowed(facts.session):
        return Stop(StopReason.LAUNCH_FAILED, facts.attempts[-1].unwanted_because)
    return Buy()


def _care_for_wanted(facts: Facts) -> Step:
    attempt = wanted_attempt(facts.session, facts.attempts)
    assert attempt is not None, facts.session.id
    if not _due(attempt, facts.now):
        return _wait(facts)
    quirks = facts.quirks[attempt.provider]
    if attempt.unanswered:
        return _care_for_unanswered(facts, attempt, quirks)
    if facts.session.state is State.PROVISIONING:
        # A node that came up while nobody listened is to be heard first.
        since = max(attempt.sent_at, facts.listening_since or attempt.sent_at)
        late = facts.now >= since + quirks.boot_grace
        return GiveUp(attempt) if late else Observe(attempt)
    return Observe(attempt)


def _care_for_unanswered(facts: Facts, attempt: LaunchAttempt, quirks: Quirks) -> Step:
    if _looked_for_long_enough(attempt, quirks, facts.now):
        return Presume(attempt)
    may_try_again = tries(facts.attempts) <= _tries_allowed(facts.session)
    looked = attempt.looks >= len(quirks.adoption_looks)
    if may_try_again and looked and facts.now >= attempt.call_deadline:
        return BuyElsewhere(attempt)
    return Adopt(attempt)


def tries(attempts: tuple[LaunchAttempt, ...]) -> int:
    """Return how many attempts speak for or against an offer; one that the cloud never considered does not."""
    return sum(not attempt.put_off for attempt in attempts)


def wanted_attempt(session: Session, attempts: tuple[LaunchAttempt, ...]) -> LaunchAttempt | None:
    """Return the attempt that the session holds on to."""
    return next((attempt for attempt in attempts if attempt.number == session.launch), None)


def quarantine_is_over(attempt: LaunchAttempt, quirks: Quirks, now: datetime) -> bool:
    """Return whether whatever the create call may have bought must have appeared by `now`."""
    return now >= attempt.call_deadline + quirks.quarantine


def _looked_for_long_enough(attempt: LaunchAttempt, quirks: Quirks, now: datetime) -> bool:
    # Looks from before say little if we were away since: the last one must have come after the quarantine.
    looked_since = attempt.missing_listings > 0
    enough = attempt.looks >= quirks.quarantine_listings and looked_since
    return attempt.unanswered and enough and quarantine_is_over(attempt, quirks, now)


def _tries_allowed(session: Session) -> int:
    return session.request.max_retries if session.request.auto_retry else 0


def _due(attempt: LaunchAttempt, now: datetime) -> bool:
    return attempt.next_action_at is not None and now >= attempt.next_action_at


def _action_time(attempt: LaunchAttempt) -> datetime:
    assert attempt.next_action_at is not None, attempt.id
    return attempt.next_action_at


def _wait(facts: Facts) -> Wait:
    """Wait for the first thing that comes due. There always is one: nothing non-final is without a future."""
    moments = [
        attempt.next_action_at
        for attempt in facts.attempts
        if attempt.open and attempt.next_action_at
    ]
    if not facts.session.ending:
        moments.append(facts.deadline.at)
    future = [moment for moment in moments if moment > facts.now]
    return Wait(min(future, default=facts.now + timedelta(seconds=1)))
