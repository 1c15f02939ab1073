"""The adapter of Vast.ai against the contract of all clouds, over its simulator."""

import asyncio

import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.providers.vast import MANIFEST
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.vast import PAGE, build
from tests.contract.vendor_rig import Rewriting, VendorUnderTest


def _is_listing(request: HttpRequest) -> bool:
    return "/api/v1/instances/" in request.url


def _spoil_a_row(page: dict) -> None:
    page["instances"][0]["id"] = "seven"


def _drop_a_row(page: dict) -> None:
    page["instances"].pop()


def _fail_later(page: dict) -> int | None:
    return 503 if page["next_token"] is None else None


class VastUnderTest(VendorUnderTest):
    manifest = MANIFEST
    build = staticmethod(build)
    page_size = PAGE

    def is_read(self, request: HttpRequest) -> bool:
        return request.method == "GET" or "/bundles/" in request.url

    def faults(self) -> dict[Misdeed, NoFaults]:
        return {
            Misdeed.SENDS_BAD_ROWS: Rewriting(_is_listing, _spoil_a_row),
            Misdeed.DROPS_ROWS: Rewriting(_is_listing, _drop_a_row),
            Misdeed.FAILS_LATER_PAGES: Rewriting(_is_listing, _fail_later),
        }


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check) -> None:
    try:
        asyncio.run(check(VastUnderTest()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")
