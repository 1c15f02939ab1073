"""Names as they stand in the price lists of some forty clouds, with the memory per GPU given beside them."""

import pytest

from gpu_shopper.domain.errors import UnknownGpu
from gpu_shopper.domain.gpu import read_gpu

# None: the list gives no memory.
ON_THE_MARKET: dict[str, tuple[int | None, ...]] = {
    "3080Ti": (12,),
    "A10": (24,),
    "A100": (
        None,
        40,
        80,
    ),
    "A100-80G": (None,),
    "A10G": (24,),
    "A16": (None,),
    "A40": (
        None,
        48,
    ),
    "A4000": (
        None,
        16,
    ),
    "A5000": (
        None,
        24,
    ),
    "A6000": (
        None,
        48,
    ),
    "B200": (None,),
    "GH200": (96,),
    "Gaudi HL-205": (32,),
    "H100": (
        None,
        80,
    ),
    "H100 HGX": (80,),
    "H100 PCIe": (80,),
    "H200": (None,),
    "K520": (4,),
    "K80": (12,),
    "L4": (
        None,
        24,
    ),
    "L40": (None,),
    "L40S": (None,),
    "M60": (8,),
    "P100": (16,),
    "P4": (8,),
    "Quadro RTX 6000": (24,),
    "RTX 6000": (24,),
    "RTX A6000": (48,),
    "RTX4000": (8,),
    "RTX4000Ada": (None,),
    "RTX4090": (None,),
    "RTX5000": (16,),
    "RTX5090": (None,),
    "RTX6000Ada": (None,),
    "RTXPRO6000": (96,),
    "RTXPro6000": (None,),
    "Radeon Pro V520": (8,),
    "T4": (16,),
    "V100": (
        None,
        16,
        32,
    ),
    "V100-32G": (None,),
    "V100-32GB": (32,),
}

# Seen too: the source has divided the memory of one GPU by the number of GPUs, so no such GPU exists.
NONSENSE = [
    ("3080Ti", 9),
    ("A100", 10),
    ("A100", 20),
    ("A4000", 8),
    ("A5000", 18),
    ("H100", 10),
    ("H100", 20),
    ("H100", 40),
]


@pytest.mark.parametrize("name", ON_THE_MARKET)
def test_every_name_on_the_market_is_read_as_a_model_with_the_memory_given(name: str) -> None:
    for memory_gb in ON_THE_MARKET[name]:
        model = read_gpu(name, memory_gb=memory_gb)

        assert memory_gb in (None, model.memory_gb)


@pytest.mark.parametrize(("name", "memory_gb"), NONSENSE)
def test_memory_that_contradicts_the_name_is_refused(name: str, memory_gb: int) -> None:
    with pytest.raises(UnknownGpu):
        read_gpu(name, memory_gb=memory_gb)
