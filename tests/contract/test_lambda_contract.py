"""The adapter of Lambda Cloud against the contract of all clouds, over its simulator."""

import asyncio

import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.providers.lambda_cloud import MANIFEST
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.lambda_cloud import build
from tests.contract.vendor_rig import Rewriting, VendorUnderTest


def _is_listing(request: HttpRequest) -> bool:
    return request.url.endswith("/api/v1/instances")


def _spoil_a_row(answer: dict) -> None:
    answer["data"][0]["id"] = 7


class LambdaUnderTest(VendorUnderTest):
    """Its listing has neither pages nor a count, so that a row that is missing cannot be told."""

    manifest = MANIFEST
    build = staticmethod(build)

    def __init__(self) -> None:
        super().__init__()
        # That the engine keeps the pace of launches is another's trial; here they may overlap.
        self.vendor.launch_spacing_s = 0.0

    def faults(self) -> dict[Misdeed, NoFaults]:
        return {Misdeed.SENDS_BAD_ROWS: Rewriting(_is_listing, _spoil_a_row)}


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check) -> None:
    try:
        asyncio.run(check(LambdaUnderTest()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")
