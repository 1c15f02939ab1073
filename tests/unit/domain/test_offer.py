"""What an offer must have to match."""

from dataclasses import replace
from math import inf, nan

import pytest

from gpu_shopper.domain.conditions import condition_of, holds
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_fields import version_number
from gpu_shopper.testing.builders import CUMULUS, GPU, an_offer

MET = {
    "gpu_types": frozenset({GPU, "H100"}), "gpu_count": 1, "min_gpu_count": 1, "min_vram_gb": 24,
    "min_cuda": "12.8", "max_price": rate("0.4"), "providers": frozenset({CUMULUS}),
    "regions": frozenset({"eu-north"}), "countries": frozenset({"no"}), "min_reliability": 0.99,
    "min_availability_confidence": 1.0, "min_disk_gb": 500, "min_ram_gb": 64, "min_vcpus": 16,
    "min_inet_down_mbps": 900, "interruptible": False, "partial": False,
}  # fmt: skip
UNMET = {
    "gpu_types": frozenset({"H100"}), "gpu_count": 2, "min_gpu_count": 2, "min_vram_gb": 25,
    "min_cuda": "12.9", "max_price": rate("0.399999"), "providers": frozenset({"nimbus"}),
    "regions": frozenset({"us-east"}), "countries": frozenset({"fr"}), "min_reliability": 0.991,
    "min_availability_confidence": 1.01, "min_disk_gb": 501, "min_ram_gb": 65, "min_vcpus": 17,
    "min_inet_down_mbps": 901, "interruptible": True, "partial": True,
}  # fmt: skip


def matches(offer: Offer, wanted: Requirements) -> bool:
    return holds(offer, condition_of(wanted))


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize(
    "name", ["storage_price_per_gb_month", "traffic_price_per_gb", "reliability", "gpu_fraction"]
)
def test_no_offer_has_a_number_that_is_none(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="a number is infinite, or none"):
        replace(an_offer(), **{name: value})


@pytest.mark.parametrize("name", ["storage_price_per_gb_month", "traffic_price_per_gb"])
def test_nobody_is_paid_for_disk_or_traffic(name: str) -> None:
    with pytest.raises(ValueError, match="a price is below 0"):
        replace(an_offer(), **{name: -0.01})


def test_an_offer_matches_who_asks_for_nothing() -> None:
    assert matches(an_offer(), Requirements())


def test_an_offer_matches_exactly_what_it_has() -> None:
    assert matches(an_offer(), Requirements(**MET))


@pytest.mark.parametrize("name", sorted(UNMET))
def test_one_thing_that_is_missing_is_enough_to_refuse(name: str) -> None:
    assert matches(an_offer(), Requirements(**{name: MET[name]}))
    assert not matches(an_offer(), Requirements(**(MET | {name: UNMET[name]})))


def test_every_requirement_is_tried_here() -> None:
    assert set(Requirements.__dataclass_fields__) == set(MET) == set(UNMET)


def test_versions_compare_as_numbers() -> None:
    assert version_number("12.10") > version_number("12.9") > version_number("12")  # type: ignore[operator]
    assert version_number("") is version_number("unknown") is None


def test_a_minimum_of_nothing_is_reached_by_who_does_not_tell() -> None:
    assert matches(an_offer(disk_gb=0), Requirements(min_disk_gb=0))
    assert not matches(an_offer(disk_gb=0), Requirements(min_disk_gb=1))


def test_the_price_of_one_gpu_is_its_share() -> None:
    assert HourlyRate(333_333) == an_offer(price=HourlyRate(1_000_000), gpu_count=3).price_per_gpu
