"""The adapter of RunPod against the contract of all clouds, over its simulator."""

import asyncio
import math

import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.runpod import MANIFEST
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.runpod import Runpod, build
from tests.contract.vendor_rig import Rewriting, VendorUnderTest, changed


def _is_listing(request: HttpRequest) -> bool:
    return request.method == "GET" and "/v2/pods?" in request.url


def _spoil_a_row(page: dict) -> None:
    page["pods"][0]["id"] = 7


def _fail_later(page: dict) -> int | None:
    return 503 if page.get("pagination", {}).get("nextCursor") is None else None


class RunpodUnderTest(VendorUnderTest):
    manifest = MANIFEST
    build = staticmethod(build)
    page_size = 8
    vendor: Runpod

    def __init__(self) -> None:
        super().__init__()
        self.vendor.page = self.page_size
        self.vendor.spend_cap = math.inf

    def order(self, number: int) -> LaunchOrder:
        # Pods take no start-up script: who sends one is refused.
        return changed(super().order(number), on_start="")

    def faults(self) -> dict[Misdeed, NoFaults]:
        return {
            Misdeed.SENDS_BAD_ROWS: Rewriting(_is_listing, _spoil_a_row),
            Misdeed.FAILS_LATER_PAGES: Rewriting(_is_listing, _fail_later),
        }


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check) -> None:
    try:
        asyncio.run(check(RunpodUnderTest()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")
