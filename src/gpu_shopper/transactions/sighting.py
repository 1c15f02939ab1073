"""Writing what was seen: an instance through its cloud, or a node through its agent."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from gpu_shopper.domain.cost import begin_as_told, reprice
from gpu_shopper.domain.hearing import (
    NodeReport,
    Verdict,
    contradicts_another,
    doubted,
    hear,
    is_news,
    is_not_found,
    is_of_another,
    judge,
    may_be_a_double,
    misfit,
    overheard,
    without_anothers_word,
)
from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.launch import (
    AttemptState,
    Blame,
    LaunchAttempt,
    found,
    seen,
)
from gpu_shopper.domain.lifecycle import Event, State
from gpu_shopper.domain.reopening import spoke_after_its_end, spoken_for
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.ports.books import Book
from gpu_shopper.transactions.notices import tell_late_arrival, tell_unseen
from gpu_shopper.transactions.stopping import give_up, intend_stop, note_success

_ENDED_BY_ITSELF = frozenset({InstanceStatus.STOPPED, InstanceStatus.BROKEN})


class Hearing(StrEnum):
    """What became of a report."""

    RECORDED = "recorded"
    OLD = "old"
    NOT_AS_SOLD = "not_as_sold"
    STRANGE = "strange"
    DOUBLE = "double"


class Whose(StrEnum):
    """Whose word a report may be, as far as it can be known."""

    ITS_OWN = "its_own"
    A_KNOWN_DOUBLES = "a_known_doubles"
    ANYBODYS = "anybodys"


def record_instance(
    book: Book, session: Session, attempt: LaunchAttempt, instance: Instance, *, at: datetime
) -> None:
    """Write what the cloud says of an attempt's instance: bind it, read it back, price it, judge it.

    `session` and `attempt` are as they stand in this transaction. An instance that is not what was sold, costs more
    than the cap or has ended by itself is given up here, whoever saw it.
    """
    if attempt.instance_id not in {None, instance.id}:
        # A double under the same label, which the sweep ends: nothing of it is true of the one that we hold.
        return
    was_unanswered, attempt = attempt.unanswered, begin_as_told(attempt, instance.billed_from)
    sighted = found(attempt, instance, at=at) if was_unanswered else seen(attempt, instance, at=at)
    sighted = without_anothers_word(sighted)
    if instance.rate is not None:
        accrual = reprice(sighted, instance.rate, at=at)
        book.costs.add(accrual.entries)
        sighted = accrual.attempt
    if sighted.endpoint is not None:
        sighted = replace(sighted, read_back_at=sighted.read_back_at or at)
    book.launches.save(sighted)
    if was_unanswered:
        _tell(book, sighted, kind="instance_found", at=at, instance=str(instance.id))
    if sighted.state is not AttemptState.BOUND:
        book.sessions.make_due(session.id, at=at)
        return
    trouble = misfit(sighted, instance, price_cap=session.request.price_cap)
    if trouble is not None:
        _end_misfit(book, session, sighted, because=trouble, at=at)
    elif instance.status in _ENDED_BY_ITSELF:
        _end_of_its_own(
            book, session, sighted, because=f"the cloud says that it is {instance.status}", at=at
        )
    else:
        start_running(book, session, sighted, at=at)


def record_report(
    book: Book, session: Session, attempt: LaunchAttempt, report: NodeReport, *, at: datetime
) -> Hearing:
    """Write what a node says of itself; a report that was seen before changes nothing.

    Where it cannot be known of which instance it speaks, it is strange, and the account is to be listed; and so it is for
    a double, of which nothing is written here.
    """
    if is_of_another(attempt, report.instance_id):
        return Hearing.DOUBLE
    if not is_news(attempt, report):
        return Hearing.OLD
    verdict = judge(attempt.offer, report)
    unfit = verdict is Verdict.NOT_AS_SOLD
    whose = _whose(book, attempt, report, unfit=unfit, at=at)
    by_itself = whose is Whose.ITS_OWN
    heard = _heard(attempt, report, whose, as_sold=verdict is Verdict.AS_SOLD, at=at)
    if spoke_after_its_end(heard, at=at):
        # No listing has to show it: its id is known, and nobody but its node, and a double's, has its token.
        heard = spoken_for(heard, at=at, by_itself=by_itself)
        tell_late_arrival(book, heard, actor="agent", at=at)
    elif attempt.instance_id is None and attempt.closed_at is not None:
        tell_unseen(book, attempt, says=report.instance_id, at=at)
    if heard != attempt:
        book.launches.save(heard)
    if unfit and by_itself and heard.state is AttemptState.BOUND:
        names = ", ".join(gpu.name for gpu in report.gpus or ())
        because = f"the node has {len(report.gpus or ())} × {names or 'no GPU'}, sold as {heard.offer.gpu_count} × {heard.offer.gpu_type}"
        _end_misfit(book, session, heard, because=because, at=at)
        return Hearing.NOT_AS_SOLD
    if by_itself and heard.state is AttemptState.BOUND:
        start_running(book, session, heard, at=at)
    return Hearing.STRANGE if whose is Whose.ANYBODYS else Hearing.RECORDED


def _whose(
    book: Book, attempt: LaunchAttempt, report: NodeReport, *, unfit: bool, at: datetime
) -> Whose:
    if unfit and contradicts_another(attempt, report, at=at):
        return Whose.ANYBODYS
    if may_be_a_double(attempt, report):
        return Whose.ANYBODYS
    if is_not_found(attempt, report) and has_a_double(book, attempt):
        return Whose.A_KNOWN_DOUBLES
    return Whose.ITS_OWN


def _heard(
    attempt: LaunchAttempt, report: NodeReport, whose: Whose, *, as_sold: bool, at: datetime
) -> LaunchAttempt:
    if whose is Whose.ITS_OWN:
        return hear(attempt, report, as_sold=as_sold, at=at)
    if whose is Whose.A_KNOWN_DOUBLES and attempt.wanted:
        return overheard(attempt, report, as_sold=as_sold, at=at)
    return doubted(attempt, at=at)


def has_a_double(book: Book, attempt: LaunchAttempt) -> bool:
    """Return whether the book knows of another instance under the attempt's label, closed ones included: that may have been false."""
    known = book.surplus.labelled(attempt.provider, attempt.label)
    return any(one.instance_id != attempt.instance_id for one in known)


def start_running(book: Book, session: Session, attempt: LaunchAttempt, *, at: datetime) -> None:
    """Say `running` if, and only if, this attempt's node was heard, checked, and read back."""
    if (
        session.state is not State.PROVISIONING
        or session.launch != attempt.number
        or not attempt.ready
    ):
        return
    running = replace(session.advance(Event.HEARD_FROM, at=at), error=None)
    book.sessions.save(running)
    book.launches.save(replace(attempt, next_action_at=at))
    note_success(book, attempt, at=at)
    details = {"attempt": str(attempt.number), "instance": str(attempt.instance_id)}
    book.events.add(session.id, at=at, kind=Event.HEARD_FROM, actor="agent", details=details)
    book.sessions.make_due(session.id, at=at)


def _end_misfit(
    book: Book, session: Session, attempt: LaunchAttempt, *, because: str, at: datetime
) -> None:
    _tell(book, attempt, kind="not_as_sold", at=at, because=because)
    if session.state is State.RUNNING:
        intend_stop(
            book, session, reason=StopReason.NOT_AS_SOLD, actor="engine", at=at, error=because
        )
        return
    give_up(book, session, attempt, because=because, blame=Blame.OFFER, at=at)


def _end_of_its_own(
    book: Book, session: Session, attempt: LaunchAttempt, *, because: str, at: datetime
) -> None:
    if session.state is State.RUNNING:
        intend_stop(book, session, reason=StopReason.PREEMPTED, actor="cloud", at=at, error=because)
        return
    give_up(book, session, attempt, because=because, blame=Blame.MACHINE, at=at)


def _tell(book: Book, attempt: LaunchAttempt, *, kind: str, at: datetime, **details: str) -> None:
    told = {"attempt": str(attempt.number)} | details
    book.events.add(attempt.session_id, at=at, kind=kind, actor="engine", details=told)
