"""The invariants, one function each, asked of the oracle.

S is asked at every commit, at every request that reaches a cloud, and at rest; what is asked every minute is in `bounds.py`.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.lifecycle import MOVES, Event, State
from gpu_shopper.engine.listening import GAP
from gpu_shopper.sandbox import instances as status
from gpu_shopper.testing.bounds import HOUSE_ONLY, true_time
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.rows import AttemptRow, SessionRow

_SILENCE_S: Final = 600.0
_IN_FLIGHT_S: Final = 200.0
_STATE_EVENTS: Final = {str(event) for event in Event}


# ── at a request that reaches a cloud ──────────────────────────────────────────────────────────────


def s3_no_create_without_intent(o: Oracle, cloud: SimCloud, body: Mapping[str, object]) -> None:
    """S3, S1: a create that reaches a cloud has a committed attempt, `sent`, with its label; S4: and is the only one."""
    name = str(body.get("name"))
    if not o.is_ours(name):
        return
    o.exercised["S3"] += 1
    o.exercised["S1"] += 1
    known = o.book.attempt(name)
    if known is None and name in o.forgotten:
        # It was committed; then the book was put back while the create was on its way.
        o.exercised["S3 forgotten"] += 1
    elif known is None:
        o.violate("S3", f"create of {name} without an attempt in the book")
    elif known.state not in {"sent", "unknown"} and known.wanted and name not in o.forgotten:
        o.violate("S3", f"create of {name} whose attempt is {known.state}")
    o.facts[cloud.name].births[name] += 1
    if o.facts[cloud.name].births[name] > 1 and name not in o.forgotten:
        # A book that has forgotten an attempt may give its number once more.
        o.violate("S4", f"label {name} was ordered {o.facts[cloud.name].births[name]} times")


def s6_strangers_are_untouched(o: Oracle, cloud: SimCloud, instance_id: str, name: str) -> None:
    """S6: no destroy reaches an instance without our valid label."""
    o.exercised["S6"] += 1
    if not o.is_ours(name):
        o.violate("S6", f"destroy of {instance_id} at {cloud.name}, named {name!r}: not ours")


def s5_no_wanted_instance_destroyed(
    o: Oracle, cloud: SimCloud, instance_id: str, name: str
) -> None:
    """S5, S19: a destroy finds the reason in the book already, and the attempt unwanted."""
    if not o.is_ours(name):
        return
    o.exercised["S5"] += 1
    o.exercised["S19"] += 1
    known = o.book.attempt(name)
    if known is None:
        if name not in o.forgotten:
            o.violate("S19", f"destroy of {instance_id} {name}, which the book does not know")
    elif name in o.rewritten and o.now - o.rewound_at < _IN_FLIGHT_S:
        # Sent by a house that knew more than the book does now.
        o.exercised["S5 sent before a rewind"] += 1
    elif known.instance_id == instance_id and known.wanted:
        o.violate("S5", f"destroy of {instance_id}, which session {known.session_id} wants")
    elif known.instance_id == instance_id and not known.unwanted_because:
        o.violate("S19", f"destroy of {instance_id} without a reason")
    elif known.instance_id != instance_id and o.book.surplus_of(cloud.name, instance_id) is None:
        o.violate("S19", f"destroy of {instance_id}, a double of {name} that has no row")


# ── at a commit ────────────────────────────────────────────────────────────────────────────────────


def s7_desire_is_monotone(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S7: what is unwanted is never wanted again."""
    o.exercised["S7"] += 1
    if old is not None and new.wanted > old.wanted:
        o.violate("S7", f"{new.label} is wanted again")


def s7_final_states_stay(o: Oracle, old: SessionRow | None, new: SessionRow) -> None:
    """S7: a session that is over stays so, and the reason for its end stays what it was."""
    o.exercised["S7"] += 1
    if old is not None and old.ended and old.state != new.state:
        o.violate("S7", f"{new.id} went from {old.state} to {new.state}")
    if old is not None and old.stop_reason not in {None, new.stop_reason}:
        o.violate("S7", f"{new.id} was to stop as {old.stop_reason}, now as {new.stop_reason}")


def s9_sessions_are_fenced(o: Oracle, old: SessionRow | None, new: SessionRow) -> None:
    """S9: a session's epoch only grows, and who took it at an older one writes it no more."""
    if old is not None and new.epoch < old.epoch:
        o.violate("S9", f"{new.id} went from epoch {old.epoch} to {new.epoch}")
    task = asyncio.current_task()
    if task is None:
        return
    if new.epoch > (old.epoch if old else 0):
        o.claims.setdefault(task, {})[new.id] = new.epoch
    else:
        _ask_for_the_claim(o, task, new.id, now_at=new.epoch)


def s9_attempts_are_fenced(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S9: who took a session at an older epoch writes its attempts no more."""
    task, session = asyncio.current_task(), o.book.session(new.session_id)
    if task is not None and session is not None:
        _ask_for_the_claim(o, task, session.id, now_at=session.epoch)


def _ask_for_the_claim(
    o: Oracle, task: "asyncio.Task[Any]", session_id: str, *, now_at: int
) -> None:
    claimed = o.claims.get(task, {}).get(session_id)
    if claimed is None:
        return
    o.exercised["S9"] += 1
    if claimed < now_at:
        o.violate("S9", f"{session_id} is at epoch {now_at}, and was written under {claimed}")


def s4_one_bound_attempt(o: Oracle, old: AttemptRow | None, new: AttemptRow) -> None:
    """S4: at most one attempt of a session is bound."""
    if new.state != "bound" or (old is not None and old.state == "bound"):
        return
    o.exercised["S4"] += 1
    bound = [
        row.label
        for row in o.attempts.values()
        if row.session_id == new.session_id and row.state == "bound"
    ]
    if len(bound) > 1:
        o.violate("S4", f"{new.session_id} holds {bound}")


def s15_running_is_true(o: Oracle, old: SessionRow | None, new: SessionRow) -> None:
    """S15: `running` means that this attempt's node was heard and has the GPUs that were sold."""
    if new.state != State.RUNNING or (old is not None and old.state == State.RUNNING):
        return
    o.exercised["S15"] += 1
    attempt = _wanted(o, new)
    if attempt is None or attempt.label not in o.heard_at or attempt.read_back_at is None:
        o.violate("S15", f"{new.id} runs without a sign of life of its attempt {new.launch}")
        return
    cloud = o.clouds[ProviderName(attempt.provider)]
    held = cloud.instance(attempt.instance_id or "")
    if held is None:
        o.violate("S15", f"{new.id} runs on {attempt.instance_id}, which never was")
    elif (
        _gpus_differ(cloud, attempt.instance_id)
        and not cloud.profile.names_itself
        and any(
            entry.name == attempt.label
            and entry.id != held.id
            and not _gpus_differ(cloud, entry.id)
            for entry in cloud.ledger()
        )
    ):
        # Its double, which is as sold, has the same name and token: no report tells them apart until the sweep.
        o.exercised["S15 spoken for by a double"] += 1
    elif _gpus_differ(cloud, attempt.instance_id) and attempt.label in o.forgotten:
        # It was taken in by its label alone: what had been ordered, the book has forgotten.
        o.exercised["S15 recovered"] += 1
    elif _gpus_differ(cloud, attempt.instance_id):
        o.violate(
            "S15", f"{new.id} runs on {held.spec.gpus.model} × {held.spec.gpus.count}, not as sold"
        )


def s5_the_reason_is_true(o: Oracle, old: SessionRow | None, new: SessionRow) -> None:
    """S5, S17: what ends a session that ran is true in the world, not only in the book; frozen, nothing is inferred.

    A silent node was silent while the house listened; a lost one is gone.
    """
    if new.stop_reason is None or old is None or old.stop_reason is not None:
        return
    o.exercised["S5"] += 1
    held = next(
        (
            row
            for row in o.attempts.values()
            if row.session_id == new.id and row.number == old.launch
        ),
        None,
    )
    if held is None or old.state != State.RUNNING:
        return
    o.exercised[f"S5 {new.stop_reason}"] += 1
    trouble = _TRUTHS.get(new.stop_reason, _nothing)(o, old, held)
    if trouble:
        o.violate("S5", f"{new.id} was stopped as {new.stop_reason}, but {trouble}")
    if new.stop_reason == "lost":
        o.exercised["S17"] += 1
        if o.book.frozen(held.provider):
            o.violate("S17", f"{new.id} was given up as lost while {held.provider} is frozen")


def _silent(o: Oracle, session: SessionRow, held: AttemptRow) -> str:
    heard_at = max(o.heard_at.get(held.label, 0.0), _since(o, session))
    listened = o.now - heard_at - o.excused(HOUSE_ONLY, since=heard_at)
    # An absence of our own that is shorter than the gap is not noticed, and may be.
    if listened < _SILENCE_S - GAP.total_seconds() - 30:
        return f"the house had listened for {listened:.0f} s only since it was heard"
    return ""


def _lost(o: Oracle, session: SessionRow, held: AttemptRow) -> str:
    entry = o.entry_of(held)
    if (
        entry is not None
        and entry.alive
        and o.now - o.heard_at.get(held.label, 0.0) < _SILENCE_S - 30
    ):
        return f"{entry.id} is alive and was heard"
    return ""


def _preempted(o: Oracle, session: SessionRow, held: AttemptRow) -> str:
    entry = o.entry_of(held)
    if entry is not None and entry.alive and entry.status not in {status.STOPPED, status.ERROR}:
        return f"{entry.id} is {entry.status}"
    return ""


def _not_as_sold(o: Oracle, session: SessionRow, held: AttemptRow) -> str:
    cloud = o.clouds[ProviderName(held.provider)]
    instance = cloud.instance(held.instance_id or "")
    if instance is None or _gpus_differ(cloud, held.instance_id):
        return ""
    shown = instance.shown_price_micros
    return "" if shown > int(json.loads(held.offer)["price"]["micros"]) else "it is as sold"


def _expired(o: Oracle, session: SessionRow, held: AttemptRow) -> str:
    lived = o.now - _since(o, session)
    if o.clock_trusted and lived < session.reserved_hours * 3600 - 5:
        return f"it had run for {lived:.0f} s of {session.reserved_hours} h"
    return ""


def _idle(o: Oracle, session: SessionRow, held: AttemptRow) -> str:
    assert o.nodes is not None, "the world is not complete"
    node = o.nodes.of(held.instance_id or "")
    return "its node is busy" if node is not None and not node.idle else ""


def _nothing(o: Oracle, session: SessionRow, held: AttemptRow) -> str:
    return ""


_TRUTHS: Final = {
    "silent": _silent,
    "lost": _lost,
    "preempted": _preempted,
    "not_as_sold": _not_as_sold,
    "expired": _expired,
    "idle": _idle,
}


# ── at rest ────────────────────────────────────────────────────────────────────────────────────────


def l12_all_is_at_rest(o: Oracle) -> None:
    """L12: no obligation is open, nothing lives, every session is final, every notice is delivered."""
    o.exercised["L12"] += 1
    for row in o.book.attempts():
        if row.open:
            o.violate("L12", f"{row.label} is {row.state} at rest")
    for one in o.book.surplus():
        o.exercised["L12 surplus"] += 1
        if one.open:
            o.violate("L12", f"{one.instance_id} {one.label} is owed an end at rest")
    for session in o.book.sessions():
        if not session.ended:
            o.violate("L12", f"{session.id} is {session.state} at rest")
    for cloud, entry in o.ours_alive():
        o.violate("L12", f"{entry.id} {entry.name} lives at {cloud.name} at rest")


def l9_notices_have_arrived(o: Oracle) -> None:
    """L9: every notice has been taken by the operator's webhook, and the book says so."""
    for one, delivered_at, _ in o.book.notice_rows():
        o.exercised["L9"] += 1
        if delivered_at is None or one not in o.arrived:
            o.violate("L9", f"notice {one} has not arrived, delivered_at is {delivered_at}")


def s7_what_is_over_stays_over(o: Oracle) -> None:
    """S7: nothing that was seen to be over or unwanted has changed since, unseen."""
    for session in o.book.sessions():
        seen = o.sessions.get(session.id)
        if seen is not None and seen.ended:
            o.exercised["S7"] += 1
            if (seen.state, seen.stop_reason) != (session.state, session.stop_reason):
                o.violate("S7", f"{session.id} was {seen.state}, and is {session.state}")
    for row in o.book.attempts():
        known = o.attempts.get(row.label)
        if known is not None and row.wanted > known.wanted:
            o.violate("S7", f"{row.label} is wanted again")


def s6_strays_are_still_there(o: Oracle) -> None:
    """S6: what strangers rented from the same account still runs."""
    for name, facts in o.facts.items():
        alive = {entry.id for entry in o.clouds[ProviderName(name)].alive()}
        for stray in sorted(facts.strays):
            o.exercised["S6 strays"] += 1
            if stray not in alive:
                o.violate("S6", f"stray {stray} at {name} is gone")


def s16_events_tell_all_moves(o: Oracle) -> None:
    """S16: histories have no gaps, and replaying one gives the state that the session is in."""
    for session in o.book.sessions():
        o.exercised["S16"] += 1
        state = State.PENDING
        for number, (sequence, _, kind, _, _) in enumerate(o.book.events(session.id), start=1):
            if sequence != number:
                o.violate("S16", f"{session.id}: event {sequence} where {number} was due")
            if kind in _STATE_EVENTS:
                moved = MOVES.get((state, Event(kind)))
                if moved is None:
                    o.violate("S16", f"{session.id}: {kind} while {state}")
                state = moved or state
        if state != session.state:
            o.violate("S16", f"{session.id} is {session.state}, its history says {state}")


def s10_each_interval_is_charged_once(o: Oracle) -> None:
    """S10: entries of an attempt follow each other without overlap or gap, and are whole numbers."""
    last: dict[str, int] = {}
    for attempt, begin, end, rate, amount in o.book.charges():
        o.exercised["S10"] += 1
        if attempt in last and begin != last[attempt]:
            o.violate(
                "S10", f"{attempt}: an entry begins at {begin}, the last ended at {last[attempt]}"
            )
        if amount < 0 or end <= begin or rate < 0:
            o.violate("S10", f"{attempt}: {amount} for [{begin}, {end})")
        last[attempt] = end


def _wanted(o: Oracle, session: SessionRow) -> AttemptRow | None:
    return next(
        (
            row
            for row in o.attempts.values()
            if row.session_id == session.id and row.number == session.launch
        ),
        None,
    )


def _gpus_differ(cloud: SimCloud, instance_id: str | None) -> bool:
    held = cloud.instance(instance_id or "")
    if held is None:
        return False
    catalogue = cloud.catalogue
    index = catalogue.index_of(held.offer_id)
    assert index is not None, held.offer_id
    sold = catalogue.gpus_of(index)
    return (sold.model, sold.count) != (held.spec.gpus.model, held.spec.gpus.count)


def _since(o: Oracle, session: SessionRow) -> float:
    return true_time(o, session.running_at or session.created_at)


ON_CREATE: Final = (s3_no_create_without_intent,)
ON_DESTROY: Final = (s6_strangers_are_untouched, s5_no_wanted_instance_destroyed)
ON_ATTEMPT: Final = (
    s7_desire_is_monotone,
    s4_one_bound_attempt,
    s9_attempts_are_fenced,
)
ON_SESSION: Final = (
    s7_final_states_stay,
    s9_sessions_are_fenced,
    s15_running_is_true,
    s5_the_reason_is_true,
)
AT_REST: Final = (
    l12_all_is_at_rest,
    l9_notices_have_arrived,
    s7_what_is_over_stays_over,
    s6_strays_are_still_there,
    s16_events_tell_all_moves,
    s10_each_interval_is_charged_once,
)
