"""The adapter of DigitalOcean against the contract of all clouds, over its simulator."""

import asyncio
from dataclasses import replace

import pytest

from gpu_shopper.domain.label import Label
from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.providers.digitalocean import MANIFEST
from gpu_shopper.providers.digitalocean.api import PAGE
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.digitalocean import build
from tests.contract.vendor_rig import Rewriting, VendorUnderTest


def _is_listing(request: HttpRequest) -> bool:
    return "/v2/droplets?" in request.url


def _spoil_a_row(page: dict) -> None:
    page["droplets"][0]["id"] = "seven"


def _drop_a_row(page: dict) -> None:
    page["droplets"].pop()


def _fail_later(page: dict) -> int | None:
    return None if page["links"] else 503


class DigitalOceanUnderTest(VendorUnderTest):
    manifest = MANIFEST
    build = staticmethod(build)
    page_size = PAGE

    def order(self, number: int) -> LaunchOrder:
        # A size can be had several times in each region: more droplets than there are offers.
        order = super().order(number % len(self._offers))
        return replace(order, label=Label(f"gs1-test-{number:04d}"))

    def faults(self) -> dict[Misdeed, NoFaults]:
        return {
            Misdeed.SENDS_BAD_ROWS: Rewriting(_is_listing, _spoil_a_row),
            Misdeed.DROPS_ROWS: Rewriting(_is_listing, _drop_a_row),
            Misdeed.FAILS_LATER_PAGES: Rewriting(_is_listing, _fail_later),
        }


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check) -> None:
    try:
        asyncio.run(check(DigitalOceanUnderTest()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")
