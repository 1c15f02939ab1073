"""Simulated vendors as programs: found by their names, and each with its pace and its key."""

import pytest

from gpu_shopper.bootstrap.clouds import installed
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.testing.vendors.program import Options, build_vendor, simulated


def test_each_simulated_vendor_is_called_like_its_cloud() -> None:
    names = simulated()
    assert {"vast", "lambda"} <= set(names)
    assert set(map(ProviderName, names)) <= set(installed())


@pytest.mark.parametrize("name", simulated())
def test_each_is_built_with_the_key_and_the_pace_that_were_asked_for(name: str) -> None:
    vendor = build_vendor(Options(vendor=name, key="mine", pace=2.0, offers=20))
    assert (vendor.name, vendor.key, vendor.pace) == (name, "mine", 2.0)
    assert sum(vendor.leftovers().values()) == 0
