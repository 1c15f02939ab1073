"""The GPU models that the sandbox sells, with what their makers and the market say about them.

Memory is what the driver reports, in MiB. Prices are per GPU and hour, in US dollars: a middle and
the range around it that the market showed in summer 2026. Spellings are the ways in which clouds
write the model; they differ on purpose, and each of them names one model only.
"""

from enum import Enum

import msgspec


class Tier(Enum):
    """What kind of machine a GPU sits in."""

    CONSUMER = "consumer"
    WORKSTATION = "workstation"
    DATACENTRE = "datacentre"


class GpuModel(msgspec.Struct, frozen=True):
    """One GPU model: how the driver reports it, how clouds spell it, what it costs."""

    driver_name: str
    spellings: tuple[str, ...]
    memory_mib: int
    compute_cap: str
    power_w: int
    tier: Tier
    prices: tuple[float, float, float]
    weight: int
    most_per_machine: int = 8


_C, _W, _D = Tier.CONSUMER, Tier.WORKSTATION, Tier.DATACENTRE


def _geforce(number: str) -> tuple[str, ...]:
    packed = number.replace(" ", "")
    return (
        f"RTX {number}",
        f"RTX{packed}",
        f"GeForce RTX {number}",
        f"NVIDIA GeForce RTX {number}",
        f"rtx_{packed.lower()}",
    )


GPU_MODELS: tuple[GpuModel, ...] = (
    GpuModel(
        "NVIDIA GeForce RTX 5090", _geforce("5090"), 32607, "12.0", 575, _C, (0.70, 0.45, 0.95), 10
    ),
    GpuModel(
        "NVIDIA GeForce RTX 5080",
        _geforce("5080"),
        16303,
        "12.0",
        360,
        _C,
        (0.38, 0.25, 0.52),
        4,
        4,
    ),
    GpuModel(
        "NVIDIA GeForce RTX 4090", _geforce("4090"), 24564, "8.9", 450, _C, (0.49, 0.29, 0.69), 16
    ),
    GpuModel(
        "NVIDIA GeForce RTX 4080", _geforce("4080"), 16376, "8.9", 320, _C, (0.30, 0.19, 0.42), 4, 4
    ),
    GpuModel(
        "NVIDIA GeForce RTX 4070 Ti",
        _geforce("4070 Ti"),
        12282,
        "8.9",
        285,
        _C,
        (0.21, 0.13, 0.30),
        3,
        4,
    ),
    GpuModel(
        "NVIDIA GeForce RTX 3090", _geforce("3090"), 24576, "8.6", 350, _C, (0.24, 0.14, 0.39), 12
    ),
    GpuModel(
        "NVIDIA GeForce RTX 3090 Ti",
        _geforce("3090 Ti"),
        24564,
        "8.6",
        450,
        _C,
        (0.28, 0.18, 0.42),
        4,
        4,
    ),
    GpuModel(
        "NVIDIA GeForce RTX 3080", _geforce("3080"), 10240, "8.6", 320, _C, (0.16, 0.09, 0.24), 4, 4
    ),
    GpuModel(
        "NVIDIA GeForce RTX 3070", _geforce("3070"), 8192, "8.6", 220, _C, (0.12, 0.07, 0.18), 3, 4
    ),
    GpuModel(
        "NVIDIA GeForce RTX 3060", _geforce("3060"), 12288, "8.6", 170, _C, (0.09, 0.05, 0.14), 4, 4
    ),
    GpuModel(
        "NVIDIA GeForce RTX 2080 Ti",
        _geforce("2080 Ti"),
        11264,
        "7.5",
        250,
        _C,
        (0.12, 0.07, 0.18),
        3,
        4,
    ),
    GpuModel(
        "NVIDIA RTX A4000",
        ("RTX A4000", "A4000", "NVIDIA RTX A4000", "RTXA4000"),
        16376,
        "8.6",
        140,
        _W,
        (0.25, 0.15, 0.38),
        5,
    ),
    GpuModel(
        "NVIDIA RTX A5000",
        ("RTX A5000", "A5000", "NVIDIA RTX A5000", "RTXA5000"),
        24564,
        "8.6",
        230,
        _W,
        (0.44, 0.25, 0.62),
        5,
    ),
    GpuModel(
        "NVIDIA RTX A6000",
        ("RTX A6000", "A6000", "NVIDIA RTX A6000", "RTXA6000"),
        49140,
        "8.6",
        300,
        _W,
        (0.57, 0.43, 0.90),
        8,
    ),
    GpuModel(
        "NVIDIA RTX 4000 Ada Generation",
        ("RTX 4000 Ada", "RTX4000Ada", "RTX 4000 Ada Generation"),
        20475,
        "8.9",
        130,
        _W,
        (0.36, 0.22, 0.79),
        3,
    ),
    GpuModel(
        "NVIDIA RTX 5000 Ada Generation",
        ("RTX 5000 Ada", "RTX5000Ada", "RTX 5000 Ada Generation"),
        32760,
        "8.9",
        250,
        _W,
        (0.60, 0.45, 0.85),
        3,
    ),
    GpuModel(
        "NVIDIA RTX 6000 Ada Generation",
        ("RTX 6000 Ada", "RTX6000Ada", "RTX 6000 Ada Generation"),
        49140,
        "8.9",
        300,
        _W,
        (0.77, 0.62, 1.20),
        6,
    ),
    GpuModel(
        "NVIDIA RTX PRO 6000 Blackwell Server Edition",
        ("RTX PRO 6000", "RTXPRO6000", "RTX PRO 6000 Blackwell"),
        97887,
        "12.0",
        600,
        _W,
        (1.80, 1.20, 2.30),
        5,
    ),
    GpuModel(
        "Tesla T4", ("T4", "Tesla T4", "NVIDIA T4"), 15360, "7.5", 70, _D, (0.35, 0.20, 0.60), 5
    ),
    GpuModel("NVIDIA L4", ("L4", "NVIDIA L4"), 23034, "8.9", 72, _D, (0.60, 0.40, 0.84), 6),
    GpuModel("NVIDIA A10", ("A10", "NVIDIA A10"), 23028, "8.6", 150, _D, (0.75, 0.35, 1.10), 4, 4),
    GpuModel(
        "NVIDIA A10G", ("A10G", "NVIDIA A10G"), 23028, "8.6", 300, _D, (1.00, 0.60, 1.21), 4, 4
    ),
    GpuModel("NVIDIA A40", ("A40", "NVIDIA A40"), 46068, "8.6", 300, _D, (0.53, 0.35, 0.90), 5),
    GpuModel("NVIDIA L40", ("L40", "NVIDIA L40"), 46068, "8.9", 300, _D, (0.99, 0.69, 1.30), 4),
    GpuModel("NVIDIA L40S", ("L40S", "NVIDIA L40S"), 46068, "8.9", 350, _D, (1.20, 0.79, 1.61), 8),
    GpuModel(
        "Tesla V100-SXM2-16GB",
        ("V100 16GB", "Tesla V100 16GB", "V100 SXM2 16GB"),
        16384,
        "7.0",
        300,
        _D,
        (0.39, 0.25, 0.83),
        4,
    ),
    GpuModel(
        "Tesla V100-SXM2-32GB",
        ("V100 32GB", "V100-32GB", "V100 SXM2 32GB"),
        32768,
        "7.0",
        300,
        _D,
        (0.62, 0.40, 0.98),
        4,
    ),
    GpuModel(
        "NVIDIA A100-PCIE-40GB",
        ("A100 PCIe 40GB", "A100 40GB PCIe", "A100-PCIE-40GB"),
        40960,
        "8.0",
        250,
        _D,
        (1.29, 0.85, 1.70),
        5,
    ),
    GpuModel(
        "NVIDIA A100 80GB PCIe",
        ("A100 PCIe 80GB", "A100 80GB PCIe", "NVIDIA A100 80GB PCIe"),
        81920,
        "8.0",
        300,
        _D,
        (1.50, 1.07, 1.90),
        7,
    ),
    GpuModel(
        "NVIDIA A100-SXM4-80GB",
        ("A100 SXM4 80GB", "A100-SXM4-80GB", "A100 80GB SXM4", "A100 SXM 80GB"),
        81920,
        "8.0",
        400,
        _D,
        (1.75, 1.20, 2.55),
        8,
    ),
    GpuModel(
        "NVIDIA H100 PCIe",
        ("H100 PCIe", "NVIDIA H100 PCIe", "H100 80GB PCIe"),
        81559,
        "9.0",
        350,
        _D,
        (2.29, 1.85, 2.90),
        6,
    ),
    GpuModel(
        "NVIDIA H100 80GB HBM3",
        ("H100 SXM", "H100 SXM5", "H100 80GB SXM5", "NVIDIA H100 80GB HBM3"),
        81559,
        "9.0",
        700,
        _D,
        (2.80, 1.90, 3.99),
        11,
    ),
    GpuModel(
        "NVIDIA H100 NVL",
        ("H100 NVL", "NVIDIA H100 NVL"),
        95830,
        "9.0",
        400,
        _D,
        (2.60, 1.95, 3.20),
        4,
    ),
    GpuModel(
        "NVIDIA GH200 480GB",
        ("GH200", "NVIDIA GH200 480GB"),
        97871,
        "9.0",
        900,
        _D,
        (1.75, 1.30, 2.90),
        2,
        1,
    ),
    GpuModel(
        "NVIDIA H200",
        ("H200", "H200 SXM", "NVIDIA H200"),
        143771,
        "9.0",
        700,
        _D,
        (3.30, 2.35, 3.80),
        7,
    ),
    GpuModel(
        "NVIDIA B200",
        ("B200", "B200 SXM", "NVIDIA B200"),
        183359,
        "10.0",
        1000,
        _D,
        (4.90, 4.20, 5.60),
        4,
    ),
)

# Slices of data-centre GPUs, as MIG cuts them: what a catalogue of parts of GPUs is made of.
MIG_SLICES: tuple[GpuModel, ...] = (
    GpuModel(
        "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
        ("A100 SXM4 80GB MIG 1g.10gb", "A100-SXM4-80GB 1g.10gb"),
        9_856,
        "8.0",
        400,
        _D,
        (0.30, 0.20, 0.45),
        6,
        1,
    ),
    GpuModel(
        "NVIDIA A100-SXM4-80GB MIG 1g.20gb",
        ("A100 SXM4 80GB MIG 1g.20gb", "A100-SXM4-80GB 1g.20gb"),
        19_968,
        "8.0",
        400,
        _D,
        (0.40, 0.30, 0.55),
        2,
        1,
    ),
    GpuModel(
        "NVIDIA A100-SXM4-80GB MIG 2g.20gb",
        ("A100 SXM4 80GB MIG 2g.20gb", "A100-SXM4-80GB 2g.20gb"),
        19_968,
        "8.0",
        400,
        _D,
        (0.55, 0.40, 0.75),
        4,
        1,
    ),
)
