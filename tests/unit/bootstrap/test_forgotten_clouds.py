"""A server does not start without a cloud at which something of ours may still run."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gpu_shopper.bootstrap.app import KEY_FILE, StartRefused, build
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.ports.books import Book
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.key_file import load_or_create_key
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.settings import Settings
from gpu_shopper.stores.sqlite import open_books
from gpu_shopper.testing.builders import a_session, an_attempt

SANDBOX = {"sandbox": {"url": "http://127.0.0.1:9", "key": "k" * 16}}


def settings_in(folder: Path) -> Settings:
    return Settings(data_dir=folder, database=folder / "shopper.db")


async def leave(settings: Settings, state: AttemptState) -> None:
    """Leave a session and an attempt at a cloud that will not be configured any more."""
    key = load_or_create_key(settings.data_dir / KEY_FILE, RealChance())
    vault = DeploymentVault(key, RealChance())
    books = open_books(settings.database, clock=RealClock(), deployment=vault.deployment)
    over = state in {AttemptState.CLOSED, AttemptState.REJECTED}
    session = a_session(State.STOPPED if over else State.PROVISIONING)
    attempt = an_attempt(state, session=session, provider=ProviderName("cumulus"))

    def write(book: Book) -> None:
        book.sessions.add(session)
        book.launches.add(attempt)

    await books.write(write)
    await books.aclose()


@pytest.mark.parametrize(
    "state",
    [AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.BOUND, AttemptState.CLOSING],
)
def test_a_start_without_a_cloud_where_something_is_owed_is_refused(
    tmp_path: Path, state: AttemptState
) -> None:
    settings = settings_in(tmp_path)
    asyncio.run(leave(settings, state))

    for _ in range(2):
        # The second time shows that the first has given the book back.
        with pytest.raises(StartRefused, match="1 open obligations at cumulus"):
            asyncio.run(build(settings, providers=SANDBOX, public_url=None))


def test_what_cannot_be_read_is_owed_as_well(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    asyncio.run(leave(settings, AttemptState.BOUND))
    with closing(sqlite3.connect(settings.database)) as raw:
        raw.execute("UPDATE attempts SET absence = '{'")
        raw.commit()

    with pytest.raises(StartRefused, match="1 open obligations at cumulus"):
        asyncio.run(build(settings, providers=SANDBOX, public_url=None))


def test_a_double_is_owed_as_well(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    asyncio.run(leave(settings, AttemptState.CLOSED))
    row = ("cumulus", "i-2", "gs1-1-1", "a double", 0, 0, 1, 0)
    names = (
        "provider, instance_id, label, because, since, billed_from, destroy_tries, gone_listings"
    )
    with closing(sqlite3.connect(settings.database)) as raw:
        raw.execute(f"INSERT INTO surplus ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        raw.commit()

    with pytest.raises(StartRefused, match="1 open obligations at cumulus"):
        asyncio.run(build(settings, providers=SANDBOX, public_url=None))


@pytest.mark.parametrize("state", [AttemptState.CLOSED, AttemptState.REJECTED])
def test_a_cloud_where_nothing_is_owed_any_more_may_go(tmp_path: Path, state: AttemptState) -> None:
    settings = settings_in(tmp_path)
    asyncio.run(leave(settings, state))

    async def start_and_stop() -> None:
        app = await build(settings, providers=SANDBOX, public_url=None)
        await app.stop()

    asyncio.run(start_and_stop())
