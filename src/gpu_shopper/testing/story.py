"""The story of one seed, to be read by a person: per session what the book says, and beside it what the clouds know."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.rows import AttemptRow, SessionRow
from gpu_shopper.testing.world import Outcome


def tell(outcome: Outcome) -> Iterator[str]:
    """Yield the story, line by line."""
    oracle = outcome.oracle
    assert oracle is not None, "the outcome was not kept"
    yield f"seed {outcome.seed} ({outcome.mode}), {outcome.simulated_s / 3600:.1f} h, {outcome.lives} lives of the house"
    yield f"trace {outcome.trace_hash}"
    yield f"faults {dict(sorted(outcome.faults.items()))}"
    for violation in outcome.violations:
        yield f"VIOLATION {violation.check} at {violation.at:.1f} s: {violation.message}"
    charges = _charges(oracle)
    for session in oracle.book.sessions():
        yield ""
        yield from _session(oracle, session, charges)
    yield ""
    yield "what happened, in order:"
    for at, subject, what in outcome.story:
        yield f"  {at:11.3f}  {subject}  {what}"


def _session(oracle: Oracle, session: SessionRow, charges: dict[str, int]) -> Iterator[str]:
    yield f"{session.id}  {session.state}  {session.stop_reason or ''} by {session.stop_actor or '-'}"
    for _, at, kind, actor, details in oracle.book.events(session.id):
        told = ", ".join(f"{name}={value}" for name, value in json.loads(details).items())
        yield f"  {_seconds(oracle, at):11.3f}  {kind} ({actor}) {told}"
    for attempt in oracle.book.attempts():
        if attempt.session_id == session.id:
            yield from _attempt(oracle, attempt, charges)


def _attempt(oracle: Oracle, attempt: AttemptRow, charges: dict[str, int]) -> Iterator[str]:
    billed = "-"
    if attempt.billed_from is not None:
        end = attempt.billing_ended_at
        until = "…" if end is None else f"{_seconds(oracle, end):.3f}"
        billed = f"{_seconds(oracle, attempt.billed_from):.3f} to {until}"
    yield (
        f"  book:  attempt {attempt.number} {attempt.label} {attempt.state} {attempt.proof or ''}"
        f" billed {billed} at {attempt.rate / 1e6:.4f}/h = {charges.get(attempt.id, 0)} µ$"
        f" ({attempt.unwanted_because or 'wanted'})"
    )
    entry = oracle.entry_of(attempt)
    if entry is None:
        yield "  cloud: never was"
        return
    start = oracle.loop.start.timestamp()
    end_text = (
        "alive" if entry.ended_at is None else f"{entry.ended_at - start:.3f} {entry.end_reason}"
    )
    yield (
        f"  cloud: {entry.id} {entry.gpu_count} × {entry.gpu_name} {entry.status}"
        f" billed {entry.billed_from - start:.3f} to {end_text} at"
        f" {entry.price_per_hour_micros / 1e6:.4f}/h = {entry.billed_micros} µ$,"
        f" {entry.destroy_calls} destroy calls"
    )


def _charges(oracle: Oracle) -> dict[str, int]:
    sums: dict[str, int] = {}
    for attempt, _, _, _, amount in oracle.book.charges():
        sums[attempt] = sums.get(attempt, 0) + amount
    return sums


def _seconds(oracle: Oracle, micros: int) -> float:
    return (datetime.fromtimestamp(micros / 1e6, UTC) - oracle.loop.start).total_seconds()
