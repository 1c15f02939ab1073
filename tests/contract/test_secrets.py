"""No cloud's adapter lets a key out: not in an address, and not in an error, even where the cloud repeats it."""

import asyncio
import pkgutil
from collections.abc import Awaitable, Callable
from importlib import import_module
from itertools import product

import msgspec
import pytest

import tests.contract
from gpu_shopper.bootstrap.clouds import connect, installed
from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.testing.model_door import NoFaults
from tests.contract.vendor_rig import VendorUnderTest

SANDBOX = ProviderName("sandbox")
# A create may be preceded by requests for keys and security groups.
BEFORE_CREATE = range(8)
ECHOED = (400, 401, 402, 403, 404, 409, 422, 429, 500)


def _rigs() -> dict[ProviderName, type[VendorUnderTest]]:
    for module in pkgutil.iter_modules(tests.contract.__path__):
        if module.name.endswith("_contract"):
            import_module(f"tests.contract.{module.name}")
    return {rig.manifest.name: rig for rig in VendorUnderTest.__subclasses__()}


RIGS = _rigs()


class Echo(NoFaults):
    """Answers with errors that repeat the secret in all of their texts, in the cloud's own form; the first requests pass."""

    def __init__(self, status: int, secret: str, *, passing: int = 0, nested: bool = False) -> None:
        self._status = status
        self._secret = secret
        self._passing = passing
        self._nested = nested

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        self._passing -= 1
        if self._passing >= 0:
            return reply
        headers = {**reply.headers, "retry-after": "1"}
        body = reply.body
        if body.lstrip()[:1] == b"<":
            code = f"<Code>Odd</Code><Message>no {self._secret}</Message>"
            body = f"<Response><Errors><Error>{code}</Error></Errors></Response>".encode()
        else:
            text = f"no {self._secret}"
            names = ("message", "msg", "detail", "title", "error_reason", "error_description")
            said = dict.fromkeys(names, text) | {"code": "odd"}
            error = said if self._nested else text
            body = msgspec.json.encode({**said, "error": error, "errors": [said]})
        return HttpReply(status=self._status, headers=headers, body=body)


def _rig(cloud: ProviderName) -> tuple[VendorUnderTest, CloudProvider, list[str]]:
    """Return a cloud as the service connects it, and its secrets."""
    rig = RIGS[cloud]()
    given = {"key": "account-key", "url": "http://vendor.test", **rig.settings}
    known = {spec.name for spec in rig.manifest.settings}
    given = {name: value for name, value in given.items() if name in known}
    clouds = connect({cloud: rig.manifest}, {cloud: given}, door=rig.door, clock=rig.clock)
    secrets = [
        given[spec.name] for spec in rig.manifest.settings if spec.secret and spec.name in given
    ]
    return rig, clouds[cloud], secrets


async def _told(act: Callable[[], Awaitable[object]]) -> str:
    """Return all that an error says, with those that it came from."""
    try:
        await act()
    except ProviderError as error:
        texts, cause = [], error
        while cause is not None:
            texts += [str(cause), repr(cause.__dict__)]
            cause = cause.__cause__ or cause.__context__
        return " ".join(texts)
    return ""


def test_each_cloud_but_the_sandbox_is_tried_here() -> None:
    assert set(RIGS) == set(installed()) - {SANDBOX}


@pytest.mark.parametrize("cloud", sorted(RIGS))
def test_addresses_hold_no_secret(cloud: ProviderName) -> None:
    rig, provider, secrets = _rig(cloud)

    async def live() -> None:
        await provider.list_offers()
        bought = await provider.launch(rig.order(0))
        await provider.find(Label("gs1-test-0000"))
        await provider.list_all()
        await provider.observe(bought.id)
        await provider.balance()
        await provider.destroy(bought.id)

    asyncio.run(live())
    addresses = [f"{heard.path}?{heard.query}" for heard in rig.door.heard]
    assert secrets
    assert addresses
    assert not [one for one in addresses for secret in secrets if secret in one]


@pytest.mark.parametrize("cloud", sorted(RIGS))
def test_errors_hold_no_secret_even_if_the_cloud_repeats_it(cloud: ProviderName) -> None:
    rig, provider, secrets = _rig(cloud)
    acts: list[Callable[[], Awaitable[object]]] = [
        provider.list_offers,
        lambda: provider.launch(rig.order(0)),
        lambda: provider.find(Label("gs1-test-0000")),
        provider.list_all,
        lambda: provider.observe(InstanceId("1")),
        lambda: provider.destroy(InstanceId("1")),
        provider.balance,
    ]

    async def fail() -> list[str]:
        told = []
        for secret in secrets:
            for status in ECHOED:
                rig.door.faults = Echo(status, secret)
                told += [await _told(act) for act in acts]
            for number, (nested, passing) in enumerate(product((False, True), BEFORE_CREATE)):
                rig.door.faults = Echo(400, secret, passing=passing, nested=nested)
                told.append(await _told(lambda: provider.launch(rig.order(number))))  # noqa: B023
        return told

    told = asyncio.run(fail())
    assert any("[hidden]" in text for text in told), "no error told what the cloud said"
    assert not [text for text in told for secret in secrets if secret in text]
