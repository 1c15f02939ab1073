"""Rows of the book that only the engine would write, for tests of what is read from them."""

from datetime import timedelta

from gpu_shopper.domain.cost import accrue, hour_of
from gpu_shopper.domain.ids import AttemptId, ConsumerId, SessionId, base32
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.session import Session
from tests.api.house import START, House
from tests.unit.stores import arrange

HOUR = timedelta(hours=1)
TIMES = {"billed_from": START, "rate_since": START, "accrued_to": START}


def session_id(number: int) -> SessionId:
    return SessionId(f"ses_{base32(number, length=16)}")


def a_session(number: int = 1, *, consumer: str = "alice", **changed) -> Session:
    times = {"created_at": START, "state_since": START, "next_action_at": START}
    return arrange.a_session(
        id=session_id(number),
        consumer_id=ConsumerId(consumer),
        request=arrange.a_request(consumer),
        **(times | changed),
    )


def an_attempt(session: Session, number: int = 1, **changed) -> LaunchAttempt:
    """Return an attempt that bills since the start, at 0.44 USD an hour, unless changed."""
    name = f"{session.id}-{number}"
    times = TIMES | {"sent_at": START, "expires_at": START + 14 * HOUR}
    return arrange.an_attempt(
        number,
        id=AttemptId(f"att_{name}"),
        session_id=session.id,
        consumer_id=session.consumer_id,
        label=Label(f"gs1-{name}"),
        token_hash=f"hash-{name}",
        **(arrange.EVERYTHING | times | changed),
    )


def put(house: House, session: Session, *attempts: LaunchAttempt) -> SessionId:
    def work(book) -> None:
        book.sessions.add(session)
        book.events.add(session.id, at=START, kind="requested", actor="test", details={})
        for attempt in attempts:
            book.launches.add(attempt)

    house.write(work)
    return session.id


def a_running_session(house: House, number: int = 1, *, consumer: str = "alice") -> SessionId:
    session = a_session(number, consumer=consumer, state=State.RUNNING, launch=1, running_at=START)
    return put(house, session, an_attempt(session))


def book_hours(house: House, attempt: LaunchAttempt, *, hours: int) -> None:
    """Write the entries up to a full hour, as the engine does."""
    accrual = accrue(attempt, to=hour_of(START) + hours * HOUR)

    def work(book) -> None:
        book.costs.add(accrual.entries)
        book.launches.save(accrual.attempt)

    house.write(work)
