"""Writing that something shall end: a session, or one attempt of it. The one path for every cause of an end."""

from dataclasses import replace
from datetime import datetime

from gpu_shopper.domain.launch import Blame, LaunchAttempt, unwanted
from gpu_shopper.domain.lifecycle import Event, State
from gpu_shopper.domain.offer_health import Outcome, place_of
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.ports.books import Book

_AGAINST_OFFERS = frozenset({Blame.OFFER, Blame.MACHINE, Blame.CLOUD})


def intend_stop(
    book: Book,
    session: Session,
    *,
    reason: StopReason,
    actor: str,
    at: datetime,
    error: str | None = None,
) -> Session:
    """Write that the session shall end, why and by whom, and that nothing of it is wanted any more."""
    stopping = session.asked_to_stop(reason, actor=actor, at=at, error=error)
    book.sessions.save(stopping)
    for attempt in book.launches.of_session(session.id):
        if attempt.wanted:
            book.launches.save(unwanted(attempt, because=str(reason), at=at))
    details = {"reason": str(reason)} | ({"error": error} if error else {})
    book.events.add(session.id, at=at, kind=Event.STOP_INTENDED, actor=actor, details=details)
    book.sessions.make_due(session.id, at=at)
    return stopping


def give_up(
    book: Book,
    session: Session,
    attempt: LaunchAttempt,
    *,
    because: str,
    blame: Blame,
    at: datetime,
) -> Session:
    """Write that an attempt is wanted no more, with the right blame, and let the session shop again."""
    book.launches.save(unwanted(attempt, because=because, at=at, blame=blame))
    note_failure(book, attempt, because=because, blame=blame, at=at)
    return shop_again(book, session, attempt, because=because, at=at)


def shop_again(
    book: Book, session: Session, attempt: LaunchAttempt, *, because: str, at: datetime
) -> Session:
    """Let the session choose another offer, if it still held on to `attempt` and has not run yet."""
    book.sessions.make_due(session.id, at=at)
    if session.state is not State.PROVISIONING or session.launch != attempt.number:
        return session
    shopping = replace(session.advance(Event.LAUNCH_DISPROVEN, at=at), launch=None, error=because)
    book.sessions.save(shopping)
    details = {"attempt": str(attempt.number), "because": because}
    book.events.add(session.id, at=at, kind=Event.LAUNCH_DISPROVEN, actor="engine", details=details)
    return shopping


def note_failure(
    book: Book, attempt: LaunchAttempt, *, because: str, blame: Blame, at: datetime
) -> None:
    """Remember a failure against the offer; what was our own or the account's fault never darkens one."""
    if blame in _AGAINST_OFFERS:
        book.accounts.add_outcome(_outcome(attempt, blame=blame, because=because, at=at))


def note_success(book: Book, attempt: LaunchAttempt, *, at: datetime) -> None:
    """Remember that a launch came to run: that speaks for all that it was made on."""
    book.accounts.add_outcome(_outcome(attempt, blame=None, because="", at=at))


def _outcome(attempt: LaunchAttempt, *, blame: Blame | None, because: str, at: datetime) -> Outcome:
    offer = attempt.offer
    return Outcome(
        at=at,
        provider=attempt.provider,
        offer_id=offer.id,
        machine_id=offer.machine_id,
        location=place_of(offer),
        gpu_type=offer.gpu_type,
        blame=blame,
        reason=because,
    )
