"""The figures of the GPU tables agree with each other, and each says where it comes from."""

import re

import pytest

from gpu_shopper.domain.gpu import FAMILIES, MODELS, GpuModel
from gpu_shopper.domain.gpu_sources import SOURCES

# GB/s that a GPU with such memory can have, from the narrowest bus that is sold to the widest.
BANDWIDTHS = {
    "DDR4": (20, 100),
    "LPDDR5X": (100, 600),
    "GDDR5": (30, 350),
    "GDDR5X": (150, 550),
    "GDDR6": (80, 1000),
    "GDDR6X": (400, 1100),
    "GDDR7": (250, 1900),
    "HBM": (400, 8000),
    "HBM2": (400, 1600),
    "HBM2e": (800, 4000),
    "HBM3": (2500, 5500),
    "HBM3e": (4000, 8500),
}
COMPUTES_IN_FP8 = {
    "Ada", "Hopper", "Blackwell", "CDNA3", "CDNA4", "RDNA4", "Gaudi2", "Gaudi3", "TPUv5p", "TPUv6e", "TPUv7",
    "NeuronCore-v2", "NeuronCore-v3", "NeuronCore-v4",
}  # fmt: skip
CAPABILITIES = {
    "Kepler": {"3.0", "3.5", "3.7"},
    "Maxwell": {"5.0", "5.2"},
    "Pascal": {"6.0", "6.1"},
    "Volta": {"7.0"},
    "Turing": {"7.5"},
    "Ampere": {"8.0", "8.6"},
    "Ada": {"8.9"},
    "Hopper": {"9.0"},
    "Blackwell": {"10.0", "10.3", "12.0", "12.1"},
}
LINK = re.compile(
    r"PCIe [345]\.0 x(4|8|16)"
    r"|NVLink [2345]( bridge)?, [\d.]+ GB/s"
    r"|Infinity Fabric(, \d+ GB/s)?"
    r"|Xe Link( bridge)?|Ethernet, \d+ GB/s|ICI(, \d+ GB/s)?|NeuronLink \d(, \d+ GB/s)?|"
)
# Each line from the least to the most capable, as their maker ranks them.
RANKS = [
    ["RTX 5050", "RTX 5060", "RTX 5060 Ti 8GB", "RTX 5070", "RTX 5070 Ti", "RTX 5080", "RTX 5090"],
    [
        "RTX 4060", "RTX 4060 Ti 8GB", "RTX 4070", "RTX 4070 Super", "RTX 4070 Ti",
        "RTX 4070 Ti Super", "RTX 4080", "RTX 4080 Super", "RTX 4090 D", "RTX 4090",
    ],
    [
        "RTX 3050 6GB", "RTX 3050", "RTX 3060", "RTX 3060 Ti", "RTX 3070", "RTX 3070 Ti", "RTX 3080",
        "RTX 3080 12GB", "RTX 3080 Ti", "RTX 3090", "RTX 3090 Ti",
    ],
    [
        "RTX 2060", "RTX 2060 Super", "RTX 2070", "RTX 2070 Super", "RTX 2080", "RTX 2080 Super",
        "RTX 2080 Ti", "TITAN RTX",
    ],
    ["GTX 1050", "GTX 1050 Ti", "GTX 1060 3GB", "GTX 1060 6GB", "GTX 1070", "GTX 1070 Ti", "GTX 1080", "GTX 1080 Ti"],
    [
        "RTX 2000 Ada", "RTX 4000 SFF Ada", "RTX 4000 Ada", "RTX 4500 Ada", "RTX 5000 Ada",
        "RTX 5880 Ada", "RTX 6000 Ada",
    ],
    ["RTX A2000 6GB", "RTX A4000", "RTX A4500", "RTX A5000", "RTX A5500", "RTX A6000"],
    ["RTX PRO 2000", "RTX PRO 4000 SFF", "RTX PRO 4000", "RTX PRO 4500", "RTX PRO 5000", "RTX PRO 6000 Max-Q", "RTX PRO 6000"],
    ["H20", "H100 PCIe", "H100 NVL", "H100 SXM", "B100", "B200", "GB200"],
    ["MI50 16GB", "MI60", "MI210", "MI250X", "MI300A", "MI300X", "MI350X", "MI355X"],
    ["TPU v2", "TPU v3", "TPU v4", "TPU v5p", "TPU v6e", "TPU v7"],
    ["Inferentia", "Trainium", "Trainium2", "Trainium3"],
]  # fmt: skip

EACH = pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)


@EACH
def test_bandwidth_is_what_such_memory_gives(model: GpuModel) -> None:
    least, most = BANDWIDTHS[model.memory_type]

    assert model.bandwidth_gbs is None or least <= model.bandwidth_gbs <= most


@EACH
def test_fp8_has_who_computes_in_it_and_is_never_slower(model: GpuModel) -> None:
    if model.fp8_tflops is None:
        assert model.tflops is None or model.architecture not in COMPUTES_IN_FP8
        return

    assert model.architecture in COMPUTES_IN_FP8
    assert model.tflops is not None
    assert model.tflops <= model.fp8_tflops <= 4 * model.tflops


@EACH
def test_of_nvidia_fp8_is_twice_as_fast_as_16_bits(model: GpuModel) -> None:
    if model.vendor != "nvidia" or model.fp8_tflops is None or model.tflops is None:
        return

    assert model.fp8_tflops / model.tflops == pytest.approx(2, rel=0.02)


@EACH
def test_compute_capability_fits_the_architecture(model: GpuModel) -> None:
    expected = CAPABILITIES.get(model.architecture, {None})

    assert model.compute_capability in expected
    assert (model.vendor == "nvidia") == (model.compute_capability is not None)


@EACH
def test_the_link_is_written_in_regular_words(model: GpuModel) -> None:
    assert LINK.fullmatch(model.interconnect)


@EACH
def test_figures_have_a_document_and_what_has_none_has_no_figures(model: GpuModel) -> None:
    assert model.source in SOURCES
    if model.source == "driver":
        assert (None, None, None) == (model.bandwidth_gbs, model.tflops, model.fp8_tflops)
    else:
        assert (None, None) != (model.bandwidth_gbs, model.tflops)


def test_every_document_is_used() -> None:
    assert set(SOURCES) == {model.source for model in MODELS.values()}


@pytest.mark.parametrize("names", RANKS, ids=lambda names: names[-1])
def test_who_ranks_higher_is_no_slower(names: list[str]) -> None:
    rates = [MODELS[name].tflops or 0 for name in names]

    assert sorted(rates) == rates
    assert 0 < rates[0]


def test_within_a_family_the_least_capable_stands_first() -> None:
    for family, members in FAMILIES.items():
        others = [model for model in members[1:] if members[0].name != family]
        assert all((members[0].tflops or 0) <= (model.tflops or 0) for model in others), family
        assert all(members[0].memory_gb <= model.memory_gb for model in others), family


@pytest.mark.parametrize(
    ("name", "gb", "kind", "bandwidth", "tflops", "fp8", "link"),
    [
        ("H100 SXM", 80, "HBM3", 3350, 989.5, 1979, "NVLink 4, 900 GB/s"),
        ("H100 PCIe", 80, "HBM2e", 2000, 756.5, 1513, "NVLink 4 bridge, 600 GB/s"),
        ("A100 40GB", 40, "HBM2", 1555, 312, None, "NVLink 3 bridge, 600 GB/s"),
        ("B200", 180, "HBM3e", 7700, 2250, 4500, "NVLink 5, 1800 GB/s"),
        ("RTX 4090", 24, "GDDR6X", 1008, 165.2, 330.3, "PCIe 4.0 x16"),
        ("L40S", 48, "GDDR6", 864, 362, 733, "PCIe 4.0 x16"),
        ("T4", 16, "GDDR6", 320, 65, None, "PCIe 3.0 x16"),
        ("K80", 12, "GDDR5", 240, 4.37, None, "PCIe 3.0 x16"),
        ("MI300X", 192, "HBM3", 5325, 1307.4, 2614.9, "Infinity Fabric, 896 GB/s"),
        ("Gaudi 2", 96, "HBM2e", 2450, 432, 865, "Ethernet, 600 GB/s"),
        ("TPU v7", 192, "HBM", 7380, 2307, 4614, "ICI, 1200 GB/s"),
        ("Trainium2", 96, "HBM", 2900, 667, 1299, "NeuronLink 3, 1280 GB/s"),
    ],
)  # fmt: skip
def test_the_figures_are_the_dense_ones_of_the_data_sheets(
    name: str,
    gb: int,
    kind: str,
    bandwidth: float,
    tflops: float,
    fp8: float | None,
    link: str,
) -> None:
    model = MODELS[name]

    assert (gb, kind, bandwidth, tflops, fp8, link) == (
        model.memory_gb,
        model.memory_type,
        model.bandwidth_gbs,
        model.tflops,
        model.fp8_tflops,
        model.interconnect,
    )
