"""Books that are full already, as a server finds them: rows that the schema takes, with genuine labels and tokens."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from gpu_shopper.domain.cost import CostEntry
from gpu_shopper.domain.ids import ConsumerId, InstanceId, ProviderName
from gpu_shopper.domain.label import LabelFacts, write_label
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.session import Session
from gpu_shopper.ports.books import Book, Deployment
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.key_file import load_or_create_key
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.stores.sqlite import SqliteBooks, open_books
from gpu_shopper.testing.builders import (
    HOUR,
    NOON,
    a_request,
    a_session,
    an_attempt,
    an_offer,
    heard,
)

T = TypeVar("T")

CONSUMERS = 20
_PIECE = 1000
_LATER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One session as it was written. `token` is its agent's."""

    session: Session
    attempt: LaunchAttempt
    token: str


def vault_of(data: Path) -> DeploymentVault:
    """Return the vault of the server that will run on this data folder."""
    chance = RealChance()
    return DeploymentVault(load_or_create_key(data / "deployment.key", chance), chance)


def open_book(data: Path) -> SqliteBooks:
    """Open the book of a data folder."""
    deployment = vault_of(data).deployment
    return open_books(data / "shopper.db", clock=RealClock(), deployment=deployment)


async def fill(
    books: SqliteBooks,
    vault: DeploymentVault,
    *,
    count: int,
    state: State,
    providers: Sequence[str] = ("sandbox",),
) -> list[Row]:
    """Write so many sessions in one state, each with its one attempt, an event or two, and an hour's cost.

    Those that run do so since a few minutes ago, were heard from just now, and are not due within the hour.
    """
    deployment = await books.read(lambda book: book.deployment())
    now = RealClock().now()
    rows = [
        _row(
            number,
            state,
            vault,
            deployment,
            provider=ProviderName(providers[number % len(providers)]),
            now=now,
        )
        for number in range(1, count + 1)
    ]
    for start in range(0, count, _PIECE):
        piece = rows[start : start + _PIECE]
        await books.write(lambda book, piece=piece: _write(book, piece))  # type: ignore[misc]
    return rows


def filled(data: Path, *, count: int, state: State) -> list[Row]:
    """Make the book of a data folder, fill it and close it, for a server to open."""

    async def work() -> list[Row]:
        books = open_book(data)
        try:
            return await fill(books, vault_of(data), count=count, state=state)
        finally:
            await books.aclose()

    return asyncio.run(work())


def _row(
    number: int,
    state: State,
    vault: DeploymentVault,
    deployment: Deployment,
    *,
    provider: ProviderName,
    now: datetime,
) -> Row:
    since = now - timedelta(minutes=5, milliseconds=number) - NOON
    ended = state is State.STOPPED
    request = a_request(consumer_id=ConsumerId(f"consumer-{number % CONSUMERS}"))
    session = a_session(state, number=number, request=request)
    bound = AttemptState.CLOSED if ended else AttemptState.BOUND
    attempt = an_attempt(bound, session=session, offer=an_offer(f"o{number}", provider=provider))
    session, attempt = _moved(session, since), _moved(attempt, since)
    facts = LabelFacts(
        deployment=deployment.id,
        session=session.id,
        number=attempt.number,
        expires_at=attempt.expires_at,
    )
    label = write_label(facts, key=vault.label_key)
    token = vault.agent_token(label).text
    attempt = replace(
        attempt,
        label=label,
        token_hash=vault.hash_token(token),
        instance_id=InstanceId(f"i-{number}"),
        heard=heard(now),
        next_action_at=None if ended else now + _LATER,
    )
    session = replace(session, next_action_at=None if ended else now + _LATER)
    return Row(session=session, attempt=attempt, token=token)


def _moved(thing: T, by: timedelta) -> T:
    """Return a value with every time in it shifted."""
    if isinstance(thing, datetime):
        return thing + by  # type: ignore[return-value]
    if not is_dataclass(thing) or isinstance(thing, type):
        return thing
    changes: dict[str, Any] = {
        each.name: _moved(getattr(thing, each.name), by) for each in fields(thing)
    }
    return replace(thing, **changes)


def _write(book: Book, rows: Sequence[Row]) -> None:
    for row in rows:
        session, attempt = row.session, row.attempt
        book.sessions.add(session)
        book.launches.add(attempt)
        for kind in ("requested", "launch_intended", "heard_from"):
            book.events.add(
                session.id,
                at=session.created_at,
                kind=kind,
                actor="engine",
                details={"attempt": "1", "instance": str(attempt.instance_id)},
            )
    if rows[0].session.ended:
        book.costs.add(_entry(row) for row in rows)


def _entry(row: Row) -> CostEntry:
    session, attempt = row.session, row.attempt
    assert attempt.billed_from is not None, attempt.id
    return CostEntry(
        attempt_id=attempt.id,
        session_id=session.id,
        consumer_id=session.consumer_id,
        provider=attempt.provider,
        gpu_type=attempt.offer.gpu_type,
        begins_at=attempt.billed_from,
        ends_at=attempt.billed_from + HOUR,
        rate=attempt.rate,
        amount=Money(attempt.rate.micros),
    )
