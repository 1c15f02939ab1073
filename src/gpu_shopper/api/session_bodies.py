"""Sessions as their consumers see them on the network."""

from datetime import datetime

from gpu_shopper.domain.launch import AttemptState, LaunchAttempt
from gpu_shopper.ports.books import SessionEvent
from gpu_shopper.queries.sessions import Diagnostics, SessionView
from gpu_shopper.wire.sessions import AttemptBody, DiagnosticsBody, EventBody, SessionBody


def session_body(view: SessionView) -> SessionBody:
    """Shape a session."""
    session, latest = view.session, view.latest
    bound = latest if latest is not None and latest.state is AttemptState.BOUND else None
    endpoint = bound.endpoint if bound else None
    offer = latest.offer if latest else None
    return SessionBody(
        id=session.id,
        consumer_id=session.consumer_id,
        provider=latest.provider if latest else None,
        offer_id=offer.id if offer else session.request.offer_id,
        gpu_type=offer.gpu_type if offer else session.gpu_type or None,
        gpu_count=offer.gpu_count if offer else session.request.requirements.gpu_count,
        status=session.state,
        phase=view.phase,
        error=session.error,
        stop_reason=session.stop_reason,
        ssh_host=endpoint.host if endpoint else None,
        ssh_port=endpoint.port if endpoint else None,
        ssh_user=endpoint.user if endpoint else None,
        host_key=bound.host_key if bound else None,
        workload_type=session.request.workload.kind,
        reservation_hours=session.reserved_hours,
        price_per_hour=latest.rate.dollars if latest else None,
        cost_so_far=view.cost.dollars,
        created_at=session.created_at,
        running_at=session.running_at,
        expires_at=view.ends_by,
        stopped_at=session.stopped_at,
        last_heartbeat_at=latest.heard.at if latest and latest.heard else None,
        attempts=[attempt_body(attempt) for attempt in view.attempts],
    )


def attempt_body(attempt: LaunchAttempt) -> AttemptBody:
    """Shape one try to buy."""
    return AttemptBody(
        n=attempt.number,
        offer_id=attempt.offer.id,
        provider=attempt.provider,
        state=attempt.state,
        error=attempt.unwanted_because,
        price_per_hour=attempt.rate.dollars,
        instance_id=attempt.instance_id,
        proof=attempt.proof,
    )


def event_body(event: SessionEvent) -> EventBody:
    """Shape one line of a history."""
    return EventBody(
        sequence=event.sequence,
        at=event.at,
        kind=event.kind,
        actor=event.actor,
        details=dict(event.details),
    )


def diagnostics_body(found: Diagnostics) -> DiagnosticsBody:
    """Shape what is known of a session, for whoever asks why."""
    session, deadline = found.view.session, found.deadline
    return DiagnosticsBody(
        session=session_body(found.view),
        next_action_at=session.next_action_at,
        deadline_at=deadline.at if deadline else None,
        deadline_reason=deadline.reason if deadline else None,
        attempts=[_known_of(attempt) for attempt in found.view.attempts],
    )


def _known_of(attempt: LaunchAttempt) -> dict[str, str]:
    """Return what the cloud, the node and our own looks told of an attempt; what nobody told is left out."""
    heard, absence = attempt.heard, attempt.absence
    facts: dict[str, str | int | float | datetime | None] = {
        "n": attempt.number,
        "state": attempt.state,
        "wanted": "yes" if attempt.wanted else "no",
        "unwanted_because": attempt.unwanted_because,
        "blame": attempt.blame,
        "label": attempt.label,
        "instance_id": attempt.instance_id,
        "sent_at": attempt.sent_at,
        "label_expires_at": attempt.expires_at,
        "looks_for_label": attempt.looks or None,
        "read_back_at": attempt.read_back_at,
        "last_seen_at": attempt.last_seen_at,
        "heard_at": heard.at if heard else None,
        "heard_counter": heard.counter if heard else None,
        "idle_seconds": heard.idle_seconds if heard else None,
        "gpu_as_sold": ("yes" if heard.as_sold else "not yet") if heard else None,
        "missing_since": attempt.missing_since,
        "destroy_tries": attempt.destroy_tries or None,
        "destroy_answered_at": attempt.destroy_answered_at,
        "gone_reads": absence.gone_reads or None,
        "gone_listings": absence.gone_listings or None,
        "closed_at": attempt.closed_at,
        "proof": attempt.proof,
        "next_action_at": attempt.next_action_at,
    }
    return {name: _text(value) for name, value in facts.items() if value is not None}


def _text(value: str | float | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
