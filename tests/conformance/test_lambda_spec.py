"""Lambda Cloud's OpenAPI document against our simulator: every answer of a whole life, good and bad, is as it says; and so is what we send.

The document is somebody else's and stands beside this repository, if at all.
"""

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema_rs
import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.providers.lambda_cloud import MANIFEST
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.model_door import NoFaults, target_of
from gpu_shopper.testing.vendors.door import VendorDoor
from gpu_shopper.testing.vendors.lambda_cloud import LambdaCloud, build
from gpu_shopper.testing.vendors.lambda_words import ERRORS
from tests.conformance.foreign import KEY, order_of, run, simulated
from tests.contract.vendor_rig import StillClock

SPEC = Path(__file__).resolve().parents[3] / "shared" / "specs" / "lambda-openapi.json"
# The document names no answer for these.
_UNTOLD = {429, 500, 503, 504}
ANSWERED = {
    "listInstanceTypes", "listInstances", "getInstance", "launchInstance", "terminateInstance", "restartInstance",
    "postInstance", "listSSHKeys", "addSSHKey", "deleteSSHKey", "listImages", "listRegions", "listFilesystems",
}  # fmt: skip


@pytest.fixture(scope="module")
def spec() -> Mapping[str, Any]:
    if not SPEC.exists():
        pytest.skip("the OpenAPI document of Lambda Cloud is not here")
    return json.loads(SPEC.read_text(encoding="utf-8"))


def operation(spec: Mapping[str, Any], method: str, path: str) -> Mapping[str, Any]:
    """Return what the document says of a request."""
    for template, methods in spec["paths"].items():
        parts, given = template.split("/"), path.split("/")
        same = len(parts) == len(given) and all(
            one == other or one.startswith("{") for one, other in zip(parts, given, strict=True)
        )
        if same and method.lower() in methods and not ("{" in template and path in spec["paths"]):
            return methods[method.lower()]
    raise AssertionError(f"the document knows no {method} {path}")


def check(spec: Mapping[str, Any], schema: Mapping[str, Any], value: object, where: str) -> None:
    validator = jsonschema_rs.validator_for({**schema, "components": spec["components"]})
    found = [f"{where}: {error.instance_path}: {error.message}" for error in validator.iter_errors(value)]  # fmt: skip
    assert not found, found


class Witness(NoFaults):
    """Holds every request and every answer against the document, and counts them."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self.seen: dict[tuple[str, int], int] = {}

    async def after_effect(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        path = target_of(request.url).path
        told = operation(self._spec, request.method, path)
        where = f"{request.method} {path} {reply.status}"
        if request.body:
            body = told["requestBody"]["content"]["application/json"]["schema"]
            check(self._spec, body, json.loads(request.body), f"{where} (asked)")
        name = told["operationId"]
        self.seen[name, reply.status] = self.seen.get((name, reply.status), 0) + 1
        if reply.status not in _UNTOLD:
            answer = told["responses"][str(reply.status)]["content"]["application/json"]["schema"]
            check(self._spec, answer, json.loads(reply.body), where)
        return reply


def test_a_whole_life_is_as_the_document_has_it(spec: Mapping[str, Any]) -> None:
    witness = Witness(spec)

    async def live() -> None:
        clock = StillClock()
        vendor = build(
            key=KEY, seed=1, offers=80, config=ModelConfig(hosts_itself=True), chance=random.Random(1)
        )  # fmt: skip
        door = VendorDoor(vendor, clock, faults=witness)
        given = with_defaults(MANIFEST, {"key": KEY, "url": "http://vendor.test"})
        cloud = MANIFEST.connect(given, door, clock)
        offers = (await cloud.list_offers()).offers
        order = order_of(offers[0], image="lambda-stack-24-04", disk_gb=None)
        bought = await cloud.launch(order)
        for _ in range(8):
            await cloud.observe(bought.id)
            await cloud.list_all()
            await clock.sleep(2)
        await refusals(cloud, vendor, offers, clock)
        await cloud.destroy(bought.id)
        await cloud.list_all()
        await clock.sleep(60)
        await cloud.destroy(bought.id)
        assert await cloud.observe(bought.id) is None
        assert vendor.leftovers() == {"ssh_keys": 0}

    asyncio.run(live())

    assert {name for name, status in witness.seen if status == 200} == {
        "listInstanceTypes", "launchInstance", "getInstance", "listInstances", "terminateInstance",
        "addSSHKey", "listSSHKeys", "deleteSSHKey",
    }  # fmt: skip
    bad = {(name, status) for name, status in witness.seen if status != 200}
    assert {
        ("launchInstance", 400), ("launchInstance", 401), ("launchInstance", 404), ("terminateInstance", 404),
        ("getInstance", 404), ("listInstances", 401), ("addSSHKey", 400),
    } <= bad  # fmt: skip


async def refusals(cloud: Any, vendor: LambdaCloud, offers: Any, clock: StillClock) -> None:
    """Let the cloud say no in each of its ways."""
    for number, (rule, changes) in enumerate(
        (
            ("no_capacity", {}),
            ("no_balance", {}),
            ("unauthorized", {}),
            (None, {"image": "no-such-image"}),
            (None, {"ssh_public_keys": ("none",)}),
        ),
        start=1,
    ):
        await clock.sleep(60)
        vendor.model.misbehave([] if rule is None else [{"kind": rule}])
        given = {"label": Label(f"gs1-no-{number}"), "image": None, "disk_gb": None, **changes}
        with pytest.raises(ProviderError):
            await cloud.launch(order_of(offers[number], **given))
        vendor.model.behave()
    vendor.key = "another"
    with pytest.raises(ProviderError):
        await cloud.list_all()
    vendor.key = KEY


def test_every_error_of_the_simulator_is_one_that_the_document_has(spec: Mapping[str, Any]) -> None:
    told = json.dumps(spec)
    words = {code for status, code, _ in ERRORS.values() if status not in _UNTOLD}
    # Seen by others in the field, and not in the document.
    assert {code for code in words if f'"{code}"' not in told} == {"global/unknown"}


def test_what_may_be_asked_by_the_document_is_answered_by_it(spec: Mapping[str, Any]) -> None:
    """Hundreds of requests, sound and unsound, made from the document by somebody else's tool."""
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        pytest.skip("schemathesis is not installed")
    asked = {name for one in spec["paths"].values() for name in _operations(one)} & ANSWERED
    assert asked == ANSWERED
    with simulated(build) as there, TemporaryDirectory() as home:
        said = run(
            [
                program, "run", SPEC, "--url", there.url, "-H", f"Authorization: Bearer {KEY}",
                *(word for name in sorted(asked) for word in ("--include-operation-id", name)),
                "--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", "1", "--no-color",
                # A method that a path lacks is told as a path that is not there; and a key must be one, which the document leaves open.
                "--exclude-checks", "unsupported_method,positive_data_acceptance",
            ],
            home=Path(home),
            env={},
        )  # fmt: skip
        assert said.returncode == 0, said.stdout[-4000:]
        assert len(there.heard) > 200


def _operations(methods: Mapping[str, Any]) -> list[str]:
    return [told["operationId"] for told in methods.values() if "operationId" in told]
