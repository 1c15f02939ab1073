"""RunPod's own description of its API against our simulator of it, and against what our adapter sends."""

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gpu_shopper.ports.billing import TellsBills
from gpu_shopper.providers.runpod import MANIFEST
from gpu_shopper.testing.vendors.runpod import build
from gpu_shopper.testing.vendors.runpod_bill import billed
from gpu_shopper.testing.vendors.vendor import VendorRequest
from tests.conformance.foreign import KEY, LABEL, TOP, order_of, simulated, with_ours

_BESIDE = TOP.parent / "shared" / "specs" / "runpod-v2-openapi.json"
SPEC = Path(os.environ.get("RUNPOD_OPENAPI", _BESIDE))
PROGRAM = TOP / ".venv" / "bin" / "schemathesis"
OPERATIONS = (
    "listGpuTypes", "getGpuType", "listPods", "createPod", "getPod", "updatePod", "deletePod", "podAction",
    "getSshKeys", "updateSshKeys",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason=f"no description of the API at {SPEC}")


def test_what_the_simulator_answers_is_what_the_description_promises(tmp_path: Path) -> None:
    if not PROGRAM.exists():
        pytest.skip("schemathesis is not installed")
    chosen = [word for name in OPERATIONS for word in ("--include-operation-id", name)]
    # All pools, so that the description's own examples can be bought.
    with simulated(build, offers=3000) as there:
        said = subprocess.run(
            [
                PROGRAM, "run", SPEC, "--url", there.url, "-H", f"Authorization: Bearer {KEY}", *chosen,
                "--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1",
                # What is right by the schema may still be a GPU that nobody has.
                "--exclude-checks", "positive_data_acceptance",
                "--continue-on-failure", "--warnings", "off", "--no-color",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        bought = len(there.vendor.model.ledger(time.time()))

    assert said.returncode == 0, said.stdout
    assert f"{len(OPERATIONS)} selected" in said.stdout
    assert bought, "nothing was bought, so nothing of pods was seen"


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return json.loads(SPEC.read_text(encoding="utf-8"))


def operation_of(spec: dict[str, Any], request: VendorRequest) -> dict[str, Any]:
    """Return what the description says of a request."""
    path = request.path
    if path not in spec["paths"]:
        path = path.rpartition("/")[0] + "/{id}"
    return spec["paths"][path][request.method.lower()]


def faults_of(spec: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    whole = jsonschema_rs.Draft202012Validator({**schema, "components": spec["components"]})
    return [error.message for error in whole.iter_errors(value)]


def resolved(spec: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    name = found.get("$ref")
    return found if name is None else spec["components"]["parameters"][name.rpartition("/")[2]]


def read_parameter(parameter: dict[str, Any], text: str) -> object:
    """Return a parameter as its schema means it."""
    kind = parameter["schema"].get("type")
    if kind == "array":
        return text.split(",")
    return text if kind in {"string", None} else json.loads(text)


def faults(spec: dict[str, Any], request: VendorRequest) -> list[str]:
    """Return what of a request the description does not allow."""
    operation = operation_of(spec, request)
    known = {
        one["name"]: one for one in (resolved(spec, p) for p in operation.get("parameters", ()))
    }
    found = [f"unknown parameter {name}" for name in set(request.query) - set(known)]
    for name, text in request.query.items():
        value = read_parameter(known[name], text)
        found += faults_of(spec, known[name]["schema"], value)
    body = operation.get("requestBody")
    if body is None:
        return [*found, *(["a body where none belongs"] if request.raw else [])]
    return found + faults_of(spec, body["content"]["application/json"]["schema"], request.body)


def test_what_the_adapter_asks_is_what_the_description_allows(spec: dict[str, Any]) -> None:
    with simulated(build) as there:

        async def life(cloud) -> None:
            offer = (await cloud.list_offers()).offers[0]
            bought = await cloud.launch(order_of(offer, on_start=""))
            await cloud.find(LABEL)
            await cloud.observe(bought.id)
            await cloud.destroy(bought.id)
            assert isinstance(cloud, TellsBills)
            assert await cloud.bills(bought.id, since=datetime.now(UTC))
            for changes in ({"image": None, "disk_gb": None}, {"exposed_ports": (8888,)}):
                bought = await cloud.launch(order_of(offer, on_start="", **changes))
                await cloud.destroy(bought.id)

        with_ours(MANIFEST, there.url, life, community="false")
        bill = billed({}, there.vendor.model.ledger(time.time()), now=time.time())

    asked = {f"{one.method} {operation_of(spec, one)['operationId']}" for one in there.heard}
    assert asked == {
        "GET listGpuTypes",
        "POST createPod",
        "GET listPods",
        "GET getPod",
        "DELETE deletePod",
        "GET listPodBilling",
    }
    assert [(one.path, found) for one in there.heard if (found := faults(spec, one))] == []
    assert faults_of(spec, {"$ref": "#/components/schemas/ListPodBillingResponse"}, bill) == []


def test_a_request_that_the_description_does_not_allow_is_told(spec: dict[str, Any]) -> None:
    body = {"name": "x", "image": "y", "gpu": {"id": "z", "count": 0}, "terminateAfter": "now"}

    wrong = VendorRequest(method="POST", path="/v2/pods", body=body, raw=b"{}")

    assert len(faults(spec, wrong)) >= 2
