"""Reading a row that must be there, as it stands in this transaction."""

from gpu_shopper.domain.ids import AttemptId, SessionId
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.session import Session
from gpu_shopper.ports.books import Book


def known_session(book: Book, session_id: SessionId) -> Session:
    """Return the session; rows are never deleted, so an id that was read once is there."""
    session = book.sessions.get(session_id)
    assert session is not None, session_id
    return session


def known_attempt(book: Book, attempt_id: AttemptId) -> LaunchAttempt:
    """Return the attempt, likewise."""
    attempt = book.launches.get(attempt_id)
    assert attempt is not None, attempt_id
    return attempt
