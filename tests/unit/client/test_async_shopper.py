"""The same promises, kept for asynchronous programs."""

import asyncio

import pytest

from gpu_shopper.client import (
    AsyncShopper,
    NotFound,
    ServerUnreachable,
)
from tests.unit.client.fake_server import (
    CUT,
    HEAD_ONLY,
    LOST,
    FakeServer,
    fit_body,
    history_body,
    key_folders,
)


def test_asynchronously_it_is_the_same(server: FakeServer, pauses, own_tmp) -> None:
    async def story() -> str:
        async with AsyncShopper(server.url, surroundings=pauses.surroundings()) as shopper:
            server.answers["GET", "/api/v1/fit"] = (200, fit_body())
            server.answers["GET", "/api/v1/inventory/history"] = (200, history_body())
            server.faults = [LOST]
            page = await shopper.inventory(gpu_type="RTX 4090", max_price=1)
            assert 3 == page.total
            held = await shopper.inventory_unless("", gpu_type="RTX 4090")
            assert held is not None
            assert None is await shopper.inventory_unless(held.name, gpu_type="RTX 4090")
            assert 4 == (await shopper.fit("llama-3.1-70b", quant="awq")).total
            assert 0 == (await shopper.price_history(gpu_type="H100", hours=24)).count
            with pytest.raises(RuntimeError):
                async with shopper.session(gpu="RTX 4090") as session:
                    assert session.login.key_file is not None
                    raise RuntimeError
            seen = [each.status async for each in shopper.watch("ses_1")]
            assert ["ses_1"] == [each.id async for each in shopper.sessions()]
            with pytest.raises(NotFound):
                await shopper.get("ses_2")
            return seen[-1]

    assert "stopped" == asyncio.run(story())
    assert [] == key_folders(own_tmp)


def test_a_cancelled_task_ends_its_session(server: FakeServer, own_tmp) -> None:
    server.journey = ["provisioning"]

    async def story() -> None:
        async with AsyncShopper(server.url) as shopper:

            async def rent() -> None:
                async with shopper.session(gpu="RTX 4090"):
                    pytest.fail("the block must not be entered")

            task = asyncio.create_task(rent())
            created = await asyncio.to_thread(server.first_session.wait, 10)
            assert created
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(story())

    assert "stopping" == server.sessions["ses_1"]["status"]
    assert [] == key_folders(own_tmp)


def test_asynchronously_no_server_is_the_same_error(pauses) -> None:
    async def story() -> None:
        async with AsyncShopper(
            "http://127.0.0.1:1", surroundings=pauses.surroundings()
        ) as shopper:
            await shopper.health()

    with pytest.raises(ServerUnreachable) as error:
        asyncio.run(story())

    assert not error.value.sent


@pytest.mark.parametrize("fault", [CUT, HEAD_ONLY])
def test_a_reply_that_is_cut_short_is_a_lost_one(server: FakeServer, pauses, fault: str) -> None:
    async def story() -> str:
        async with AsyncShopper(server.url, surroundings=pauses.surroundings()) as shopper:
            server.faults = [fault]
            return (await shopper.create_session(gpu="RTX 4090")).session.id

    assert "ses_1" == asyncio.run(story())
    assert 2 == server.times("POST", "/api/v1/sessions")
