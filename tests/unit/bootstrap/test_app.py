"""Putting the server together: no cloud at which something is owed is forgotten."""

import asyncio

import pytest

from gpu_shopper.bootstrap.app import StartRefused, build
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.settings import Settings
from tests.unit.stores import arrange
from tests.unit.stores.arrange import a_session, an_attempt

SANDBOX = {"sandbox": {"url": "http://127.0.0.1:9", "key": "k"}}
AT_THE_SANDBOX = {"provider": ProviderName("sandbox")}


def life(folder, providers, *attempts) -> str:
    """Build a server, let it write what it owes, close it; return whose the book is."""

    async def live() -> str:
        settings = Settings(data_dir=folder, database=folder / "shopper.db")
        app = await build(settings, providers=providers, public_url=None)
        try:
            if attempts:
                await app.books.write(lambda book: book.sessions.add(a_session()))
            for attempt in attempts:
                await app.books.write(lambda book, one=attempt: book.launches.add(one))
        finally:
            await app.stop()
        return app.deployment

    return asyncio.run(live())


@pytest.mark.parametrize("state", [arrange.BOUND, arrange.CLOSING, {}])
def test_a_server_does_not_start_without_a_cloud_at_which_something_is_owed(tmp_path, state):
    owed = an_attempt(1, **state | AT_THE_SANDBOX)
    ours = life(tmp_path, SANDBOX, owed)

    with pytest.raises(StartRefused) as caught:
        life(tmp_path, {})

    assert "1 open obligations at sandbox" in caught.value.message
    assert "configure that cloud again" in str(caught.value.hint)
    # Nothing of the refused start stands in the way of one with the cloud.
    assert ours == life(tmp_path, SANDBOX)


@pytest.mark.parametrize("state", [arrange.CLOSED, arrange.REJECTED])
def test_a_cloud_at_which_nothing_is_owed_may_go(tmp_path, state):
    ours = life(tmp_path, SANDBOX, an_attempt(1, **state | AT_THE_SANDBOX))

    assert ours == life(tmp_path, {})
