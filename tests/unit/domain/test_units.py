"""Every cloud's units become GB and Mbps by one rule."""

import math

import pytest

from gpu_shopper.domain.units import disk_gb_of_bytes, mbps_of_bits, ram_gb_of_bytes, ram_gb_of_mib


@pytest.mark.parametrize(
    ("mib", "gb"),
    [(65_536, 64), (65_535, 63), (257_755, 251), (1_024, 1), (512, 0), (2_015_232, 1_968)],
)  # fmt: skip
def test_memory_of_a_machine_counts_in_powers_of_two(mib: int, gb: int) -> None:
    assert (gb, gb) == (ram_gb_of_mib(mib), ram_gb_of_bytes(mib * 2**20))


@pytest.mark.parametrize(
    ("count", "gb"), [(10**12, 1_000), (500_107_862_016, 500), (15 * 10**8, 1), (10**8, 0)]
)
def test_disks_count_in_powers_of_ten(count: int, gb: int) -> None:
    assert gb == disk_gb_of_bytes(count)


@pytest.mark.parametrize(("bits", "mbps"), [(10**9, 1_000), (940_500_000, 940), (10**5, 0)])
def test_networks_are_in_megabits(bits: int, mbps: int) -> None:
    assert mbps == mbps_of_bits(bits)


@pytest.mark.parametrize("amount", [0, -1, math.nan, math.inf])
def test_what_is_no_amount_is_unknown(amount: float) -> None:
    assert [0] * 4 == [
        convert(amount)
        for convert in (ram_gb_of_mib, ram_gb_of_bytes, disk_gb_of_bytes, mbps_of_bits)
    ]
