"""The adapter of Verda against the contract of all clouds, over its simulator."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.providers.verda import MANIFEST
from gpu_shopper.testing.cloud_under_test import Misdeed, NotTried
from gpu_shopper.testing.model_door import NoFaults
from gpu_shopper.testing.provider_contract import CONTRACT, Check
from gpu_shopper.testing.vendors.vendor import VendorCloud
from gpu_shopper.testing.vendors.verda import build
from tests.contract.vendor_rig import Rewriting, VendorUnderTest


def _is_listing(request: HttpRequest) -> bool:
    return request.method == "GET" and request.url.endswith("/v1/instances")


def _spoil_a_row(rows: list) -> None:
    rows[0]["id"] = 7


def at_once(**given) -> VendorCloud:
    """Return an account whose machines are up at once, and may be ended at once."""
    return build(**{**given, "config": replace(given["config"], boot_s=(0.0, 0.0))})


class VerdaUnderTest(VendorUnderTest):
    manifest = MANIFEST
    build = staticmethod(at_once)
    settings: Mapping[str, str] = MappingProxyType({"client_id": "account-id"})

    def faults(self) -> dict[Misdeed, NoFaults]:
        # It has neither pages nor a count of its own by which a missing row could be noticed.
        return {Misdeed.SENDS_BAD_ROWS: Rewriting(_is_listing, _spoil_a_row)}


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check) -> None:
    try:
        asyncio.run(check(VerdaUnderTest()))
    except NotTried:
        pytest.skip("this cloud cannot be told to do that, or does not claim to")
