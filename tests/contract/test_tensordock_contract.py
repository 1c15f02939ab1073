"""The adapter of TensorDock against the contract of all clouds, over its simulator."""

import asyncio

import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.providers.tensordock import MANIFEST
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.tensordock import build
from tests.contract.vendor_rig import Rewriting, VendorUnderTest


def _is_listing(request: HttpRequest) -> bool:
    return request.method == "GET" and request.url.endswith("/instances")


def _spoil_a_row(answer: dict) -> None:
    rows = answer["data"]
    if isinstance(rows, dict):
        rows = rows.get("instances") or rows["attributes"]["instances"]
    rows[0]["id"] = 7


class TensordockUnderTest(VendorUnderTest):
    """Its listing has neither pages nor a count, so that a row that is missing cannot be told."""

    manifest = MANIFEST
    build = staticmethod(build)
    list_shape = "documented"

    def __init__(self) -> None:
        super().__init__()
        self.vendor.list_shape = self.list_shape

    def faults(self) -> dict[Misdeed, NoFaults]:
        return {Misdeed.SENDS_BAD_ROWS: Rewriting(_is_listing, _spoil_a_row)}


class FlatUnderTest(TensordockUnderTest):
    list_shape = "flat"


class EnvelopedUnderTest(TensordockUnderTest):
    list_shape = "enveloped"


@pytest.mark.parametrize(
    "kind",
    [TensordockUnderTest, FlatUnderTest, EnvelopedUnderTest],
    ids=lambda kind: kind.list_shape,
)
@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check, kind: type[TensordockUnderTest]) -> None:
    try:
        asyncio.run(check(kind()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")
