"""The menu of the simulated EC2: instance types in two regions, on demand and by zone as spot instances."""

from collections.abc import Iterator, Mapping

from gpu_shopper.providers.aws.prices import ADDRESS, ON_DEMAND, storage_price
from gpu_shopper.sandbox.catalogue import Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel, Tier
from gpu_shopper.sandbox.messages import Row

REGIONS = ("us-east-1", "us-west-2")
_ZONES = "ab"
_SPOT_SHARE = 0.35
_PLACES = {"us-east-1": "Ashburn", "us-west-2": "Boardman"}
_A100_40 = GpuModel(
    "NVIDIA A100-SXM4-40GB", ("A100 SXM4 40GB",), 40960, "8.0", 400, Tier.DATACENTRE, (1.3, 0.9, 1.9), 1
)  # fmt: skip
_MODELS = {model.driver_name: model for model in (*GPU_MODELS, _A100_40)}

# Family: the board's driver name, what the API calls it, its memory there, and sizes with GPUs, cores and GiB.
_FAMILIES: Mapping[str, tuple[str, str, int, str]] = {
    "g4dn": ("Tesla T4", "T4", 16384, "xlarge 1 4 16, 2xlarge 1 8 32, 4xlarge 1 16 64, 8xlarge 1 32 128, 16xlarge 1 64 256, 12xlarge 4 48 192, metal 8 96 384"),
    "g5": ("NVIDIA A10G", "A10G", 22888, "xlarge 1 4 16, 2xlarge 1 8 32, 4xlarge 1 16 64, 8xlarge 1 32 128, 16xlarge 1 64 256, 12xlarge 4 48 192, 24xlarge 4 96 384, 48xlarge 8 192 768"),
    "g6": ("NVIDIA L4", "L4", 22888, "xlarge 1 4 16, 2xlarge 1 8 32, 4xlarge 1 16 64, 8xlarge 1 32 128, 16xlarge 1 64 256, 12xlarge 4 48 192, 24xlarge 4 96 384, 48xlarge 8 192 768"),
    "g6e": ("NVIDIA L40S", "L40S", 45776, "xlarge 1 4 32, 2xlarge 1 8 64, 4xlarge 1 16 128, 8xlarge 1 32 256, 16xlarge 1 64 512, 12xlarge 4 48 384, 24xlarge 4 96 768, 48xlarge 8 192 1536"),
    "g7e": ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO Server 6000", 98304, "2xlarge 1 8 64, 4xlarge 1 16 128, 8xlarge 1 32 256, 12xlarge 2 48 512, 24xlarge 4 96 1024, 48xlarge 8 192 2048"),
    "p3": ("Tesla V100-SXM2-16GB", "V100", 16384, "2xlarge 1 8 61, 8xlarge 4 32 244, 16xlarge 8 64 488"),
    "p3dn": ("Tesla V100-SXM2-32GB", "V100", 32768, "24xlarge 8 96 768"),
    "p4d": ("NVIDIA A100-SXM4-40GB", "A100", 40960, "24xlarge 8 96 1152"),
    "p4de": ("NVIDIA A100-SXM4-80GB", "A100", 81920, "24xlarge 8 96 1152"),
    "p5": ("NVIDIA H100 80GB HBM3", "H100", 81920, "4xlarge 1 16 256, 48xlarge 8 192 2048"),
    "p5en": ("NVIDIA H200", "H200", 144384, "48xlarge 8 192 2048"),
    "p6-b200": ("NVIDIA B200", "B200", 183359, "48xlarge 8 192 2048"),
}  # fmt: skip
# Types that no image of ours runs on: of another maker's GPUs, or with other CPUs.
_OTHERS = (
    ("g4ad.xlarge", "Radeon Pro V520", "AMD", 8192, "x86_64"),
    ("g5g.xlarge", "T4g", "NVIDIA", 16384, "arm64"),
)


def _sizes() -> Iterator[tuple[str, str, int, int, int]]:
    for family, (_, _, _, sizes) in _FAMILIES.items():
        for size in sizes.split(", "):
            name, gpus, cores, memory = size.split(" ")
            yield f"{family}.{name}", family, int(gpus), int(cores), int(memory)


def goods(*, size: int) -> list[Goods]:
    """Return what is sold, under ids of the simulator's own: `g5.xlarge@us-east-1`, and with a zone for spot instances."""
    found: list[Goods] = []
    for region in REGIONS:
        for zone in ("", *(f"{region}{letter}" for letter in _ZONES)):
            found += [_goods(kind, region, zone) for kind, *_ in _sizes()]
    return found[:size]


def _goods(kind: str, region: str, zone: str) -> Goods:
    family = kind.partition(".")[0]
    model = _MODELS[_FAMILIES[family][0]]
    _, _, gpus, cores, memory = next(each for each in _sizes() if each[0] == kind)
    offer = Offer(
        id=f"{kind}@{zone or region}",
        host_id="ec2",
        machine_id=kind,
        region=region,
        city=_PLACES[region],
        country="US",
        gpu_name=model.spellings[0],
        gpu_count=gpus,
        gpu_memory_mib=model.memory_mib,
        vcpus=cores,
        ram_gb=memory,
        disk_gb=16_384,
        inet_down_mbps=10_000,
        inet_up_mbps=10_000,
        reliability=0.995,
        cuda_max="12.8",
        driver="570.172.08",
        interruptible=bool(zone),
        max_hours=0,
        storage_price_per_gb_month=storage_price(region),
        traffic_price_per_gb=0.0,
    )
    price = spot_price(kind, zone) if zone else ON_DEMAND[region, kind]
    return Goods(offer=offer, model=model, price_micros=round((price + ADDRESS) * 1_000_000))


def spot_price(kind: str, zone: str) -> float:
    """Return what a type costs as a spot instance in a zone; the zones differ."""
    share = _SPOT_SHARE + 0.05 * _ZONES.index(zone[-1])
    return round(ON_DEMAND[zone[:-1], kind] * share, 4)


def type_rows(region: str) -> list[Row]:
    """Return all types of a region with GPUs, with those that are of no use to us."""
    rows = []
    for kind, family, gpus, cores, memory in _sizes():
        _, name, memory_mib, _ = _FAMILIES[family]
        row = _row(kind, (name, "NVIDIA", memory_mib, "x86_64"), gpus)
        rows.append(
            row | {"vCpuInfo": {"defaultVCpus": cores}, "memoryInfo": {"sizeInMiB": memory * 1024}}
        )
    rows += [
        _row(kind, (name, maker, memory, cpu), 1) for kind, name, maker, memory, cpu in _OTHERS
    ]
    return sorted(rows, key=lambda row: str(row["instanceType"])) if region in REGIONS else []


def _row(kind: str, board: tuple[str, str, int, str], gpus: int) -> Row:
    name, maker, memory_mib, cpu = board
    gpu = {
        "name": name,
        "manufacturer": maker,
        "count": gpus,
        "memoryInfo": {"sizeInMiB": memory_mib},
    }
    return {
        "instanceType": kind,
        "currentGeneration": True,
        "supportedUsageClasses": ["on-demand", "spot"],
        "processorInfo": {"supportedArchitectures": [cpu]},
        "vCpuInfo": {"defaultVCpus": 4},
        "memoryInfo": {"sizeInMiB": 16384},
        "gpuInfo": {"gpus": [gpu], "totalGpuMemoryInMiB": memory_mib * gpus},
    }
