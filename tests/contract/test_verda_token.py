"""The token that Verda is asked with: fetched once, renewed in time, and in nobody's way."""

import asyncio
import logging
from dataclasses import replace

import pytest

from gpu_shopper.ports.http import HttpRequest, NoAnswer
from gpu_shopper.ports.provider_errors import Unauthorized
from gpu_shopper.testing.model_door import NoFaults
from tests.contract.test_verda_contract import VerdaUnderTest
from tests.contract.test_verda_traps import tried
from tests.contract.vendor_rig import KEY


def logins(cloud: VerdaUnderTest) -> int:
    return sum(asked.path == "/v1/oauth2/token" for asked in cloud.door.heard)


def test_a_token_is_fetched_once_and_renewed_before_it_ends() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        await asyncio.gather(*(cloud.provider.balance() for _ in range(5)))
        assert logins(cloud) == 1
        await cloud.pass_time(3600 - 50)
        await cloud.provider.balance()
        assert logins(cloud) == 2
        assert all(
            asked.headers.get("authorization", "").startswith("Bearer ")
            for asked in cloud.door.heard
            if asked.path != "/v1/oauth2/token"
        )

    tried(act)


def test_a_token_that_ends_before_its_time_is_replaced_once() -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        await cloud.provider.balance()
        cloud.vendor.revoke_tokens()
        bought = await cloud.provider.launch(replace(cloud.order(0), ssh_public_keys=()))
        assert cloud.held() == {bought.id}
        assert logins(cloud) == 2

    tried(act)


def test_a_login_that_hangs_holds_up_no_destroy_while_the_old_token_holds() -> None:
    class Hangs(NoFaults):
        async def before_effect(self, request: HttpRequest) -> HttpRequest:
            if request.url.endswith("/token"):
                await cloud.clock.sleep(request.timeout)
                raise NoAnswer("there is no answer")
            return request

    cloud = VerdaUnderTest()

    async def act(cloud: VerdaUnderTest) -> None:
        bought = await cloud.provider.launch(cloud.order(0))
        await cloud.pass_time(3600 - 50)
        cloud.door.faults = Hangs()
        await cloud.cut_off(lambda: cloud.provider.destroy(bought.id), seconds=30)
        assert not cloud.held()

    tried(act, cloud)


def test_a_wrong_secret_is_unauthorized_and_stands_in_no_message_and_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def act(cloud: VerdaUnderTest) -> None:
        cloud.vendor.key = "another"
        cloud.vendor.revoke_tokens()
        with pytest.raises(Unauthorized) as raised:
            await cloud.provider.balance()
        assert KEY not in str(raised.value)

    with caplog.at_level(logging.DEBUG):
        cloud = tried(act)
    assert KEY not in caplog.text
    for asked in cloud.door.heard:
        assert KEY not in asked.path
        assert KEY not in str(asked.query)
        assert asked.path == "/v1/oauth2/token" or KEY.encode() not in asked.raw
