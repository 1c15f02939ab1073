"""The story of one seed, to be read by a person: per session what the book says, and beside it what the clouds know."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.cloud_kinds import kind_of
from gpu_shopper.testing.clouds import SimCloud
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.profiles import WorldProfile
from gpu_shopper.testing.rows import AttemptRow, SessionRow
from gpu_shopper.testing.world import Outcome

_HOW_TO_READ: Final = """\
Times are hours, minutes and seconds since the world began.
  book   what the house wrote down, and who made it do so
  cloud  what really happened there, whether the house knew it or not
  bill   what the house charges for an attempt, and under it what the cloud does"""
_PLAINLY: Final = {
    "StartInstance": "machine starts:",
    "StopInstance": "machine ends:",
    "destroy": "told to destroy",
}
_WORDS: Final = {
    "->": "new: ",
    ">": " → ",
    "wanted=1": "(wanted)",
    "wanted=0": "(unwanted)",
    " None": "",
}


def tell(outcome: Outcome) -> Iterator[str]:
    """Yield the story, line by line."""
    oracle, profile = outcome.oracle, outcome.profile
    assert oracle is not None, "the outcome was not kept"
    assert profile is not None, "the outcome was not kept"
    yield from _world(outcome, profile)
    yield ""
    yield _HOW_TO_READ
    charges = _charges(oracle)
    for session in oracle.book.sessions():
        yield ""
        yield from _session(oracle, session, outcome.story, charges)
    others = list(_others(oracle))
    if others:
        yield ""
        yield "Instances of no session in the book:"
        yield from others
    yield ""
    yield "What happened, in order:"
    for at, subject, what in outcome.story:
        yield f"  {_clock(at)}  {subject}  {_plainly(what)}"


def _world(outcome: Outcome, profile: WorldProfile) -> Iterator[str]:
    demand = profile.demand
    yield (
        f"Seed {outcome.seed}, {outcome.mode}: {outcome.simulated_s / 3600:.1f} hours, of them"
        f" {profile.active_s / 3600:.1f} with faults; the house lived {outcome.lives} times"
    )
    for cloud in profile.clouds:
        low, high = cloud.config.boot_s
        habits = ", ".join(sorted({kind_of(rule) for rule in cloud.rules})) or "nothing"
        yield (
            f"  cloud {cloud.name}: boots in {low:.0f} to {high:.0f} s,"
            f" {cloud.config.page_size_instances} to a page; may do wrong: {habits}"
        )
    yield (
        f"  {demand.consumers} consumers, {demand.sessions_per_hour:.2f} wishes an hour;"
        f" nodes report every {profile.habits.beat_s:.0f} s"
        + ("" if profile.habits.pushes else " when asked")
    )
    struck = ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items()))
    yield f"  struck: {struck or 'nothing'}"
    yield f"  trace {outcome.trace_hash}"
    if outcome.ok:
        yield "  Every promise held."
    for violation in outcome.violations:
        yield f"  VIOLATION {violation.check} at {_clock(violation.at).strip()}: {violation.message}"


def _session(
    oracle: Oracle,
    session: SessionRow,
    story: list[tuple[float, str, str]],
    charges: dict[str, int],
) -> Iterator[str]:
    why = f": {session.stop_reason} by {session.stop_actor}" if session.stop_reason else ""
    yield f"Session {session.id} is {session.state}{why}"
    attempts = [row for row in oracle.book.attempts() if row.session_id == session.id]
    lines = [*_by_the_book(oracle, session), *_by_the_clouds(attempts, story)]
    for at, line in sorted(lines, key=lambda each: each[0]):
        yield f"  {_clock(at)}  {line}"
    for attempt in attempts:
        yield from _bill(oracle, attempt, charges)


def _by_the_book(oracle: Oracle, session: SessionRow) -> Iterator[tuple[float, str]]:
    for _, at, kind, actor, details in oracle.book.events(session.id):
        told = ", ".join(
            f"{name} {value}" for name, value in json.loads(details).items() if name != "label"
        )
        said = f"book   {kind.replace('_', ' ')}, by {actor}" + (f" ({told})" if told else "")
        yield _seconds(oracle, at), said


def _by_the_clouds(
    attempts: list[AttemptRow], story: list[tuple[float, str, str]]
) -> Iterator[tuple[float, str]]:
    """Yield what the clouds did with the session's instances, also with those that the house never heard of."""
    for at, subject, what in story:
        for attempt in attempts:
            known = attempt.instance_id is not None and attempt.instance_id in what
            if subject == attempt.provider and (known or attempt.label in what):
                yield at, f"cloud  {_plainly(what).removesuffix(attempt.label).rstrip()}"
                break


def _bill(oracle: Oracle, attempt: AttemptRow, charges: dict[str, int]) -> Iterator[str]:
    billed = "never billed"
    end, told = attempt.billing_ended_at, attempt.billed_from
    if told is not None or end is not None:
        until = "now" if end is None else _clock(_seconds(oracle, end)).strip()
        since = "its order" if told is None else _clock(_seconds(oracle, told)).strip()
        billed = f"{since} to {until} at {attempt.rate / 1e6:.4f} USD/h"
        billed += f" = {charges.get(attempt.id, 0) / 1e6:.6f} USD"
    proof = f", absence {attempt.proof}" if attempt.proof else ""
    because = f", unwanted: {attempt.unwanted_because}" if attempt.unwanted_because else ""
    yield f"  bill   attempt {attempt.number} ({attempt.state}{proof}{because}): {billed}"
    entry = oracle.entry_of(attempt)
    yield (
        "         cloud: there never was one"
        if entry is None
        else f"         cloud: {_truth(oracle, entry)}"
    )


def _others(oracle: Oracle) -> Iterator[str]:
    known = {row.label for row in oracle.book.attempts()}
    for cloud in oracle.clouds.values():
        for entry in cloud.ledger():
            if entry.name not in known:
                yield f"  {cloud.name}  {_truth(oracle, entry)}; {_whose(oracle, cloud, entry)}"


def _whose(oracle: Oracle, cloud: SimCloud, entry: LedgerEntry) -> str:
    if entry.id in oracle.facts[cloud.name].strays:
        return f"somebody else's, named {entry.name}"
    return f"ours by its label, {entry.name}" if oracle.is_ours(entry.name) else entry.name


def _truth(oracle: Oracle, entry: LedgerEntry) -> str:
    start = oracle.loop.start.timestamp()
    since = _clock(entry.billed_from - start).strip()
    end = "still there"
    if entry.ended_at is not None:
        end = f"{entry.end_reason} at {_clock(entry.ended_at - start).strip()}"
    return (
        f"{entry.id}, {entry.gpu_count} × {entry.gpu_name}, from {since}, {end},"
        f" at {entry.price_per_hour_micros / 1e6:.4f} USD/h = {entry.billed_micros / 1e6:.6f} USD,"
        f" told to destroy {entry.destroy_calls} times"
    )


def _plainly(what: str) -> str:
    first, space, rest = what.partition(" ")
    said = f"{_PLAINLY.get(first, first)}{space}{rest}"
    for jargon, word in _WORDS.items():
        said = said.replace(jargon, word)
    return said.strip()


def _charges(oracle: Oracle) -> dict[str, int]:
    sums: dict[str, int] = {}
    for attempt, _, _, _, amount in oracle.book.charges():
        sums[attempt] = sums.get(attempt, 0) + amount
    return sums


def _seconds(oracle: Oracle, micros: int) -> float:
    return (datetime.fromtimestamp(micros / 1e6, UTC) - oracle.loop.start).total_seconds()


def _clock(seconds: float) -> str:
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:4d}:{minutes:02d}:{left:06.3f}"
