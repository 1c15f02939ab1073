"""The adapter of Prime Intellect against the contract of all clouds, over its simulator."""

import asyncio

import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.prime import MANIFEST
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.prime import build
from tests.contract.vendor_rig import Rewriting, VendorUnderTest, changed


def _is_listing(request: HttpRequest) -> bool:
    return "/api/v1/pods?" in request.url


def _spoil_a_row(page: dict) -> None:
    page["data"][0]["id"] = 7


def _drop_a_row(page: dict) -> None:
    page["data"].pop()


def _fail_later(page: dict) -> int | None:
    return 503 if page["offset"] else None


class PrimeUnderTest(VendorUnderTest):
    manifest = MANIFEST
    build = staticmethod(build)

    def __init__(self) -> None:
        super().__init__()
        # It may show less than it is asked for.
        self.vendor.page = self.page_size

    def order(self, number: int) -> LaunchOrder:
        # It takes neither a script nor variables: both are brought over SSH.
        return changed(super().order(number), on_start="", env={})

    def faults(self) -> dict[Misdeed, NoFaults]:
        return {
            Misdeed.SENDS_BAD_ROWS: Rewriting(_is_listing, _spoil_a_row),
            Misdeed.DROPS_ROWS: Rewriting(_is_listing, _drop_a_row),
            Misdeed.FAILS_LATER_PAGES: Rewriting(_is_listing, _fail_later),
        }


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check) -> None:
    try:
        asyncio.run(check(PrimeUnderTest()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")
